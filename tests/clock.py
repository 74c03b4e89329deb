"""An event loop whose time jumps: where every task waits for a later time, it is that time at once.

Hours of sleeping pass in no time, always in the same order, so that a test can hold a schedule against its figures.
For coroutines that wait for each other and for time; not for sockets, processes and threads.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready and timeout is None:
            raise RuntimeError("every task waits for another one: this would hang")
        if not ready:
            self.now_s += timeout or 0.0
        return ready


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, T]) -> T:
    """Like `asyncio.run`, on a loop whose time jumps."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


def now_s() -> float:
    """Seconds since this loop was made."""
    return asyncio.get_running_loop().time()
