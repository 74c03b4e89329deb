"""The indexes of a run: one, and one more for each further sample that AgentWrite writes of the same instructions.

Rows of plans, sections and failures say which sample they are of, where it is not the first; so they are keyed by
`(id, sample, n)`, and one run holds the texts that `pairs` compares. Nearly all runs have the one index alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from longwriter_cli.store.index import Index


class _Head(Protocol):
    @property
    def sample(self) -> int: ...


class Indexes:
    """`first` is the index of sample 0, and of all that knows no samples."""

    def __init__(self, first: Index) -> None:
        self.first = first
        self._more: dict[int, Index] = {}

    def of(self, sample: int) -> Index:
        """The index of a sample, counted from 0; it is made when it is asked for."""
        if sample == 0:
            return self.first
        if sample not in self._more:
            self._more[sample] = self.first.beside()
        return self._more[sample]

    def __iter__(self) -> Iterator[Index]:
        """All that there are, the first one first."""
        yield self.first
        yield from self._more.values()

    def items(self) -> Iterator[tuple[int, Index]]:
        """All that there are, by sample."""
        yield 0, self.first
        yield from self._more.items()

    def parted(self, heads: Sequence[_Head], *columns: Sequence[Any]) -> Iterator[tuple[Index, list[Sequence[Any]]]]:
        """Rows by the index that they belong into: their heads, and what stands beside them, in the same order."""
        if not any(head.sample for head in heads):
            yield self.first, [heads, *columns]
            return
        places: defaultdict[int, list[int]] = defaultdict(list)
        for place, head in enumerate(heads):
            places[head.sample].append(place)
        for sample, own in places.items():
            yield self.of(sample), [[column[place] for place in own] for column in (heads, *columns)]
