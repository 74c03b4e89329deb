"""For which row of the run a request is made.

A request itself does not say: two samples of one text are asked for in the same words. Whoever must know an answer
again in another process (`stages.batched`) tells requests apart by the row that they are for, and by how often the same
was asked for it before. It is told beside the request, as a context variable: those who make requests need not know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

RowKey = tuple[str | int | None, ...]


@dataclass
class Asking:
    """The work on one row, from its first request to the row. `on_row` is called when the row is there."""

    row: RowKey
    on_row: list[Callable[[], None]] = field(default_factory=list)
    _turns: Counter[bytes] = field(default_factory=Counter)

    def turn(self, request: bytes) -> int:
        """How often the request with this digest was made for the row before."""
        turn = self._turns[request]
        self._turns[request] += 1
        return turn


_NOW: ContextVar[Asking | None] = ContextVar("asking", default=None)


@contextmanager
def asking_for(*row: str | int | None) -> Iterator[None]:
    """Requests within are made for this row. Left without an exception, it has been written, or its failure has."""
    asking = Asking(row)
    token = _NOW.set(asking)
    try:
        yield
    finally:
        _NOW.reset(token)
    for call in asking.on_row:
        call()


def asking_now() -> Asking:
    """The row that requests are made for here; one without a name where nobody said."""
    return _NOW.get() or Asking(())
