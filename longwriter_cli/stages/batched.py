"""A model that answers by batches: what is asked is written down, and answered when it is asked again.

Stages know nothing of it. They ask as always; where a batch has brought the answer, they get it, else the request is
enrolled and the work on its row ends there (`Deferred`). When a wave has come back, all work is gone through again, and
each row goes on from what is on disk. So nothing is held in memory while a batch takes its day, and a process that
waits, one that was killed, and the next one of a crontab line do the same.

A request is known again by its row, what it asks, how often the same was asked for that row before, and which try it
is. What an answer means, what is tried again and how often, is as online.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Collection
from dataclasses import replace
from hashlib import blake2b
from itertools import count
from typing import Any, Protocol

from longwriter_cli.errors import Deferred, InstructionFailed
from longwriter_cli.llm.asking import Asking, asking_now
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.retry import used_up
from longwriter_cli.records import Usage
from longwriter_cli.stages.expected import expected_usage
from longwriter_cli.store.batches import Batches, Key

Enroll = Callable[[Key, Request, bool], None]
"""Takes in a request; whether it is a repeat."""
Spend = Callable[[Request, Usage, str], None]
_PUT_OFF_SHARE = 3  # a line that is put off this often for each attempt it has will be put off for ever


class Endpoint(Protocol):
    """What makes the body of a request and reads its answer (`llm.openai.OpenAIChat`)."""

    def body(self, request: Request) -> tuple[bytes, Collection[str]]: ...

    def outcome(self, status: int, content: Any, request: Request, sent: Collection[str]) -> Completion: ...

    async def context_tokens(self, model: str) -> int | None: ...

    async def close(self) -> None: ...


class Batched:
    """A `Chat`.

    Args:
        enroll: takes in what has not been asked yet. Without it, `online` is asked.
        spent: is told of each answer once, what it used and the model that gave it.
    """

    def __init__(
        self,
        batches: Batches,
        endpoint: Endpoint,
        *,
        max_attempts: int,
        enroll: Enroll | None = None,
        online: Chat | None = None,
        spent: Spend = lambda request, usage, model: None,
    ) -> None:
        self._batches = batches
        self._endpoint = endpoint
        self._max_attempts = max_attempts
        self._enroll = enroll
        self._online = online
        self._spent = spent
        self._given: set[Key] = set()  # in this process, and in no row yet
        self.waiting = 0

    def begin(self) -> None:
        """A new pass over the work begins."""
        self.waiting = 0

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`.

        Raises:
            Deferred: there is no answer yet.
        """
        await asyncio.sleep(0)  # a pass may be made of nothing else, and signals and progress want their turn
        asking = asking_now()
        asked = _digest_of(request)
        turn = asking.turn(asked)
        usage, charged = Usage(), 0
        for attempt in count(1):
            key = _key(asking, asked, turn, attempt)
            answer = self._batches.answer(key)
            if answer is None:
                return await self._ask(key, request, attempt, usage)
            try:
                completion = self._given_to(asking, key, answer, request)
            except CallFailed as error:
                usage += error.usage.by_batch()
                charged += error.costs_attempt and not error.throttled
                if charged >= self._max_attempts or attempt >= _PUT_OFF_SHARE * self._max_attempts:
                    raise used_up(error, attempt, usage, request.model) from None
            except InstructionFailed as error:
                error.usage, error.attempts = error.usage.by_batch() + usage, attempt
                raise
            else:
                return replace(completion, usage=completion.usage.by_batch() + usage, attempts=attempt)
        raise AssertionError("attempts have no end")

    def _given_to(self, asking: Asking, key: Key, answer: dict[str, Any], request: Request) -> Completion:
        """Reads the answer; once the row is there that it is for, it is given no more."""
        _, sent = self._endpoint.body(request)
        if "max_completion_tokens" in sent:
            sent = {*sent, "max_tokens"}  # by which name it was sent then, is not known any more
        is_new, used, model = key not in self._given, Usage(), request.model
        try:
            completion = self._endpoint.outcome(answer["status"], _content(answer["body"]), request, sent)
            used, model = completion.usage, completion.model
            return completion
        except (CallFailed, InstructionFailed) as error:
            used = error.usage
            raise
        finally:
            if is_new:
                self._given.add(key)
                self._spent(request, used.by_batch(), model)
            asking.on_row.append(lambda: self._use(key))

    def _use(self, key: Key) -> None:
        self._given.discard(key)
        self._batches.use([key])

    async def _ask(self, key: Key, request: Request, attempt: int, usage: Usage) -> Completion:
        if self._batches.is_pending(key):
            self.waiting += 1
            raise Deferred
        if self._enroll is not None:
            self._enroll(key, request, attempt > 1)
            self.waiting += 1
            raise Deferred
        assert self._online is not None, "what is not enrolled is asked"
        try:
            completion = await self._online.complete(request)
        except InstructionFailed as error:
            error.usage, error.attempts = error.usage + usage, error.attempts + attempt - 1
            raise
        return replace(completion, usage=completion.usage + usage, attempts=completion.attempts + attempt - 1)

    async def context_tokens(self, model: str) -> int | None:
        return await (self._online or self._endpoint).context_tokens(model)

    async def close(self) -> None:
        if self._online is not None:
            await self._online.close()
        await self._endpoint.close()


def expected_by_batch(request: Request) -> Usage:
    """What the request will use, before it is made."""
    return expected_usage(request).by_batch()


def _digest_of(request: Request) -> bytes:
    """Of all that the answer hangs on."""
    asked = {
        "kind": request.kind,
        "model": request.model,
        "turns": [*request.examples, request.prompt],
        "max_tokens": request.max_tokens,
        "params": dict(request.params),
    }
    return blake2b(json.dumps(asked, sort_keys=True).encode(), digest_size=16).digest()


def _key(asking: Asking, asked: bytes, turn: int, attempt: int) -> Key:
    place = json.dumps([asking.row, turn, attempt])
    return blake2b(place.encode() + asked, digest_size=16).digest()


def _content(body: Any) -> bytes | dict[str, Any]:
    """The body of an answer; bytes where it is no JSON object, to be read as what they are."""
    if isinstance(body, dict):
        return body
    return body.encode("utf-8", "replace") if isinstance(body, str) else json.dumps(body).encode()
