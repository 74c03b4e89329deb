"""What answers have cost that no row holds: those thrown away before a stop, a budget or an outage came between.

A row counts the answers that were thrown away on the way to it. Where the work on it is broken off, they are recorded
by a failure row of their own, so that later commands and budgets know of them. It stands for no step (`n` is 0), and
so uses up none of the commands in which a failure is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from longwriter_cli.engine.events import Answered, Event, Failed, Planned, SectionWritten
from longwriter_cli.llm.base import CallKind, Request
from longwriter_cli.records import Failure, Usage
from longwriter_cli.stages.clock import now

NO_STEP = 0
_STAGES: dict[CallKind, str] = {
    "plan": "plan",
    "section": "write",
    "select": "select",
    "direct": "predict",
    "judge": "judge",
    "compare": "compare",
}
_MESSAGE = "the work was stopped before another try; this is what answers had cost that could not be used"


@dataclass(slots=True)
class _Open:
    """Answers of one instruction and stage, in all less those that rows hold."""

    usage: Usage
    model: str
    answers: int


class Unrecorded:
    """Is told of each answer that is paid, and of each row that is written."""

    def __init__(self) -> None:
        self._open: dict[tuple[str | None, str], _Open] = {}

    def pay(self, request: Request, usage: Usage, model: str) -> None:
        key = request.affinity, _STAGES[request.kind]
        earlier = self._open.get(key)
        if earlier is None:
            self._open[key] = _Open(usage, model, 1)
        else:
            earlier.usage, earlier.model, earlier.answers = earlier.usage + usage, model, earlier.answers + 1

    def listen(self, event: Event) -> None:
        match event:
            case Planned(plan):
                self._settle(plan.id, "plan", plan.usage)
            case SectionWritten(section):
                self._settle(section.id, "write", section.usage)
            case Answered(answer):
                self._settle(answer.id, answer.stage, answer.usage)
            case Failed(failure):
                self._settle(failure.id, failure.stage, failure.usage)

    def _settle(self, id: str | None, stage: str, held: Usage) -> None:  # noqa: A002 - the rows' word
        if (open_ := self._open.get((id, stage))) is None:
            return
        open_.usage = Usage(
            max(0, open_.usage.prompt_tokens - held.prompt_tokens),
            max(0, open_.usage.cached_tokens - held.cached_tokens),
            max(0, open_.usage.completion_tokens - held.completion_tokens),
            open_.usage.estimated,
        )
        if not open_.usage.total_tokens:
            del self._open[id, stage]

    def rows(self) -> Iterator[Failure]:
        """One failure for each instruction and stage that has answers in no row."""
        for (id, stage), open_ in self._open.items():  # noqa: A001
            yield Failure(
                id, stage, NO_STEP, "retries_exhausted", _MESSAGE, open_.model, open_.usage, open_.answers, now()
            )
