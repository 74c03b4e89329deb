"""What a model says of a prompt: how long an answer it needs, and whether to keep it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_THOUGHTS = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_YES = frozenset({"true", "yes", "keep", "是"})
_NO = frozenset({"false", "no", "drop", "否"})
_NUMBER = re.compile(r"\d[\d,]*")
_LONGEST_COUNT = 40  # characters of a text that names a number of words
_MOST_WORDS = 10**9
_LONGEST_REASON = 300  # characters


@dataclass(frozen=True, slots=True)
class Verdict:
    """`words` is what the model thinks that an answer needs, where it says so."""

    keep: bool
    reason: str
    words: int | None = None


def read_verdict(text: str) -> Verdict | None:
    """The verdict in a model's answer: the last JSON object that has a usable `keep`. None where there is none.

    What stands around it (a code fence, a remark, thoughts) does not matter. The last one counts, since an answer may
    begin with what it read: a verdict that somebody has put into the prompt.
    """
    found = None
    for value in _objects(_THOUGHTS.sub("", text)):
        keep = _flag(value.get("keep"))
        if keep is not None:
            reason = value.get("reason")
            shown = " ".join(reason.split()) if isinstance(reason, str) else ""
            found = Verdict(keep, shown[:_LONGEST_REASON], _words(value.get("words")))
    return found


def decided(keep: bool, words: int | None, asked_with: int, limit: int) -> bool | None:
    """What an earlier verdict says under another limit: keep or not; None where the model must be asked again.

    `words` is what the model thinks that an answer needs. `asked_with` is the limit that it was asked with, 0 where
    that is not known. A verdict that keeps nothing although its words would do has another reason, and stands.
    """
    if not asked_with:
        return keep and (words is None or words >= limit)
    if asked_with == limit:
        return keep
    if words is None:
        stands = limit <= asked_with if keep else limit >= asked_with
        return keep if stands else None
    return words >= limit and (keep or words < asked_with)


def _objects(text: str) -> Iterator[Mapping[str, object]]:
    decoder = json.JSONDecoder(strict=False)  # models break lines inside strings
    at = text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):  # the second where it nests too deep
            end = at + 1
        else:
            if isinstance(value, dict):
                yield value
        at = text.find("{", end)


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    return True if word in _YES else False if word in _NO else None


def _words(value: object) -> int | None:
    if isinstance(value, str):
        number = _NUMBER.search(value) if len(value) <= _LONGEST_COUNT else None
        value = int(number.group().replace(",", "")) if number else None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= _MOST_WORDS:
        return round(value)
    return None
