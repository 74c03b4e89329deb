"""What a judge's answer holds beside remarks and thoughts: the JSON values in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

_THOUGHTS = re.compile(r"(?:\A|<think(?:ing)?>)(?:(?!<think(?:ing)?>).)*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<think(?:ing)?>.*\Z", re.DOTALL | re.IGNORECASE)


_TOLD = 3
"""Values of one key that are kept: two are too many already."""


def without_thoughts(answer: str) -> str:
    """The answer without what the model thought aloud before it; a thought that does not end takes all behind it."""
    return _OPEN_THOUGHT.sub("", _THOUGHTS.sub("", answer))


def json_values(text: str, is_wanted: Callable[[object], bool]) -> Iterator[object]:
    """The JSON values in a text, one behind the other, where one of them is wanted; none else.

    Where none is, they are looked for once more with single quotes and a comma too many put right. A key that an object
    has twice, with values that differ, holds the list of them.
    """
    decoder = json.JSONDecoder(strict=False, object_pairs_hook=_object)  # models break lines inside strings
    for candidate in dict.fromkeys((text, _mended(text))):
        found, at = [], _next_start(candidate, 0)
        while at >= 0:
            try:
                value, end = decoder.raw_decode(candidate, at)
            except (ValueError, RecursionError):  # the second where it nests too deep
                end = at + 1
            else:
                found.append(value)
            at = _next_start(candidate, end)
        if any(map(is_wanted, found)):
            yield from found
            return


_START = re.compile(r"[{\[](?=\s{0,200}[{\[\"])")
_COMMA_TOO_MANY = re.compile(r",(?=\s{0,200}[\]}])")
_SINGLE_QUOTED = re.compile(r"(?<=[{,:\[])(\s{0,20})'([^'\n\"]{1,200})'(?=\s{0,20}[,:}\]])")


def _next_start(text: str, at: int) -> int:
    start = _START.search(text, at)
    return start.start() if start else -1


def _mended(text: str) -> str:
    return _COMMA_TOO_MANY.sub("", _SINGLE_QUOTED.sub(r'\1"\2"', text))


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    """`dict` keeps the last of several values for a key, as if there had been no other."""
    values: dict[str, list[object]] = {}
    for key, value in pairs:
        given = values.setdefault(key, [])
        if len(given) < _TOLD and value not in given:
            given.append(value)
    return {key: given[0] if len(given) == 1 else given for key, given in values.items()}
