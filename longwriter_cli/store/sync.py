"""Appended rows brought to the disk: one sync for all of an interval, in a thread of its own."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

SYNC_INTERVAL_S = 0.075  # a sync for each row would cap a run at 500 to 5,000 rows a second

T = TypeVar("T")


class Deleted(OSError):
    """A file was deleted while it was in use: what is appended to it, nobody will find."""


class GroupSync:
    """Brings appended rows to the disk in the background: one fdatasync for all rows of an interval.

    Between the threads are queues whose `put` is one step: a signal that raises in the middle of an event's or a
    condition's would leave its lock held, and the end of the program waiting for it.
    """

    def __init__(self, interval_s: float = SYNC_INTERVAL_S) -> None:
        self._interval_s = interval_s
        self._dirty: SimpleQueue[int] = SimpleQueue()
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._closing = threading.Event()
        self._error: OSError | None = None
        self._at_disk = threading.Lock()
        self._thread: threading.Thread | None = None

    def mark(self, fd: int) -> None:
        """Notes that `fd` has rows that are not on disk yet. Raises what an earlier sync failed with."""
        if self._error is not None:
            raise self._error
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="longwriter-sync", daemon=True)
            self._thread.start()
        self._dirty.put(fd)
        self._wake.put(None)

    def flush(self) -> None:
        """Returns when all marked rows are on disk. Raises what a sync failed with."""
        if self._error is not None:
            raise self._error
        self._sync()

    def close(self) -> None:
        """Ends the background work, and flushes."""
        self._closing.set()
        self._wake.put(None)
        if self._thread is not None:
            with suppress(RuntimeError):  # a signal came before it was started, and it has nothing to end
                self._thread.join()
        self.flush()

    def _sync(self) -> None:
        with self._at_disk:
            for fd in _taken(self._dirty):
                os.fdatasync(fd)
                if os.fstat(fd).st_nlink == 0:
                    raise Deleted

    def _work(self) -> None:
        while not self._closing.is_set():
            self._wake.get()
            self._closing.wait(self._interval_s)
            _taken(self._wake)
            try:
                self._sync()
            except OSError as error:
                self._error = error
                return


def _taken(queue: SimpleQueue[T]) -> set[T]:
    """All that is in a queue now, out of it."""
    taken = set()
    with suppress(Empty):
        while True:
            taken.add(queue.get_nowait())
    return taken
