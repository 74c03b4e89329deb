"""One step as it is read out of a text, and the tidying of its main point."""

from __future__ import annotations

from typing import NamedTuple

STOPS = ".。!！?？;；:：,，"
EDGES = " \t\u3000-–—|｜;；,，:：、"


class Item(NamedTuple):
    """A step without its number. `main_point` is one line, `words` is in 1..1,000,000."""

    main_point: str
    words: int


def one_line(text: str) -> str:
    lines = text.splitlines()
    return " ".join(filter(None, map(str.strip, lines))) if len(lines) > 1 else text.strip()


def join_title(title: str, point: str) -> str:
    """ "Title: point", with the colon of the script that the title ends in; the other one where one is empty."""
    if not title or not point:
        return title or point
    return title + ("：" if is_han(title[-1]) else ": ") + point


def is_han(char: str) -> bool:
    """Whether a character is written without a space behind it: Han, kana, and their punctuation."""
    return "\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uff60"


def tidy(text: str) -> str:
    """A main point without the marks around it: separators, emphasis, brackets around the whole or left half open."""
    text = text.replace("**", "").strip(EDGES)
    for mark in "*_":
        if text.count(mark) % 2:
            text = text.strip(mark).strip(EDGES)
        elif len(text) > 2 and text[0] == text[-1] == mark:
            text = text[1:-1].strip(EDGES)
    return _balance(unwrap(text))


def unwrap(text: str) -> str:
    """Takes the template's square brackets, or bold marks, off a text that stands in them as a whole."""
    for left, right in (("[", "]"), ("**", "**"), ("【", "】")):
        inner = text[len(left) : -len(right)]
        wrapped = text.startswith(left) and text.endswith(right) and inner.strip()
        if wrapped and left not in inner and right not in inner:
            return inner.strip()
    return text


def _balance(text: str) -> str:
    for left, right in ("[]", "()", "（）", "【】"):
        missing = text.count(left) - text.count(right)
        if missing > 0:
            text = text[1:] if text.startswith(left) else text + right
        elif missing < 0 and text.endswith(right):
            text = text[:-1]
    return text.strip(EDGES)
