"""Being told to stop: Ctrl-C, SIGTERM and SIGHUP, from the first import to the last word.

Where no call is under way a signal raises `Stopped` on the spot: nothing is paid for that could be waited for. While
calls are under way, `heard` hands it to whoever can bring them to an end. A signal that was ignored when the program
began stays so: that is what `nohup` and a shell's background jobs ask for.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from longwriter_cli.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# A terminal that is closed says SIGHUP twice, and a key bounces: what comes within this time is the same word.
_SAME_WORD_S = 1.0


class _Told:
    """What this process has been told; it has one disposition for each signal, so there is one of these."""

    stopped: Stopped | None = None
    at_s = 0.0
    is_held = False
    listener: Callable[[int], object] | None = None


def heed() -> None:
    """Heeds the signals from now on. To be called once, in the main thread."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _tell)


def ignore() -> None:
    """All is done and said. While the interpreter ends, a signal would otherwise kill it, with another exit code."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def heard(listener: Callable[[int], object]) -> Iterator[None]:
    """Meanwhile a signal does not raise: its number is handed to `listener`, in the main thread, every time one comes.

    asyncio's own handlers cannot do this: when their loop is closed they leave signals to kill the program, and the
    export comes after.
    """
    _Told.listener = listener
    try:
        if _Told.stopped is not None:  # somebody swallowed what it raised
            listener(_Told.stopped.signal_number)
        yield
    finally:
        _Told.listener = None


@contextmanager
def held() -> Iterator[None]:
    """Meanwhile a signal does not raise: it does so at the end. For what is short, and must not be left half done."""
    _Told.is_held = True
    try:
        yield
    finally:
        _Told.is_held = False
    if _Told.stopped is not None:
        raise _Told.stopped


def stopped_by(number: int) -> Stopped:
    """The error that a signal ends the program with."""
    return Stopped(f"Stopped by {signal.Signals(number).name}; nothing is lost.", number)


def _tell(number: int, _: object) -> None:
    first, now_s = _Told.stopped, time.monotonic()
    if first is None:
        _Told.stopped, _Told.at_s = stopped_by(number), now_s
    if _Told.listener is not None:
        if first is None or number != signal.SIGHUP or now_s - _Told.at_s > _SAME_WORD_S:
            _Told.listener(number)
    elif first is None:
        if not _Told.is_held:
            raise _Told.stopped  # type: ignore[misc]  # mypy cannot see that it was set above
    elif now_s - _Told.at_s > _SAME_WORD_S:
        # The way out takes too long for somebody. Rows are with the system already, and an export is whole or not.
        os.write(2, b"Stopped at once. The same command goes on.\n")
        os._exit(first.exit_code)
