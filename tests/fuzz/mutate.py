"""Changes that files and answers meet: of bytes as a crash makes them, of lines as an editor, of JSON as a hand."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any

# What parsers stumble over, to be put anywhere into the bytes.
_STUMBLING = (
    b"\0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3",
    b"\xe9\x95",
    b"\xed\xa0\x80",
    b"\r\n",
    b"\r",
    b"\n\n  \n",
    b"\xe2\x80\xa8",
    b"\\ud800",
    b"\\u0000",
    b"NaN",
    b"-0",
    b"1e999",
    b"99999999999999999999999999",
    b"1" * 5000,
    b"[" * 2000,
    b'{"a":' * 300,
    b"x" * 70_000,
    b'"',
    b"\\",
    b"```",
    b"<think>",
    b"$TEXT$",
)
_VALUES: tuple[Any, ...] = (
    None,
    True,
    "",
    " ",
    "\ud800",
    "\0",
    "a",
    "b",
    "../../x",
    0,
    1,
    2,
    -1,
    1.0,
    2.5,
    2**31,
    2**32,
    2**63,
    2**64,
    10**30,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [1],
    ["a"],
    {"id": "a"},
)


def mutate(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """`data` after one to four changes; `others` are inputs that a piece may be taken from."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        data = chance.choice(_CHANGES)(data, chance, others or (data,))
    return data


def _span(data: bytes, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(data))
    return start, min(len(data), start + int(chance.paretovariate(0.7)))


def _cut(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    return data[: chance.randint(0, len(data))]


def _drop(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _repeat(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:]


def _flip(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def _insert(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    place = chance.randint(0, len(data))
    return data[:place] + chance.choice(_STUMBLING) + data[place:]


def _graft(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    start, end = _span(other, chance)
    place = chance.randint(0, len(data))
    return data[:place] + other[start:end] + data[place:]


def _shuffle_lines(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Moves, repeats or drops a line, or takes one from another input."""
    lines = data.splitlines(keepends=True) or [b""]
    line = chance.choice(lines)
    match chance.randrange(4):
        case 0:
            lines.remove(line)
        case 1:
            line = chance.choice(chance.choice(others).splitlines(keepends=True) or [b""])
    lines.insert(chance.randint(0, len(lines)), line)
    return b"".join(lines)


def _all_line_ends(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    return data.replace(b"\n", chance.choice((b"\r\n", b"\n\n", b"\r", b"")))


def _change_json(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    """Changes a value, a key or the order of keys in one line that is JSON, or in the whole where that is."""
    lines = data.split(b"\n")
    place = chance.randrange(len(lines))
    for candidate in (data, lines[place]):
        try:
            value = json.loads(candidate.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        if not isinstance(value, dict | list):
            continue
        changed = _dumped(_changed(value, chance), chance)
        if candidate is data:
            return changed
        return b"\n".join([*lines[:place], changed, *lines[place + 1 :]])
    return data


def _changed(value: Any, chance: random.Random) -> Any:
    """The value with one change at a random depth."""
    if isinstance(value, dict) and value and chance.random() < 0.9:
        key = chance.choice(list(value))
        match chance.randrange(6):
            case 0:
                return {name: value[name] for name in chance.sample(list(value), len(value))}
            case 1:
                return {name: item for name, item in value.items() if name != key}
            case 2:
                other = chance.choice(("id", "n", "words", "text", "\ud800"))
                return {other if name == key else name: item for name, item in value.items()}
        return value | {key: _changed(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.9:
        place = chance.randrange(len(value))
        return [*value[:place], _changed(value[place], chance), *value[place + chance.randrange(2) :]]
    return chance.choice(_VALUES)


def _dumped(value: Any, chance: random.Random) -> bytes:
    """JSON, escaped or not, sometimes with a key that stands twice."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.2 and isinstance(value, dict) and value:
        key = chance.choice(list(value))
        text = f"{text[:-1]}, {json.dumps(key)}: {json.dumps(chance.choice((value[key], *_VALUES)))}}}"
    return text.encode("utf-8", "surrogatepass")


def _change_number(data: bytes, chance: random.Random, others: Sequence[bytes]) -> bytes:
    numbers = list(re.finditer(rb"-?\d+(\.\d+)?", data))
    if not numbers:
        return data
    number = chance.choice(numbers)
    new = json.dumps(chance.choice([value for value in _VALUES if isinstance(value, int | float)])).encode()
    return data[: number.start()] + new + data[number.end() :]


_CHANGES: tuple[Callable[[bytes, random.Random, Sequence[bytes]], bytes], ...] = (
    _cut,
    _drop,
    _repeat,
    _flip,
    _insert,
    _insert,
    _graft,
    _shuffle_lines,
    _shuffle_lines,
    _all_line_ends,
    _change_json,
    _change_json,
    _change_json,
    _change_number,
)
