"""What an endpoint says of its own rate limits, in the headers of each answer.

`x-ratelimit-limit-requests`, `-remaining-requests`, `-reset-requests` and the same of `-tokens`, as OpenAI documents
them and others copy them: https://platform.openai.com/docs/guides/rate-limits

| headers there are          | read as                                                                        |
|----------------------------|--------------------------------------------------------------------------------|
| limit, remaining, reset    | refilled evenly where the reset is the time in which a minute's limit makes up |
|                            | for what is used (OpenAI, Groq); else up to the limit when the reset is due    |
| remaining, reset           | all is open when the reset is due (Azure)                                      |
| no remaining, or no reset  | nothing (Azure's older versions, Mistral's `-remaining-tokens-minute`)         |

A reset is a duration as Go writes it (`6m0s`, `120ms`), seconds, or a point in time: RFC 3339, or seconds or
milliseconds since 1970. Not read: headers of other names (`ratelimit-*`, `anthropic-ratelimit-*`). There a 429 tells.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m(?!s)", "s", "ms")))
_UNITS_S = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_LONGEST_S = 120.0  # longer resets are of daily limits, or of clocks that differ; a 429 will tell
_MINUTE_S = 60.0
_ROUNDING_S = 1.0  # of a reset in whole seconds
_FIRST_UNIX_S, _FIRST_UNIX_MS = 1e9, 1e12  # in 2001: smaller numbers are durations


@dataclass(frozen=True, slots=True)
class Remaining:
    """How much is left of `limit` until it is refilled, in `reset_s` seconds or at `refill_per_s` all the time."""

    amount: float
    reset_s: float
    limit: float = math.inf
    refill_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is left of requests and tokens; None where the endpoint does not say."""

    requests: Remaining | None = None
    tokens: Remaining | None = None


def read_rate_limits(headers: Mapping[str, str], clock: Callable[[], float] = time.time) -> RateLimits | None:
    """The limits that the headers state, or None where they state none. `clock` gives Unix time in seconds."""
    requests, tokens = (_remaining(headers, what, clock) for what in ("requests", "tokens"))
    return RateLimits(requests, tokens) if requests or tokens else None


def _remaining(headers: Mapping[str, str], what: str, clock: Callable[[], float]) -> Remaining | None:
    left = headers.get(f"x-ratelimit-remaining-{what}")
    reset = headers.get(f"x-ratelimit-reset-{what}") if left is not None else None
    if left is None or reset is None:
        return None
    # Below zero stands "-1", which some write for no limit at all.
    amount = _amount(left)
    reset_s = _reset_s(reset, clock) if amount is not None else None
    if amount is None or reset_s is None or not 0 <= reset_s <= _LONGEST_S:
        return None
    limit = _amount(headers.get(f"x-ratelimit-limit-{what}", ""))
    if limit is None or limit < max(1.0, amount):
        return Remaining(amount, reset_s)
    even_s = _MINUTE_S * (limit - amount) / limit
    is_even = abs(reset_s - even_s) <= max(_ROUNDING_S, even_s / 20)
    return Remaining(amount, reset_s, limit, limit / _MINUTE_S if is_even else 0.0)


def _amount(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _reset_s(text: str, clock: Callable[[], float]) -> float | None:
    """Seconds until a reset, however it is written; a point of time that is past is 0."""
    seconds = duration_s(text)
    if seconds is None:
        try:
            at = datetime.fromisoformat(text.strip())
            seconds = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            return None
    elif not seconds >= _FIRST_UNIX_S:  # nor is nan
        return seconds
    unix_s = seconds / 1000 if seconds >= _FIRST_UNIX_MS else seconds
    return max(0.0, unix_s - clock())


def duration_s(text: str) -> float | None:
    """Seconds of a duration as Go writes it (`6m0s`, `120ms`) or of a bare number; None for anything else."""
    text = text.strip()
    try:
        return float(text)
    except ValueError:
        pass
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        return None
    return sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS_S, strict=True) if part)
