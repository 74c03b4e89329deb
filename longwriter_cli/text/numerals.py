"""Numbers as people and models write them: 1,000 · 1 000 · １０００ · 1.5k · 1千 · 一千二百 · 两万五."""

from __future__ import annotations

import re

_DASHES = "‐‑‒–—―−─━﹣"
_SPACES = "\u00a0\u2007\u2009\u202f\u3000\u200b\ufeff"
_FOLD = (
    {0xFF01 + i: 0x21 + i for i in range(94)}  # the full-width forms of ASCII
    | dict.fromkeys(map(ord, _DASHES), "-")
    | dict.fromkeys(map(ord, _SPACES), " ")
    | dict(zip(map(ord, "【】〔〕〖〗。〜"), "[][][].~", strict=True))
)

_DIGIT = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_UNIT = {"十": 10, "百": 100, "千": 1000, "万": 10_000, "k": 1000, "thousand": 1000}

HAN_NUMERALS = "零〇一二两三四五六七八九十百千万"

# For use inside other patterns, on folded text, with re.IGNORECASE. Every repetition is bounded: the patterns that
# hold it stay linear on any input.
NUMBER = (
    r"(?:(?<![0-9])"
    r"(?:[0-9]{1,3}(?:[,.' ][0-9]{3}){1,3}(?![0-9])|[0-9]{1,9}(?![0-9])(?:\.[0-9]{1,3}(?![0-9]))?)"
    rf"(?:\s?(?:k|thousand)(?![a-z])|[十百千万][0-9{HAN_NUMERALS}]{{0,8}})?"
    rf"|[{HAN_NUMERALS}]{{1,12}})"
)

_TOKEN = re.compile(
    r"[0-9]{1,3}(?:[,.' ][0-9]{3})+(?![0-9])|[0-9]+(?:\.[0-9]+)?|thousand|[k十百千万零〇一二两三四五六七八九]|\s+|."
)
_LONGEST = 40


def fold(text: str) -> str:
    """Maps full-width forms, dashes and odd spaces to ASCII, one character to one: positions stay valid."""
    return text.translate(_FOLD)


def parse_number(text: str) -> int | None:
    """The value of one number, rounded to an integer; None where the text is not one number and nothing else.

    Reads ASCII and full-width digits with or without thousands separators, a decimal fraction before a scale
    ("1.5k", "1.2千"), and Chinese numerals, formal, positional and colloquial ("一千五" is 1500). Not English words.
    """
    folded = fold(text).strip().lower()
    if not folded or len(folded) > _LONGEST:
        return None
    if all(c in _DIGIT for c in folded):
        return int("".join(str(_DIGIT[c]) for c in folded))
    return _sum(_TOKEN.findall(folded))


def _sum(tokens: list[str]) -> int | None:
    """Adds up digit-unit pairs; 万 multiplies all that stands before it."""
    total = part = 0.0
    pending: float | None = None
    unit = 1
    for token in tokens:
        if token in _UNIT:
            if token == "万":
                total, part = (total + part + (pending or 0)) * _UNIT[token] or _UNIT[token], 0.0
            else:
                part += (1 if pending is None else pending) * _UNIT[token]
            pending, unit = None, _UNIT[token]
        elif token in ("零", "〇"):
            unit = 1  # after a zero the digit stands for itself: 一千零五 is 1005, 一千五 is 1500
        elif not token.isspace():
            value = _value(token)
            if value is None or pending is not None:
                return None
            pending = value
    if pending is not None:
        short_for_next_unit = unit >= 100 and pending < 10
        part += pending * unit / 10 if short_for_next_unit else pending
    return round(total + part)


def _value(token: str) -> float | None:
    if token in _DIGIT:
        return _DIGIT[token]
    grouped = re.sub(r"[,.' ](?=[0-9]{3}(?:[^0-9]|$))", "", token)
    try:
        return float(grouped)
    except ValueError:
        return None
