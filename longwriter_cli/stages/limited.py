"""One endpoint behind limits. One try of a call passes, in this order: a slot of the endpoint's gate, the budget, what
the endpoint says is left, the rates. Budget and rates are shared by all endpoints; gate and word are each one's own.

Waiting happens here, before the call is made, so that it never counts as the model's time-out. The rates come last:
whoever has passed them goes out at once, so that what goes out keeps to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from longwriter_cli.engine.budget import Amount, Budget, Reservation
from longwriter_cli.engine.gate import Gate, Slot
from longwriter_cli.engine.limits import Allowance, Clock, Line, TokenBucket
from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.rates import RateLimits, Remaining
from longwriter_cli.records import Usage
from longwriter_cli.stages.expected import expected_usage

CostOf = Callable[[str, Usage], float]
Paid = Callable[[Request, Usage, str], None]


@dataclass
class Limited:
    """A `Chat`.

    Args:
        check: raises where a stop has been asked for.
        cost_usd: the price of a model's tokens.
        paid: is told what each answer used, and the name of the model, as soon as it is there.
        rates: the user's, over all endpoints.
        left: what this endpoint says is left.
        clock: counts seconds from any beginning.
    """

    inner: Chat
    gate: Gate
    budget: Budget
    check: Callable[[], None]
    cost_usd: CostOf = lambda model, usage: 0.0
    paid: Paid = lambda request, usage, model: None
    rates: Line[TokenBucket] = field(default_factory=Line)
    left: Line[Allowance] = field(default_factory=lambda: Line(Allowance(), Allowance()))
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
        async with self.gate.slot() as slot:
            self.check()
            async with self.budget.reserved(self._amount(request.model, expected)) as reservation:
                await self.left.take(expected.total_tokens)
                self._calls += 1
                number = self._calls
                self._under_way[number] = expected.total_tokens
                try:
                    await self.rates.take(expected.total_tokens)
                    self.check()
                    return await self._send(request, expected, number, slot, reservation)
                finally:
                    del self._under_way[number]

    async def _send(
        self, request: Request, expected: Usage, number: int, slot: Slot, reservation: Reservation
    ) -> Completion:
        used, model, limits = Usage(), request.model, None
        slot.sent()
        sent_at = self.clock()
        try:
            completion = await self.inner.complete(request)
            used, model, limits = completion.usage, completion.model, completion.limits
            slot.succeeded(max(1, used.completion_tokens))
            return completion
        except CallFailed as error:
            used, limits = error.usage, error.limits
            if error.throttled:
                slot.throttled()
            raise
        except InstructionFailed as error:
            used = error.usage
            raise
        finally:
            if self.rates.tokens is not None:
                self.rates.tokens.give_back(expected.total_tokens - used.total_tokens)
            if used.total_tokens:
                reservation.settle(self._amount(model, used, request.model))
                self.paid(request, used, model)
            if limits is not None:
                self._heed(limits, number, self.clock() - sent_at)

    def _heed(self, limits: RateLimits, number: int, age_s: float) -> None:
        """Takes the endpoint's word for what is left.

        Endpoints count when a call comes in, and tell when its answer goes out, which may be a minute later. So the
        word is as old as the call, knows nothing of the calls after it, and is worth less than that of a later call.
        """
        if number < self._last_heard:
            return
        self._last_heard = number
        later = [tokens for other, tokens in self._under_way.items() if other > number]
        _say(self.left.requests, limits.requests, len(later), age_s)
        _say(self.left.tokens, limits.tokens, sum(later), age_s)

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


def _say(allowance: Allowance | None, word: Remaining | None, later: int, age_s: float) -> None:
    if allowance is not None and word is not None:
        allowance.say(word.amount - later, word.reset_s, limit=word.limit, per_s=word.refill_per_s, age_s=age_s)
