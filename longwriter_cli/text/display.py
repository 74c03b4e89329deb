"""What is shown: text of a model or an endpoint made safe, numbers with what they count."""

from __future__ import annotations

import re

# C0 and C1 controls but for newline and tab; bidirectional overrides, which can make a line read as another.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text without anything that a terminal would obey: controls become U+FFFD, newlines and tabs stay."""
    return _UNSAFE.sub("\ufffd", text.replace("\r\n", "\n"))


def counted(number: int, noun: str) -> str:
    """`1 record`, `1,200 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
