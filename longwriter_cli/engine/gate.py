"""How many at once: concurrency that feels its way. Clock is an argument; times are in seconds."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

from longwriter_cli.engine.limits import Clock

FIRST_LIMIT = 16
CUT = 0.8
BUSY = 0.8
STRIDE = 1.25  # growth that is held against what it brought
WORTH = 0.5  # growth by g must bring g ** WORTH times the work per second: twice the calls, 1.41 times
EASE = 0.95  # a queue that was made is worked off little by little
REST_ROUNDS = 8


class Gate:
    """Lets at most `limit` calls through at once, and finds that limit between 1 and `most`.

    A round is as many successes as there were slots when it began. Slow start: from min(most, 16), each round doubles
    the limit. A burst of "too many requests" cuts it to 0.8 of itself once, however many calls the burst hits: a call
    that was let in before a cut never causes another. From then on each round adds one slot. The limit grows only
    where at least 80% of the slots were in flight in the round. Other failures change nothing.

    A server that never refuses (vLLM) queues instead: latency rises, and the calls that were added bring little more
    work a second. Then the limit goes back to about where that much is done without a queue (Little's law), rests for
    some rounds, and feels its way up again by one slot a round; where that brings something, the server has got more
    room, and it doubles again. Simulated with -c 256 and servers of 20 to 90 places, service times spread by 30%: from
    the 20th second on the mean limit is 1.0 to 1.7 times the places, and at least 95% of the most is done that could
    be; when 40 places become 120, the limit is above 100 within 50 s.
    """

    def __init__(self, most: int, *, clock: Clock = time.monotonic) -> None:
        self.most = most
        self.limit = float(min(most, FIRST_LIMIT))
        self.in_use = 0
        self.clock = clock
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._doubles = True
        self._refused = False
        self._cut_at = float("-inf")
        self._round: _Round | None = None
        self._before: _Figures | None = None
        self._rest = 0

    def slot(self) -> Slot:
        """A slot, to be entered with `async with`: waits for its turn, first come first served."""
        return Slot(self)

    async def enter(self) -> None:
        if self.in_use < int(self.limit) and not self._waiting:
            self.in_use += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the slot had been given already
            else:
                with suppress(ValueError):  # another one that left may have passed it over already
                    self._waiting.remove(turn)
            raise

    def leave(self) -> None:
        self.in_use -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self.in_use < int(self.limit):
            turn = self._waiting.popleft()
            if not turn.cancelled():
                self.in_use += 1
                turn.set_result(None)

    def sent(self, now: float) -> None:
        if self._round is None:
            self._round = _Round(now, int(self.limit))
        self._round.pass_time(now, 1)

    def came_back(self, now: float) -> None:
        if self._round is not None:
            self._round.pass_time(now, -1)

    def succeeded(self, now: float, work: float) -> None:
        figures = self._round.add(now, work) if self._round is not None else None
        if self._round is None or figures is None:
            return
        if self._is_worth_it(figures) and not self._rest and figures.calls >= BUSY * self._round.size:
            self.limit = min(self.most, self.limit * 2 if self._doubles else self.limit + 1)
            self._admit()
        self._round = _Round(now, int(self.limit), self._round.in_flight)

    def throttled(self, entered_at: float) -> None:
        self._doubles, self._refused = False, True
        if entered_at > self._cut_at:
            self._cut_at = self.clock()
            self.limit = max(1.0, self.limit * CUT)

    def _is_worth_it(self, now: _Figures) -> bool:
        """Learns from a round; False where the calls that were added since before have brought too little."""
        before = self._before
        if before is None or now.calls < before.calls:
            self._before = now
        elif self._rest:
            self._rest -= 1
            self._before = before.mean(now)
        elif now.calls >= STRIDE * before.calls:
            gain = now.throughput / before.throughput
            if gain < (now.calls / before.calls) ** WORTH:
                self.limit = min(self.limit, max(1.0, EASE * before.calls * max(CUT, gain)))
                self._doubles, self._rest, self._before = False, REST_ROUNDS, None
                return False
            self._before, self._doubles = now, not self._refused
        return True


class Slot:
    """A place in the gate. It is told when its call goes out, and how that went."""

    __slots__ = ("_entered_at", "_gate", "_is_sent")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._entered_at = 0.0
        self._is_sent = False

    async def __aenter__(self) -> Slot:
        await self._gate.enter()
        self._entered_at = self._gate.clock()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_sent:
            self._gate.came_back(self._gate.clock())
        self._gate.leave()

    def sent(self) -> None:
        """The call goes out now: a slot that waits for something else first is not in flight."""
        self._is_sent = True
        self._gate.sent(self._gate.clock())

    def succeeded(self, work: float = 1.0) -> None:
        """`work` is what the call brought, in any unit that is the same for all: answer tokens, say."""
        self._gate.succeeded(self._gate.clock(), work)

    def throttled(self) -> None:
        """The server said that there are too many."""
        self._gate.throttled(self._entered_at)


@dataclass(frozen=True, slots=True)
class _Figures:
    """A round: its calls in flight on average, and what they brought in units of work a second."""

    calls: float
    throughput: float

    def mean(self, other: _Figures) -> _Figures:
        return _Figures((self.calls + other.calls) / 2, (self.throughput + other.throughput) / 2)


@dataclass(slots=True)
class _Round:
    """A round under way: it ends with `size` successes."""

    began_at: float
    size: int
    in_flight: int = 0
    successes: int = 0
    work: float = 0.0
    call_seconds: float = 0.0
    seen_at: float = 0.0

    def __post_init__(self) -> None:
        self.seen_at = self.began_at

    def pass_time(self, now: float, change: int = 0) -> None:
        self.call_seconds += self.in_flight * (now - self.seen_at)
        self.seen_at = now
        self.in_flight += change

    def add(self, now: float, work: float) -> _Figures | None:
        """Adds a success; the figures of the round where it was the last one."""
        self.successes += 1
        self.work += work
        if self.successes < self.size:
            return None
        self.pass_time(now)
        elapsed_s = max(1e-9, now - self.began_at)
        return _Figures(self.call_seconds / elapsed_s, self.work / elapsed_s)
