"""From a chat to tokens, by the tokenizer's own chat template; only what the assistant says is a target.

Where an answer begins and ends is told by prefixes: the chat rendered up to the answer, with the words that open it,
must begin the text that holds it. That needs nothing of a template but that it is one; a template that renders a turn
otherwise once the answer is there is refused, never guessed at.

The text is tokenized as a whole, as a model would read it, and a token is a target where it lies within an answer: one
that straddles the border, a newline of both say, is not.
"""

from __future__ import annotations

import functools
import hashlib
import os
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from longwriter_cli.errors import UsageError
from longwriter_cli.records import Message
from longwriter_cli.train.samples import sample_of

if TYPE_CHECKING:
    from longwriter_cli.train.samples import Tokens

Answers = Literal["all", "last"]
"""Which of a chat's answers are learnt."""


class Unusable(Exception):
    """Why a chat gives no sample with this template."""

    def __init__(self, problem: str, tip: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.tip = tip


@dataclass(frozen=True, slots=True)
class TokenizerName:
    """Which tokenizer: a folder, or a name that `transformers` finds in its cache or on the hub.

    `chat_template` is the text of a Jinja template that takes the place of the tokenizer's own.
    """

    name: str
    chat_template: str | None = None
    answers: Answers = "all"


@functools.cache
def load_tokenizer(which: TokenizerName) -> ChatTokenizer:
    """The tokenizer, loaded once in each process.

    Raises:
        UsageError: `transformers` is not installed, there is no such tokenizer, or it lacks what is needed.
    """
    # Said before the import: it warns of a missing torch, and counts downloads.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise UsageError(
            f"To read tokenizers transformers is needed: {error}.", "pip install 'longwriter-cli[pack]'"
        ) from None
    is_folder = Path(which.name).is_dir()
    try:
        tokenizer = AutoTokenizer.from_pretrained(which.name, local_files_only=is_folder)
    except Exception as error:  # of many classes: a name that is none, no network, a broken file
        why = str(error).strip().split("\n")[0]
        raise UsageError(
            f"--tokenizer {which.name}: {why}",
            "Name a folder with a tokenizer.json, or a model on the hub whose tokenizer can be fetched.",
        ) from None
    return ChatTokenizer(tokenizer, which)


class ChatTokenizer:
    """Turns chats into samples."""

    def __init__(self, tokenizer: Any, which: TokenizerName) -> None:
        self.name = which.name
        self._answers = which.answers
        self._tokenizer = tokenizer
        self._template = which.chat_template or tokenizer.chat_template
        if not tokenizer.is_fast:
            raise UsageError(
                f"--tokenizer {self.name}: it has no fast form, which tells where each token stands in the text.",
                "Name a model whose folder has a tokenizer.json.",
            )
        if not self._template:
            raise UsageError(
                f"--tokenizer {self.name}: it has no chat template.",
                "Give one with --chat-template FILE, or name the tokenizer of the chat model.",
            )
        self._backend = tokenizer.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()

    @property
    def pad_id(self) -> int:
        """The id that fills what is left empty: the padding's, else the end's, else 0."""
        for token in (self._tokenizer.pad_token_id, self._tokenizer.eos_token_id):
            if token is not None:
                return int(token)
        return 0

    def digest(self) -> str:
        """First 16 hex digits of SHA-256 over all that a chat's tokens depend on."""
        parts = (self._backend.to_str(), str(self._template), self._answers)
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def ends_answers(self, messages: Sequence[Message]) -> bool:
        """Whether a special token closes the last answer of a chat; true of one that the template refuses."""
        try:
            text = self._render(messages)
            end = self._spans(messages, text)[-1][1]
        except Unusable:
            return True
        last = self._backend.encode(text[:end], add_special_tokens=False).ids[-2:]  # a newline may stand behind it
        return not set(last).isdisjoint(self._tokenizer.all_special_ids)

    def sample(self, messages: Sequence[Message]) -> Tokens:
        """The tokens of a chat.

        Raises:
            Unusable: the template refuses it, or does not render it by prefixes.
        """
        import numpy

        text = self._render(messages)
        encoding = self._backend.encode(text, add_special_tokens=False)  # the template writes those that belong there
        is_target = numpy.zeros(len(encoding), dtype=numpy.bool_)
        for start, end in self._spans(messages, text):
            is_target[_within(encoding, start, end)] = True
        return sample_of(encoding.ids, is_target)

    def _spans(self, messages: Sequence[Message], text: str) -> list[tuple[int, int]]:
        """Where in the text the answers stand that are to be learnt, in characters."""
        turns = [n for n, message in enumerate(messages) if message.role == "assistant"]
        spans = []
        for turn in turns if self._answers == "all" else turns[-1:]:
            before = self._render(messages[:turn], opens_answer=True)
            with_it = text if turn + 1 == len(messages) else self._render(messages[: turn + 1])
            if not with_it.startswith(before) or not text.startswith(with_it):
                raise self._no_prefix(turn, is_last=turn == turns[-1])
            spans.append((len(before), len(with_it)))
        return spans

    def _no_prefix(self, turn: int, *, is_last: bool) -> Unusable:
        return Unusable(
            f"the chat template of {self.name} does not begin the text of message {turn + 1} as it begins without it",
            "So it cannot be told what the model is to learn. Give another template with --chat-template FILE"
            + ("." if is_last else ", or learn from the last answer of each chat alone: --answers last."),
        )

    def _render(self, messages: Sequence[Message], *, opens_answer: bool = False) -> str:
        chat = [{"role": message.role, "content": message.content} for message in messages]
        try:
            text: str = self._tokenizer.apply_chat_template(
                chat, chat_template=self._template, add_generation_prompt=opens_answer, tokenize=False
            )
        except Exception as error:  # whatever a template raises: it is a program of its own
            why = str(error).strip().split("\n")[0] or type(error).__name__
            raise Unusable(f"the chat template of {self.name} refuses it: {why}") from None
        return text


def _within(encoding: Any, start: int, end: int) -> slice:
    """The tokens that lie wholly between two places of the text. Searched for: to list all offsets takes longer."""
    tokens = range(len(encoding))
    first = bisect_left(tokens, start, key=lambda token: encoding.token_to_chars(token)[0])
    return slice(first, bisect_right(tokens, end, key=lambda token: encoding.token_to_chars(token)[1]))
