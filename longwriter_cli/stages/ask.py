"""Asking until the answer can be used. What an answer must be is the caller's to say; each one is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.records import FailureKind, Usage
from longwriter_cli.stages.expected import expected_answer

TRIES = 3

T = TypeVar("T")


class Unusable(Exception):
    """An answer that cannot be used. `again` is the request to make next, where it should be another one."""

    def __init__(self, kind: FailureKind, problem: str, again: Request | None = None) -> None:
        super().__init__(problem)
        self.kind: FailureKind = kind
        self.problem = problem
        self.again = again


async def ask(
    chat: Chat, request: Request, accept: Callable[[Completion, Request], T], *, tries: int = TRIES
) -> tuple[T, Completion]:
    """Asks up to `tries` times until `accept` takes the answer; it raises `Unusable` for one that it does not.

    The completion returned counts tokens and attempts of all answers.

    Raises:
        InstructionFailed: no answer could be used; it has the kind and the problem of the last one.
    """
    usage, attempts = Usage(), 0
    for left in reversed(range(tries)):
        try:
            completion = await chat.complete(request)
        except InstructionFailed as error:
            error.usage, error.attempts = error.usage + usage, error.attempts + attempts
            raise
        usage, attempts = usage + completion.usage, attempts + completion.attempts
        try:
            return accept(completion, request), replace(completion, usage=usage, attempts=attempts)
        except Unusable as unusable:
            if left == 0:
                raise InstructionFailed(
                    unusable.kind, unusable.problem, usage=usage, attempts=attempts, model=completion.model
                ) from None
            request = unusable.again or request
    raise ValueError("tries must be at least 1")


def with_room(request: Request, completion: Completion) -> Request:
    """The same request with twice the room that the answer did not fit into.

    Where that was the endpoint's own limit, it may be far too small: then at least the room of the text asked for.
    """
    if request.max_tokens is not None:
        return replace(request, max_tokens=2 * request.max_tokens)
    return replace(request, max_tokens=max(2 * completion.usage.completion_tokens, expected_answer(request)))
