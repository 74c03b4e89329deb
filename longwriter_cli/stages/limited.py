"""A model behind limits: rates, concurrency that feels its way, and the budget. One try of a call passes all of them.

Waiting happens here, before the call is made, so that it never counts as the model's time-out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.engine.limits import Allowance, Gate, TokenBucket
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.rates import RateLimits
from longwriter_cli.records import Usage
from longwriter_cli.text.tokens import tokens_to_come

_BYTES_PER_TOKEN = 4
_STEP_TOKENS = 45  # a line of a plan
_STEP_WORDS = 450  # what it plans, on average
_UNKNOWN_TOKENS = 500


@dataclass
class Limited:
    """A `Chat`. `check` raises where a stop has been asked for; `cost_usd` is the price of a model's tokens."""

    inner: Chat
    gate: Gate
    budget: Budget
    check: Callable[[], None]
    cost_usd: Callable[[str, Usage], float] = lambda model, usage: 0.0
    requests: TokenBucket | None = None
    tokens: TokenBucket | None = None
    requests_left: Allowance = field(default_factory=Allowance)
    tokens_left: Allowance = field(default_factory=Allowance)

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`.

        Raises:
            BudgetReached: the caps leave no room for this call; it was not made.
        """
        expected = expected_usage(request)
        await self._wait_for_rates(expected)
        async with self.gate.slot() as slot:
            self.check()
            with self.budget.reserved(self._amount(request.model, expected)) as reservation:
                try:
                    completion = await self.inner.complete(request)
                except CallFailed as error:
                    if error.throttled:
                        slot.throttled()
                    self._heed(error.limits)
                    reservation.settle(self._amount(request.model, error.usage))
                    self._give_back(expected, error.usage)
                    raise
                slot.succeeded(max(1, completion.usage.completion_tokens))
                self._heed(completion.limits)
                reservation.settle(self._amount(completion.model, completion.usage))
                self._give_back(expected, completion.usage)
                return completion

    async def _wait_for_rates(self, expected: Usage) -> None:
        if self.requests is not None:
            await self.requests.take(1)
        if self.tokens is not None:
            await self.tokens.take(expected.total_tokens)
        await self.requests_left.take(1)
        await self.tokens_left.take(expected.total_tokens)

    def _give_back(self, expected: Usage, used: Usage) -> None:
        if self.tokens is not None:
            self.tokens.give_back(expected.total_tokens - used.total_tokens)

    def _heed(self, limits: RateLimits | None) -> None:
        if limits is None:
            return
        if limits.requests is not None:
            self.requests_left.say(limits.requests.amount, limits.requests.reset_s)
        if limits.tokens is not None:
            self.tokens_left.say(limits.tokens.amount, limits.tokens.reset_s)

    def _amount(self, model: str, usage: Usage) -> Amount:
        return Amount(usage.total_tokens, self.cost_usd(model, usage) if usage.total_tokens else 0.0)

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
    return Usage(len(request.prompt.encode("utf-8", "replace")) // _BYTES_PER_TOKEN, 0, answer)
