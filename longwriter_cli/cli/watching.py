"""`inspect --watch`: follows a run that another process writes, until that process has gone."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from longwriter_cli.report.layout import console
from longwriter_cli.store.lock import is_held

_INTERVAL_S = 2.0
_SHARE = 5  # a look at a large run takes seconds: it is done at most a fifth of the time


class _Top:
    """Standard output that ends with the terminal: what does not fit would push the counts at the top out of sight."""

    def __init__(self, terminal: TextIO, lines: int) -> None:
        self._terminal = terminal
        self._left = lines

    def write(self, text: str) -> int:
        for line in text.splitlines(keepends=True):
            if self._left > 0:
                self._terminal.write(line)
                self._left -= line.endswith("\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._terminal, name)


def watch(directory: Path, look: Callable[[], int], sleep: Callable[[float], None] = time.sleep) -> int:
    """Looks again and again while the run is being written, and once more when that has ended; gives the last code."""
    while True:
        is_written = is_held(directory)
        began_at = time.monotonic()
        out = console()
        out.clear()  # a terminal shows the newest look alone
        if not is_written:
            return look()
        if out.is_terminal:
            with contextlib.redirect_stdout(_Top(sys.stdout, out.height - 1)):
                look()
        else:
            look()
        sleep(max(_INTERVAL_S, _SHARE * (time.monotonic() - began_at)))
