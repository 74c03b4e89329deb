from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import clock as jumping
import pytest

from longwriter_cli.engine.gate import CUT, FIRST_LIMIT, Gate, Slot


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


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
                slot.sent()
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
            slot.sent()
            clock.now += 1
            slot.succeeded()
    assert gate.limit == FIRST_LIMIT


async def test_slots_that_wait_for_something_else_are_not_in_flight() -> None:
    """Where a rate holds the calls back, more slots would bring nothing."""
    clock = Clock()
    gate = Gate(100, clock=clock)
    async with AsyncExitStack() as stack:
        for _ in range(FIRST_LIMIT - 1):
            await stack.enter_async_context(gate.slot())
        for _ in range(50):
            async with gate.slot() as slot:
                slot.sent()
                clock.now += 1
                slot.succeeded()
    assert gate.limit == FIRST_LIMIT


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


# --- a server that never refuses


class Queue:
    """Serves `places` calls at once, each for a second or so; the others wait."""

    def __init__(self, places: int, seed: int) -> None:
        self.places = places
        self._serving = 0
        self._random = random.Random(seed)
        self._waiting: list[asyncio.Future[None]] = []

    async def serve(self) -> float:
        """The work done: as much as it took seconds."""
        if self._serving >= self.places:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._serving += 1
        work = max(0.2, self._random.gauss(1, 0.3))
        await asyncio.sleep(work)
        self._serving -= 1
        self._admit(1)
        return work

    def extend(self, places: int) -> None:
        added, self.places = places - self.places, places
        self._admit(added)

    def _admit(self, calls: int) -> None:
        for turn in self._waiting[:calls]:
            turn.set_result(None)
        del self._waiting[:calls]


class Watched:
    """A gate before a queue, with a caller for each slot that it may ever open."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.gate = Gate(256, clock=jumping.now_s)
        self.done = 0.0
        self._callers = [asyncio.create_task(self._call()) for _ in range(self.gate.most)]

    async def _call(self) -> None:
        while True:
            async with self.gate.slot() as slot:
                slot.sent()
                work = await self.queue.serve()
                self.done += work
                slot.succeeded(work)

    async def limits(self, seconds: int) -> list[float]:
        """The limit at the end of each second."""
        found = []
        for _ in range(seconds):
            await asyncio.sleep(1)
            found.append(self.gate.limit)
        return found

    async def end(self) -> None:
        for caller in self._callers:
            caller.cancel()
        await asyncio.gather(*self._callers, return_exceptions=True)


@pytest.mark.parametrize("places", [20, 46, 90])
@pytest.mark.parametrize("seed", [1, 2])
def test_growth_rests_near_what_the_server_can_do(places: int, seed: int) -> None:
    async def test() -> None:
        watched = Watched(Queue(places, seed))
        await watched.limits(20)
        before = watched.done
        limits = await watched.limits(200)
        assert 0.9 * places <= sum(limits) / len(limits) <= 1.8 * places
        assert watched.done - before >= 0.93 * places * 200, "little is lost by feeling the way"
        await watched.end()

    jumping.run(test())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_limit_follows_a_server_that_gets_more_room(seed: int) -> None:
    async def test() -> None:
        watched = Watched(Queue(40, seed))
        assert (await watched.limits(100))[-1] <= 100
        watched.queue.extend(120)
        assert max(await watched.limits(60)) >= 110
        before = watched.done
        await watched.limits(50)
        assert watched.done - before >= 0.9 * 120 * 50
        await watched.end()

    jumping.run(test())


# --- waiting


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


async def test_waiters_cancelled_all_at_once_end_quietly() -> None:
    """As when the grace of a stop is over: one that leaves passes over others that are cancelled already."""
    gate = Gate(1)
    tasks = [asyncio.create_task(_hold_forever(gate)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 5
    assert gate.in_use == 0


async def _hold_forever(gate: Gate) -> None:
    async with gate.slot():
        await asyncio.Event().wait()
