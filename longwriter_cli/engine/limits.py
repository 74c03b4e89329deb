"""How fast: rates that the user sets, and what an endpoint says is left of its own.

A call passes the rate of requests and that of tokens together, in a `Line`. Clock and sleep are arguments. Times are
in seconds.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

MINUTE_S = 60.0
_LONGEST_NAP_S = 1.0
_NO_WAIT_S = 1e-6  # a shorter wait might not move the clock


class Limit(Protocol):
    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` may go out, as it looks now; 0 or less for at once."""
        ...

    def spend(self, amount: float) -> None:
        """Takes off what goes out."""
        ...


L = TypeVar("L", bound=Limit)


class Line(Generic[L]):
    """Where calls wait, first come first served, until there is room for a request and for its tokens.

    Whoever came first goes first, however much it wants: small calls never pass a large one by, so long prompts are
    not starved. Both amounts are spent in the moment that the call goes out and no earlier: what is waited for on one
    side does not pile up on the other, to go out in a burst.
    """

    def __init__(self, requests: L | None = None, tokens: L | None = None, *, sleep: Sleep = asyncio.sleep) -> None:
        self.requests = requests
        self.tokens = tokens
        self._sleep = sleep
        self._turn = asyncio.Lock()  # asyncio's locks are fair

    async def take(self, tokens: float) -> None:
        """Waits until one request with so many tokens may go out, and spends it."""
        if self.requests is None and self.tokens is None:
            return
        async with self._turn:
            # Naps, for a refund or a new word of the endpoint may end the wait early.
            while (wait_s := self._wait_s(tokens)) > _NO_WAIT_S:
                await self._sleep(min(wait_s, _LONGEST_NAP_S))
            if self.requests is not None:
                self.requests.spend(1)
            if self.tokens is not None:
                self.tokens.spend(tokens)

    def _wait_s(self, tokens: float) -> float:
        for_request = self.requests.wait_s(1) if self.requests is not None else 0.0
        return max(for_request, self.tokens.wait_s(tokens) if self.tokens is not None else 0.0)


class TokenBucket:
    """At most `per_minute` of something, in every minute, and besides what the bucket holds.

    The bucket holds `BURST_S` seconds' worth, at least 1; it is full at first and after a quiet time. What is larger
    than that goes out when the bucket is full, and what it took too much is waited for by the next one. So in any 60
    seconds at most `per_minute` and one bucketful go out, or `per_minute` and the largest call where that is more.
    """

    BURST_S = 1.0

    def __init__(self, per_minute: float, *, clock: Clock = time.monotonic) -> None:
        self._rate = per_minute / MINUTE_S
        self._capacity = max(1.0, self._rate * self.BURST_S)
        self._level = self._capacity
        self._clock = clock
        self._filled_at = clock()

    def wait_s(self, amount: float) -> float:
        self._fill()
        return (min(amount, self._capacity) - self._level) / self._rate

    def spend(self, amount: float) -> None:
        self._level -= amount

    def give_back(self, amount: float) -> None:
        """Returns what was reserved and not used; a negative amount takes what was used beyond the reservation."""
        self._fill()
        self._level = min(self._capacity, self._level + amount)

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._filled_at) * self._rate)
        self._filled_at = now


class Allowance:
    """What the other side says is left: nothing goes out that it does not cover.

    It is refilled evenly where the rate of that is known, else all at once when its reset is due: to the limit where
    that is known, and again each minute after; without a limit everything goes out from there on. Without any word
    from the other side everything goes out at once. Between two words, what goes out is taken off.
    """

    def __init__(self, *, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._left = self._limit = float("inf")
        self._per_s = 0.0
        self._filled_at = 0.0
        self._full_at = float("inf")

    def say(
        self, left: float, reset_s: float, *, limit: float = float("inf"), per_s: float = 0.0, age_s: float = 0.0
    ) -> None:
        """What was left `age_s` seconds ago, `reset_s` before it would be refilled to `limit`, at `per_s` a second."""
        self._left, self._limit, self._per_s = left, limit, per_s
        self._filled_at = self._clock() - age_s
        self._full_at = self._filled_at + reset_s

    def wait_s(self, amount: float) -> float:
        now = self._clock()
        if self._per_s:
            self._left = min(self._limit, self._left + (now - self._filled_at) * self._per_s)
            self._filled_at = now
        elif now >= self._full_at:
            self._left, self._full_at = self._limit, now + MINUTE_S
        missing = min(amount, self._limit) - self._left
        if missing <= 0:
            return 0.0
        return missing / self._per_s if self._per_s else self._full_at - now

    def spend(self, amount: float) -> None:
        self._left -= amount
