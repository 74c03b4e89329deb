"""Several endpoints as one: an instruction stays on one of them, so that its prefix cache hits.

Rendezvous hashing on the instruction's id decides: the endpoint with the highest hash of (endpoint, id) that is not
benched. When one is benched, only its own instructions move, and they move back when it returns.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Sequence

from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed

BENCH_AFTER = 3  # failures in a row
# Longer than a probe of an outage waits (retry.LONGEST_WAIT_S), so that the next one goes elsewhere; doubled each time.
BENCH_S = 90.0
LONGEST_BENCH_S = 1440.0


class Endpoints:
    """A `Chat` over several.

    An endpoint sits out for `BENCH_S` seconds, and twice as long each time again, when it fails `BENCH_AFTER` times in
    a row, or cannot be reached at all. Being put off (429) is no failure, for elsewhere the instruction would find no
    cache; but one that asks for a longer wait than `BENCH_S` sits out for that long.
    """

    def __init__(self, chats: Sequence[tuple[str, Chat]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._chats = dict(chats)
        self._clock = clock
        self._failures = dict.fromkeys(self._chats, 0)
        self._benches = dict.fromkeys(self._chats, 0)  # in a row, without a success in between
        self._benched_until = dict.fromkeys(self._chats, float("-inf"))

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`. Where no connection can be made, nobody has been asked yet: then the next one is."""
        for left in reversed(range(len(self._chats))):
            name = self.choose(request.affinity)
            try:
                completion = await self._chats[name].complete(request)
            except CallFailed as error:
                self._note_failure(name, error)
                unasked = error.unreachable or (error.retry_after_s or 0.0) > BENCH_S
                if unasked and left and self._fit():
                    continue
                raise
            self._failures[name] = self._benches[name] = 0
            return completion
        raise ValueError("there is no endpoint")

    def choose(self, affinity: str) -> str:
        """The name of the endpoint for this instruction; of all of them where none is fit."""
        fit = self._fit() or list(self._chats)
        return max(fit, key=lambda name: hashlib.blake2b(f"{name}\n{affinity}".encode(errors="replace")).digest())

    def _fit(self) -> list[str]:
        now = self._clock()
        return [name for name in self._chats if self._benched_until[name] <= now]

    def _note_failure(self, name: str, error: CallFailed) -> None:
        now = self._clock()
        if (error.retry_after_s or 0.0) > BENCH_S:
            self._benched_until[name] = now + (error.retry_after_s or 0.0)
        if not error.costs_attempt:
            return
        self._failures[name] += 1
        if self._failures[name] >= BENCH_AFTER or error.unreachable:
            self._failures[name] = 0
            self._benched_until[name] = now + min(LONGEST_BENCH_S, BENCH_S * 2.0 ** self._benches[name])
            self._benches[name] += 1

    async def context_tokens(self, model: str) -> int | None:
        """The smallest context of all, for an instruction may be moved to any."""
        sizes = await asyncio.gather(*(chat.context_tokens(model) for chat in self._chats.values()))
        return min((size for size in sizes if size is not None), default=None)

    async def close(self) -> None:
        await asyncio.gather(*(chat.close() for chat in self._chats.values()))
