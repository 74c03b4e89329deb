"""How fast and how many at once: rates that the user or the endpoint sets, and concurrency that feels its way.

Clock and sleep are arguments. Times are in seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

MINUTE_S = 60.0


class TokenBucket:
    """At most `per_minute` of something, first come first served.

    Whoever came first waits first, however much it wants: small requests never pass a large one by, so long prompts
    are not starved. The bucket holds `BURST_S` seconds' worth; a request for more than that is let through when the
    bucket is full, and what it took too much is waited for by the next one.
    """

    BURST_S = 1.0

    def __init__(self, per_minute: float, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._rate = per_minute / MINUTE_S
        self._capacity = max(1.0, self._rate * self.BURST_S)
        self._level = self._capacity
        self._clock = clock
        self._sleep = sleep
        self._filled_at = clock()
        self._turn = asyncio.Lock()  # asyncio's locks are fair

    async def take(self, amount: float) -> None:
        """Waits until `amount` may be spent, and spends it."""
        async with self._turn:
            self._fill()
            wanted = min(amount, self._capacity)
            while self._level < wanted - 1e-9:
                await self._sleep((wanted - self._level) / self._rate)
                self._fill()
            self._level -= amount

    def give_back(self, amount: float) -> None:
        """Returns what was reserved and not used; a negative amount takes what was used beyond the reservation."""
        self._fill()
        self._level = min(self._capacity, self._level + amount)

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now


FIRST_LIMIT = 16
CUT = 0.8
BUSY = 0.8
SLOWER = 1.25  # a round's latency per unit of work against the best one seen
FASTER = 1.05  # a round's work per second against the round before
HOLD_ROUNDS = 8


@dataclass(slots=True)
class _Round:
    """The successes of one round: as many as there were slots when it began."""

    started_at: float
    size: int
    successes: int = 0
    latency_s: float = 0.0
    work: float = 0.0


class Gate:
    """Lets at most `limit` calls through at once, and finds that limit between 1 and `most`.

    Slow start: from min(most, 16), one slot more for each success, which doubles the limit each round. A burst of
    "too many requests" cuts it to 0.8 of itself once, however many calls the burst hits: a call that was let in
    before a cut never causes another. From then on a round of successes adds one slot. The limit grows only while at
    least 80% of the slots are in use. A server that never refuses (vLLM) queues instead: where the latency for a unit
    of work has risen by a quarter without 5% more work done in a second, growth rests for some rounds. Other failures
    change nothing.
    """

    def __init__(self, most: int, *, clock: Clock = time.monotonic) -> None:
        self.most = most
        self.limit = float(min(most, FIRST_LIMIT))
        self.in_use = 0
        self._clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._slow_start = True
        self._cut_at = float("-inf")
        self._round = _Round(clock(), int(self.limit))
        self._best_latency_s = float("inf")
        self._throughput = 0.0
        self._hold = 0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Slot]:
        """Waits for a slot, first come first served, and gives it back at the end."""
        await self._enter()
        try:
            yield Slot(self, self._clock())
        finally:
            self._leave()

    async def _enter(self) -> None:
        if self.in_use < int(self.limit) and not self._waiting:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # the slot had been given already
            else:
                self._waiting.remove(turn)
            raise

    def _leave(self) -> None:
        self.in_use -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_use < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self.in_use += 1
                turn.set_result(None)

    def succeeded(self, slot: Slot, work: float) -> None:
        self._round.successes += 1
        self._round.latency_s += self._clock() - slot.since
        self._round.work += work
        if self._round.successes >= self._round.size:
            self._end_round()
        if self.in_use < BUSY * int(self.limit) or self._hold:
            return
        self.limit = min(self.most, self.limit + (1.0 if self._slow_start else 1.0 / self.limit))
        self._admit()

    def throttled(self, slot: Slot) -> None:
        self._slow_start = False
        if slot.since <= self._cut_at:
            return
        self._cut_at = self._clock()
        self.limit = max(1.0, self.limit * CUT)

    def _end_round(self) -> None:
        now = self._clock()
        latency_s = self._round.latency_s / max(1.0, self._round.work)
        throughput = self._round.work / max(1e-9, now - self._round.started_at)
        self._hold = max(0, self._hold - 1)
        if latency_s > SLOWER * self._best_latency_s and throughput < FASTER * self._throughput:
            self._slow_start, self._hold = False, HOLD_ROUNDS
        self._best_latency_s = min(self._best_latency_s, latency_s)
        self._throughput = throughput
        self._round = _Round(now, int(self.limit))


@dataclass(frozen=True, slots=True, eq=False)
class Slot:
    """A place in the gate, held since `since`; told how its call went."""

    gate: Gate
    since: float

    def succeeded(self, work: float = 1.0) -> None:
        """`work` is what the call brought, in any unit that is the same for all: answer tokens, say."""
        self.gate.succeeded(self, work)

    def throttled(self) -> None:
        self.gate.throttled(self)


class Allowance:
    """What the other side says is left: nothing goes out that it does not cover, until it is refilled.

    Without word from the other side everything goes out at once. Between two words, what goes out is taken off.
    """

    def __init__(self, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._left = float("inf")
        self._until = float("-inf")
        self._clock = clock
        self._sleep = sleep
        self._turn = asyncio.Lock()

    def say(self, left: float, reset_s: float) -> None:
        """`left` is what may still go out before the refill in `reset_s` seconds."""
        self._left, self._until = left, self._clock() + reset_s

    async def take(self, amount: float) -> None:
        """Waits, first come first served, until `amount` is covered or the refill is due."""
        async with self._turn:
            while amount > self._left and self._clock() < self._until:
                await self._sleep(self._until - self._clock())
            if self._clock() >= self._until:
                self._left = float("inf")
            self._left -= amount
