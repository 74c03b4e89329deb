"""Texts put before a judge model, each as often as is wanted; what comes of it are rows like any other.

An answer without usable scores is asked for again, with what was wrong with it. A text that gets none stays unjudged:
that is a failure row, tried again by later commands, and never a score.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace

from longwriter_cli.evals.judge import ANSWER_FIELDS, judge_request
from longwriter_cli.evals.scores import NoScores, read_scores
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Template
from longwriter_cli.records import Judgement
from longwriter_cli.settings import Settings
from longwriter_cli.stages.answering import Question
from longwriter_cli.stages.ask import Unusable, ask, with_room
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.failures import answer_basis
from longwriter_cli.stages.schema import AnswerSchema, object_schema
from longwriter_cli.store.run import Run
from longwriter_cli.text.refusal import is_refusal

_SCHEMA = object_schema("judgement", ANSWER_FIELDS)
_AGAIN = "\n\nAn earlier answer could not be used: {problem}. Give all six scores, once, as the JSON object above.\n"


@dataclass(frozen=True, slots=True)
class Judged:
    """A text to be judged: `response`, written for `prompt`, the `sample`-th for this instruction, counted from 0.

    `note` is what the judge must know of it beside what the template says.
    """

    id: str
    prompt: str
    response: str
    sample: int = 0
    note: str = ""


@dataclass(frozen=True)
class Judging:
    """Asks the judge of the settings."""

    chat: Chat
    settings: Settings
    template: Template
    _schema: AnswerSchema = field(default_factory=lambda: AnswerSchema(_SCHEMA))

    def questions(self, text: Judged, times: int = 1, *, anew_since: int | None = None) -> Iterator[Question]:
        """The questions that give the text as many judgements. A text without a word is not put before a judge.

        With `anew_since` all are asked once more, but for those whose row begins there or behind, in bytes.
        """
        if not text.response.strip():
            return
        for n in range(1, times + 1):
            key = judgement_key(text, self.settings, n)
            basis = answer_basis(self.settings, "judge", text.prompt, text.response, text.note, str(n))
            ask_ = self._judgement_of(text, n)
            yield Question(
                *(key, text.id, Judgement.stage, text.sample + 1, basis, ask_),
                since=anew_since or 0,
                again=anew_since is not None,
            )

    def _judgement_of(self, text: Judged, n: int) -> Callable[[], Awaitable[Judgement]]:
        return lambda: self.judge(text, n)

    async def judge(self, text: Judged, n: int = 1) -> Judgement:
        """The `n`-th judgement of the text.

        Raises:
            InstructionFailed: the judge gave no scores that can be used, or no answer.
        """
        request = judge_request(text.prompt, text.response, text.id, self.settings, self.template)
        request = replace(request, prompt=request.prompt.rstrip() + text.note if text.note else request.prompt)
        scores, completion = await self._schema.ask(request, lambda shaped: ask(self.chat, shaped, _accept))
        return Judgement(
            id=text.id,
            n=n,
            sample=text.sample,
            judge=request.model,
            scores=scores,
            of=digest_of(text, self.settings),
            model=completion.model,
            usage=completion.usage,
            attempts=completion.attempts,
            at=now(),
        )


def digest_of(text: Judged, settings: Settings) -> str:
    """What a judgement stands on: the text and its prompt, and how the judge is asked."""
    notes = (text.note,) if text.note else ()
    return answer_basis(settings, "judge", text.prompt, text.response, *notes)


def judgement_key(text: Judged, settings: Settings, n: int) -> tuple[str | int, ...]:
    return (text.id, text.sample, settings.judge_model or "", n, digest_of(text, settings))


def judged_by(run: Run, judge: str) -> set[str]:
    """The ids of instructions of which this judge has judged a text; which text it was, is not looked at."""
    return {str(key[0]) for key in run.index.answers(Judgement.stage) if key[2] == judge}


def judgements_of(text: Judged, run: Run, settings: Settings) -> list[dict[str, int]]:
    """The scores that the run holds for this very text, by the judge of the settings, in the order of their numbers."""
    found: list[dict[str, int]] = []
    if settings.judge_model is None:
        return found
    while judgement := run.answer(Judgement, judgement_key(text, settings, len(found) + 1)):
        found.append(dict(judgement.scores))
    return found


def _accept(completion: Completion, request: Request) -> dict[str, int]:
    """The scores in an answer; raises `Unusable` where it holds none that can be used."""
    if completion.finish_reason == "content_filter":
        raise Unusable("content_filter", "the endpoint's content filter cut the judge's answer")
    try:
        return read_scores(completion.text)
    except NoScores as error:
        problem, shown = str(error), repr(completion.text[:200])
    if completion.refused or is_refusal(completion.text):
        raise Unusable("refusal", f"the judge refused: {shown}")
    if completion.finish_reason == "length":
        raise Unusable(
            "truncated", f"cut at the token limit before the scores: {shown}", with_room(request, completion)
        )
    again = request.prompt.partition(_AGAIN.partition("{")[0])[0].rstrip() + _AGAIN.format(problem=problem)
    raise Unusable("empty", f"the judge's answer cannot be used, {problem}: {shown}", replace(request, prompt=again))
