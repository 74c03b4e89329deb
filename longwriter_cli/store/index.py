"""What a run knows of its rows without holding them: where each starts, and the figures that scheduling needs.

About 25 bytes a section and 200 an instruction, in arrays; the texts stay in the files and are read when wanted.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from longwriter_cli.records import Failure, Step, Usage
from longwriter_cli.store.rows import InstructionHead, PlanHead, SectionHead

DigestOf = Callable[[Sequence[Step]], str]

_NONE = -1


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """Where a section of the current plan stands in `sections.jsonl`, and its length."""

    n: int
    offset: int
    words: int
    target_words: int


class Index:
    """Positions are places in order of arrival; `order()` gives them in instruction order."""

    def __init__(self, digest_of: DigestOf) -> None:
        self._digest_of = digest_of
        self.ids: list[str] = []
        self._position: dict[str, int] = {}
        self._row = array("q")
        self._required = array("q")
        self._instruction_at = array("q")
        self._line_hash = array("q")
        self._plan_at = array("q")
        self._plan_steps = array("q")
        self._plan_words = array("q")
        self._plan_digest = array("q")
        self._last_section = array("q")
        self._section_n = array("q")
        self._section_at = array("q")
        self._section_plan = array("q")
        self._section_words = array("q")
        self._section_target = array("q")
        self._section_before = array("q")
        self.failures: dict[tuple[str | None, str, int | None], list[Failure]] = {}
        self.usage: dict[str, Usage] = {}

    def __len__(self) -> int:
        return len(self.ids)

    def position(self, id: str) -> int | None:  # noqa: A002 - the contract's word
        return self._position.get(id)

    def order(self) -> list[int]:
        """All positions in instruction order: by row of the source, then by arrival."""
        return sorted(range(len(self.ids)), key=self._row.__getitem__)

    # --- taking rows in

    def add_instruction(self, head: InstructionHead, offset: int, line: bytes) -> None:
        position = self._position.get(head.id)
        if position is None:
            self._position[head.id] = len(self.ids)
            self.ids.append(head.id)
            for column in (self._row, self._required, self._instruction_at, self._line_hash):
                column.append(0)
            for column in (self._plan_at, self._plan_steps, self._plan_words, self._plan_digest, self._last_section):
                column.append(_NONE)
            position = len(self.ids) - 1
        self._row[position] = head.row
        self._required[position] = head.required_words.words if head.required_words else 0
        self._instruction_at[position] = offset
        self._line_hash[position] = hash(line)

    def add_plan(self, head: PlanHead, offset: int) -> None:
        self._spend(head.model, head.usage)
        position = self._position.get(head.id)
        if position is None:
            return
        self._plan_at[position] = offset
        self._plan_steps[position] = len(head.steps)
        self._plan_words[position] = sum(step.words for step in head.steps)
        self._plan_digest[position] = int(self._digest_of(head.steps), 16)

    def add_section(self, head: SectionHead, offset: int) -> None:
        self._spend(head.model, head.usage)
        position = self._position.get(head.id)
        digest = _as_int(head.plan)
        if position is None or digest is None:
            return
        self._section_n.append(head.n)
        self._section_at.append(offset)
        self._section_plan.append(digest)
        self._section_words.append(head.words)
        self._section_target.append(head.target_words)
        self._section_before.append(self._last_section[position])
        self._last_section[position] = len(self._section_n) - 1

    def add_failure(self, failure: Failure) -> None:
        self._spend(failure.model, failure.usage)
        key: tuple[str | None, str, int | None] = (failure.id, failure.stage, failure.n)
        if failure.id is None:
            key = (None, failure.file or "", failure.line)
        self.failures.setdefault(key, []).append(failure)

    def _spend(self, model: str, usage: Usage) -> None:
        if usage.total_tokens:
            self.usage[model] = self.usage.get(model, Usage()) + usage

    # --- asking

    def instruction_at(self, position: int) -> int:
        return self._instruction_at[position]

    def same_line(self, position: int, line: bytes) -> bool:
        """Whether the instruction's row is this very line. Compares hashes of this process."""
        return self._line_hash[position] == hash(line)

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
        digest = self._plan_digest[position]
        place = self._last_section[position]
        while place != _NONE:
            n = self._section_n[place]
            if self._section_plan[place] == digest and n not in found:
                words, target = self._section_words[place], self._section_target[place]
                found[n] = SectionEntry(n, self._section_at[place], words, target)
            place = self._section_before[place]
        return found

    def is_complete(self, position: int) -> bool:
        steps = self._plan_steps[position]
        return steps > 0 and len(self.sections(position)) == steps

    def words_left(self, position: int) -> int:
        """Words of the plan that are still to be written."""
        done = sum(entry.target_words for entry in self.sections(position).values())
        return max(1, self._plan_words[position] - done)

    def standing_failures(self) -> Iterator[Failure]:
        """The newest failure of each key whose row is still missing."""
        for (id, stage, n), failures in self.failures.items():  # noqa: A001
            newest = failures[-1]
            if id is None:
                if not newest.mended:
                    yield newest
                continue
            position = self._position.get(id)
            if position is None or self.is_complete(position):
                continue
            if stage == "plan" and self._plan_at[position] != _NONE:
                continue
            if stage == "write" and n is not None and n in self.sections(position):
                continue
            yield newest


def _as_int(digest: str) -> int | None:
    try:
        return int(digest, 16)
    except ValueError:
        return None
