"""What a command that makes no call shows of itself while it works, on standard error: a bar, lines, or JSON Lines."""

from __future__ import annotations

import sys
import time
from typing import Literal, Protocol

import orjson

from longwriter_cli.cli.meter import duration
from longwriter_cli.cli.output import Unheard, say
from longwriter_cli.stages.pack import PackProgress
from longwriter_cli.text.display import printable

StepMode = Literal["auto", "rich", "plain", "json", "none"]

PLAIN_INTERVAL_S = 30.0
JSON_INTERVAL_S = 1.0
LIVE_INTERVAL_S = 0.1


class StepDisplay(Protocol):
    def update(self, progress: PackProgress) -> None:
        """Is told often, a million times in a long command."""
        ...

    def note(self, message: str) -> None:
        """Says something that whoever watches should know, whatever is shown else."""
        ...

    def close(self) -> None: ...


class _Lines:
    """Words on standard error every so often; none where the interval is infinite."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last = time.monotonic()
        self._step = ""
        self._began = self._last

    def update(self, progress: PackProgress) -> None:
        now = time.monotonic()
        if progress.step != self._step:
            self._step, self._began = progress.step, now
        if now - self._last >= self._interval_s:
            self._last = now
            self.show(progress, left_s(progress, now - self._began))

    def show(self, progress: PackProgress, left: float | None) -> None:
        of = "" if progress.total is None else f" of {progress.total:,}"
        rest = "" if left is None else f", about {duration(left)} left"
        say(f"{printable(progress.step)}: {progress.done:,}{of}{rest}")

    def note(self, message: str) -> None:
        say(f"note: {printable(message)}")

    def close(self) -> None:
        pass


class _JsonLines(_Lines):
    def show(self, progress: PackProgress, left: float | None) -> None:
        row = {"step": progress.step, "done": progress.done, "total": progress.total, "eta_s": left}
        say(orjson.dumps(row).decode())


class _Live:
    """A bar on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._console = Console(file=Unheard.over(sys.stderr))
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._bar.start()
        self._task = self._bar.add_task("", total=None)
        self._step = ""
        self._last = 0.0

    def update(self, progress: PackProgress) -> None:
        now = time.monotonic()
        if progress.step != self._step:
            self._step = progress.step
            self._bar.reset(self._task, total=progress.total, description=printable(progress.step))
        elif now - self._last < LIVE_INTERVAL_S:
            return
        self._last = now
        self._bar.update(self._task, completed=progress.done)

    def note(self, message: str) -> None:
        self._console.print(f"note: {printable(message)}", markup=False, highlight=False)

    def close(self) -> None:
        self._bar.stop()


def left_s(progress: PackProgress, elapsed_s: float) -> float | None:
    """Seconds to the end of a step at its pace so far, or None where that cannot be told."""
    if progress.total is None or not progress.done or elapsed_s <= 0:
        return None
    return (progress.total - progress.done) * elapsed_s / progress.done


def step_display(mode: StepMode) -> StepDisplay:
    """The display for a mode; `auto` is `rich` on a terminal and `plain` elsewhere."""
    if mode == "auto":
        mode = "rich" if sys.stderr.isatty() else "plain"
    match mode:
        case "rich":
            return _Live()
        case "json":
            return _JsonLines(JSON_INTERVAL_S)
        case "plain":
            return _Lines(PLAIN_INTERVAL_S)
        case "none":
            return _Lines(float("inf"))
