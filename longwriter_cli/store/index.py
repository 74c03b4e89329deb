"""What a run knows of its rows without holding them: where each starts, and the figures that scheduling needs.

About 40 bytes a section and 250 an instruction; the texts stay in the files and are read when wanted.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from struct import Struct

from longwriter_cli.records import Failure, Step, Usage
from longwriter_cli.store.rows import InstructionHead, PlanHead, SectionHead, UsageHead

DigestOf = Callable[[Sequence[Step]], str]

_NONE = -1

# A section: offset, place of the section of the same instruction before it, plan digest, n, words, target words.
_SECTION = Struct("<qqIIII")
_pack_section = _SECTION.pack


@dataclass(frozen=True, slots=True)
class SectionEntry:
    """Where a section of the current plan stands in `sections.jsonl`, and its length."""

    n: int
    offset: int
    words: int
    target_words: int


class Index:
    """Positions are places in order of arrival; `order()` gives them in instruction order.

    Rows come in as they stand in the files, oldest first; the last one for a key wins. A number that no array can
    hold, 32 bits for a section and 64 else, raises OverflowError or struct.error.
    """

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
        self._gaps: dict[int, frozenset[int]] = {}  # the steps of plans that are not numbered 1, 2, 3, …
        self._sections = bytearray()
        self._last_section = array("q")
        self.strays: list[str] = []  # ids of plans that belong to no instruction
        self.failures: dict[tuple[str | None, str, int | None], list[Failure]] = {}
        self._spent: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def __len__(self) -> int:
        return len(self.ids)

    def is_blank(self) -> bool:
        """Whether nothing is planned or written yet, nor has failed."""
        return not self._sections and not self.failures and all(offset == _NONE for offset in self._plan_at)

    def position(self, id: str) -> int | None:  # noqa: A002 - the contract's word
        return self._position.get(id)

    def order(self) -> list[int]:
        """All positions in instruction order: by row of the source, then by arrival."""
        return sorted(range(len(self.ids)), key=self._row.__getitem__)

    # --- taking rows in

    def add_instruction(self, head: InstructionHead, offset: int, line: bytes) -> None:
        position = self._position.get(head.id)
        if position is None:
            position = self._position[head.id] = len(self.ids)
            self.ids.append(head.id)
            for column in (self._row, self._required, self._instruction_at, self._line_hash):
                column.append(0)
            for column in (self._plan_at, self._plan_steps, self._plan_words, self._plan_digest, self._last_section):
                column.append(_NONE)
        self._row[position] = head.row
        self._required[position] = head.required_words.words if head.required_words else 0
        self._instruction_at[position] = offset
        self._line_hash[position] = hash(line)

    def add_plan(self, head: PlanHead, offset: int) -> None:
        self._spend(head.model, head.usage, head.usage_estimated)
        position = self._position.get(head.id)
        if position is None:
            self.strays.append(head.id)
            return
        steps = head.steps
        self._plan_words[position] = sum([step.words for step in steps])
        self._plan_steps[position] = len(steps)
        self._plan_digest[position] = int(self._digest_of(steps), 16)
        self._plan_at[position] = offset
        self._gaps.pop(position, None)
        if max([step.n for step in steps], default=0) != len(steps):
            self._gaps[position] = frozenset(step.n for step in steps)

    def add_section(self, head: SectionHead, offset: int) -> None:
        self._spend(head.model, head.usage, head.usage_estimated)
        position = self._position.get(head.id)
        if position is None:
            return
        try:
            digest = int(head.plan, 16)
        except ValueError:
            return
        if digest >> 32:
            return
        before = self._last_section[position]
        place = len(self._sections)
        self._sections += _pack_section(offset, before, digest, head.n, head.words, head.target_words)
        self._last_section[position] = place

    def add_failure(self, failure: Failure) -> None:
        self._spend(failure.model, failure.usage, failure.usage.estimated)
        key: tuple[str | None, str, int | None] = (failure.id, failure.stage, failure.n)
        if failure.id is None:
            key = (None, failure.file or "", failure.line)
        self.failures.setdefault(key, []).append(failure)

    def _spend(self, model: str, usage: Usage | UsageHead, estimated: bool) -> None:
        # Added up in place: a new Usage for each row would take longer than decoding it.
        spent = self._spent[model]
        spent[0] += usage.prompt_tokens
        spent[1] += usage.cached_tokens
        spent[2] += usage.completion_tokens
        spent[3] |= estimated

    # --- asking

    @property
    def usage(self) -> dict[str, Usage]:
        """Tokens by model, over all rows."""
        return {
            model: Usage(prompt, cached, completion, bool(estimated))
            for model, (prompt, cached, completion, estimated) in self._spent.items()
            if prompt or completion
        }

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
            offset, before, plan, n, words, target_words = _SECTION.unpack_from(self._sections, place)
            if plan == digest and n not in found and self._has_step(position, n):
                found[n] = SectionEntry(n, offset, words, target_words)
            place = before
        return found

    def _has_step(self, position: int, n: int) -> bool:
        gaps = self._gaps.get(position)
        return 1 <= n <= self._plan_steps[position] if gaps is None else n in gaps

    def is_complete(self, position: int) -> bool:
        steps = self._plan_steps[position]
        return steps > 0 and len(self.sections(position)) == steps

    def words_left(self, position: int) -> int:
        """Words of the plan that are still to be written; at least 1."""
        done = sum(entry.target_words for entry in self.sections(position).values())
        return max(1, self._plan_words[position] - done)

    def standing_failures(self) -> Iterator[Failure]:
        """The newest failure of each key whose row is still missing.

        A bad row of the source stands until it is mended; a failed section as long as the plan has that step.
        """
        for (id, stage, n), failures in self.failures.items():  # noqa: A001
            newest = failures[-1]
            if id is None:
                if not newest.mended:
                    yield newest
                continue
            position = self._position.get(id)
            if position is None or self.is_complete(position):
                continue
            planned = self._plan_at[position] != _NONE
            if stage == "plan" and planned:
                continue
            if stage == "write" and planned and n is not None and not self._misses(position, n):
                continue
            yield newest

    def _misses(self, position: int, n: int) -> bool:
        return self._has_step(position, n) and n not in self.sections(position)
