"""What a run shows of itself while it goes on, on standard error.

On a terminal a live line; elsewhere, as cron and CI want it, one line every 30 seconds and at each milestone; or JSON
Lines for another program. Listens to the engine's events and asks nothing of the run.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Protocol

import orjson

from longwriter_cli.cli.output import Unheard, say
from longwriter_cli.engine.events import Event, Failed, Finished, Notice, Planned, Retrying, SectionWritten
from longwriter_cli.llm.retry import Tally
from longwriter_cli.text.display import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

ProgressMode = Literal["auto", "rich", "plain", "json", "none"]

PLAIN_INTERVAL_S = 30.0
LIVE_INTERVAL_S = 0.25
MILESTONES = 10  # of the instructions, each tenth
JSON_INTERVAL_S = 1.0


class Meter:
    """The figures of a command under way. Totals include what earlier commands did; rates are of this one."""

    def __init__(
        self,
        *,
        instructions: int,
        planned: int,
        finished: int,
        sections: int,
        words: int,
        words_to_do: int,
        tally: Tally,
        tokens: Callable[[], int],
        cost_usd: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.instructions = instructions
        self.planned = planned
        self.finished = finished
        self.words_to_do = words_to_do
        self.failed = 0
        self.sections = sections
        self.words = words
        self._words_before = words
        self.last_problem = ""
        self.tally = tally
        self.tokens = tokens
        self.cost_usd = cost_usd
        self._clock = clock
        self._started = clock()

    def take(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self.planned += 1
                self.words_to_do += sum(step.words for step in plan.steps)
            case SectionWritten(section):
                self.sections += 1
                self.words += section.words
                self.words_to_do -= section.target_words
                self.last_problem = ""
            case Finished():
                self.finished += 1
            case Failed():
                self.failed += 1
            case Retrying(problem, wait_s):
                self.last_problem = f"{problem} (again in {wait_s:.0f} s)"

    def elapsed_s(self) -> float:
        return self._clock() - self._started

    def left_s(self) -> float | None:
        """Seconds to the end at the pace so far, once a section is written and all is planned or nearly so."""
        written = self.words - self._words_before
        if not written or not self.planned:
            return None
        unplanned = self.words_to_do / self.planned * (self.instructions - self.planned - self.failed)
        return max(0.0, (self.words_to_do + max(0.0, unplanned)) * self.elapsed_s() / written)

    def line(self) -> str:
        """All in one line, for a log."""
        left = self.left_s()
        parts = [f"{self.finished}/{self.instructions} instructions", *self.figures()]
        if left is not None and self.finished < self.instructions:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def counts(self) -> tuple[int, int, int, int]:
        """What tells whether anything has happened since a line was shown."""
        return self.finished, self.failed, self.sections, self.planned

    def figures(self) -> list[str]:
        """What was done and spent, in words."""
        elapsed = max(self.elapsed_s(), 1e-6)
        cost = self.cost_usd()
        figures = [
            f"{self.planned} planned",
            f"{self.sections} sections",
            f"{self.words:,} words",
            f"{self.tally.calls / elapsed:.1f} calls/s",
            f"{self.tokens():,} tokens",
        ]
        if cost is not None:
            figures.append(f"${cost:.2f}")
        if self.tally.retries:
            figures.append(f"{self.tally.retries} retries")
        if self.failed:
            figures.append(f"{self.failed} failed")
        return figures

    def row(self) -> dict[str, object]:
        """The same for another program."""
        return {
            "elapsed_s": round(self.elapsed_s(), 1),
            "instructions": self.instructions,
            "planned": self.planned,
            "finished": self.finished,
            "failed": self.failed,
            "sections": self.sections,
            "words": self.words,
            "calls": self.tally.calls,
            "retries": self.tally.retries,
            "tokens": self.tokens(),
            "cost_usd": self.cost_usd(),
            "eta_s": self.left_s(),
        }


def duration(seconds: float) -> str:
    """As a person says it: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"


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
        if isinstance(event, Failed | Notice):
            say(_line_of(event))
        elif isinstance(event, Retrying) and (self._verbose or time.monotonic() - self._complained >= PLAIN_INTERVAL_S):
            self._complained = time.monotonic()
            say(f"retry: {printable(meter.last_problem)}")
        milestone = meter.finished * MILESTONES // max(1, meter.instructions)
        due = time.monotonic() - self._last >= PLAIN_INTERVAL_S
        if due or (isinstance(event, Finished) and milestone > self._milestone):
            self._milestone, self._last = milestone, time.monotonic()
            problem = f"; {printable(meter.last_problem)}" if due and meter.last_problem else ""
            self._said = meter.counts()
            say(meter.line() + problem)

    def close(self, meter: Meter) -> None:
        if meter.tally.calls and meter.counts() != self._said:
            say(meter.line())


class JsonLines:
    """One object a second, and one at the end."""

    def __init__(self) -> None:
        self._last = 0.0

    def update(self, meter: Meter, event: Event | None) -> None:
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
        if isinstance(event, Failed | Notice):
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
        head = Table.grid(padding=(0, 2))
        head.add_row(
            ProgressBar(total=max(1, meter.words + max(0, meter.words_to_do)), completed=meter.words, width=30),
            Text(f"{meter.finished}/{meter.instructions} instructions", style="bold"),
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


def _line_of(event: Failed | Notice) -> str:
    if isinstance(event, Notice):
        return printable(event.message)
    failure = event.failure
    where = f"{failure.stage} {failure.n}" if failure.n is not None else failure.stage
    return printable(f"failed: {failure.id} ({where}): {failure.kind}: {failure.message}")
