"""Sizes as users write them: 500MB, 3 GiB."""

from __future__ import annotations

import re

from longwriter_cli.errors import UsageError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
_LARGEST = 1 << 60  # bytes
_SIZE = re.compile(r"(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)")


def size_in_bytes(flag: str, text: str, example: str) -> int:
    """The size that an option was given.

    Raises:
        UsageError: it is none; shows the example.
    """
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(match["unit"].upper()) if match else None
    size = float(match["number"]) * unit if match and unit else 0.0
    if not 1 <= size <= _LARGEST:
        raise UsageError(f"{flag} {text}: no size.", f"As in {flag} {example}.")
    return int(size)
