"""A wall clock that jumps, by seconds to hours, under the programs that are started; monotonic time stays right.

libfaketime, loaded before the C library, answers every question for the time of day with the true time and an offset,
which it reads from a file at each question. So the clock steps in the middle of whatever is being done, for Python and
for C alike, and needs no root. It comes from PyPI, ready-made for Linux on x86-64.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

LONGEST_STEP_S = 6 * 3600


class SteppedClock:
    """Steps the clock of all processes that are started while it is entered; of this process never.

    `works` is false where libfaketime is missing or does not load; then time is true everywhere, and `steps` stays 0.
    """

    def __init__(self, directory: Path, chance: random.Random) -> None:
        self.steps = 0
        self.works = False
        self._file = directory / "clock"
        self._chance = chance
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._step, name="stepped-clock", daemon=True)

    def __enter__(self) -> Self:
        library = _library()
        if library is None:
            return self
        self._environment = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }
        self._set(86_400)
        code = "import time; print(time.time())"
        told = subprocess.run(
            [sys.executable, "-c", code], env=os.environ | self._environment, capture_output=True, text=True, check=True
        )
        self.works = float(told.stdout) - time.time() > 80_000
        if self.works:
            self._set(0)
            os.environ.update(self._environment)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.works:
            self._ended.set()
            self._thread.join()
            for name in self._environment:
                del os.environ[name]

    def _step(self) -> None:
        """One second forward is as likely as an hour back; at times the clock is put right."""
        while not self._ended.wait(self._chance.uniform(0.05, 1.0)):
            size_s = LONGEST_STEP_S ** self._chance.random()
            self._set(self._chance.choice([0, size_s, -size_s]))
            self.steps += 1

    def _set(self, offset_s: float) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset_s:+.3f}\n")
        new.replace(self._file)  # no program may read half of it


def _library() -> Path | None:
    spec = find_spec("libfaketime")
    if spec is None or spec.origin is None or not sys.platform.startswith("linux"):
        return None
    return Path(spec.origin).parent / "vendor" / "libfaketime" / "src" / "libfaketime.so.1"
