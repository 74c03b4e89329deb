"""Instructions that need long outputs, out of logs of chats: sifted by rules, then, where there is one, by a model.

The way: each row of the logs is an `Instruction` or a `Reject` (`sift`); a `Selector` asks the model about the
instructions, one question each; `verdict_on` says what came of it, also where the limit is another one by now.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Template
from longwriter_cli.records import Instruction, LoggedPrompt, Selection
from longwriter_cli.settings import Settings
from longwriter_cli.stages.answering import Question
from longwriter_cli.stages.ask import Unusable, ask, with_room
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.failures import answer_basis
from longwriter_cli.stages.schema import AnswerSchema, object_schema
from longwriter_cli.store.run import Run
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.refusal import is_refusal
from longwriter_cli.text.selecting import Drop, Rules, Sifter
from longwriter_cli.text.selecting.verdict import Verdict, decided, read_verdict

_NEVER = sys.maxsize  # no row stands there
_VERDICT = object_schema(
    "verdict", {"reason": {"type": "string"}, "words": {"type": "integer"}, "keep": {"type": "boolean"}}
)
# Behind the template, so that it holds for one of the user's own too and is the last that the model reads.
_LIMIT = "\n\nThe limit is {words:,} words.\n"
_AGAIN = '\n\nAn earlier answer could not be used: it held no JSON object with true or false as its "keep".\n'


@dataclass(frozen=True, slots=True)
class Reject:
    """A row of a log that is left out: why, and where it stands."""

    logged: LoggedPrompt
    drop: Drop


def sift(logs: Iterable[LoggedPrompt], rules: Rules) -> Iterator[Instruction | Reject]:
    """What the rules make of each row, one for one. An instruction's `row` is the number of rows before it."""
    sifter = Sifter(rules)
    for row, logged in enumerate(logs):
        judged = sifter.judge(logged)
        yield Reject(logged, judged) if isinstance(judged, Drop) else replace(judged, row=row)


@dataclass(frozen=True)
class Selector:
    """Asks a model whether an instruction truly needs more words than the limit, `settings.min_words`."""

    chat: Chat
    settings: Settings
    template: Template
    _schema: AnswerSchema = field(default_factory=lambda: AnswerSchema(_VERDICT))

    def questions(self, run: Run, ids: Iterable[str]) -> Iterator[Question]:
        """A question for each of these instructions of the run, read when it is asked for.

        One that a verdict for another limit leaves open is asked again.
        """
        for id in ids:  # noqa: A001 - the rows' word
            position = run.index.position(id)
            assert position is not None, f"{id} was taken in before"
            instruction = run.instruction(position)
            basis = answer_basis(self.settings, "select", instruction.prompt)
            since = _NEVER if is_open(run, id, self.settings) else 0
            yield Question((id,), id, Selection.stage, None, basis, self._selection_of(instruction), since)

    def _selection_of(self, instruction: Instruction) -> Callable[[], Awaitable[Selection]]:
        return lambda: self.select(instruction)

    async def select(self, instruction: Instruction) -> Selection:
        """The model's verdict. One that contradicts itself, with fewer words than the limit and `keep`, keeps nothing.

        Raises:
            InstructionFailed: the model gave no verdict that can be read.
        """
        request = select_request(instruction, self.settings, self.template)
        verdict, completion = await self._schema.ask(request, lambda shaped: ask(self.chat, shaped, _accept))
        return Selection(
            id=instruction.id,
            keep=verdict.keep and (verdict.words is None or verdict.words >= self.settings.min_words),
            reason=verdict.reason,
            words=verdict.words,
            min_words=self.settings.min_words,
            model=completion.model,
            usage=completion.usage,
            attempts=completion.attempts,
            at=now(),
        )


def verdict_on(run: Run, id: str, settings: Settings) -> tuple[Selection | None, bool | None]:  # noqa: A002
    """The model's verdict on a prompt, and what it says under the limit of the settings: None where that is open."""
    verdict = run.answer(Selection, (id,))
    if verdict is None:
        return None, None
    return verdict, decided(verdict.keep, verdict.words, verdict.min_words, settings.min_words)


def is_open(run: Run, id: str, settings: Settings) -> bool:  # noqa: A002
    """Whether the model is still to be asked. A verdict is read only where the run has known another limit."""
    if (id,) not in run.index.answers(Selection.stage):
        return True
    return _has_known_another_limit(run, settings) and verdict_on(run, id, settings)[1] is None


def _has_known_another_limit(run: Run, settings: Settings) -> bool:
    manifest = run.manifest
    rows = () if manifest is None else (manifest.settings, *(change["settings"] for change in manifest.changes))
    return any(row.get("min_words", Settings.min_words) != settings.min_words for row in rows)


def select_request(instruction: Instruction, settings: Settings, template: Template) -> Request:
    """The call for one instruction.

    The prompt stands in it as a quotation, line by line: whatever it says, it cannot pass for an order of ours, nor its
    end for the end of the quotation.
    """
    quoted = "\n".join(f"> {line}" for line in instruction.prompt.splitlines())
    return Request(
        kind="select",
        affinity=instruction.id,
        model=settings.model,
        prompt=template.fill(INST=quoted).rstrip() + _LIMIT.format(words=settings.min_words),
        max_tokens=settings.max_tokens,
        params=settings.body(planning=False),
        language=detect_language(instruction.prompt),
    )


def _accept(completion: Completion, request: Request) -> Verdict:
    """The verdict in an answer; raises `Unusable` where it holds none."""
    if completion.finish_reason == "content_filter":
        raise Unusable("content_filter", "the endpoint's content filter cut the answer")
    if (verdict := read_verdict(completion.text)) is not None:
        return verdict
    shown = repr(completion.text[:200])
    if completion.refused or is_refusal(completion.text):
        raise Unusable("refusal", f"the model refused: {shown}")
    if completion.finish_reason == "length":
        raise Unusable(
            "truncated", f"cut at the token limit before the verdict: {shown}", with_room(request, completion)
        )
    again = request if request.prompt.endswith(_AGAIN) else replace(request, prompt=request.prompt.rstrip() + _AGAIN)
    raise Unusable("empty", f"the answer holds no verdict: {shown}", again)
