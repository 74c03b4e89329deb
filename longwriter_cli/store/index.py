"""What a run knows of its rows without holding them: where each starts, and the figures that scheduling needs.

About 35 bytes a section and 250 an instruction; the texts stay in the files and are read when wanted.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any
from zlib import crc32

import msgspec

from longwriter_cli.records import ANSWER_STAGES, Failure, Step, Usage
from longwriter_cli.store.rows import AnswerHead, InstructionHead, PlanHead, SectionHead
from longwriter_cli.store.spending import Spending

_NONE = -1


DigestOf = Callable[[Sequence[Step]], str]
StepsAt = Callable[[int], Sequence[Step]]
AnswerKey = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """Where a section of the current plan stands in `sections.jsonl`, and its length."""

    n: int
    offset: int
    words: int
    target_words: int


class IndexState(msgspec.Struct, array_like=True):
    """All that an index knows, in a form that can be written: columns are the bytes of arrays, in a fixed order.

    Nothing is copied: as long as there is a state, its index can take in no row.
    """

    ids: list[str]
    columns: list[memoryview]
    gaps: dict[int, frozenset[int]]
    answers: dict[str, list[tuple[list[str | int], int]]]
    failures: list[Failure]
    spent: dict[str, Usage]


class Index:
    """Positions are places in order of arrival; `order()` gives them in instruction order.

    Rows come in as they stand in the files, oldest first, some hundred at a time; the last one for a key wins.

    The digest of a plan is asked for when there are sections to hold against it, then or later: `steps_at` reads the
    plan's steps again at an offset. Sections had best come in before plans: then no plan is read twice, and a plan
    without sections, which costs no digest, takes half the time.
    """

    def __init__(self, digest_of: DigestOf, steps_at: StepsAt) -> None:
        self._steps_at = steps_at
        self._digest_of: Callable[[Sequence[Any]], str] = digest_of  # a head's step does for a Step
        self.ids: list[str] = []
        self._position: dict[str, int] = {}
        # By position.
        self._row = array("q")
        self._required = array("q")
        self._instruction_at = array("q")
        self._line_sum = array("I")
        self._plan_at = array("q")
        self._plan_steps = array("q")
        self._plan_words = array("q")
        self._plan_sum = array("q")  # of the plan's digest, or none: not asked for yet
        self._last_section = array("i")
        self._gaps: dict[int, frozenset[int]] = {}  # the steps of plans that are not numbered 1, 2, 3, …
        # By place of a section among all. `_before` is the place of the section of the same instruction before it.
        self._section_at = array("q")
        self._before = array("i")
        self._section_sum = array("I")  # of its plan's digest: 4 bytes, whatever stands there
        self._section_n = array("I")
        self._section_words = array("I")
        self._section_target = array("I")
        self.strays: list[str] = []  # ids of plans that belong to no instruction
        self._answers: defaultdict[str, dict[AnswerKey, int]] = defaultdict(dict)  # by stage
        self.failures: dict[tuple[str | None, str, int | None], list[Failure]] = {}
        self.failed_now: set[tuple[str | None, str, int | None, str]] = set()  # key and basis, in this process
        self._spent = Spending()
        self._is_of_the_files = True

    def beside(self) -> Index:
        """Another index of the same instructions, which knows of no plan, section, answer or failure."""
        other = Index(self._digest_of, self._steps_at)
        other.ids, other._position = self.ids.copy(), self._position.copy()
        other._row, other._required = self._row[:], self._required[:]
        other._instruction_at, other._line_sum = self._instruction_at[:], self._line_sum[:]
        other._open_columns(len(self.ids))
        return other

    def _open_columns(self, instructions: int) -> None:
        """Room for what is known of so many new instructions: nothing yet."""
        for column in (self._plan_at, self._plan_steps, self._plan_words, self._plan_sum, self._last_section):
            column.extend([_NONE] * instructions)

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self) -> int:
        """How many instructions, sections and answers it knows of."""
        return len(self.ids) + len(self._section_at) + sum(map(len, self._answers.values()))

    def is_blank(self) -> bool:
        """Whether nothing is planned or written yet, nor has failed."""
        rows = self._section_at or self.failures or any(self._answers.values())
        return not rows and all(offset == _NONE for offset in self._plan_at)

    def position(self, id: str) -> int | None:  # noqa: A002 - the contract's word
        return self._position.get(id)

    def worked_on(self) -> set[str]:
        """The ids of the instructions that there is any row of, beside their own."""
        ids = {self.ids[place] for place, at in enumerate(self._plan_at) if at != _NONE}
        ids.update(self.ids[place] for place, last in enumerate(self._last_section) if last != _NONE)
        ids.update(str(key[0]) for keys in self._answers.values() for key in keys)
        ids.update(key[0] for key in self.failures if key[0] is not None)
        return ids | set(self.strays)

    def order(self) -> list[int]:
        """All positions in instruction order: by row of the source, then by arrival."""
        return sorted(range(len(self.ids)), key=self._row.__getitem__)

    # --- taking rows in

    # In these four, what is done for each row alone is kept small: a resume waits for a million of them.

    def add_instructions(
        self, heads: Sequence[InstructionHead], offsets: Sequence[int], lines: Sequence[bytes]
    ) -> None:
        new = dict.fromkeys([head.id for head in heads])
        if len(new) < len(heads) or not self._position.keys().isdisjoint(new):
            for one in zip(heads, offsets, lines, strict=True):
                self._replace_instruction(*one)
            return
        self._position.update(zip(new, count(len(self.ids))))
        self.ids.extend(new)
        self._row.extend([head.row for head in heads])
        self._required.extend([head.required_words.words if head.required_words else 0 for head in heads])
        self._instruction_at.extend(offsets)
        self._line_sum.extend(map(crc32, lines))
        self._open_columns(len(heads))

    def _replace_instruction(self, head: InstructionHead, offset: int, line: bytes) -> None:
        position = self._position.get(head.id)
        if position is None:
            self.add_instructions([head], [offset], [line])
            return
        self._row[position] = head.row
        self._required[position] = head.required_words.words if head.required_words else 0
        self._instruction_at[position] = offset
        self._line_sum[position] = crc32(line)

    def add_plans(self, heads: Sequence[PlanHead], offsets: Sequence[int]) -> None:
        """The steps of a plan have numbers of their own, from 1."""
        self._spent.add_rows(heads)
        position_of, last_section, digest_of, gaps = self._position, self._last_section, self._digest_of, self._gaps
        for head, offset in zip(heads, offsets, strict=True):
            position = position_of.get(head.id)
            if position is None:
                self.strays.append(head.id)
                self._is_of_the_files = False
                continue
            steps = head.steps
            numbers = [step.n for step in steps]
            self._plan_words[position] = sum([step.words for step in steps])
            self._plan_steps[position] = len(steps)
            has_sections = last_section[position] != _NONE
            self._plan_sum[position] = _sum(digest_of(steps)) if has_sections else _NONE
            self._plan_at[position] = offset
            if max(numbers) != len(steps):
                gaps[position] = frozenset(numbers)
            elif gaps:
                gaps.pop(position, None)

    def add_sections(self, heads: Sequence[SectionHead], offsets: Sequence[int]) -> None:
        self._spent.add_rows(heads)
        position_of, last, before = self._position, self._last_section, self._before
        known = [place for place, head in enumerate(heads) if head.id in position_of]
        if len(known) < len(heads):
            heads, offsets = [heads[place] for place in known], [offsets[place] for place in known]
            self._is_of_the_files = False
        for place, head in enumerate(heads, len(before)):
            position = position_of[head.id]
            before.append(last[position])
            last[position] = place
        self._section_at.extend(offsets)
        self._section_sum.extend([_sum(head.plan) for head in heads])
        self._section_n.extend([head.n for head in heads])
        self._section_words.extend([head.words for head in heads])
        self._section_target.extend([head.target_words for head in heads])

    def add_answers(self, stage: str, heads: Sequence[AnswerHead], offsets: Sequence[int]) -> None:
        self._spent.add_rows(heads)
        self._answers[stage].update(zip([head.key() for head in heads], offsets, strict=True))

    def add_failure(self, failure: Failure) -> None:
        self._spent.add(failure.model, failure.usage)
        self._note_failure(failure)

    def _note_failure(self, failure: Failure) -> None:
        key: tuple[str | None, str, int | None] = (failure.id, failure.stage, failure.n)
        if failure.id is None:
            key = (None, failure.file or "", failure.line)
        self.failures.setdefault(key, []).append(failure)

    def forget_plans(self, positions: Iterable[int]) -> None:
        """Knows the plans no more, though the files hold them still."""
        for position in positions:
            self._plan_at[position] = _NONE
            self._is_of_the_files = False

    # --- as one value

    def _columns(self) -> tuple[array[int], ...]:
        of_instructions = (self._row, self._required, self._instruction_at, self._line_sum, self._last_section)
        of_plans = (self._plan_at, self._plan_steps, self._plan_words, self._plan_sum)
        of_sections = (self._section_at, self._before, self._section_sum)
        return *of_instructions, *of_plans, *of_sections, self._section_n, self._section_words, self._section_target

    def state(self) -> IndexState | None:
        """What a new index can be filled with; None where this one knows other or less than the files say."""
        if not self._is_of_the_files:
            return None
        return IndexState(
            self.ids,
            [memoryview(column).cast("B") for column in self._columns()],
            self._gaps,
            {stage: [(list(key), offset) for key, offset in keys.items()] for stage, keys in self._answers.items()},
            [failure for failures in self.failures.values() for failure in failures],
            dict(self._spent),
        )

    def fill(self, state: IndexState) -> None:
        """Becomes the index that `state` was taken of."""
        self.ids, self._gaps = state.ids, state.gaps
        self._position = dict(zip(state.ids, count()))
        for column, content in zip(self._columns(), state.columns, strict=True):
            del column[:]
            column.frombytes(content)
        for stage, keys in state.answers.items():
            self._answers[stage] = {tuple(key): offset for key, offset in keys}
        for failure in state.failures:
            self._note_failure(failure)
        for model, usage in state.spent.items():
            self._spent.add(model, usage)

    # --- asking

    @property
    def usage(self) -> Mapping[str, Usage]:
        """Tokens by model, over all rows."""
        return self._spent.by_model()

    def row(self, position: int) -> int:
        """The instruction's place in the source, from 0."""
        return self._row[position]

    def instruction_at(self, position: int) -> int:
        return self._instruction_at[position]

    def same_line(self, position: int, line: bytes) -> bool:
        """Whether the instruction's row is this very line. Compares checksums."""
        return self._line_sum[position] == crc32(line)

    def required_words(self, position: int) -> int:
        """The length asked for, 0 where the instruction names none."""
        return self._required[position]

    def plan_at(self, position: int) -> int | None:
        offset = self._plan_at[position]
        return None if offset == _NONE else offset

    def plan_steps(self, position: int) -> int:
        return max(0, self._plan_steps[position])

    def plan_words(self, position: int) -> int:
        return max(0, self._plan_words[position])

    def sections(self, position: int) -> dict[int, SectionEntry]:
        """The newest section of each step of the current plan, by `n`; sections of other plans are not seen."""
        found: dict[int, SectionEntry] = {}
        place = self._last_section[position]
        if place == _NONE or self._plan_at[position] == _NONE:
            return found
        plan = self._plan_sum[position]
        if plan == _NONE:
            plan = self._plan_sum[position] = _sum(self._digest_of(self._steps_at(self._plan_at[position])))
        while place != _NONE:
            n = self._section_n[place]
            if self._section_sum[place] == plan and n not in found and self._has_step(position, n):
                found[n] = SectionEntry(
                    n, self._section_at[place], self._section_words[place], self._section_target[place]
                )
            place = self._before[place]
        return found

    def _has_step(self, position: int, n: int) -> bool:
        gaps = self._gaps.get(position)
        return 1 <= n <= self._plan_steps[position] if gaps is None else n in gaps

    def is_complete(self, position: int) -> bool:
        steps = self._plan_steps[position]
        return steps > 0 and len(self.sections(position)) == steps

    def answers(self, stage: str) -> Mapping[AnswerKey, int]:
        """Where the newest answer of each key starts in the file of its stage, in order of the first arrival."""
        return self._answers.get(stage, {})

    def words_left(self, position: int) -> int:
        """Words of the plan that are still to be written; at least 1."""
        done = sum(entry.target_words for entry in self.sections(position).values())
        return max(1, self._plan_words[position] - done)

    def standing_failures(self) -> Iterator[Failure]:
        """The newest failure of each key whose row is still missing.

        A bad row of the source stands until it is mended; a failed section as long as the plan has that step; a
        question to a model until it is answered. What counts no step (`n` is 0) says what answers cost, and is no
        failure.
        """
        answered = {stage: {key[:2] for key in keys} for stage, keys in self._answers.items()} if self.failures else {}
        for (id, stage, n), failures in self.failures.items():  # noqa: A001
            newest = failures[-1]
            if id is None:
                if not newest.mended:
                    yield newest
                continue
            position = self._position.get(id)
            if position is None or n == 0:
                continue
            if stage in ANSWER_STAGES:
                if ((id,) if n is None else (id, n - 1)) not in answered.get(stage, ()):
                    yield newest
                continue
            if self.is_complete(position):
                continue
            planned = self._plan_at[position] != _NONE
            if stage == "plan" and planned:
                continue
            if stage == "write" and planned and n is not None and not self._misses(position, n):
                continue
            yield newest

    def _misses(self, position: int, n: int) -> bool:
        return self._has_step(position, n) and n not in self.sections(position)


def _sum(digest: str) -> int:
    return crc32(digest.encode())
