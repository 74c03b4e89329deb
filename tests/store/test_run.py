"""A run directory: what was appended is known to who opens it next, whatever happened in between."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from made_rows import (
    AT,
    MANIFEST,
    USAGE,
    contents,
    failure,
    instruction,
    make_read_only,
    open_run,
    plan,
    python,
    read_run,
    section,
    small_disk,
    small_run,
    steps,
    take_in,
)

from longwriter_cli.errors import DiskFailed, InputError, UsageError
from longwriter_cli.records import Failure, Instruction, Plan, Requirement, Section, Step, Usage
from longwriter_cli.store.run import FAILURES, INSTRUCTIONS, PLANS, SECTIONS, Run
from longwriter_cli.text.plan import plan_digest

FILES = (INSTRUCTIONS, PLANS, SECTIONS, FAILURES)


def rows(directory: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (directory / name).read_bytes().splitlines()]


def edit(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Changes every row of a file, as a user with an editor would."""
    changed = [json.dumps(change(json.loads(line)), ensure_ascii=False) for line in path.read_text().splitlines()]
    path.write_text("\n".join(changed) + "\n", encoding="utf-8")


# --- rows as they stand in the files


def test_rows_have_the_fields_that_are_agreed_on_in_that_order(tmp_path: Path) -> None:
    made = plan("a", 400, 300)
    asked = instruction(
        "a", prompt="写", required_words=Requirement(3000, "at_least", low=3000), meta={"x": 1}, plan=made.steps
    )
    with open_run(tmp_path) as run:
        take_in(run, asked, instruction("b", 1))
        run.add_plan(made)
        run.add_section(section(made, 1, "cleaned", raw="raw"))
        run.add_section(section(made, 2, "whole"))
        run.add_failure(failure("a", "write", 2, usage=replace(USAGE, estimated=True), model="m", attempts=3))
    usage = {"prompt_tokens": 100, "cached_tokens": 40, "completion_tokens": 20}
    step_rows = [{"n": step.n, "main_point": step.main_point, "words": step.words} for step in made.steps]
    assert [list(row.items()) for row in rows(tmp_path, INSTRUCTIONS)] == [
        [
            ("id", "a"),
            ("row", 0),
            ("prompt", "写"),
            ("required_words", {"words": 3000, "kind": "at_least", "low": 3000, "high": None}),
            ("meta", {"x": 1}),
            ("plan", step_rows),
        ],
        [("id", "b"), ("row", 1), ("prompt", "Write about b."), ("required_words", None), ("meta", {})],
    ]
    assert [list(row.items()) for row in rows(tmp_path, PLANS)] == [
        [
            ("id", "a"),
            ("steps", step_rows),
            ("model", "m"),
            ("usage", usage),
            ("attempts", 1),
            ("at", AT),
            ("text", "the plan"),
        ]
    ]
    first, second = rows(tmp_path, SECTIONS)
    names = "id n plan words target_words finish_reason model usage attempts at text"
    assert list(first) == [*names.split(), "raw"]
    assert list(second) == names.split()
    assert first["plan"] == plan_digest(made.steps)
    assert (first["text"], first["raw"]) == ("cleaned", "raw")
    [failed] = rows(tmp_path, FAILURES)
    names = "id n stage kind message model usage usage_estimated attempts at basis"
    assert list(failed) == names.split()
    assert failed["usage_estimated"] is True


