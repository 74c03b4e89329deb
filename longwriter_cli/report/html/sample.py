"""An even draw of as many values as fit into some bytes, from a stream whose end is not known."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Generic, TypeVar

T = TypeVar("T")

_LARGEST_SHARE = 0.25


@dataclass(order=True)
class _Kept(Generic[T]):
    rank: float  # negative, so that the heap's first is the first to go
    place: int = field(compare=False)
    size_bytes: int = field(compare=False)
    value: T = field(compare=False)


class Sample(Generic[T]):
    """Each value has a rank that its key alone decides; those of the lowest ranks are kept, whatever came before.

    So the same stream gives the same draw, and a value is made only while it may be kept. A weight of 3 makes a value
    three times as likely to be drawn (Efraimidis and Spirakis, weighted sampling over a stream).
    """

    def __init__(self, room_bytes: int) -> None:
        self.room_bytes = room_bytes
        self.size_bytes = 0
        self.offered = 0
        self._highest = math.inf
        self._heap: list[_Kept[T]] = []

    def offer(self, key: str, make: Callable[[], tuple[T, int]], weight: float = 1.0) -> None:
        """Takes in what `make` gives with its size in bytes, if there is a place for it."""
        place, self.offered = self.offered, self.offered + 1
        rank = _rank(f"{place} {key}") / weight
        if rank >= self._highest:
            return
        value, size_bytes = make()
        if size_bytes > self.room_bytes * _LARGEST_SHARE:  # one alone must not crowd out all others
            return
        heapq.heappush(self._heap, _Kept(-rank, place, size_bytes, value))
        self.size_bytes += size_bytes
        self.shrink(self.room_bytes)

    def shrink(self, room_bytes: int) -> None:
        """Lets go of what has no room any more."""
        self.room_bytes = room_bytes
        while self.size_bytes > room_bytes:
            gone = heapq.heappop(self._heap)
            self.size_bytes -= gone.size_bytes
            self._highest = -gone.rank

    def best(self, room_bytes: int, without: Container[int] = ()) -> dict[int, T]:
        """What is drawn first and fits into less room, by its place in the stream, in the order of the stream."""
        found: dict[int, T] = {}
        for kept in sorted(self._heap, reverse=True):
            if kept.place in without:
                continue
            room_bytes -= kept.size_bytes
            if room_bytes < 0:
                break
            found[kept.place] = kept.value
        return dict(sorted(found.items()))

    def __len__(self) -> int:
        return len(self._heap)


def _rank(key: str) -> float:
    """A number above 0, distributed exponentially, that hangs on the key alone."""
    number = int.from_bytes(blake2b(key.encode("utf-8", "replace"), digest_size=8).digest())
    return -math.log((number + 1) / (2**64 + 1))
