"""A `Chat` that gives the answers it was told to give, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.records import Usage

USAGE = Usage(100, 10, 20)


def answer(text: str, finish_reason: str = "stop", *, refused: bool = False) -> Completion:
    return Completion(text, finish_reason, "scripted", USAGE, refused=refused)


class ScriptedChat:
    """Answers in order; an exception among the answers is raised, a string is an ordinary answer."""

    def __init__(
        self,
        answers: Iterable[str | Completion | Exception] | Callable[[Request], str],
        *,
        context_tokens: int | None = None,
    ) -> None:
        self._answers = answers if callable(answers) else iter(answers)
        self._context_tokens = context_tokens
        self.requests: list[Request] = []

    async def complete(self, request: Request) -> Completion:
        self.requests.append(request)
        given = self._answers(request) if callable(self._answers) else next(self._answers)
        if isinstance(given, Exception):
            raise given
        return answer(given) if isinstance(given, str) else given

    async def context_tokens(self, model: str) -> int | None:
        return self._context_tokens

    async def close(self) -> None:
        pass
