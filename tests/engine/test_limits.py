from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from longwriter_cli.engine.limits import CUT, FIRST_LIMIT, HOLD_ROUNDS, Gate, Slot, TokenBucket


class Clock:
    """Time that passes only in `sleep`."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


def bucket(per_minute: float, clock: Clock) -> TokenBucket:
    return TokenBucket(per_minute, clock=clock, sleep=clock.sleep)


async def test_a_rate_is_kept_in_every_minute() -> None:
    clock = Clock()
    requests, times = bucket(600, clock), []
    for _ in range(3000):
        await requests.take(1)
        times.append(clock.now)
    busiest = max(sum(1 for other in times if time <= other < time + 60) for time in times[::100])
    assert 590 <= busiest <= 611


async def test_first_come_is_first_served_however_much_it_wants() -> None:
    clock = Clock()
    tokens, order = bucket(6000, clock), []

    async def take(name: str, amount: float) -> None:
        await tokens.take(amount)
        order.append(name)

    await asyncio.gather(take("a", 100), take("long prompt", 90), take("b", 1), take("c", 1))
    assert order == ["a", "long prompt", "b", "c"]


async def test_a_request_larger_than_the_bucket_goes_through_and_the_next_one_waits_for_it() -> None:
    clock = Clock()
    tokens = bucket(6000, clock)  # 100 a second, and 100 in the bucket
    await tokens.take(1100)
    assert clock.now == 100.0
    await tokens.take(100)
    assert clock.now == pytest.approx(111.0)


async def test_what_was_reserved_and_not_used_comes_back() -> None:
    clock = Clock()
    tokens = bucket(6000, clock)
    await tokens.take(100)
    tokens.give_back(100)
    await tokens.take(100)
    assert clock.now == 100.0


async def test_what_was_used_beyond_the_reservation_is_waited_for() -> None:
    clock = Clock()
    tokens = bucket(6000, clock)
    await tokens.take(50)
    tokens.give_back(-250)
    await tokens.take(100)
    assert clock.now == pytest.approx(103.0)


class Server:
    """Calls that all come back together when a round ends, with callers waiting for every slot that opens."""

    def __init__(self, gate: Gate, clock: Clock) -> None:
        self._gate = gate
        self._clock = clock
        self._answered = asyncio.Event()
        self._callers = [asyncio.create_task(self._call()) for _ in range(gate.most)]

    async def _call(self) -> None:
        while True:
            async with self._gate.slot() as slot:
                await self._answered.wait()
                slot.succeeded()

    async def round(self, seconds: float = 1.0) -> None:
        await self._settle()
        self._clock.now += seconds
        answered, self._answered = self._answered, asyncio.Event()
        answered.set()
        await self._settle()

    async def _settle(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def __aenter__(self) -> Server:
        await self._settle()
        return self

    async def __aexit__(self, *_: object) -> None:
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)


async def test_the_start_is_slow_and_doubles_each_round() -> None:
    clock = Clock()
    gate, limits = Gate(100, clock=clock), []
    async with Server(gate, clock) as server:
        for _ in range(5):
            limits.append(int(gate.limit))
            await server.round()
    assert limits == [16, 32, 64, 100, 100]


async def test_the_start_is_at_most_what_is_allowed() -> None:
    assert Gate(3).limit == 3
    assert Gate(1000).limit == FIRST_LIMIT


async def test_a_burst_of_refusals_cuts_once() -> None:
    clock = Clock()
    gate = Gate(16, clock=clock)
    async with AsyncExitStack() as stack:
        slots = [await stack.enter_async_context(gate.slot()) for _ in range(16)]
        clock.now += 1
        for slot in slots:
            slot.throttled()
            clock.now += 0.01
    assert gate.limit == pytest.approx(16 * CUT)


async def test_a_refusal_of_a_call_let_in_after_the_cut_cuts_again() -> None:
    clock = Clock()
    gate = Gate(10, clock=clock)
    for _ in range(2):
        clock.now += 1
        async with gate.slot() as slot:
            clock.now += 1
            slot.throttled()
    assert gate.limit == pytest.approx(10 * CUT * CUT)


async def test_the_limit_never_falls_below_one() -> None:
    clock = Clock()
    gate = Gate(4, clock=clock)
    for _ in range(50):
        clock.now += 1
        async with gate.slot() as slot:
            clock.now += 1
            slot.throttled()
    assert gate.limit == 1.0
    async with gate.slot():
        pass


async def test_after_a_cut_a_round_of_successes_adds_one_slot() -> None:
    clock = Clock()
    gate = Gate(100, clock=clock)
    async with gate.slot() as slot:
        clock.now += 1
        slot.throttled()
    before = gate.limit
    async with Server(gate, clock) as server:
        for _ in range(4):
            await server.round()
    assert gate.limit == pytest.approx(before + 4, abs=0.5)


async def test_idle_slots_do_not_make_it_grow() -> None:
    clock = Clock()
    gate = Gate(100, clock=clock)
    for _ in range(50):
        async with gate.slot() as slot:
            clock.now += 1
            slot.succeeded()
    assert gate.limit == FIRST_LIMIT


async def test_growth_rests_when_latency_rises_without_throughput() -> None:
    """A server that queues: it does 32 units of work a second, however many calls it holds."""
    clock = Clock()
    gate = Gate(1000, clock=clock)
    async with Server(gate, clock) as server:
        for _ in range(HOLD_ROUNDS):
            await server.round(max(1.0, gate.limit / 32))
    assert gate.limit <= 128


async def test_growth_goes_on_when_latency_rises_with_throughput() -> None:
    """A server that batches: twice the calls take 1.3 times as long."""
    clock = Clock()
    gate = Gate(256, clock=clock)
    seconds = 1.0
    async with Server(gate, clock) as server:
        for _ in range(5):
            await server.round(seconds)
            seconds *= 1.3
    assert gate.limit == 256


async def test_waiters_are_let_in_first_come_first_served() -> None:
    gate, order = Gate(1), []

    async def call(name: int) -> None:
        async with gate.slot():
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*(call(name) for name in range(20)))
    assert order == list(range(20))


async def test_a_cancelled_waiter_leaves_no_hole() -> None:
    gate = Gate(1)
    async with gate.slot():
        waiting = [asyncio.create_task(_hold(gate)) for _ in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    waiting[1].cancel()  # it may have been given the slot already
    await asyncio.wait_for(waiting[2], 1)
    assert gate.in_use == 0


async def _hold(gate: Gate) -> Slot:
    async with gate.slot() as slot:
        return slot
