"""Stopping in good order: whoever works asks here whether to go on, and whoever waits is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Halted(Exception):
    """Raised where work meets a stop; ends the task it is raised in, quietly."""


class Stop:
    """A request to stop, with its reason; the first reason stays. `at_once` gives up the calls under way too."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        self._at_once = asyncio.Event()
        self.reason: BaseException | None = None

    def __bool__(self) -> bool:
        return self._requested.is_set()

    def request(self, reason: BaseException, *, at_once: bool = False) -> None:
        self.reason = self.reason or reason
        self._requested.set()
        if at_once:
            self._at_once.set()

    def check(self) -> None:
        """Raises Halted once a stop is requested. To be called between calls that cost money."""
        if self:
            raise Halted

    async def sleep(self, seconds: float) -> None:
        """Sleeps, and raises Halted as soon as a stop is requested."""
        self.check()
        try:
            await asyncio.wait_for(self._requested.wait(), max(0.0, seconds))
        except TimeoutError:
            return
        raise Halted

    async def unless_at_once(self, call: Coroutine[Any, Any, T]) -> T:
        """What the call returns; or raises the reason of a stop that is to be at once, or that the call has met."""
        task, at_once = asyncio.create_task(call), asyncio.create_task(self.at_once())
        try:
            await asyncio.wait([task, at_once], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        except Halted:
            pass
        finally:
            for one in (task, at_once):
                one.cancel()
            await asyncio.gather(task, at_once, return_exceptions=True)
        assert self.reason is not None, "a stop has a reason"
        raise self.reason

    async def requested(self) -> None:
        await self._requested.wait()

    async def at_once(self) -> None:
        await self._at_once.wait()
