"""A model behind limits: rates, concurrency that feels its way, and the budget. One try of a call passes all of them.

Waiting happens here, before the call is made, so that it never counts as the model's time-out.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.limits import Allowance, Clock, Gate, TokenBucket
from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.rates import RateLimits
from longwriter_cli.records import Usage
from longwriter_cli.text.tokens import tokens_to_come

_BYTES_PER_TOKEN = 4
_STEP_TOKENS = 45  # a line of a plan
_STEP_WORDS = 450  # what it plans, on average
_UNKNOWN_TOKENS = 500  # the answer to a question that names no length


@dataclass
class Limited:
    """A `Chat`. `check` raises where a stop has been asked for; `cost_usd` is the price of a model's tokens in USD.

    `requests` and `tokens` are rates of the user's, `requests_left` and `tokens_left` what the endpoint says is left.
    `clock` counts seconds from any beginning.
    """

    inner: Chat
    gate: Gate
    budget: Budget
    check: Callable[[], None]
    cost_usd: Callable[[str, Usage], float] = lambda model, usage: 0.0
    requests: TokenBucket | None = None
    tokens: TokenBucket | None = None
    requests_left: Allowance = field(default_factory=Allowance)
    tokens_left: Allowance = field(default_factory=Allowance)
    clock: Clock = time.monotonic
    _calls: int = field(default=0, init=False)
    _under_way: dict[int, int] = field(default_factory=dict, init=False)  # the tokens of each call, by its number
    _last_heard: int = field(default=0, init=False)  # the number of the latest call whose answer named limits

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`.

        Raises:
            BudgetReached: the caps leave no room for this call; it was not made.
        """
        expected = expected_usage(request)
        await self._wait_for_rates(expected)
        self._calls += 1
        number = self._calls
        self._under_way[number] = expected.total_tokens
        used = Usage()
        try:
            async with self.gate.slot() as slot:
                self.check()
                with self.budget.reserved(self._amount(request.model, expected)) as reservation:
                    sent_at = self.clock()
                    try:
                        completion = await self.inner.complete(request)
                    except CallFailed as error:
                        used = error.usage
                        reservation.settle(self._amount(request.model, used))
                        if error.throttled:
                            slot.throttled()
                        self._heed(error.limits, number, sent_at)
                        raise
                    except InstructionFailed as error:
                        used = error.usage
                        reservation.settle(self._amount(request.model, used))
                        raise
                    used = completion.usage
                    reservation.settle(self._amount(completion.model, used, request.model))
                    slot.succeeded(max(1, used.completion_tokens))
                    self._heed(completion.limits, number, sent_at)
                    return completion
        finally:
            del self._under_way[number]
            if self.tokens is not None:
                self.tokens.give_back(expected.total_tokens - used.total_tokens)

    async def _wait_for_rates(self, expected: Usage) -> None:
        if self.requests is not None:
            await self.requests.take(1)
        if self.tokens is not None:
            await self.tokens.take(expected.total_tokens)
        await self.requests_left.take(1)
        await self.tokens_left.take(expected.total_tokens)

    def _heed(self, limits: RateLimits | None, number: int, sent_at: float) -> None:
        """Takes the endpoint's word for what is left.

        Endpoints count when a call comes in, and tell when its answer goes out, which may be a minute later. So the
        word is as old as the call, knows nothing of the calls after it, and is worth less than that of a later call.
        """
        if limits is None or number < self._last_heard:
            return
        self._last_heard = number
        age_s = self.clock() - sent_at
        later = [tokens for other, tokens in self._under_way.items() if other > number]
        if limits.requests is not None:
            self.requests_left.say(limits.requests.amount - len(later), limits.requests.reset_s - age_s)
        if limits.tokens is not None:
            self.tokens_left.say(limits.tokens.amount - sum(later), limits.tokens.reset_s - age_s)

    def _amount(self, model: str, usage: Usage, asked_for: str = "") -> Amount:
        """What the usage comes to; at the price of the model asked for where the name that answered has none."""
        if not usage.total_tokens:
            return Amount()
        cost_usd = self.cost_usd(model, usage) or (self.cost_usd(asked_for, usage) if asked_for else 0.0)
        return Amount(usage.total_tokens, cost_usd)

    async def context_tokens(self, model: str) -> int | None:
        return await self.inner.context_tokens(model)

    async def close(self) -> None:
        await self.inner.close()


def expected_usage(request: Request) -> Usage:
    """What a call will use, before it is made: bytes / 4 of its prompt, and the text that it asks for."""
    if request.kind == "plan":
        answer = _STEP_TOKENS * max(3, (request.target_words or 3000) // _STEP_WORDS)
    elif request.target_words is not None:
        answer = round(tokens_to_come(request.target_words, request.language))
    else:
        answer = _UNKNOWN_TOKENS
    if request.max_tokens is not None:
        answer = min(answer, request.max_tokens)
    turns = (request.prompt, *(turn for example in request.examples for turn in example))
    prompt = sum(len(turn.encode("utf-8", "replace")) for turn in turns)
    return Usage(prompt // _BYTES_PER_TOKEN, 0, answer)
