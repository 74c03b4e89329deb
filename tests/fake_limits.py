"""The fake server's limits: rates per minute with OpenAI's headers, calls at once, and a queue that never refuses."""

from __future__ import annotations

import time
from collections.abc import Mapping


class Rate:
    """A bucket of a minute's worth, full at first and refilled evenly, as OpenAI's are."""

    def __init__(self, per_minute: float) -> None:
        self.per_minute = per_minute
        self._level = per_minute
        self._filled_at = time.monotonic()

    @property
    def left(self) -> float:
        now = time.monotonic()
        self._level = min(self.per_minute, self._level + (now - self._filled_at) * self.per_minute / 60)
        self._filled_at = now
        return self._level

    def wait_s(self, amount: float) -> float:
        """Seconds until `amount` is let through, 0 for now. More than a minute's worth is when the bucket is full."""
        return max(0.0, (min(amount, self.per_minute) - self.left) * 60 / self.per_minute)

    def take(self, amount: float) -> None:
        self._level = self.left - amount

    def headers(self, what: str) -> dict[str, str]:
        """What OpenAI tells of it with each answer; the reset is the time until the bucket is full."""
        return {
            f"x-ratelimit-limit-{what}": f"{self.per_minute:g}",
            f"x-ratelimit-remaining-{what}": str(max(0, int(self.left))),
            f"x-ratelimit-reset-{what}": go_duration((self.per_minute - self.left) * 60 / self.per_minute),
        }


class Rates:
    """Requests and tokens per minute; each may be None, for no limit."""

    def __init__(self, rpm: float | None, tpm: float | None) -> None:
        limits = {"requests": rpm, "tokens": tpm}
        self._rates = {what: Rate(per_minute) for what, per_minute in limits.items() if per_minute is not None}

    def take(self, tokens: int) -> float:
        """Counts a call and returns 0; or, where it is one too many, counts nothing and returns the seconds to wait."""
        amounts = {"requests": 1, "tokens": tokens}
        wait_s = max((rate.wait_s(amounts[what]) for what, rate in self._rates.items()), default=0.0)
        if not wait_s:
            for what, rate in self._rates.items():
                rate.take(amounts[what])
        return wait_s

    def write(self, tokens: int) -> None:
        """Counts the tokens of an answer, whether or not there is room for them."""
        if "tokens" in self._rates:
            self._rates["tokens"].take(tokens)

    def headers(self) -> Mapping[str, str]:
        return {name: value for what, rate in self._rates.items() for name, value in rate.headers(what).items()}


def go_duration(seconds: float) -> str:
    """Seconds as Go writes them: `120ms`, `1.5s`, `6m0s`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    minutes, rest = divmod(round(seconds, 3), 60)
    return f"{minutes:.0f}m{rest:g}s" if minutes else f"{rest:g}s"
