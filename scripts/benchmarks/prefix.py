"""Prefix caches behind several endpoints: how much of a repeated prompt meets the cache that has read it.

Four simulated endpoints, each with a cache of its own, under the real choice of endpoints, planner, writer, pool and
run; one of them dies in the middle and comes back cold. Beside it the same with calls dealt out in turn.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field
from itertools import count

import clock
from simulated import SimulatedChat, makespan_s, simulated
from table import Row

from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.endpoints import Endpoints
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.retry import Retrying

_ENDPOINTS = 4
_DEAD_S = (60.0, 100.0)


@dataclass
class Prompts:
    """The last prompt of each instruction, wherever it went, and what was read of it there and then."""

    last: dict[str, str] = field(default_factory=dict)
    repeated: int = 0  # characters
    hit: int = 0


@dataclass
class CachedEndpoint:
    """A `Chat` that remembers the last prompt of each instruction, as a prefix cache with room for all of them does."""

    model: SimulatedChat
    prompts: Prompts
    dies: bool = False
    cache: dict[str, str] = field(default_factory=dict)

    async def complete(self, request: Request) -> Completion:
        if self.dies and _DEAD_S[0] <= clock.now_s() < _DEAD_S[1]:
            self.cache.clear()
            await asyncio.sleep(0.01)
            raise CallFailed("connection refused", unreachable=True)
        if request.kind == "section":
            before = self.prompts.last.get(request.affinity, "")
            self.prompts.repeated += _common(before, request.prompt)
            self.prompts.hit += _common(self.cache.get(request.affinity, ""), request.prompt)
            self.prompts.last[request.affinity] = self.cache[request.affinity] = request.prompt
        return await self.model.complete(request)

    async def context_tokens(self, model: str) -> int | None:
        return None

    async def close(self) -> None:
        pass


class InTurn(Endpoints):
    """Each call goes to the next endpoint."""

    def __init__(self, chats: list[tuple[str, Chat]]) -> None:
        super().__init__(chats, clock=clock.now_s)
        self._turn = count()

    def choose(self, affinity: str) -> str:
        fit = self._fit() or list(self._chats)
        return fit[next(self._turn) % len(fit)]


def rows(*, short: bool) -> list[Row]:
    instructions = 100 if short else 300
    ours, in_turn = _hits(instructions, in_turn=False), _hits(instructions, in_turn=True)
    return [
        Row(
            f"prefix cache, {_ENDPOINTS} endpoints, one dies",
            f"{ours:.1%}",
            "all that is repeated",
            ours,
            0.95,
            at_least=True,
            exact=True,
        ),
        Row("  calls dealt out in turn", "", f"{in_turn:.1%}", in_turn),
    ]


def _hits(instructions: int, *, in_turn: bool) -> float:
    work, model = simulated(instructions, seed=1)
    prompts = Prompts()
    chats: list[tuple[str, Chat]] = [
        (f"http://host{number}/v1", CachedEndpoint(model, prompts, dies=number == 1)) for number in range(_ENDPOINTS)
    ]
    endpoints = InTurn(chats) if in_turn else Endpoints(chats, clock=clock.now_s)
    retrying = Retrying(endpoints, sleep=asyncio.sleep, clock=clock.now_s, jitter=random.Random(1).random)
    makespan_s(work, retrying, 32)
    return prompts.hit / prompts.repeated


def _common(one: str, other: str) -> int:
    """Length of the common prefix, in characters."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
