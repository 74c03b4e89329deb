"""A shard: every Nth instruction from the Ith, in a run of its own, for a process that shares nothing with others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Shard:
    """`number` counts from 1 to `of`."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard | None:
        """Reads `2/3`; None where that is no shard."""
        found = _FORM.fullmatch(text.strip())
        shard = cls(int(found[1]), int(found[2])) if found else None
        return shard if shard is not None and 1 <= shard.number <= shard.of else None

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


@dataclass(frozen=True, slots=True)
class Extent:
    """What of a source a command works on: its first `limit` instructions, and of these the ones of the shard."""

    limit: int | None = None
    shard: Shard | None = None

    def of(self, things: Iterable[T]) -> Iterator[T]:
        """Those of the things in the source's order; what stands behind the limit is read and checked all the same."""
        for place, thing in enumerate(things):
            if (self.limit is None or place < self.limit) and self.holds(place):
                yield thing

    def holds(self, place: int) -> bool:
        """Whether the shard has the instruction at this place, counted from 0."""
        return self.shard is None or place % self.shard.of == self.shard.number - 1

    @property
    def in_run(self) -> int | None:
        """The same limit for the run, which holds the shard's instructions alone: how many of them it takes."""
        if self.limit is None or self.shard is None:
            return self.limit
        return len(range(self.shard.number - 1, self.limit, self.shard.of))


def missing_of(shards: Iterable[Shard | None]) -> list[Shard]:
    """The shards that are not there, where all that are there are parts of one division; else none."""
    there = set(shards)
    divisions = {shard.of for shard in there if shard is not None}
    if None in there or len(divisions) != 1:
        return []
    of = divisions.pop()
    return [shard for number in range(1, of + 1) if (shard := Shard(number, of)) not in there]
