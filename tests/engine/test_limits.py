"""Rates, on a loop whose time jumps."""

from __future__ import annotations

import asyncio

import clock
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from longwriter_cli.engine.limits import Allowance, Line, TokenBucket


def line(rpm: float | None = None, tpm: float | None = None) -> Line[TokenBucket]:
    buckets = [TokenBucket(rate, clock=clock.now_s) if rate is not None else None for rate in (rpm, tpm)]
    return Line(*buckets)


def allowed() -> tuple[Allowance, Line[Allowance]]:
    """An allowance of requests, and the line before it."""
    allowance = Allowance(clock=clock.now_s)
    return allowance, Line(allowance)


async def go(calls: Line[TokenBucket], arrivals: list[tuple[float, float]]) -> list[tuple[float, int]]:
    """Sends calls that arrive at a time with an amount of tokens, the earliest first; when each goes out, and which."""
    out: list[tuple[float, int]] = []

    async def call(number: int, tokens: float) -> None:
        await calls.take(tokens)
        out.append((clock.now_s(), number))

    async with asyncio.TaskGroup() as group:
        for number, (at, tokens) in sorted(enumerate(arrivals), key=lambda arrival: arrival[1][0]):
            await asyncio.sleep(at - clock.now_s())
            group.create_task(call(number, tokens))
    return out


