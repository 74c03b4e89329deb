"""The time of day, as rows carry it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """UTC in ISO 8601, to the second, with a `Z`."""
    return datetime.now(UTC).isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
