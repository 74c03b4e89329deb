"""`inspect --watch`: follows a run that another process writes, until that process has gone."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from longwriter_cli.report.terminal import console
from longwriter_cli.store.lock import is_held

_INTERVAL_S = 2.0
_SHARE = 5  # a look at a large run takes seconds: it is done at most a fifth of the time


def watch(directory: Path, look: Callable[[], int], sleep: Callable[[float], None] = time.sleep) -> int:
    """Looks again and again while the run is being written, and once more when that has ended; gives the last code."""
    while True:
        is_written = is_held(directory)
        began_at = time.monotonic()
        console().clear()  # a terminal shows the newest look alone
        code = look()
        if not is_written:
            return code
        sleep(max(_INTERVAL_S, _SHARE * (time.monotonic() - began_at)))
