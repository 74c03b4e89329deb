"""What two texts are compared by, when one may be a copy of the other in other marks and other spacing."""

from __future__ import annotations

import re

_NO_LETTERS = re.compile(r"[\W_]+")
_UNSOLID = re.compile(r"[\s*_#`]+")
_FULL_WIDTH = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")


def letters(text: str) -> str:
    """Letters and digits alone, without case: "**The Fall:**" and "the fall" are the same line."""
    return _NO_LETTERS.sub("", text).casefold()


def solid(text: str) -> str:
    """`text` without whitespace and Markdown marks, punctuation included: a sentence word for word."""
    return _UNSOLID.sub("", text)


def width(text: str) -> int:
    """Letters and marks, Chinese and Japanese ones counted double: one says about as much as two Latin ones."""
    bare = solid(text)
    return len(bare) + len(_FULL_WIDTH.findall(bare))
