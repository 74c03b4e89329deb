"""Which split of a dataset a record belongs to: by its id, so that it stays there whatever else the dataset holds."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_RANGE = 1 << 64


@dataclass(frozen=True)
class Splits:
    """Splits with the share of records that each is to have; the shares are positive and add up to 1.

    More instructions, other filters and another order of the source move no record. Other shares move as few as can
    be, where the splits keep their order.
    """

    shares: Sequence[tuple[str, float]]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.shares)

    def of(self, id: str) -> str:  # noqa: A002 - the contract's word
        """The split of an id: where its hash falls among the shares, laid end to end."""
        digest = hashlib.sha256(id.encode("utf-8", "surrogatepass")).digest()
        at = int.from_bytes(digest[:8]) / _RANGE
        ends = accumulate(share for _, share in self.shares)
        return next((name for name, end in zip(self.names, ends, strict=True) if at < end), self.names[-1])
