from __future__ import annotations

import pytest

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.errors import BudgetReached


def spend(budget: Budget, expected: float, actual: float | None = None) -> None:
    with budget.reserved(Amount(expected, expected / 100)) as reservation:
        if actual is not None:
            reservation.settle(Amount(actual, actual / 100))


def test_calls_pass_until_the_next_one_could_pass_the_cap() -> None:
    budget = Budget(max_tokens=100)
    for _ in range(10):
        spend(budget, 10, 10)
    with pytest.raises(BudgetReached, match="--max-total-tokens 100") as caught:
        spend(budget, 10)
    assert caught.value.exit_code == 4
    assert budget.spent.tokens == 100


def test_the_cost_has_a_cap_of_its_own() -> None:
    budget = Budget(max_cost_usd=0.25)
    spend(budget, 10, 10)
    spend(budget, 10, 10)
    with pytest.raises(BudgetReached, match=r"cost \$0\.20.*--max-cost 0\.25"):
        spend(budget, 10)


def test_what_earlier_commands_spent_counts() -> None:
    with pytest.raises(BudgetReached):
        spend(Budget(max_tokens=100, spent=Amount(95)), 10)


def test_what_is_in_flight_counts() -> None:
    budget = Budget(max_tokens=100)
    with budget.reserved(Amount(60)), pytest.raises(BudgetReached), budget.reserved(Amount(60)):
        pytest.fail("let through")
    spend(budget, 60, 60)


def test_a_call_without_an_answer_costs_nothing() -> None:
    budget = Budget(max_tokens=100)
    for _ in range(50):
        spend(budget, 60)
    assert budget.spent == Amount()


def test_expectations_that_were_too_low_are_corrected_at_once() -> None:
    budget = Budget(max_tokens=100)
    spend(budget, 10, 40)
    with pytest.raises(BudgetReached):
        spend(budget, 20)
    spend(budget, 14, 14)


def test_without_caps_everything_passes() -> None:
    spend(Budget(), 10**12, 10**12)
