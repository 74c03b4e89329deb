"""Texts of two runs put before a judge in pairs, each pair in both orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from longwriter_cli.evals.preference import ANSWER_FIELDS, Better, Tally, compare_request, read_better, tally
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Template
from longwriter_cli.records import Comparison, Prediction
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import finished_texts
from longwriter_cli.stages.answering import Question
from longwriter_cli.stages.ask import Unusable, ask, with_room
from longwriter_cli.stages.build import to_be_judged
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.evaluate import instructions_of
from longwriter_cli.stages.failures import answer_basis
from longwriter_cli.stages.judging import Judged
from longwriter_cli.stages.schema import AnswerSchema, object_schema
from longwriter_cli.store.run import Run
from longwriter_cli.text.refusal import is_refusal

ORDERS = (0, 1)
"""0: this run's text stands first; 1: it stands second."""

_SCHEMA = object_schema("comparison", ANSWER_FIELDS)
_AGAIN = '\n\nAn earlier answer could not be used: it named no winner. Give the JSON object with "better" above.\n'


@dataclass(frozen=True, slots=True)
class Rivals:
    """Two texts for one prompt: `mine` of this run, `other` of the one it is compared with."""

    id: str
    prompt: str
    mine: str
    other: str

    def of(self, settings: Settings, template: Template) -> str:
        """What a comparison stands on."""
        return answer_basis(settings, "judge", template.source, self.prompt, self.mine, self.other)

    def keys(self, settings: Settings, template: Template) -> list[tuple[str, int, str, str]]:
        """Those of its comparisons, in the order of `ORDERS`."""
        of = self.of(settings, template)
        return [(self.id, order, settings.judge_model or "", of) for order in ORDERS]


def rivals(texts: Iterator[Judged], other: Mapping[tuple[str, str], str]) -> Iterator[Rivals]:
    """The texts that have a rival. `other` holds those of the other run, by id and prompt, for ids may be mere numbers;
    a text without a word has none."""
    for text in texts:
        rival = other.get((text.id, text.prompt), "")
        if rival.strip() and text.response.strip():
            yield Rivals(text.id, text.prompt, text.response, rival)


def texts_by_row(run: Run) -> dict[tuple[str, str], str]:
    """The first text of each instruction of a run, whichever way it was written, by id and prompt."""
    texts = {instruction.id: to_be_judged(instruction, parts).response for instruction, _, parts in finished_texts(run)}
    texts |= {row.id: row.response for row in run.answers(Prediction) if row.sample == 0}
    rows = instructions_of(run, None)
    return {(row.id, row.prompt): texts[row.id] for row in rows if row.id in texts}


@dataclass(frozen=True)
class Comparing:
    """Asks the judge of the settings."""

    chat: Chat
    settings: Settings
    template: Template
    _schema: AnswerSchema = field(default_factory=lambda: AnswerSchema(_SCHEMA))

    def questions(self, pair: Rivals) -> Iterator[Question]:
        of = pair.of(self.settings, self.template)
        for order, key in zip(ORDERS, pair.keys(self.settings, self.template), strict=True):
            yield Question(key, pair.id, Comparison.stage, order + 1, of, self._comparison_of(pair, order))

    def _comparison_of(self, pair: Rivals, order: int) -> Callable[[], Awaitable[Comparison]]:
        return lambda: self.compare(pair, order)

    async def compare(self, pair: Rivals, order: int) -> Comparison:
        """The verdict on a pair in one order.

        Raises:
            InstructionFailed: the judge named no winner, or gave no answer.
        """
        first, second = (pair.mine, pair.other) if order == 0 else (pair.other, pair.mine)
        request = compare_request(pair.prompt, first, second, pair.id, self.settings, self.template)
        better, completion = await self._schema.ask(request, lambda shaped: ask(self.chat, shaped, _accept))
        return Comparison(
            id=pair.id,
            order=order,
            judge=request.model,
            better=better,
            model=completion.model,
            usage=completion.usage,
            attempts=completion.attempts,
            at=now(),
            of=pair.of(self.settings, self.template),
        )


def compared(run: Run, pairs: Iterator[Rivals], settings: Settings, template: Template) -> Tally:
    """What came of the pairs that have a verdict in both orders."""
    verdicts: list[tuple[Better, Better]] = []
    for pair in pairs:
        of = pair.of(settings, template)
        found = [run.answer(Comparison, (pair.id, order, settings.judge_model or "", of)) for order in ORDERS]
        if found[0] is not None and found[1] is not None:
            verdicts.append((found[0].better, found[1].better))
    return tally(verdicts)


def _accept(completion: Completion, request: Request) -> Better:
    if (better := read_better(completion.text)) is not None:
        return better
    shown = repr(completion.text[:200])
    if completion.finish_reason == "content_filter":
        raise Unusable("content_filter", "the endpoint's content filter cut the judge's answer")
    if completion.refused or is_refusal(completion.text):
        raise Unusable("refusal", f"the judge refused: {shown}")
    if completion.finish_reason == "length":
        raise Unusable("truncated", f"cut at the token limit before a verdict: {shown}", with_room(request, completion))
    again = request if request.prompt.endswith(_AGAIN) else replace(request, prompt=request.prompt.rstrip() + _AGAIN)
    raise Unusable("empty", f"the judge named no winner: {shown}", again)
