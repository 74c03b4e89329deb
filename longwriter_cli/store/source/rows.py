"""The raw rows that readers of formats hand on, before anyone asks what their fields mean."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from longwriter_cli.errors import InputError
from longwriter_cli.store.source.streams import STDIN


class BadRow(Exception):
    """Why one row cannot be used. The rows after it can: the file as a whole being bad is an `InputError`."""

    def __init__(self, problem: str, tip: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.tip = tip


class NoPrompt(BadRow):
    """The row is well formed and holds no text of a user: bad as an instruction, common in a log of chats."""


class NotJson(BadRow):
    """The line is no JSON at all."""


# Line (or row number, both from 1) and value. A `BadRow` stands in the place of a value that could not be read: a
# generator that raised it could not go on.
Row = tuple[int, object]


@dataclass(frozen=True)
class Table:
    """A source that is being read. `name` is what messages call it, `unit` what the numbers in `rows` count."""

    name: str
    rows: Iterator[Row]
    unit: Literal["line", "row"] = "line"


MEND_ROW = "Mend it, or go on without such rows: --skip-bad-rows."


def located(table: Table, line: int, fault: BadRow, tip: str = MEND_ROW) -> InputError:
    """The fault as an error that says where it stands; `tip` where it gives none of its own."""
    tip = fault.tip or tip
    if table.name == STDIN and line == 1 and isinstance(fault, NotJson):
        tip += " Standard input is read as JSON Lines; plain text is read from a .txt file."
    error = InputError(table.name, line, fault.problem, tip)
    if table.unit != "line":
        error.message = f"{table.name} {table.unit} {line}: {fault.problem}"
        error.args = (error.message,)
    return error


def plain(value: object) -> object:
    """The value as JSON Lines can hold it, for rows that come from richer formats.

    NaN and infinity become None, dates ISO 8601; integers beyond 64 bits become floats, as orjson reads them. Bytes
    become text where they are UTF-8 (Parquet from Spark marks its strings as bytes), else None: an image is not
    carried along. What is left becomes its `str`.
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if -(2**63) <= value < 2**64 else float(value) if abs(value) < 2**1023 else str(value)
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case datetime.date() | datetime.time():
            return value.isoformat()
        case _:
            return str(value)


def short(value: object) -> str:
    """The value for a message: on one line, without control characters, not long."""
    shown = ascii(value) if isinstance(value, str) and not value.isprintable() else repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}…"


def quoted(names: Iterable[str]) -> str:
    """Keys for a message, the first dozen of them: "id", "text"."""
    first = [f'"{name}"' if name.isprintable() else ascii(name) for name in islice(names, 12)]
    return ", ".join(first) or "nothing"
