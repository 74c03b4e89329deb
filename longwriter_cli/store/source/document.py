"""JSON documents: a list of rows, or an object that holds one. Each row knows its line."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator, Iterator
from typing import cast

from longwriter_cli.errors import InputError
from longwriter_cli.store.source.fields import PROMPT_FIELDS
from longwriter_cli.store.source.rows import Row, plain, quoted
from longwriter_cli.store.source.streams import NOT_UTF8


def json_document(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """A list of rows, or an object that holds one list, or one row. The text is held whole in memory."""
    data = stream.read()
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(name, line, "is not valid UTF-8", NOT_UTF8) from error
    del data
    document = _Document(text)
    try:
        start = document.skip(0)
        match document.character(start):
            case "":
                return
            case "[":
                end = yield from document.elements(start)
                document.expect_end(end)
            case "{":
                members, end = document.members(start)
                document.expect_end(end)
                if any(key in members for key in PROMPT_FIELDS):
                    yield document.line(start), plain(document.value(start)[0])
                else:
                    yield from document.elements(_only_list(members, text, name))
            case _:
                raise InputError(name, document.line(start), "is neither a list nor an object", _JSON_FORMS)
    except json.JSONDecodeError as error:
        cut = "the file ends in the middle of it" if error.pos >= len(text.rstrip()) else error.msg
        raise InputError(name, error.lineno, f"is not valid JSON at column {error.colno}: {cut}") from error
    except RecursionError as error:
        raise InputError(name, None, "is nested too deeply") from error


_JSON_FORMS = "A list of objects, or an object that holds one list, is read."


def _only_list(members: dict[str, int], text: str, name: str) -> int:
    lists = {key: start for key, start in members.items() if text[start] == "["}
    if len(lists) == 1:
        return next(iter(lists.values()))
    if not lists:
        raise InputError(name, None, "is an object that holds no list", _JSON_FORMS)
    raise InputError(
        name, None, f"is an object that holds {len(lists)} lists: {quoted(lists)}", "Keep the one with the rows."
    )


class _Document:
    """A JSON text that is walked element by element, so that each one knows its line and only one is held parsed."""

    _SPACE = re.compile(r"[ \t\r\n]*")

    def __init__(self, text: str) -> None:
        self._text = text
        self._parse = json.JSONDecoder(parse_constant=self._refuse).raw_decode

    def skip(self, at: int) -> int:
        """The place of the next character that is no white space."""
        return cast(re.Match[str], self._SPACE.match(self._text, at)).end()

    def character(self, at: int) -> str:
        """The character at `at`, "" at the end."""
        return self._text[at : at + 1]

    def line(self, at: int) -> int:
        return self._text.count("\n", 0, at) + 1

    def expect_end(self, at: int) -> None:
        if (at := self.skip(at)) < len(self._text):
            raise json.JSONDecodeError(
                "the document has ended before; if it is JSON Lines, name it .jsonl", self._text, at
            )

    def members(self, start: int) -> tuple[dict[str, int], int]:
        """Where the value of each key of the object at `start` begins, and where the object ends."""
        found: dict[str, int] = {}
        at = self.skip(start + 1)
        if self.character(at) == "}":
            return found, at + 1
        while True:
            if self.character(at) != '"':
                raise json.JSONDecodeError("expected a key in double quotes", self._text, at)
            key, at = self.value(at)
            _, at = self._mark(at, ":")
            found[str(key)] = at = self.skip(at)
            _, at = self.value(at)
            mark, at = self._mark(at, ",}")
            if mark == "}":
                return found, at
            at = self.skip(at)

    def elements(self, start: int) -> Generator[Row, None, int]:
        """The elements of the list at `start`; the generator's result is where it ends."""
        line, counted = 1, 0
        at = self.skip(start + 1)
        if self.character(at) == "]":
            return at + 1
        while True:
            line, counted = line + self._text.count("\n", counted, at), at
            value, at = self.value(at)
            yield line, plain(value)
            mark, at = self._mark(at, ",]")
            if mark == "]":
                return at
            at = self.skip(at)

    def value(self, at: int) -> tuple[object, int]:
        """The value at `at`, and where it ends."""
        try:
            return self._parse(self._text, at)
        except json.JSONDecodeError:
            raise
        except ValueError as error:  # NaN, or an integer of more than 4,300 digits
            raise json.JSONDecodeError(str(error), self._text, at) from error

    def _mark(self, at: int, expected: str) -> tuple[str, int]:
        at = self.skip(at)
        mark = self.character(at)
        if not mark or mark not in expected:
            raise json.JSONDecodeError(f"expected {' or '.join(expected)}", self._text, at)
        return mark, at + 1

    @staticmethod
    def _refuse(constant: str) -> object:
        raise ValueError(f"{constant} is not JSON; write null")
