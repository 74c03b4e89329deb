"""The figures of a command under way, as its progress shows them.

Totals include what earlier commands did; rates are of this one.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import asdict

from longwriter_cli.engine.events import Answered, Event, Failed, Finished, Planned, Retrying, SectionWritten
from longwriter_cli.engine.ray import ActorFigures
from longwriter_cli.llm.retry import Tally
from longwriter_cli.report.money import dollars
from longwriter_cli.text.display import counted

_ACTORS_SHOWN = 4  # in a line; all of them are in the JSON


class Meter(ABC):
    """What every command counts: things to do, done and failed, calls, tokens, cost.

    `actors` tells what each machine does, where others than this one make the calls.
    """

    noun = "instructions"

    def __init__(
        self,
        *,
        total: int,
        finished: int,
        tally: Tally,
        tokens: Callable[[], int],
        cost_usd: Callable[[], float | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.total = total
        self.finished = finished
        self.failed = 0
        self.last_problem = ""
        self.tally = tally
        self.tokens = tokens
        self.cost_usd = cost_usd
        self.actors: Callable[[], Sequence[ActorFigures]] | None = None
        self._clock = clock
        self._started = clock()

    def take(self, event: Event) -> None:
        match event:
            case Failed():
                self.failed += 1
            case Retrying(problem, wait_s):
                self.last_problem = f"{problem} (again in {wait_s:.0f} s)"

    def elapsed_s(self) -> float:
        return self._clock() - self._started

    @abstractmethod
    def left_s(self) -> float | None:
        """Seconds to the end at the pace so far, or None while that cannot be told."""

    def share(self) -> tuple[float, float]:
        """How much is done, and of how much, for a bar."""
        return self.finished, self.total

    def line(self) -> str:
        """All in one line, for a log."""
        left = self.left_s()
        parts = [f"{self.finished}/{self.total} {self.noun}", *self.figures()]
        if left is not None and self.finished < self.total:
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def counts(self) -> tuple[int, ...]:
        """What tells whether anything has happened since a line was shown."""
        return self.finished, self.failed

    def figures(self) -> list[str]:
        """What was done and spent, in words."""
        elapsed = max(self.elapsed_s(), 1e-6)
        cost = self.cost_usd()
        figures = [f"{self.tally.calls / elapsed:.1f} calls/s", f"{self.tokens():,} tokens"]
        if cost is not None:
            figures.append(dollars(cost))
        if self.tally.retries:
            figures.append("1 retry" if self.tally.retries == 1 else f"{self.tally.retries} retries")
        if self.failed:
            figures.append(f"{self.failed} failed")
        if self.actors is not None:
            figures.append(_actors(self.actors()))
        return figures

    def row(self) -> dict[str, object]:
        """The same for another program."""
        return {
            "elapsed_s": round(self.elapsed_s(), 1),
            self.noun: self.total,
            "finished": self.finished,
            "failed": self.failed,
            "calls": self.tally.calls,
            "retries": self.tally.retries,
            "tokens": self.tokens(),
            "cost_usd": self.cost_usd(),
            "eta_s": self.left_s(),
        } | self._actor_rows()

    def _actor_rows(self) -> dict[str, object]:
        if self.actors is None:
            return {}
        return {"actors": [asdict(actor) | {"calls_per_s": round(actor.calls_per_s, 2)} for actor in self.actors()]}


class AnswerMeter(Meter):
    """Questions beside plans and sections, all counted alike.

    Args:
        noun: what is counted, as in `prompts`.
    """

    def __init__(
        self,
        noun: str,
        *,
        total: int,
        finished: int,
        tally: Tally,
        tokens: Callable[[], int],
        cost_usd: Callable[[], float | None],
    ) -> None:
        super().__init__(total=total, finished=finished, tally=tally, tokens=tokens, cost_usd=cost_usd)
        self.noun = noun
        self._finished_before = finished

    def expect(self, more: int, *, done: int) -> None:
        """Counts more questions, of which so many were answered before."""
        self.total += more
        self.finished += done
        self._finished_before += done

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, Answered):
            self.finished += 1
            self.last_problem = ""

    def left_s(self) -> float | None:
        done = self.finished - self._finished_before + self.failed
        if not done:
            return None
        return max(0, self.total - self.finished - self.failed) * self.elapsed_s() / done


class AgentWriteMeter(Meter):
    """Plans and sections. What is left is told by the words still to write."""

    def __init__(
        self,
        *,
        total: int,
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
        super().__init__(total=total, finished=finished, tally=tally, tokens=tokens, cost_usd=cost_usd, clock=clock)
        self.planned = planned
        self.sections = sections
        self.words = words
        self.words_to_do = words_to_do
        self.judged = 0  # by this command
        self._words_before = words

    def take(self, event: Event) -> None:
        super().take(event)
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
            case Answered():
                self.judged += 1
                self.last_problem = ""

    def left_s(self) -> float | None:
        """As it says there; once a section is written and all is planned or nearly so."""
        written = self.words - self._words_before
        if not written or not self.planned:
            return None
        unplanned = self.words_to_do / self.planned * (self.total - self.planned - self.failed)
        return max(0.0, (self.words_to_do + max(0.0, unplanned)) * self.elapsed_s() / written)

    def share(self) -> tuple[float, float]:
        return self.words, max(1, self.words + max(0, self.words_to_do))

    def counts(self) -> tuple[int, ...]:
        return *super().counts(), self.sections, self.planned, self.judged

    def figures(self) -> list[str]:
        done = [f"{self.planned} planned", counted(self.sections, "section"), counted(self.words, "word")]
        if self.judged:
            done.append(f"{self.judged} judged")
        return [*done, *super().figures()]

    def row(self) -> dict[str, object]:
        row = super().row()
        head = {name: row.pop(name) for name in ("elapsed_s", "instructions")}
        return {
            **head,
            "planned": self.planned,
            "finished": row.pop("finished"),
            "failed": row.pop("failed"),
            "sections": self.sections,
            "words": self.words,
            **row,
        }


def _actors(actors: Sequence[ActorFigures]) -> str:
    """How many there are, and the calls per second of the first ones."""
    number = "1 actor" if len(actors) == 1 else f"{len(actors)} actors"
    shown = [f"{actor.node} {actor.calls_per_s:.1f}/s" for actor in actors[:_ACTORS_SHOWN]]
    more = [f"{len(actors) - _ACTORS_SHOWN} more"] if len(actors) > _ACTORS_SHOWN else []
    return f"{number}: {', '.join(shown + more)}" if actors else number


def duration(seconds: float) -> str:
    """As a person says it: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02d} min"
