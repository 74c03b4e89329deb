"""Work for all cores: a function over many items, in processes of its own, results in the order of the items.

Only so many items are drawn as keep the processes busy, so neither a long source nor its results fill the memory.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from longwriter_cli.errors import NotNow

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

_WAITING = 2  # items for each process: one in work, one at hand


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(function: Callable[[Item], Outcome], items: Iterable[Item], processes: int) -> Iterator[Outcome]:
    """Yields `function(item)` for each item, in order; with one process it is this one.

    Function, items and results are pickled; the function is one of a module. What it raises is raised here.

    Raises:
        NotNow: the system killed one of the processes.
    """
    if processes == 1:
        yield from map(function, items)
        return
    todo = iter(items)
    # Spawned, not forked: a fork of a process with threads, those of Arrow or of a tokenizer, may hang.
    executor = ProcessPoolExecutor(processes, get_context("spawn"), initializer=_be_a_worker)
    try:
        pending: deque[Future[Outcome]] = deque()
        while True:
            for item in islice(todo, processes * _WAITING - len(pending)):
                with _signals_held():
                    pending.append(executor.submit(function, item))
            if not pending:
                return
            yield pending.popleft().result()
    except BrokenProcessPool:
        raise NotNow(
            "One of the processes was killed, most likely because memory ran out.",
            "Give the same command with fewer: --processes 1. It goes on from here.",
        ) from None
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _signals_held() -> Iterator[None]:
    """A process that is started meanwhile never hears of Ctrl-C, not even before it can say that it will not."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _be_a_worker() -> None:
    """Ends when the process that began this one is gone, however it went."""
    parent = parent_process()
    if parent is None:
        return

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, name="longwriter-follow", daemon=True).start()
