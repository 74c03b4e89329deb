"""How long an endpoint asks to wait: in headers, or in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_ASKS_TO_WAIT = re.compile(r"(?:try again|retry) (?:in|after) (?:(\d+)m)?(\d+(?:\.\d+)?) ?(ms|s)", re.IGNORECASE)


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that the headers ask for in seconds, at least 0, or None.

    Reads `retry-after-ms` and `retry-after` as seconds or as an HTTP date (RFC 9110 §10.2.3). A negative wait or a
    date in the past is 0; what is no number and no date is None. There is no upper limit: the caller has one.

    A date is held against the `date` of the same answer, for our clock may be hours off; against `now`, Unix time in
    seconds, where there is none.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    due = _date(value)
    if due is None:
        return None
    said_at = _date(headers.get("date"))
    return max(0.0, due - (now if said_at is None else said_at))


def _date(value: str | None) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and number == number and abs(number) != float("inf") else None


def wait_in_words(message: str) -> float | None:
    """Seconds, from "Please retry in 34.07s" and the like: Gemini sends no header."""
    found = _ASKS_TO_WAIT.search(message)
    if found is None:
        return None
    minutes, number, unit = found.groups()
    return float(minutes or 0) * 60 + float(number) * (0.001 if unit == "ms" else 1.0)
