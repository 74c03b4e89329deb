"""The pool: many chains of calls, a fixed number of slots, the longest work first.

A chain is opened (planned) and then carried out (written) to its end. A slot takes the best task there is: opening
comes first until `window` chains are open and waiting, else the open chain with the most work left. Longest first
keeps the tail of a run short; the window lets it be longest first without opening everything beforehand.
Simulated, a window of 8 slots' worth has 1.025 times the time of the bound, 4 has 1.13, first come 1.35.

The pool knows neither models nor files: it is given two async callables.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar

from longwriter_cli.engine.stop import Halted, Stop
from longwriter_cli.errors import BudgetReached, Deferred, DiskFailed, EndpointRefused

WINDOW_PER_SLOT = 8

K = TypeVar("K")

Open = Callable[[K], Awaitable[int | None]]
CarryOut = Callable[[K], Awaitable[None]]


class Pool(Generic[K]):
    """Runs chains in `slots` slots at once.

    `open_chain` returns the work that the opened chain holds (any unit, the same for all), or None where there is
    nothing to carry out. `Deferred` from either callable leaves the chain as it is, for another time. Any other
    exception stops the pool; `Halted` ends its slot quietly.
    """

    def __init__(
        self, open_chain: Open[K], carry_out: CarryOut[K], *, slots: int, stop: Stop, grace_s: float = 10.0
    ) -> None:
        if slots < 1:
            raise ValueError("a pool needs at least one slot")
        self._open_chain = open_chain
        self._carry_out = carry_out
        self._slots = slots
        self._window = WINDOW_PER_SLOT * slots
        self._stop = stop
        self._grace_s = grace_s
        self._waiting: list[tuple[int, int, K]] = []
        self._unopened: Iterator[K] = iter(())
        self._opening = 0
        self._arrivals = 0

    async def run(self, unopened: Iterable[K], opened: Iterable[tuple[int, K]] = ()) -> None:
        """Opens and carries out all of `unopened`, in that order, and carries out `opened` (`(work, chain)`).

        Returns when all is done. On a stop, tasks under way get the grace to end, then are cancelled, and the stop's
        reason is raised.
        """
        self._unopened = iter(unopened)
        for work, chain in opened:
            self._put(work, chain)
        slots = [asyncio.create_task(self._slot()) for _ in range(self._slots)]
        requested = asyncio.create_task(self._stop.requested())
        at_once = asyncio.create_task(self._stop.at_once())
        everything: asyncio.Future[Any] = asyncio.gather(*slots, return_exceptions=True)
        try:
            await asyncio.wait([everything, requested], return_when=asyncio.FIRST_COMPLETED)
            if self._stop:
                # A budget or a refusal is no hurry: what is in flight was asked before, and is paid either way.
                patient = isinstance(self._stop.reason, BudgetReached | EndpointRefused)
                grace_s = None if patient else self._grace_s
                await asyncio.wait([everything, at_once], timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*slots, requested, at_once):
                task.cancel()
            await asyncio.gather(*slots, requested, at_once, return_exceptions=True)
        if self._stop.reason is not None:
            raise self._stop.reason

    async def _slot(self) -> None:
        try:
            while not self._stop:
                try:
                    if not await self._take_one():
                        break
                except Deferred:
                    pass
        except Halted:
            pass
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody told this slot to end: some library let a cancellation of its own escape.
            self._stop.request(RuntimeError(f"a task was cancelled from within: {error!r}"))
        except Exception as error:  # whatever it is, it must stop the run, not one slot
            # What cannot be kept need not be waited for.
            self._stop.request(error, at_once=isinstance(error, DiskFailed))

    async def _take_one(self) -> bool:
        """Does one task; False when there is none left for this slot.

        Chains that other slots are still opening are not waited for: each of those slots will be free for its own.
        """
        if self._opening + len(self._waiting) < self._window:
            for chain in self._unopened:
                await self._open(chain)
                return True
        if self._waiting:
            _, _, chain = heapq.heappop(self._waiting)
            await self._carry_out(chain)
            return True
        return False

    async def _open(self, chain: K) -> None:
        self._opening += 1
        try:
            work = await self._open_chain(chain)
        finally:
            self._opening -= 1
        if work is not None:
            self._put(work, chain)

    def _put(self, work: int, chain: K) -> None:
        self._arrivals += 1
        heapq.heappush(self._waiting, (-work, self._arrivals, chain))


class MakePool(Protocol):
    """How a stage comes by its pool: `Pool` itself, or another one that carries the chains out elsewhere."""

    def __call__(
        self, open_chain: Open[K], carry_out: CarryOut[K], *, slots: int, stop: Stop, grace_s: float = 10.0
    ) -> Pool[K]: ...
