"""What a run shows of itself while it goes on, on standard error.

On a terminal a live line; elsewhere, as cron and CI want it, one line every 30 seconds and at each milestone; or JSON
Lines for another program. Listens to the engine's events and asks nothing of the run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

import orjson

from longwriter_cli.cli.meter import Meter, duration
from longwriter_cli.cli.output import Unheard, say
from longwriter_cli.engine.events import Answered, BatchSeen, Event, Failed, Finished, Notice, Retrying
from longwriter_cli.text.display import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

ProgressMode = Literal["auto", "rich", "plain", "json", "none"]

PLAIN_INTERVAL_S = 30.0
LIVE_INTERVAL_S = 0.25
MILESTONES = 10  # of the instructions, each tenth
JSON_INTERVAL_S = 1.0


class Display(Protocol):
    def update(self, meter: Meter, event: Event | None) -> None:
        """Shows the figures; `event` is None when only time has passed."""
        ...

    def close(self, meter: Meter) -> None: ...


class Silent:
    def update(self, meter: Meter, event: Event | None) -> None:
        pass

    def close(self, meter: Meter) -> None:
        pass


class PlainLines:
    """A line every 30 s, at each tenth of the instructions, for each failure, and when calls begin to fail."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._verbose = verbose
        self._last = time.monotonic()
        self._milestone = 0
        self._said: tuple[int, ...] = ()
        self._complained = float("-inf")

    def update(self, meter: Meter, event: Event | None) -> None:
        if isinstance(event, Failed | Notice | BatchSeen):
            say(_line_of(event))
        elif isinstance(event, Retrying) and (self._verbose or time.monotonic() - self._complained >= PLAIN_INTERVAL_S):
            self._complained = time.monotonic()
            say(f"retry: {printable(meter.last_problem)}")
        milestone = meter.finished * MILESTONES // max(1, meter.total)
        due = time.monotonic() - self._last >= PLAIN_INTERVAL_S
        if due or (isinstance(event, Finished | Answered) and milestone > self._milestone):
            self._milestone, self._last = milestone, time.monotonic()
            problem = f"; {printable(meter.last_problem)}" if due and meter.last_problem else ""
            self._said = meter.counts()
            say(meter.line() + problem)

    def close(self, meter: Meter) -> None:
        if meter.tally.calls and meter.counts() != self._said:
            say(meter.line())


class JsonLines:
    """One object a second, and one at the end; one for each change of a batch."""

    def __init__(self) -> None:
        self._last = 0.0

    def update(self, meter: Meter, event: Event | None) -> None:
        if isinstance(event, BatchSeen):
            seen = {"batch": event.id, "status": event.status, "done": event.done, "failed": event.failed}
            say(orjson.dumps({**seen, "requests": event.total}).decode())
        if time.monotonic() - self._last >= JSON_INTERVAL_S:
            self._last = time.monotonic()
            say(orjson.dumps(meter.row()).decode())

    def close(self, meter: Meter) -> None:
        say(orjson.dumps(meter.row()).decode())


class Live:
    """A bar with the figures under it, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(file=Unheard.over(sys.stderr))
        self._live = RichLive(console=self._console, refresh_per_second=4, transient=True)
        self._live.start()
        self._last = 0.0

    def update(self, meter: Meter, event: Event | None) -> None:
        if isinstance(event, Failed | Notice | BatchSeen):
            self._console.print(_line_of(event), markup=False, highlight=False)
        if time.monotonic() - self._last >= LIVE_INTERVAL_S:
            self._last = time.monotonic()
            self._live.update(self._picture(meter))

    def _picture(self, meter: Meter) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        left = meter.left_s()
        done, total = meter.share()
        head = Table.grid(padding=(0, 2))
        head.add_row(
            ProgressBar(total=max(1, total), completed=done, width=30),
            Text(f"{meter.finished}/{meter.total} {meter.noun}", style="bold"),
            Text(f"about {duration(left)} left" if left is not None else ""),
        )
        lines: list[RenderableType] = [head, Text(", ".join(meter.figures()))]
        if meter.last_problem:
            lines.append(Text(printable(meter.last_problem)[:200], style="yellow"))
        return Group(*lines)

    def close(self, meter: Meter) -> None:
        self._live.stop()
        if meter.tally.calls:
            self._console.print(meter.line(), markup=False, highlight=False)


class Progress(AbstractContextManager["Progress"]):
    """Feeds a display with events, and with the passing of time."""

    def __init__(self, meter: Meter, display: Display) -> None:
        self._meter = meter
        self._display = display
        self._ticker: asyncio.Task[None] | None = None

    def __enter__(self) -> Progress:
        self._ticker = asyncio.get_running_loop().create_task(self._tick())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
        self._display.close(self._meter)

    def listen(self, event: Event) -> None:
        self._meter.take(event)
        self._display.update(self._meter, event)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(LIVE_INTERVAL_S)
            self._display.update(self._meter, None)


def display(mode: ProgressMode, *, verbose: bool = False) -> Display:
    """The display for a mode; `auto` is `rich` on a terminal and `plain` elsewhere."""
    if mode == "auto":
        mode = "rich" if sys.stderr.isatty() else "plain"
    if mode == "rich":
        return Live()
    if mode == "json":
        return JsonLines()
    return PlainLines(verbose=verbose) if mode == "plain" else Silent()


def _line_of(event: Failed | Notice | BatchSeen) -> str:
    if isinstance(event, Notice):
        return printable(event.message)
    if isinstance(event, BatchSeen):
        failed = f", {event.failed:,} failed" if event.failed else ""
        return printable(f"batch {event.id}: {event.status}, {event.done:,} of {event.total:,} requests{failed}")
    failure = event.failure
    where = f"{failure.stage} {failure.n}" if failure.n is not None else failure.stage
    return printable(f"failed: {failure.id} ({where}): {failure.kind}: {failure.message}")
