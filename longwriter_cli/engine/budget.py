"""Caps on what a run may spend, all its resumes counted, with what is in flight reserved.

A call is let through only if the run stays within its caps should this call and all others in flight cost what they
are expected to. What a call really cost replaces its reservation, and corrects the expectation of later ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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

    def __mul__(self, factor: float) -> Amount:
        return Amount(self.tokens * factor, self.cost_usd * factor)


class Budget:
    """`spent` is what the run has cost before this process."""

    def __init__(
        self, *, max_cost_usd: float | None = None, max_tokens: int | None = None, spent: Amount | None = None
    ) -> None:
        self._max_cost_usd = max_cost_usd
        self._max_tokens = max_tokens
        self.spent = spent or Amount()
        self._reserved = Amount()
        self._ratio = 1.0

    @contextmanager
    def reserved(self, expected: Amount) -> Iterator[Reservation]:
        """Reserves what a call is expected to cost until its end.

        Raises:
            BudgetReached: the caps leave no room for it.
        """
        amount = expected * self._ratio
        self._check(amount)
        self._reserved += amount
        reservation = Reservation()
        try:
            yield reservation
        finally:
            self._reserved -= amount
            self.spent += reservation.actual
            if reservation.actual.tokens and expected.tokens:
                seen = reservation.actual.tokens / expected.tokens
                # What was too low by surprise is believed at once, what was too high little by little.
                self._ratio = max(seen, _MEMORY * self._ratio + (1 - _MEMORY) * seen)

    def _check(self, amount: Amount) -> None:
        total = self.spent + self._reserved + amount
        if self._max_cost_usd is not None and total.cost_usd > self._max_cost_usd:
            raise BudgetReached(
                f"The run has cost ${self.spent.cost_usd:.2f}, and the next call could pass --max-cost "
                f"{self._max_cost_usd:g}.",
                "Everything written is kept. Give the same command with a larger --max-cost to go on.",
            )
        if self._max_tokens is not None and total.tokens > self._max_tokens:
            raise BudgetReached(
                f"The run has used {self.spent.tokens:,.0f} tokens, and the next call could pass --max-total-tokens "
                f"{self._max_tokens:,}.",
                "Everything written is kept. Give the same command with a larger --max-total-tokens to go on.",
            )


@dataclass(slots=True)
class Reservation:
    """Is told what the call really cost; nothing where there was no answer."""

    actual: Amount = Amount()

    def settle(self, actual: Amount) -> None:
        self.actual = actual
