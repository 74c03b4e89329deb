"""Calls that are made on other machines: a `Chat` here, and what the actors of a fleet serve there.

Retries, limits and budget stand before this chat, in the process that holds the run; one try of a call is what goes out
and comes back. The answer's text is all that the other machine adds, so losing that one loses no more than its calls.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from longwriter_cli.engine.ray import ActorLost, Fleet
from longwriter_cli.errors import InstructionFailed, LongwriterError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.endpoint import Endpoint
from longwriter_cli.llm.faults import CallFailed


@dataclass(frozen=True, slots=True)
class Packed:
    """An exception on its way: pickle would make it anew by its constructor, whose arguments are not kept."""

    kind: type[Exception]
    arguments: tuple[Any, ...]
    state: Mapping[str, Any]

    @classmethod
    def of(cls, error: Exception) -> Packed:
        return cls(type(error), error.args, dict(vars(error)))

    def error(self) -> Exception:
        error = self.kind.__new__(self.kind, *self.arguments)
        vars(error).update(self.state)
        return error


class Callers:
    """What an actor serves: a client of each endpoint, by its URL."""

    def __init__(self, endpoints: Sequence[Endpoint], environment: Mapping[str, str]) -> None:
        os.environ.update(environment)  # the SDK takes headers of the user's own from there
        self._chats: dict[str, Chat] = {endpoint.url: endpoint.connect() for endpoint in endpoints}

    async def complete(self, url: str, request: Request) -> Completion | Packed:
        try:
            return await self._chats[url].complete(request)
        except (CallFailed, InstructionFailed, LongwriterError) as error:
            return Packed.of(error)

    async def context_tokens(self, url: str, model: str) -> int | None:
        return await self._chats[url].context_tokens(model)


class RemoteChat:
    """A `Chat` at one endpoint, which the actors of a fleet call."""

    def __init__(self, fleet: Fleet, url: str) -> None:
        self._fleet = fleet
        self._url = url

    async def complete(self, request: Request) -> Completion:
        """One try.

        Raises:
            CallFailed: as the endpoint's own; or the call was lost with the machine that made it.
            InstructionFailed, EndpointRefused: no further try will do.
        """
        # The fields say the prompt again in pieces; only a model that is asked in other words needs them.
        answer = await self._ask("complete", replace(request, fields={}))
        if isinstance(answer, Packed):
            raise answer.error()
        assert isinstance(answer, Completion)
        return answer

    async def context_tokens(self, model: str) -> int | None:
        try:
            tokens: int | None = await self._ask("context_tokens", model)
        except CallFailed:
            return None  # it is asked again for the next instruction, on a machine that is there
        return tokens

    async def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return await self._fleet.call(method, self._url, *arguments)
        except ActorLost as error:
            # Nothing is wrong with the request; where no machine comes back, waiting has its end in --give-up-after.
            raise CallFailed(str(error), costs_attempt=False) from None

    async def close(self) -> None:
        """The fleet is closed by whoever made it."""
