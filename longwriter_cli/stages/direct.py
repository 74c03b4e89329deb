"""A text by one plain call: the prompt as it stands, and as much room as the endpoint gives.

Whatever the model gives is its text, a refusal or half a text too: to be scored, not to be trained on.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import ParameterRefused
from longwriter_cli.records import Instruction, Prediction
from longwriter_cli.settings import Settings
from longwriter_cli.stages.answering import Question
from longwriter_cli.stages.ask import Unusable, ask
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.failures import answer_basis
from longwriter_cli.text.clean import without_thoughts
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.tokens import estimate_tokens
from longwriter_cli.text.words import count_words_longbench

LARGEST_ROOM = 32_768
"""Tokens of one answer, where the user names no other number (LongWriter, arXiv 2408.07055, section 2)."""

_SMALLEST_ROOM = 256
_MARGIN = 1.2, 64  # for what an estimate of the prompt's tokens may miss
_NAMES = ("max_tokens", "max_completion_tokens")
_NUMBER = re.compile(r"\d[\d,]{2,}")
_STATUS = re.compile(r"HTTP \d{3}")
_NOTHING = frozenset({"empty", "content_filter"})


@dataclass
class Direct:
    """Asks the model of the settings. `room` is what the endpoint is known to take; None: it is not told."""

    chat: Chat
    settings: Settings
    room: int | None = LARGEST_ROOM

    def questions(self, instructions: Iterable[Instruction], samples: int = 1) -> Iterator[Question]:
        """A question for each text that is wanted, the samples of one instruction behind each other."""
        for instruction in instructions:
            for sample in range(samples):
                basis = answer_basis(self.settings, "direct", instruction.prompt)
                key = (instruction.id, sample)
                ask_ = self._text_of(instruction, sample)
                yield Question(key, instruction.id, Prediction.stage, sample + 1, basis, ask_)

    def _text_of(self, instruction: Instruction, sample: int) -> Callable[[], Awaitable[Prediction]]:
        return lambda: self.write(instruction, sample)

    async def write(self, instruction: Instruction, sample: int = 0) -> Prediction:
        """The text. A model that answers with nothing, asked again and again, has given an empty one.

        Raises:
            InstructionFailed: there is no answer to score.
        """
        params = self.settings.body(planning=False)
        if sample and "seed" in params:
            params["seed"] += sample  # the same one would give the same text
        required = instruction.required_words
        request = Request(
            kind="direct",
            affinity=instruction.id,
            model=self.settings.model,
            prompt=instruction.prompt,
            target_words=required.words if required else None,
            params=params,
            language=detect_language(instruction.prompt),
        )
        try:
            text, completion = await self._with_room(request)
        except InstructionFailed as error:
            if error.kind not in _NOTHING:
                raise
            text = ""
            completion = Completion("", error.kind, error.model or request.model, error.usage, error.attempts)
        return Prediction(
            id=instruction.id,
            sample=sample,
            response_length=count_words_longbench(text),
            finish_reason=completion.finish_reason,
            model=completion.model,
            usage=completion.usage,
            attempts=completion.attempts,
            at=now(),
            response=text,
        )

    async def _with_room(self, request: Request) -> tuple[str, Completion]:
        """Asks with as much room as the user says, else with as much as the endpoint is found to take."""
        if self.settings.max_tokens is not None:
            return await ask(self.chat, replace(request, max_tokens=self.settings.max_tokens), _text)
        room, is_found = await self._room_for(request), False
        while True:
            try:
                answer = await ask(self.chat, replace(request, max_tokens=room), _text)
            except (EndpointRefused, InstructionFailed) as error:
                if room is None or not _is_about_room(error):
                    raise
                fits = await self._room_for(request)
                if fits is not None and fits < room:  # the context is known now: this prompt leaves less
                    room = fits
                else:
                    room, is_found = _named_room(str(error), room), True
                continue
            if is_found:  # only now: another fault of the request would have come again
                self.room = room
            return answer

    async def _room_for(self, request: Request) -> int | None:
        context = await self.chat.context_tokens(request.model)
        if context is None or self.room is None:
            return self.room
        share, more = _MARGIN
        left = int(context - share * estimate_tokens(request.prompt)) - more
        return min(self.room, max(_SMALLEST_ROOM, left))


def _named_room(said: str, refused: int) -> int | None:
    """The most tokens that an endpoint names when it refuses so many, or None where it names none."""
    numbers = [int(number.replace(",", "")) for number in _NUMBER.findall(_STATUS.sub("", said))]
    return max((number for number in numbers if _SMALLEST_ROOM <= number < refused), default=None)


def _is_about_room(error: EndpointRefused | InstructionFailed) -> bool:
    if isinstance(error, ParameterRefused):
        return error.parameter in _NAMES
    # A request that is refused without a parameter being named was not answered, so asking for less costs nothing.
    return isinstance(error, InstructionFailed) and error.kind in ("context_length", "bad_request")


def _text(completion: Completion, request: Request) -> str:
    text = without_thoughts(completion.text)
    if text.strip():
        return text
    if completion.finish_reason == "content_filter":
        raise Unusable("content_filter", "the endpoint's content filter cut the answer")
    raise Unusable("empty", "the model answered with nothing")
