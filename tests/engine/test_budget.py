from __future__ import annotations

import asyncio
import random

import clock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwriter_cli.engine.budget import Amount, Budget
from longwriter_cli.errors import BudgetReached


async def spend(budget: Budget, expected: float, actual: float | None = None) -> None:
    async with budget.reserved(Amount(expected, expected / 100)) as reservation:
        if actual is not None:
            reservation.settle(Amount(actual, actual / 100))


async def test_calls_pass_until_the_next_one_could_pass_the_cap() -> None:
    budget = Budget(max_tokens=100)
    for _ in range(10):
        await spend(budget, 10, 10)
    with pytest.raises(BudgetReached, match="--max-total-tokens 100") as caught:
        await spend(budget, 10)
    assert caught.value.exit_code == 4
    assert budget.spent.tokens == 100


async def test_the_cost_has_a_cap_of_its_own() -> None:
    budget = Budget(max_cost_usd=0.25)
    await spend(budget, 10, 10)
    await spend(budget, 10, 10)
    with pytest.raises(BudgetReached, match=r"cost \$0\.20.*--max-cost 0\.25"):
        await spend(budget, 10)


async def test_what_earlier_commands_spent_counts() -> None:
    with pytest.raises(BudgetReached):
        await spend(Budget(max_tokens=100, spent=Amount(95)), 10)


async def test_a_call_without_room_waits_for_those_in_flight_which_may_cost_less() -> None:
    budget = Budget(max_tokens=100)
    async with budget.reserved(Amount(60)) as first:
        second = asyncio.create_task(spend(budget, 60, 60))
        await asyncio.sleep(0)
        assert not second.done()
        first.settle(Amount(40))
    await asyncio.wait_for(second, 1)
    assert budget.spent.tokens == 100


async def test_where_those_in_flight_leave_no_room_the_budget_is_reached() -> None:
    budget = Budget(max_tokens=100)
    async with budget.reserved(Amount(60)) as first:
        waiting = [asyncio.create_task(spend(budget, 60, 60)) for _ in range(3)]
        await asyncio.sleep(0)
        first.settle(Amount(60))
    ends = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 1)
    assert [type(end) for end in ends] == [BudgetReached] * 3


async def test_one_that_gives_up_waiting_for_room_holds_up_nobody() -> None:
    budget = Budget(max_tokens=100)
    async with budget.reserved(Amount(60)):
        waiting = [asyncio.create_task(spend(budget, 60, 60)) for _ in range(2)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await asyncio.wait_for(waiting[1], 1)
    assert budget.spent.tokens == 60


async def test_a_call_without_an_answer_costs_nothing() -> None:
    budget = Budget(max_tokens=100)
    for _ in range(50):
        await spend(budget, 60)
    assert budget.spent == Amount()


async def test_expectations_that_were_too_low_are_corrected_at_once() -> None:
    budget = Budget(max_tokens=100)
    await spend(budget, 10, 40)
    with pytest.raises(BudgetReached):
        await spend(budget, 20)
    await spend(budget, 14, 14)


async def test_what_costs_more_than_its_tokens_tell_is_learned_as_cost() -> None:
    """Ten times the answer in a long prompt: hardly more tokens, and much more money."""
    budget = Budget(max_cost_usd=1.0)
    async with budget.reserved(Amount(1000, 0.1)) as reservation:
        reservation.settle(Amount(1010, 0.5))
    with pytest.raises(BudgetReached):
        await spend(budget, 11)  # 0.11 dollars expected, and five times that learned


async def test_one_answer_beyond_all_expectation_does_not_end_a_run_with_money_left() -> None:
    budget = Budget(max_tokens=10_000)
    await spend(budget, 10, 1000)
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(spend(budget, 10, 10))
    assert budget.spent.tokens == 1500


async def test_without_caps_everything_passes() -> None:
    await spend(Budget(), 10**12, 10**12)


CALLS = st.lists(st.tuples(st.floats(1, 300), st.floats(0, 3), st.booleans()), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(CALLS, st.integers(1, 20), st.integers(0, 3000), st.integers(0, 2**32))
def test_the_cap_is_passed_by_no_more_than_what_calls_in_flight_used_beyond_their_reservations(
    calls: list[tuple[float, float, bool]], at_once: int, cap: int, seed: int
) -> None:
    """And the run stops only where the next call could not be paid."""
    clock.run(attack(calls, at_once, cap, seed))


async def attack(calls: list[tuple[float, float, bool]], at_once: int, cap: int, seed: int) -> None:
    """A run in several commands, each begun with what the earlier ones spent."""
    chance, left, spent = random.Random(seed), list(reversed(calls)), 0.0
    for _ in range(3):
        spent = await command(left, at_once, cap, spent, chance)


async def command(
    left: list[tuple[float, float, bool]], at_once: int, cap: int, spent: float, chance: random.Random
) -> float:
    """Makes the calls that are left, until all are made or the budget is reached; what the run has spent then."""
    budget = Budget(max_tokens=cap, spent=Amount(spent))
    beyond: dict[int, float] = {}  # what each call in flight will use beyond its reservation
    allowed, wanted = max(float(cap), spent), 0.0

    async def slot() -> None:
        nonlocal allowed, wanted
        while left and not wanted:
            expected, factor, answered = left.pop()
            number, actual = len(left), expected * factor * answered
            try:
                async with budget.reserved(Amount(expected)) as reservation:
                    beyond[number] = max(0.0, actual - reservation.amount.tokens)
                    allowed = cap + sum(beyond.values())
                    await asyncio.sleep(chance.random())
                    reservation.settle(Amount(actual))
                    del beyond[number]
            except BudgetReached:
                assert not beyond, "what is in flight might have made room"
                wanted = wanted or budget.expected(Amount(expected)).tokens

    await asyncio.gather(*(slot() for _ in range(at_once)))
    assert budget.spent.tokens <= allowed + 1e-6
    assert not wanted or budget.spent.tokens + wanted > cap, "stopped with room for the next call"
    return budget.spent.tokens


async def test_what_is_held_leaves_less_room_until_it_is_settled() -> None:
    budget = Budget(max_tokens=100)
    assert budget.problem(Amount(60)) is None
    held = budget.hold(Amount(60))
    assert budget.problem(Amount(60)) is not None
    budget.settle(Amount(60), held, Amount())
    budget.spend(Amount(30))
    assert budget.problem(Amount(60)) is None
    assert budget.problem(Amount(80)) is not None


async def test_what_many_calls_had_corrects_what_the_next_ones_are_expected_to() -> None:
    budget = Budget(max_tokens=1000)
    budget.learn(Amount(100), Amount(150))
    assert budget.expected(Amount(100)).tokens == 150
    budget.learn(Amount(), Amount())
    assert budget.expected(Amount(100)).tokens == 150
