"""Asking once more where an answer can be used but is not what was asked for; the nearer of the two is taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from longwriter_cli.engine.stop import Halted
from longwriter_cli.errors import InstructionFailed, LongwriterError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.records import Usage
from longwriter_cli.stages.ask import TRIES, Unusable, ask

T = TypeVar("T")


class OffTarget(Unusable, Generic[T]):
    """An answer that misses what was asked for. `value` is what it gives all the same; `off` orders such answers."""

    def __init__(self, problem: str, again: Request, value: T, off: float) -> None:
        super().__init__("retries_exhausted", problem, again)
        self.value = value
        self.off = off


@dataclass
class _Kept(Generic[T]):
    value: T
    off: float
    completion: Completion


async def ask_nearest(chat: Chat, request: Request, accept: Callable[[Completion, Request], T]) -> tuple[T, Completion]:
    """As `ask`, where `accept` may also raise `OffTarget`: that is asked again once, and the nearest answer is taken.

    An answer that can be used is never lost: where the second call fails, or the run is stopped during it, the first
    one is taken. The completion is the one that was taken, with tokens and attempts of all.

    Raises:
        InstructionFailed: no answer could be used.
    """
    kept: _Kept[T] | None = None
    usage, attempts, answers = Usage(), 0, 0

    def nearest(completion: Completion, asked: Request) -> T:
        nonlocal kept, usage, attempts, answers
        usage, attempts, answers = usage + completion.usage, attempts + completion.attempts, answers + 1
        earlier = kept
        try:
            value = accept(completion, asked)
        except OffTarget as off:
            if kept is None or off.off < kept.off:
                kept = _Kept(off.value, off.off, completion)
            if earlier is None and answers < TRIES:
                raise
        except Unusable:
            if kept is None:
                raise
        else:
            kept = _Kept(value, 0.0, completion)
        return kept.value

    try:
        value, _ = await ask(chat, request, nearest)
    except InstructionFailed as error:
        if kept is None:
            raise
        value, usage, attempts = kept.value, error.usage, error.attempts
    except (LongwriterError, Halted, asyncio.CancelledError):
        # Whatever stops the run in between: what can be used is paid, and is kept.
        if kept is None:
            raise
        value = kept.value
    assert kept is not None
    return value, replace(kept.completion, usage=usage, attempts=attempts)
