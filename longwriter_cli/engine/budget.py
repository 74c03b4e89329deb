"""Caps on what a run may spend, all its resumes counted, with what is in flight reserved.

A call is let through only if the run stays within its caps should this call and all others in flight cost what they
are expected to. What a call really cost replaces its reservation, and corrects the expectation of later ones. A call
that has no room waits while others are in flight, for they may cost less than is reserved for them; where none is, the
budget is reached.

The promise: what is spent passes a cap by no more than what the calls in flight, when the last one was let through,
used beyond their reservations. What an endpoint bills for calls that brought no answer is not known, and not counted.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType

from longwriter_cli.errors import BudgetReached

_MEMORY = 0.9  # how much of what was learned of the expectations stays with each call


@dataclass(frozen=True, slots=True)
class Amount:
    """Tokens, and their cost in USD (0.0 where it does not matter)."""

    tokens: float = 0.0
    cost_usd: float = 0.0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.tokens + other.tokens, self.cost_usd + other.cost_usd)

    def __sub__(self, other: Amount) -> Amount:
        return Amount(self.tokens - other.tokens, self.cost_usd - other.cost_usd)

    def __mul__(self, factor: Amount) -> Amount:
        return Amount(self.tokens * factor.tokens, self.cost_usd * factor.cost_usd)


class Budget:
    """`spent` is what the run has cost before this process."""

    def __init__(
        self, *, max_cost_usd: float | None = None, max_tokens: int | None = None, spent: Amount | None = None
    ) -> None:
        self._max_cost_usd = max_cost_usd
        self._max_tokens = max_tokens
        self.spent = spent or Amount()
        self._reserved = Amount()
        self._in_flight = 0
        self._ratio = Amount(1.0, 1.0)  # tokens and cost that calls had, to those expected
        self._waiting: list[asyncio.Future[None]] = []

    def reserved(self, expected: Amount) -> Reservation:
        """What a call is expected to cost, reserved within an `async with`.

        Raises on entry:
            BudgetReached: the caps leave no room for it, and nothing is in flight that could make some.
        """
        return Reservation(self, expected)

    async def reserve(self, expected: Amount) -> Amount:
        """Waits for room, and returns what was reserved."""
        while problem := self._problem(self.expected(expected)):
            if not self._in_flight:
                raise problem
            settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(settled)
            await settled
        return self.hold(expected)

    def hold(self, expected: Amount) -> Amount:
        """Reserves it without asking for room, and returns what was reserved."""
        amount = self.expected(expected)
        self._reserved += amount
        self._in_flight += 1
        return amount

    def problem(self, expected: Amount) -> BudgetReached | None:
        """What to say where there is no room for it now."""
        return self._problem(self.expected(expected))

    def spend(self, actual: Amount) -> None:
        """Counts what was not reserved."""
        self.spent += actual

    def learn(self, expected: Amount, actual: Amount) -> None:
        """Corrects later expectations by what many calls together had."""
        self._ratio = Amount(
            _learned(self._ratio.tokens, expected.tokens, actual.tokens),
            _learned(self._ratio.cost_usd, expected.cost_usd, actual.cost_usd),
        )

    def expected(self, expected: Amount) -> Amount:
        """The expectation, corrected by what was learned."""
        return expected * self._ratio

    def settle(self, expected: Amount, amount: Amount, actual: Amount) -> None:
        """Puts what a call cost in the place of what was reserved for it."""
        self._in_flight -= 1
        # Nothing in flight has nothing reserved: no rounding error outlives that.
        self._reserved = self._reserved - amount if self._in_flight else Amount()
        self.spent += actual
        self.learn(expected, actual)
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():
                settled.set_result(None)

    def _problem(self, amount: Amount) -> BudgetReached | None:
        total = self.spent + self._reserved + amount
        if self._max_cost_usd is not None and total.cost_usd > self._max_cost_usd:
            digits = 2 if self.spent.cost_usd >= 0.01 else 6
            return BudgetReached(
                f"The run has cost ${self.spent.cost_usd:.{digits}f}, and the next call could pass --max-cost "
                f"{self._max_cost_usd:g}.",
                "Everything written is kept. Give the same command with a larger --max-cost to go on.",
            )
        if self._max_tokens is not None and total.tokens > self._max_tokens:
            return BudgetReached(
                f"The run has used {self.spent.tokens:,.0f} tokens, and the next call could pass --max-total-tokens "
                f"{self._max_tokens:,}.",
                "Everything written is kept. Give the same command with a larger --max-total-tokens to go on.",
            )
        return None


def _learned(ratio: float, expected: float, actual: float) -> float:
    """The ratio after one more call: too low by surprise is believed at once, too high little by little."""
    if not expected or not actual:
        return ratio
    seen = actual / expected
    return max(seen, _MEMORY * ratio + (1 - _MEMORY) * seen)


class Reservation:
    """`amount` is reserved. It is told what the call really cost; nothing where there was no answer."""

    __slots__ = ("_budget", "_expected", "actual", "amount")

    def __init__(self, budget: Budget, expected: Amount) -> None:
        self._budget = budget
        self._expected = expected
        self.amount = Amount()
        self.actual = Amount()

    async def __aenter__(self) -> Reservation:
        self.amount = await self._budget.reserve(self._expected)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._budget.settle(self._expected, self.amount, self.actual)

    def settle(self, actual: Amount) -> None:
        self.actual = actual
