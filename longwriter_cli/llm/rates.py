"""What an endpoint says of its own rate limits, in the headers of each answer.

`x-ratelimit-remaining-requests`, `-remaining-tokens`, `-reset-requests`, `-reset-tokens`, as OpenAI documents them and
others copy them: https://platform.openai.com/docs/guides/rate-limits

Not read: what comes without the time of its refill (Azure's older versions, Mistral's `-remaining-tokens-minute`), and
headers of other names (`ratelimit-*`, `anthropic-ratelimit-*`). There a 429 tells.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

_NUMBER = r"(\d+(?:\.\d+)?)"
_DURATION = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m(?!s)", "s", "ms")))
_UNITS_S = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_LONGEST_S = 120.0  # longer resets are of daily limits, or of clocks that differ; a 429 will tell


@dataclass(frozen=True, slots=True)
class Remaining:
    """How much is left until the limit is refilled, which is in `reset_s` seconds."""

    amount: float
    reset_s: float


@dataclass(frozen=True, slots=True)
class RateLimits:
    """What is left of requests and tokens; None where the endpoint does not say."""

    requests: Remaining | None = None
    tokens: Remaining | None = None


def read_rate_limits(headers: Mapping[str, str]) -> RateLimits | None:
    """The limits that the headers state, or None where they state none."""
    requests, tokens = (_remaining(headers, what) for what in ("requests", "tokens"))
    return RateLimits(requests, tokens) if requests or tokens else None


def _remaining(headers: Mapping[str, str], what: str) -> Remaining | None:
    left, reset = headers.get(f"x-ratelimit-remaining-{what}"), headers.get(f"x-ratelimit-reset-{what}")
    if left is None or reset is None:
        return None
    try:
        amount = float(left)
    except ValueError:
        return None
    # Below zero stands "-1", which some write for no limit at all.
    seconds = duration_s(reset) if math.isfinite(amount) and amount >= 0 else None
    return Remaining(amount, seconds) if seconds is not None and 0 <= seconds <= _LONGEST_S else None


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