def test_text_is_written_as_it_is_and_not_escaped(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a", prompt="长江 🌊 déjà"))
    assert "长江 🌊 déjà".encode() in (tmp_path / INSTRUCTIONS).read_bytes()


def test_what_goes_in_comes_out_again(tmp_path: Path) -> None:
    asked = instruction(
        "a", 3, "Long\nprompt\u2028", required_words=Requirement(9, "range", 8, 10), meta={"k": [None, 1.5]}
    )
    asked = replace(asked, plan=steps(100, 200))
    made = replace(plan("a", 100, 200), flag="total 300 words", usage=Usage(5, 0, 5, estimated=True))
    written = section(made, 1, 'He said "usage_estimated": true', raw="<think>", usage=Usage(1, 2, 3, estimated=True))
    plain = section(made, 2, 'He said \\"usage_estimated\\":true')
    with open_run(tmp_path) as run:
        take_in(run, asked)
        run.add_plan(made)
        run.add_section(written)
        run.add_section(plain)
        for opened in (run, read_run(tmp_path)):
            assert opened.instruction(0) == asked
            assert opened.plan(0) == made
            assert opened.sections(0) == {1: written, 2: plain}


def test_usage_that_is_said_not_to_be_estimated_is_not(tmp_path: Path) -> None:
    small_run(tmp_path)
    edit(tmp_path / SECTIONS, lambda row: row | {"usage_estimated": False})
    with read_run(tmp_path) as run:
        assert run.sections(0)[1].usage == USAGE
        assert not run.usage()["m"].estimated


def test_a_failure_comes_out_as_it_went_in(tmp_path: Path) -> None:
    failures = [
        failure("a", "write", 4, kind="truncated", usage=Usage(7, 0, 9, estimated=True), basis="ab", attempts=6),
        failure(None, "read", kind="bad_row", file="in.jsonl", line=3),
        failure(None, "read", kind="bad_row", file="in.jsonl", line=3, mended=True),
    ]
    with open_run(tmp_path) as run:
        for failed in failures:
            run.add_failure(failed)
    with read_run(tmp_path) as run:
        assert [found for key in run.index.failures.values() for found in key] == failures


def test_another_process_sees_a_row_before_the_call_returns(tmp_path: Path) -> None:
    made = plan("a")
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        run.add_plan(made)
        for n in (1, 2):
            run.add_section(section(made, n))
            seen = subprocess.run(["cat", tmp_path / SECTIONS], capture_output=True, check=True).stdout
            assert json.loads(seen.splitlines()[-1])["n"] == n


def test_a_plan_that_would_make_the_run_unreadable_is_refused_before_it_is_written(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        for bad in ((Step(1, "x", 0),), (Step(1, " ", 5),), (Step(1, "x", 5), Step(1, "y", 5)), (Step(0, "x", 5),)):
            with pytest.raises(ValueError, match="plan of a"):
                run.add_plan(plan("a", steps=bad))
        assert run.plan(0) is None
    assert not (tmp_path / PLANS).exists()


# --- opening


def test_without_a_run_there_is_nothing_to_go_on_with(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        Run.open(tmp_path / "run", plan_digest, create=False)
    assert not (tmp_path / "run").exists()


def test_there_is_nothing_to_look_at_without_a_manifest(tmp_path: Path) -> None:
    (tmp_path / PLANS).touch()
    with pytest.raises(InputError, match=r"manifest\.json: is missing"):
        read_run(tmp_path)


def test_a_run_is_made_where_it_is_asked_for(tmp_path: Path) -> None:
    with open_run(tmp_path / "deep" / "run") as run:
        assert len(run.index) == 0
    assert (tmp_path / "deep" / "run" / "manifest.json").exists()


def test_a_file_in_the_place_of_the_run_is_an_error_of_usage(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="run"):
        open_run(tmp_path / "run")


def test_opening_and_closing_changes_no_file(tmp_path: Path) -> None:
    small_run(tmp_path)
    before = contents(tmp_path)
    open_run(tmp_path).close()
    read_run(tmp_path).close()
    assert contents(tmp_path) == before


def test_a_run_that_is_only_looked_at_takes_no_lock_and_cuts_nothing(tmp_path: Path) -> None:
    small_run(tmp_path)
    (tmp_path / "run.lock").unlink()
    for name in FILES:
        with (tmp_path / name).open("ab") as file:
            file.write(b'{"id":"a","n":2,"tex')
    before = contents(tmp_path)
    with read_run(tmp_path) as run:
        assert run.index.ids == ["a"]
        assert list(run.sections(0)) == [1]
    assert contents(tmp_path) == before
    assert not (tmp_path / "run.lock").exists()


def test_a_run_that_is_only_looked_at_cannot_be_written(tmp_path: Path) -> None:
    small_run(tmp_path)
    with read_run(tmp_path) as run, pytest.raises(RuntimeError, match="reading"):
        run.add_plan(plan("a"))


def test_a_plan_whose_first_section_comes_after_it_was_read_is_held_against_it(tmp_path: Path) -> None:
    made = small_run(tmp_path)
    (tmp_path / SECTIONS).unlink()
    with open_run(tmp_path) as run:
        assert run.sections(0) == {}
        run.add_section(section(plan("a", 1, 2), 1, "of another plan"))
        assert run.sections(0) == {}
        run.add_section(section(made, 2, "of this plan"))
        assert run.sections(0)[2].text == "of this plan"
        assert list(run.sections(0)) == [2]


def test_a_reader_sees_a_run_that_goes_on_as_it_was(tmp_path: Path) -> None:
    made = small_run(tmp_path)
    with open_run(tmp_path) as writer, read_run(tmp_path) as reader:
        writer.add_section(section(made, 2))
        assert list(reader.sections(0)) == [1]
        assert list(read_run(tmp_path).sections(0)) == [2, 1]


# --- torn tails


@pytest.mark.parametrize("name", [INSTRUCTIONS, PLANS, SECTIONS, FAILURES])
def test_a_run_cut_at_any_byte_of_a_last_row_goes_on_without_that_row(tmp_path: Path, name: str) -> None:
    made = plan("a", 400, 300)
    with open_run(tmp_path) as run:
        take_in(run, instruction("a", prompt="长江"), instruction("b", 1, "长江, déjà"))
        run.add_plan(made)
        run.add_plan(plan("b", steps=steps(200, point="déjà")))
        run.add_section(section(made, 1))
        run.add_section(section(made, 2))
        run.add_failure(failure("a"))
        run.add_failure(failure("b", message="长"))
    whole = (tmp_path / name).read_bytes()
    start = whole.rindex(b"\n", 0, -1) + 1
    for cut in range(start, len(whole)):
        (tmp_path / name).write_bytes(whole[:cut])
        with open_run(tmp_path):
            pass
        kept = whole if cut == len(whole) - 1 else whole[:start]
        assert (tmp_path / name).read_bytes() == kept, cut


@pytest.mark.parametrize(
    ("name", "row"),
    [
        (INSTRUCTIONS, {"id": "z", "row": 1}),
        (PLANS, {"id": "a", "text": "no steps"}),
        (SECTIONS, {"id": "a", "n": 2, "plan": "00000000", "words": 1, "target_words": 1}),
        (SECTIONS, {"id": "a", "n": 2, "plan": "00000000", "words": 1, "target_words": 1, "text": "not by whom"}),
        (SECTIONS, {"id": "a", "n": 2}),
        (FAILURES, {"id": "a", "stage": "plan", "n": None, "kind": "nonsense", "message": ""}),
    ],
)
def test_a_last_line_that_is_an_object_but_no_such_row_is_named_and_kept(
    tmp_path: Path, name: str, row: object
) -> None:
    small_run(tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(orjson.dumps(row))
    before = contents(tmp_path)
    with pytest.raises(InputError, match=f"{name} line"):
        open_run(tmp_path)
    assert contents(tmp_path) == before


def test_a_plan_that_an_editor_left_without_a_newline_counts(tmp_path: Path) -> None:
    small_run(tmp_path)
    with (tmp_path / PLANS).open("ab") as file:
        file.write(b'{"id": "a", "steps": [{"n": 1, "main_point": "all", "words": 900}]}')
    with open_run(tmp_path) as run:
        assert run.index.plan_words(0) == 900
    assert (tmp_path / PLANS).read_bytes().endswith(b"}\n")


# --- edited by hand


def test_an_edited_plan_is_used_and_its_old_sections_are_not(tmp_path: Path) -> None:
    small_run(tmp_path)
    edit(tmp_path / PLANS, lambda row: row | {"steps": [{"n": 1, "main_point": "新的一章", "words": 700}]})
    with open_run(tmp_path) as run:
        edited = run.plan(0)
        assert edited is not None
        assert edited.steps == (Step(1, "新的一章", 700),)
        assert run.sections(0) == {}
        run.add_section(section(edited, 1, "new"))
        assert run.sections(0)[1].text == "new"


def test_a_plan_may_be_added_reordered_and_numbered_with_gaps(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
    row = {"steps": [{"n": 7, "main_point": "b", "words": 10}, {"words": 20, "n": 3, "main_point": "a"}], "id": "a"}
    (tmp_path / PLANS).write_text(json.dumps(row | {"note": "by hand"}) + "\n")
    with open_run(tmp_path) as run:
        made = run.plan(0)
        assert made is not None
        assert made.steps == (Step(7, "b", 10), Step(3, "a", 20))
        for step in made.steps:
            assert not run.index.is_complete(0)
            run.add_section(section(made, step.n))
        assert run.index.is_complete(0)
        assert sorted(run.sections(0)) == [3, 7]


def test_what_editors_do_to_a_file_does_no_harm(tmp_path: Path) -> None:
    made = small_run(tmp_path)
    for name in (INSTRUCTIONS, PLANS, SECTIONS):
        path = tmp_path / name
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n  \n")
    with open_run(tmp_path) as run:
        assert run.instruction(0) == instruction("a")
        assert run.plan(0) == made
        assert list(run.sections(0)) == [1]
        run.add_section(section(made, 2))
    with read_run(tmp_path) as run:
        assert run.index.is_complete(0)


@pytest.mark.parametrize("name", FILES)
def test_unknown_fields_are_kept_out_of_the_way(tmp_path: Path, name: str) -> None:
    made = small_run(tmp_path)
    with open_run(tmp_path) as run:
        run.add_failure(failure("a", "write", 2))
    edit(tmp_path / name, lambda row: {"seen_by": {"me": [1]}} | row | {"id2": "b", "note": None})
    with open_run(tmp_path) as run:
        assert run.instruction(0) == instruction("a")
        assert run.plan(0) == made
        assert list(run.sections(0)) == [1]
        assert [failed.n for failed in run.index.standing_failures()] == [2]


STEP = {"n": 1, "main_point": "x", "words": 5}


@pytest.mark.parametrize(
    ("name", "row", "problem"),
    [
        (INSTRUCTIONS, {"id": "z", "prompt": "p"}, "row"),
        (INSTRUCTIONS, {"id": "z", "row": 2}, "prompt"),
        (INSTRUCTIONS, {"id": 7, "row": 2, "prompt": "p"}, "id"),
        (INSTRUCTIONS, {"id": "z", "row": 10**30, "prompt": "p"}, r"\$\.row"),
        (INSTRUCTIONS, {"id": "z", "row": -1, "prompt": "p"}, r"\$\.row"),
        (INSTRUCTIONS, {"id": "z", "row": 2, "prompt": "p", "required_words": {"words": 5, "low": 10**30}}, "low"),
        (INSTRUCTIONS, {"id": "z", "row": 2, "prompt": "p", "required_words": {"words": 5, "kind": "some"}}, "kind"),
        (PLANS, {"id": "a"}, "steps"),
        (PLANS, {"id": "a", "steps": []}, "no steps"),
        (PLANS, {"id": "a", "steps": [STEP, STEP]}, "two steps 1"),
        (PLANS, {"id": "a", "steps": [STEP | {"n": 0}]}, "counts from 1"),
        (PLANS, {"id": "a", "steps": [STEP | {"n": 10**12}]}, "counts from 1"),
        (PLANS, {"id": "a", "steps": [STEP | {"words": 0}]}, "step 1: its word count is 0"),
        (PLANS, {"id": "a", "steps": [STEP | {"words": -5}]}, "step 1: its word count is -5"),
        (PLANS, {"id": "a", "steps": [STEP | {"words": 10**30}]}, "step 1: its word count is 1000"),
        (PLANS, {"id": "a", "steps": [STEP | {"words": "400"}]}, r"steps\[0\].words"),
        (PLANS, {"id": "a", "steps": [STEP | {"main_point": "　\n"}]}, "no main point"),
        (PLANS, {"id": "a", "steps": [{"n": 1, "words": 5}]}, "main_point"),
        (SECTIONS, {"id": "a", "n": 1, "plan": "00000000", "words": 1, "target_words": 1}, "text"),
        (PLANS, {"id": "a", "steps": [STEP], "usage": {"prompt_tokens": -5}}, "prompt_tokens"),
        (PLANS, {"id": "a", "steps": [STEP], "attempts": 10**30}, "attempts"),
        (SECTIONS, {"id": "a", "n": -1, "plan": "0", "words": 1, "target_words": 1, "text": ""}, r"\$\.n"),
        (SECTIONS, {"id": "a", "n": 1, "plan": "0", "words": 2**70, "target_words": 1, "text": ""}, "words"),
        (
            SECTIONS,
            {
                "id": "a",
                "n": 1,
                "plan": "0",
                "words": 1,
                "target_words": 1,
                "text": "",
                "usage": {"cached_tokens": 2**64},
            },
            "cached_tokens",
        ),
        (FAILURES, {"id": "a", "stage": "plan", "n": None, "kind": "nonsense", "message": ""}, "kind"),
        (FAILURES, {"id": "a", "stage": "plan", "n": -3, "kind": "empty", "message": ""}, r"\$\.n"),
        (FAILURES, {"id": "a", "stage": "plan", "n": 1, "kind": "empty", "message": "", "line": 2**64}, "line"),
        (
            FAILURES,
            {"id": "a", "stage": "plan", "n": None, "kind": "empty", "message": "", "usage_estimated": 5},
            "usage_estimated",
        ),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_file_and_line(
    tmp_path: Path, name: str, row: dict[str, Any], problem: str
) -> None:
    small_run(tmp_path)
    earlier = (tmp_path / name).read_bytes() if (tmp_path / name).exists() else b""
    (tmp_path / name).write_bytes(earlier + b"\n" + json.dumps(row).encode() + b"\n" + earlier)
    for opener in (open_run, read_run):
        with pytest.raises(InputError, match=problem) as raised:
            opener(tmp_path)
        assert raised.value.file == str(tmp_path / name)
        assert raised.value.line == earlier.count(b"\n") + 2
        assert raised.value.tip


@pytest.mark.parametrize(
    ("change", "problem"), [({"text": 5}, "text"), ({"finish_reason": None}, "finish_reason"), ({"at": 1}, "at")]
)
def test_what_a_scan_does_not_look_at_is_named_when_it_is_read(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    small_run(tmp_path)
    edit(tmp_path / SECTIONS, lambda row: row | change)
    with open_run(tmp_path) as run, pytest.raises(InputError, match=problem) as raised:
        run.sections(0)
    assert raised.value.line == 1


def test_what_is_carried_along_and_could_not_be_written_again_is_named_when_it_is_read(tmp_path: Path) -> None:
    small_run(tmp_path)
    edit(tmp_path / INSTRUCTIONS, lambda row: row | {"meta": {"x": 10**30}})
    with open_run(tmp_path) as run, pytest.raises(InputError, match=r"line 1: .* at `\$\.meta`"):
        run.instruction(0)


def test_bytes_that_are_no_text_are_named_when_they_are_read(tmp_path: Path) -> None:
    small_run(tmp_path)
    path = tmp_path / SECTIONS
    path.write_bytes(path.read_bytes().replace("长".encode(), b"\xff"))
    with open_run(tmp_path) as run, pytest.raises(InputError, match="line 1"):
        run.sections(0)


# --- taking instructions in


def test_an_instruction_that_is_known_is_not_written_again(tmp_path: Path) -> None:
    asked = [instruction(name, row) for row, name in enumerate("abc")]
    with open_run(tmp_path) as run:
        take_in(run, *asked)
    before = contents(tmp_path)
    with open_run(tmp_path) as run:
        take_in(run, *asked)
        take_in(run, *asked)
    assert contents(tmp_path) == before


def test_a_source_that_has_grown_is_taken_in(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"), instruction("b", 1))
        assert run.index.ids == ["a", "b"]
    assert [row["id"] for row in rows(tmp_path, INSTRUCTIONS)] == ["a", "b"]


def test_rows_that_are_gone_from_the_source_stay_in_the_run(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"), instruction("b", 1))
        take_in(run, instruction("b", 0))
        assert sorted(run.index.ids) == ["a", "b"]


def test_a_changed_row_is_appended_and_wins(tmp_path: Path) -> None:
    changed = instruction("a", required_words=Requirement(5000), meta={"topic": "rivers"})
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        take_in(run, changed)
        for opened in (run, read_run(tmp_path)):
            assert opened.index.required_words(0) == 5000
            assert opened.instruction(0) == changed
            assert len(opened.index) == 1
    assert len(rows(tmp_path, INSTRUCTIONS)) == 2
    with open_run(tmp_path) as run:
        take_in(run, changed)
    assert len(rows(tmp_path, INSTRUCTIONS)) == 2


def test_a_row_that_moved_in_the_source_moves_in_the_run(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a", 0), instruction("b", 1))
        take_in(run, instruction("new", 0), instruction("a", 1), instruction("b", 2))
        for opened in (run, read_run(tmp_path)):
            assert [opened.index.ids[position] for position in opened.index.order()] == ["new", "a", "b"]


def test_an_id_that_stands_for_another_prompt_is_an_error_and_nothing_is_taken_in(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a", prompt="one"))
        before = contents(tmp_path)
        with pytest.raises(UsageError, match=r"'a'.*another prompt") as raised:
            take_in(run, instruction("new", 0), instruction("a", 1, prompt="another"))
        assert raised.value.exit_code == 2
        assert run.index.ids == ["a"]
        assert contents(tmp_path) == before


def test_a_source_that_fails_midway_adds_nothing(tmp_path: Path) -> None:
    def source() -> Iterator[Instruction]:
        yield instruction("a")
        raise InputError("in.jsonl", 2, "is no JSON")

    with open_run(tmp_path) as run:
        before = contents(tmp_path)
        with pytest.raises(InputError, match="line 2"), run.staged(source()):
            raise AssertionError("never comes to this")
        assert len(run.index) == 0
        assert contents(tmp_path) == before


def test_what_is_staged_is_gone_when_it_is_not_taken_in(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        before = contents(tmp_path)
        with pytest.raises(UsageError), run.staged([instruction("a")]):
            raise UsageError("settings differ")
        assert contents(tmp_path) == before


def test_an_error_of_the_system_while_something_is_staged_is_told_as_it_is(tmp_path: Path) -> None:
    with open_run(tmp_path) as run, pytest.raises(FileNotFoundError), run.staged([instruction("a")]):
        (tmp_path / "elsewhere").read_bytes()


def test_what_a_killed_command_had_staged_is_not_taken_in(tmp_path: Path) -> None:
    died = python(
        "import os, signal\n"
        "from pathlib import Path\n"
        "from made_rows import instruction, open_run\n"
        "run = open_run(Path(sys.argv[1]))\n"
        "with run.staged([instruction('lost')]):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n",
        tmp_path,
    )
    assert died.returncode == -9, died.stderr
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
    assert set(contents(tmp_path)) == {"manifest.json", INSTRUCTIONS}
    assert read_run(tmp_path).index.ids == ["a"]


# --- the disk


DISK_FULL = """
import resource
from pathlib import Path
from longwriter_cli.errors import DiskFailed
from made_rows import instruction, open_run, plan, section, take_in
made = plan("a", *[100] * 1000)
run = open_run(Path(sys.argv[1]))
take_in(run, instruction("a"))
run.add_plan(made)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
kept = 0
try:
    for step in made.steps:
        run.add_section(section(made, step.n, "x" * 1000))
        kept += 1
except DiskFailed as error:
    print(error.exit_code, kept, len(run.index.sections(0)))
run.close()
"""


def test_when_the_disk_is_full_all_that_was_kept_is_there_and_the_run_goes_on(tmp_path: Path) -> None:
    result = python(DISK_FULL, tmp_path)
    code, kept, known = map(int, result.stdout.split())
    assert (code, known) == (74, kept), result.stderr
    assert kept > 100
    assert not (tmp_path / SECTIONS).read_bytes().endswith(b"\n")
    with open_run(tmp_path) as run:
        made = run.plan(0)
        assert made is not None
        assert sorted(run.sections(0)) == list(range(1, kept + 1))
        run.add_section(section(made, kept + 1))
    with read_run(tmp_path) as run:
        assert len(run.index.sections(0)) == kept + 1


def test_a_read_only_disk_can_be_looked_at_and_not_worked_on(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        small_run(disk / "run")
        make_read_only(disk)
        with read_run(disk / "run") as run:
            assert list(run.sections(0)) == [1]
        for work in (lambda: open_run(disk / "run"), lambda: open_run(disk / "new")):
            with pytest.raises(DiskFailed, match="read-only"):
                work()


def test_a_disk_that_becomes_read_only_is_told_by_whatever_is_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk, open_run(disk / "run") as run:
        assert run._lock is not None
        run._lock.release()  # a file open for writing would keep the disk from becoming read-only
        make_read_only(disk)
        for write in (
            lambda: run.begin(replace(MANIFEST, fingerprint="new")),
            lambda: take_in(run, instruction("a")),
            lambda: run.add_failure(failure("a")),
        ):
            with pytest.raises(DiskFailed, match="read-only"):
                write()


def test_a_disk_that_fails_while_the_run_is_closed_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run(tmp_path)
    take_in(run, instruction("a"))

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    run.add_failure(failure("a"))
    with pytest.raises(DiskFailed):
        run.close()
    monkeypatch.undo()
    open_run(tmp_path).close()  # and the lock is free


# --- against a model


class Model:
    """What a run should know, in dictionaries."""

    def __init__(self) -> None:
        self.instructions: dict[str, Instruction] = {}
        self.plans: dict[str, Plan] = {}
        self.sections: dict[tuple[str, str, int], Section] = {}
        self.failures: dict[tuple[str, str, int | None], list[Failure]] = {}
        self.usage = Usage()

    def written(self, id: str) -> dict[int, Section]:  # noqa: A002
        if id not in self.plans:
            return {}
        digest = plan_digest(self.plans[id].steps)
        found = {step.n: self.sections.get((id, digest, step.n)) for step in self.plans[id].steps}
        return {n: section for n, section in found.items() if section is not None}

    def is_complete(self, id: str) -> bool:  # noqa: A002
        return id in self.plans and len(self.written(id)) == len(self.plans[id].steps)

    def stands(self, failed: Failure) -> bool:
        """Whether the row is missing that the failure stands for."""
        assert failed.id is not None
        if self.is_complete(failed.id):
            return False
        if failed.stage == "plan" or failed.id not in self.plans:
            return failed.id not in self.plans
        wanted = {step.n for step in self.plans[failed.id].steps}
        return failed.n in wanted - set(self.written(failed.id))


IDS = st.sampled_from("abcde")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
PLANS_OF = [
    steps(400, 300),
    steps(400, 300, 200),
    steps(300, 400),
    (Step(5, "five", 100), Step(2, "two", 200)),
    steps(900, point="长江"),
]
USAGES = st.builds(Usage, st.integers(500, 1000), *[st.integers(0, 500)] * 2, estimated=st.booleans())


class RunMachine(RuleBasedStateMachine):
    """Any work on a run, with a reopening, a reader, a torn tail or an editor's touch at any time."""

    @initialize()
    def begin(self) -> None:
        self.temporary = tempfile.TemporaryDirectory()
        self.directory = Path(self.temporary.name) / "run"
        self.model = Model()
        self.run = open_run(self.directory)

    def teardown(self) -> None:
        if hasattr(self, "run"):
            self.run.close()
            self.temporary.cleanup()

    # --- work

    @rule(names=st.lists(IDS, unique=True), words=st.sampled_from([None, 500, 3000]))
    def take_in(self, names: list[str], words: int | None) -> None:
        required = None if words is None else Requirement(words)
        asked = [instruction(name, row, required_words=required) for row, name in enumerate(names)]
        take_in(self.run, *asked)
        self.model.instructions |= {one.id: one for one in asked}

    @rule(names=st.lists(IDS, min_size=1, unique=True))
    def take_in_what_cannot_be_read(self, names: list[str]) -> None:
        def source() -> Iterator[Instruction]:
            yield from (instruction(name, row) for row, name in enumerate(names))
            raise InputError("in.jsonl", 9, "is no JSON")

        with pytest.raises(InputError), self.run.staged(source()):
            pass

    @precondition(lambda self: self.model.instructions)
    @rule(data=st.data(), of=st.sampled_from(PLANS_OF), text=TEXTS, usage=USAGES)
    def add_plan(self, data: st.DataObject, of: tuple[Step, ...], text: str, usage: Usage) -> None:
        made = plan(self._known(data), steps=of, text=text, usage=usage)
        self.run.add_plan(made)
        self.model.plans[made.id] = made
        self.model.usage += usage

    @precondition(lambda self: self.model.plans)
    @rule(data=st.data(), of=st.sampled_from(PLANS_OF), text=TEXTS, usage=USAGES)
    def add_section(self, data: st.DataObject, of: tuple[Step, ...], text: str, usage: Usage) -> None:
        """Of the current plan, or of another one."""
        name = data.draw(st.sampled_from(sorted(self.model.plans)))
        made = self.model.plans[name] if data.draw(st.booleans()) else plan(name, steps=of)
        n = data.draw(st.sampled_from([step.n for step in made.steps]))
        written = section(made, n, text or "text", usage=usage, raw=data.draw(st.none() | TEXTS))
        self.run.add_section(written)
        self.model.sections[name, written.plan, n] = written
        self.model.usage += usage

    @precondition(lambda self: self.model.instructions)
    @rule(data=st.data(), n=st.none() | st.integers(1, 5), text=TEXTS, usage=USAGES)
    def add_failure(self, data: st.DataObject, n: int | None, text: str, usage: Usage) -> None:
        stage = "plan" if n is None else "write"
        failed = failure(self._known(data), stage, n, message=text, usage=usage, model="m")
        self.run.add_failure(failed)
        assert failed.id is not None
        self.model.failures.setdefault((failed.id, stage, n), []).append(failed)
        self.model.usage += usage

    def _known(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.model.instructions)))

    # --- what happens in between

    @rule()
    def reopen(self) -> None:
        self.run.close()
        self.run = open_run(self.directory)

    @rule(name=st.sampled_from(FILES), share=st.floats(0, 1, exclude_max=True))
    def die_while_appending(self, name: str, share: float) -> None:
        """The row that was being written never counted: a cut of it is cut off."""
        row = {
            INSTRUCTIONS: b'{"id":"torn","row":0,"prompt":"\xe9\x95\xbf\xe6\xb1\x9f"}',
            PLANS: b'{"id":"a","steps":[{"n":1,"main_point":"\xe9\x95\xbf","words":5}]}',
            SECTIONS: b'{"id":"a","n":1,"plan":"00000000","words":1,"target_words":1,"text":"\xe9\x95\xbf"}',
            FAILURES: b'{"id":"a","n":null,"stage":"plan","kind":"empty","message":"\xe9\x95\xbf"}',
        }[name]
        self.run.close()
        with (self.directory / name).open("ab") as file:
            file.write(row[: int(share * len(row))])
        self._compare(read_run(self.directory))
        self.run = open_run(self.directory)

    @rule(name=st.sampled_from(FILES))
    def an_editor_saves_it(self, name: str) -> None:
        """With a mark at the head, other line ends, blank lines, and without the last newline."""
        path = self.directory / name
        self.run.close()
        if path.exists():
            saved = path.read_bytes().removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
            path.write_bytes(b"\xef\xbb\xbf" + b"\n" * 2 * (not saved) + saved.removesuffix(b"\r\n"))
        self.run = open_run(self.directory)

    @rule()
    def look(self) -> None:
        self._compare(read_run(self.directory))

    # --- what must be so

    @invariant()
    def it_knows_what_the_model_knows(self) -> None:
        if hasattr(self, "run"):
            self._compare(self.run)

    def _compare(self, run: Run) -> None:
        model, index = self.model, run.index
        assert set(index.ids) == set(model.instructions)
        for name, asked in model.instructions.items():
            position = index.position(name)
            assert position is not None
            assert run.instruction(position) == asked
            assert index.required_words(position) == (asked.required_words.words if asked.required_words else 0)
            assert run.plan(position) == model.plans.get(name)
            written = model.written(name)
            assert run.sections(position) == written
            assert index.is_complete(position) == model.is_complete(name)
            if name in model.plans:
                left = sum(step.words for step in model.plans[name].steps if step.n not in written)
                assert index.words_left(position) == max(1, left)
        by_place = sorted(model.instructions.values(), key=lambda asked: asked.row)
        assert [index._row[position] for position in index.order()] == [asked.row for asked in by_place]
        assert index.failures == model.failures
        newest = [failures[-1] for failures in model.failures.values()]
        assert list(index.standing_failures()) == [failed for failed in newest if model.stands(failed)]
        assert sum(run.usage().values(), Usage()) == model.usage
        if run is not self.run:
            run.close()


TestRunAgainstAModel = RunMachine.TestCase
TestRunAgainstAModel.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