# Calls that come in bursts with quiet times between, and want little or much.
ARRIVALS = st.lists(
    st.tuples(st.sampled_from([0.0, 0.5, 30.0, 59.5, 61.0, 3600.0]), st.floats(1, 5000)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None)
@given(ARRIVALS, st.sampled_from([1, 7, 30, 100, 600]), st.one_of(st.none(), st.sampled_from([60, 1000, 60_000])))
def test_in_no_minute_more_goes_out_than_the_rates_and_one_bucketful(
    arrivals: list[tuple[float, float]], rpm: int, tpm: int | None
) -> None:
    out = clock.run(go_within(arrivals, rpm, tpm))
    assert len(out) == len(arrivals)
    for first, _ in out:
        minute = [number for at, number in out if first <= at < first + 60 - 1e-3]
        assert len(minute) <= rpm + max(1, rpm / 60)
        if tpm is not None:
            amounts = [arrivals[number][1] for number in minute]
            assert sum(amounts) <= tpm + max(1, tpm / 60, *amounts) + 1


@settings(max_examples=40, deadline=None)
@given(ARRIVALS, st.sampled_from([30, 600]), st.sampled_from([1000, 60_000]))
def test_first_come_is_first_served_whatever_it_wants(arrivals: list[tuple[float, float]], rpm: int, tpm: int) -> None:
    out = clock.run(go_within(arrivals, rpm, tpm))
    assert [number for _, number in out] == sorted(range(len(arrivals)), key=lambda number: arrivals[number][0])


async def go_within(arrivals: list[tuple[float, float]], rpm: float, tpm: float | None) -> list[tuple[float, int]]:
    return await go(line(rpm, tpm), arrivals)


def test_the_rate_is_used_in_full() -> None:
    async def test() -> None:
        out = await go(line(rpm=600), [(0.0, 1.0)] * 1200)
        assert out[-1][0] == pytest.approx((1200 - 10) / 10, abs=0.2)

    clock.run(test())


def test_after_a_long_quiet_time_a_second_s_worth_goes_out_at_once() -> None:
    async def test() -> None:
        out = await go(line(rpm=600), [(100_000.0, 1.0)] * 30)
        assert sum(at == 100_000.0 for at, _ in out) == 10
        assert out[-1][0] == pytest.approx(100_002.0, abs=0.01)

    clock.run(test())


def test_a_call_larger_than_the_bucket_goes_out_and_the_next_one_waits_for_it() -> None:
    async def test() -> None:
        out = await go(line(tpm=6000), [(0.0, 1100.0), (0.0, 100.0)])  # 100 a second, and 100 in the bucket
        assert [at for at, _ in out] == pytest.approx([0.0, 11.0])

    clock.run(test())


def test_requests_do_not_pile_up_while_their_tokens_are_waited_for() -> None:
    async def test() -> None:
        calls = line(rpm=60, tpm=6000)
        await calls.take(6100)  # the tokens of a minute
        first = asyncio.create_task(go(calls, [(0.0, 1.0)] * 20))
        await asyncio.sleep(30)
        assert calls.tokens is not None
        calls.tokens.give_back(6000)  # all of a sudden there are tokens again
        out = await first
        assert out[1][0] - out[0][0] == pytest.approx(1.0, abs=0.01), "and still one request a second goes out"

    clock.run(test())


def test_what_was_reserved_and_not_used_comes_back_to_those_who_wait() -> None:
    async def test() -> None:
        calls = line(tpm=6000)
        await calls.take(6100)
        waiting = asyncio.create_task(go(calls, [(0.0, 100.0)]))
        await asyncio.sleep(10)
        assert calls.tokens is not None
        calls.tokens.give_back(6000)
        assert (await waiting)[0][0] <= 11.0, "seen within a second"

    clock.run(test())


def test_what_was_used_beyond_the_reservation_is_waited_for() -> None:
    async def test() -> None:
        calls = line(tpm=6000)
        await calls.take(50)
        assert calls.tokens is not None
        calls.tokens.give_back(-250)
        assert (await go(calls, [(0.0, 100.0)]))[0][0] == pytest.approx(3.0)

    clock.run(test())


def test_one_who_gives_up_waiting_takes_nothing_and_blocks_nobody() -> None:
    async def test() -> None:
        calls = line(rpm=60)
        await calls.take(1)
        waiting = [asyncio.create_task(go(calls, [(0.0, 1.0)])) for _ in range(3)]
        await asyncio.sleep(0.5)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        assert [(await task)[0][0] for task in waiting[1:]] == pytest.approx([1.0, 2.0])

    clock.run(test())


# --- what the other side says is left


async def times(calls: Line[Allowance], count: int) -> list[float]:
    found = []
    for _ in range(count):
        await calls.take(1)
        found.append(clock.now_s())
    return found


def test_without_a_word_everything_goes_out_at_once() -> None:
    async def test() -> None:
        _, calls = allowed()
        assert await times(calls, 100) == [0.0] * 100

    clock.run(test())


def test_a_limit_that_is_refilled_evenly_is_used_evenly() -> None:
    async def test() -> None:
        allowance, calls = allowed()
        allowance.say(3, 57.0, limit=60, per_s=1.0)
        assert await times(calls, 6) == pytest.approx([0.0, 0.0, 0.0, 1.0, 2.0, 3.0], abs=0.01)
        await asyncio.sleep(3600)
        assert await times(calls, 61) == pytest.approx([3603.0] * 60 + [3604.0], abs=0.1), "never more than the limit"

    clock.run(test())


def test_a_limit_that_is_refilled_at_once_is_waited_for() -> None:
    async def test() -> None:
        allowance, calls = allowed()
        allowance.say(1, 30.0, limit=2)
        assert await times(calls, 6) == pytest.approx([0.0, 30.0, 30.0, 90.0, 90.0, 150.0])

    clock.run(test())


def test_where_the_limit_is_not_known_the_reset_opens_all() -> None:
    async def test() -> None:
        allowance, calls = allowed()
        allowance.say(0, 30.0)
        assert await times(calls, 50) == [30.0] * 50

    clock.run(test())


def test_a_new_word_ends_the_wait_of_an_old_one() -> None:
    async def test() -> None:
        allowance, calls = allowed()
        allowance.say(0, 100.0)
        waiting = asyncio.create_task(times(calls, 1))
        await asyncio.sleep(5.5)
        allowance.say(10, 60.0)
        assert await waiting == pytest.approx([6.0])

    clock.run(test())


def test_a_word_is_as_old_as_the_call() -> None:
    async def test() -> None:
        allowance, calls = allowed()
        await asyncio.sleep(50)
        allowance.say(0, 30.0, age_s=20.0)
        assert await times(calls, 1) == pytest.approx([60.0])
        allowance.say(0, 60.0, limit=60, per_s=1.0, age_s=5.0)
        assert await times(calls, 6) == pytest.approx([60.0] * 5 + [61.0])

    clock.run(test())


@given(st.floats(1, 1e9), st.floats(0, 120), st.floats(1, 1e6), st.booleans())
@settings(max_examples=40, deadline=None)
def test_no_word_holds_a_call_for_longer_than_two_minutes(
    amount: float, reset_s: float, limit: float, evenly: bool
) -> None:
    async def test() -> None:
        allowance = Allowance(clock=clock.now_s)
        allowance.say(0, reset_s, limit=limit, per_s=limit / 60 if evenly else 0.0)
        await Line(None, allowance).take(amount)
        assert clock.now_s() <= 121

    clock.run(test())
