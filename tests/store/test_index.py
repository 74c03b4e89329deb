"""The index: what counts of the rows, and what is still to be done."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import msgspec
import pytest
from made_rows import failure, instruction, plan, section

from longwriter_cli.records import Failure, Instruction, Plan, Requirement, Section, Step, Usage
from longwriter_cli.store.index import Index, SectionEntry
from longwriter_cli.store.rows import (
    InstructionHead,
    PlanHead,
    SectionHead,
    instruction_row,
    plan_row,
    section_row,
)
from longwriter_cli.text.plan import plan_digest


class Rows:
    """An index, and rows taken into it one by one, as a run at work does."""

    def __init__(self) -> None:
        self.plans: dict[int, Plan] = {}
        self.index = Index(plan_digest, lambda offset: self.plans[offset].steps)
        self.offset = 0

    def add(self, *records: Instruction | Plan | Section | Failure) -> Rows:
        for record in records:
            at = [self.offset]
            match record:
                case Instruction():
                    line = msgspec.json.encode(instruction_row(record))
                    self.index.add_instructions([msgspec.json.decode(line, type=InstructionHead)], at, [line + b"\n"])
                case Plan():
                    self.plans[self.offset] = record
                    head = msgspec.json.decode(msgspec.json.encode(plan_row(record)), type=PlanHead)
                    self.index.add_plans([head], at)
                case Section():
                    self.index.add_sections([section_head(record)], at)
                case Failure():
                    self.index.add_failure(record)
            self.offset += 1
        return self


def section_head(of: Section) -> SectionHead:
    return msgspec.json.decode(msgspec.json.encode(section_row(of)), type=SectionHead)


def index_of(*records: Instruction | Plan | Section | Failure) -> Index:
    return Rows().add(*records).index


A, B = instruction("a", 0), instruction("b", 1)
PLAN = plan("a", 400, 300, 500)


# --- instructions


def test_instructions_are_ordered_by_their_place_in_the_source_and_then_by_arrival() -> None:
    index = index_of(instruction("c", 2), instruction("a", 0), instruction("late", 2), instruction("b", 1))
    assert [index.ids[position] for position in index.order()] == ["a", "b", "c", "late"]


def test_the_last_row_of_an_instruction_wins_and_its_position_stays() -> None:
    index = index_of(A, B, instruction("a", 7, required_words=Requirement(3000)))
    assert len(index) == 2
    assert index.position("a") == 0
    assert index.required_words(0) == 3000
    assert index.instruction_at(0) == 2
    assert [index.ids[position] for position in index.order()] == ["b", "a"]


def test_an_unknown_id_has_no_position() -> None:
    assert index_of(A).position("z") is None


def test_an_instruction_that_names_no_length_requires_0_words() -> None:
    assert index_of(A).required_words(0) == 0


def test_the_very_line_is_known_again_and_no_other() -> None:
    index = index_of(A)
    line = msgspec.json.encode(instruction_row(A)) + b"\n"
    assert index.same_line(0, line)
    assert not index.same_line(0, line.replace(b"\n", b"\r\n"))


# --- plans and sections


def test_before_it_is_planned_an_instruction_has_no_plan_and_no_section() -> None:
    index = index_of(A)
    assert index.plan_at(0) is None
    assert (index.plan_steps(0), index.plan_words(0), index.sections(0)) == (0, 0, {})
    assert not index.is_complete(0)


def test_a_plan_says_how_many_steps_and_words_it_has() -> None:
    index = index_of(A, PLAN)
    assert (index.plan_at(0), index.plan_steps(0), index.plan_words(0)) == (1, 3, 1200)


def test_a_section_is_known_by_its_step() -> None:
    index = index_of(A, PLAN, section(PLAN, 2, words=280))
    assert index.sections(0) == {2: SectionEntry(2, 2, 280, 300)}


def test_the_last_row_of_a_section_wins() -> None:
    index = index_of(A, PLAN, section(PLAN, 1, words=1), section(PLAN, 2), section(PLAN, 1, words=2))
    assert index.sections(0)[1].words == 2
    assert index.sections(0)[1].offset == 4


def test_an_instruction_is_complete_when_every_step_has_its_section() -> None:
    rows = Rows().add(A, PLAN)
    for n in (3, 1, 2):
        assert not rows.index.is_complete(0)
        rows.add(section(PLAN, n))
    assert rows.index.is_complete(0)


def test_the_same_section_twice_is_one() -> None:
    assert not index_of(A, PLAN, section(PLAN, 1), section(PLAN, 2), section(PLAN, 2)).is_complete(0)


def test_the_sections_of_another_plan_are_not_seen() -> None:
    edited = plan("a", 400, 300, 501)
    rows = Rows().add(A, PLAN, *(section(PLAN, n) for n in (1, 2, 3)), edited)
    assert rows.index.sections(0) == {}
    assert not rows.index.is_complete(0)
    rows.add(section(edited, 3))
    assert list(rows.index.sections(0)) == [3]


def test_the_sections_of_a_plan_that_comes_back_are_seen_again() -> None:
    index = index_of(A, PLAN, *(section(PLAN, n) for n in (1, 2, 3)), plan("a", 100), PLAN)
    assert index.is_complete(0)


def test_the_same_steps_in_another_order_are_another_plan() -> None:
    reordered = plan("a", steps=tuple(reversed(PLAN.steps)))
    assert not index_of(A, PLAN, section(PLAN, 1), reordered).sections(0)


def test_steps_may_be_numbered_with_gaps() -> None:
    gaps = plan("a", steps=(Step(5, "end", 100), Step(2, "begin", 200), Step(9, "middle", 300)))
    rows = Rows().add(A, gaps, section(gaps, 2), section(gaps, 5))
    assert not rows.index.is_complete(0)
    assert rows.index.words_left(0) == 300
    assert rows.add(section(gaps, 9)).index.is_complete(0)


def test_a_plan_without_gaps_may_follow_one_with_gaps() -> None:
    gaps = plan("a", steps=(Step(2, "x", 100), Step(5, "y", 100)))
    assert index_of(A, gaps, PLAN, *(section(PLAN, n) for n in (1, 2, 3))).is_complete(0)
    assert index_of(A, PLAN, gaps, *(section(gaps, n) for n in (2, 5))).is_complete(0)


@pytest.mark.parametrize("of", [PLAN, plan("a", steps=(Step(2, "x", 100), Step(4, "y", 100), Step(6, "z", 100)))])
def test_a_section_of_a_step_that_the_plan_does_not_have_completes_nothing(of: Plan) -> None:
    n = [step.n for step in of.steps]
    index = index_of(A, of, section(of, n[0]), section(of, n[1]), section(of, 99), section(of, 5))
    assert sorted(index.sections(0)) == n[:2]
    assert not index.is_complete(0)


@pytest.mark.parametrize("digest", ["", "no digest", "-1", "-0000001", "f" * 40, "0x12", "１２"])
def test_a_digest_of_no_plan_belongs_to_no_plan(digest: str) -> None:
    forged = msgspec.structs.replace(section_head(section(PLAN, 1)), plan=digest)
    for index in (index_of(A), index_of(A, PLAN)):
        index.add_sections([forged], [7])
        assert index.sections(0) == {}


def test_plans_and_sections_of_unknown_instructions_are_paid_but_not_seen() -> None:
    index = index_of(A, plan("z", 100), section(plan("z", 100), 1))
    assert len(index) == 1
    assert index.usage == {"m": Usage(200, 80, 40)}


@pytest.mark.parametrize("numbers", [{"n": -1}, {"n": 2**32}, {"words": -1}, {"words": 2**64}, {"target_words": -5}])
def test_a_number_that_cannot_be_is_an_error(numbers: dict[str, int]) -> None:
    head = msgspec.structs.replace(section_head(section(PLAN, 1)), **numbers)
    with pytest.raises(OverflowError):
        index_of(A).add_sections([head], [0])


def test_many_rows_at_once_are_what_they_are_one_by_one() -> None:
    other, gaps = plan("b", 100), plan("c", steps=(Step(4, "x", 10), Step(2, "y", 20)))
    asked = [A, B, instruction("c", 2), replace(A, row=9)]
    written = [
        section(PLAN, 1),
        section(plan("z", 5), 1),
        section(other, 1),
        section(PLAN, 1, words=7),
        section(gaps, 4),
    ]
    planned = [other, PLAN, plan("z", 5), gaps, PLAN]
    one_by_one = Rows().add(*asked, *written, *planned)
    at_once = Index(plan_digest, lambda offset: ())
    lines = [msgspec.json.encode(instruction_row(row)) for row in asked]
    at_once.add_instructions([msgspec.json.decode(line, type=InstructionHead) for line in lines], range(4), lines)
    at_once.add_sections([section_head(row) for row in written], range(4, 9))
    heads = [msgspec.json.decode(msgspec.json.encode(plan_row(row)), type=PlanHead) for row in planned]
    at_once.add_plans(heads, range(9, 14))
    for index in (one_by_one.index, at_once):
        assert index.ids == ["a", "b", "c"]
        assert [index.ids[position] for position in index.order()] == ["b", "c", "a"]
        assert index.sections(0) == {1: SectionEntry(1, 7, 7, 400)}
        assert index.is_complete(1)
        assert list(index.sections(2)) == [4]
        assert index.strays == ["z"]
        assert index.usage == {"m": Usage(1000, 400, 200)}


# --- what is left


def test_the_words_left_are_those_of_the_steps_not_yet_written() -> None:
    rows = Rows().add(A, PLAN)
    assert rows.index.words_left(0) == 1200
    rows.add(section(PLAN, 2, words=9000))  # the target counts, not what came of it
    assert rows.index.words_left(0) == 900
    rows.add(section(PLAN, 2))
    assert rows.index.words_left(0) == 900


def test_there_is_always_a_word_left() -> None:
    index = index_of(A, PLAN, *(section(PLAN, n) for n in (1, 2, 3)))
    assert index.words_left(0) == 1


# --- what was spent


def test_every_row_was_paid_also_the_replaced_ones_and_failures() -> None:
    index = index_of(
        A, PLAN, PLAN, section(PLAN, 1), section(PLAN, 1), failure("a", usage=Usage(1, 2, 3), model="other")
    )
    assert index.usage == {"m": Usage(400, 160, 80), "other": Usage(1, 2, 3)}


def test_a_row_that_cost_nothing_names_no_model() -> None:
    assert index_of(A, plan("a", usage=Usage(), model="")).usage == {}


@pytest.mark.parametrize(
    "estimated", [PLAN, section(PLAN, 1), failure("a", model="m")], ids=lambda row: type(row).__name__
)
def test_one_estimate_makes_the_sum_an_estimate(estimated: Plan | Section | Failure) -> None:
    index = index_of(A, replace(estimated, usage=Usage(1, 1, 1, estimated=True)), section(PLAN, 2, usage=Usage(1)))
    assert index.usage["m"].estimated


# --- failures


def standing(*records: Instruction | Plan | Section | Failure) -> list[str]:
    return [found.message for found in index_of(*records).standing_failures()]


def test_a_failed_plan_counts_until_there_is_a_plan() -> None:
    failed = failure("a", "plan", message="no plan")
    assert standing(A, failed) == ["no plan"]
    assert standing(A, failed, PLAN) == []
    assert standing(A, PLAN, failed) == []


def test_a_failed_section_counts_until_there_is_that_section() -> None:
    failed = failure("a", "write", 2, message="empty")
    assert standing(A, PLAN, failed) == ["empty"]
    assert standing(A, PLAN, failed, section(PLAN, 1)) == ["empty"]
    assert standing(A, PLAN, failed, section(PLAN, 2)) == []


def test_a_failed_section_counts_again_when_its_section_is_of_another_plan() -> None:
    failed = failure("a", "write", 2, message="empty")
    assert standing(A, PLAN, section(PLAN, 2), failed, plan("a", 1, 2, 3)) == ["empty"]


def test_a_failed_section_does_not_count_where_the_plan_has_no_such_step_any_more() -> None:
    assert standing(A, PLAN, failure("a", "write", 3), plan("a", 400, 300)) == []


def test_of_one_key_the_newest_failure_counts_and_the_earlier_ones_are_known() -> None:
    failures = [failure("a", "write", 1, message=message) for message in ("first", "second")]
    other = failure("a", "write", 2, message="other")
    index = index_of(A, PLAN, failures[0], other, failures[1])
    assert [found.message for found in index.standing_failures()] == ["second", "other"]
    assert index.failures["a", "write", 1] == failures


def test_a_failure_of_an_unknown_instruction_does_not_count() -> None:
    assert standing(A, failure("z")) == []


def test_the_failures_of_a_complete_instruction_do_not_count() -> None:
    one = plan("a", 400)
    records = (failure("a", "plan"), failure("a", "write", 1), failure("a", "write", None))
    assert len(standing(A, *records)) == 3
    assert standing(A, *records, one, section(one, 1)) == []


def test_a_bad_row_counts_until_it_is_mended_each_line_for_itself() -> None:
    def bad(line: int, **more: object) -> Failure:
        return failure(None, "read", kind="bad_row", file="in.jsonl", line=line, message=f"line {line}", **more)

    assert standing(bad(3), bad(8)) == ["line 3", "line 8"]
    assert standing(bad(3), bad(8), bad(3, mended=True)) == ["line 8"]
    assert standing(bad(3), bad(3, mended=True), bad(3)) == ["line 3"]


# --- memory


def test_a_section_takes_less_than_50_bytes_and_an_instruction_less_than_600() -> None:
    def grown(records: list[Instruction | Plan | Section]) -> float:
        before = tracemalloc.get_traced_memory()[0]
        rows.add(*records)
        return (tracemalloc.get_traced_memory()[0] - before) / len(records)

    rows = Rows()
    plans = [plan(f"{n:016x}", 100, 100) for n in range(2000)]
    instructions: list[Instruction | Plan | Section] = [instruction(made.id, n) for n, made in enumerate(plans)]
    sections: list[Instruction | Plan | Section] = [section(made, n, "text") for made in plans for n in (1, 2)]
    tracemalloc.start()
    try:
        assert grown(instructions) < 600
        assert grown([*plans]) < 100
        assert grown(sections) < 50
    finally:
        tracemalloc.stop()
