"""From bytes to raw rows, each with its line: one generator per file format.

A row that cannot be read is handed on as a `BadRow` where the rows after it can still be told apart. Where they
cannot (a JSON document with a syntax error, a CSV quote that is never closed) an `InputError` ends the reading.
"""

from __future__ import annotations

import contextlib
import csv
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import jsonlines
import orjson

from longwriter_cli.errors import InputError
from longwriter_cli.store.source import hub
from longwriter_cli.store.source.document import json_document
from longwriter_cli.store.source.rows import BadRow, NotJson, Row, Table, plain, quoted
from longwriter_cli.store.source.streams import NOT_UTF8, STDIN, check_text, opened, split_suffix

# Rows of Parquet that are decoded at a time.
_BATCH_ROWS = 1024

_TextReader = Callable[[io.BufferedReader, str], Iterator[Row]]


def open_table(source: str) -> Table:
    """The rows of `source`; it is opened when the first one is asked for.

    Raises:
        InputError: an `hf:` name is malformed (when it is called), or the source cannot be read (while it is read).
    """
    if source.startswith(hub.PREFIX):
        return hub.open_dataset(source)
    if source == "-":
        return Table(STDIN, _read_text(source, STDIN, json_lines))
    suffix, _ = split_suffix(source)
    if suffix == ".parquet":
        return Table(source, parquet(source), unit="row")
    return Table(source, _read_text(source, source, _TEXT_READERS.get(suffix, _sniffed)))


def _read_text(source: str, name: str, read: _TextReader) -> Iterator[Row]:
    with opened(source) as stream:
        check_text(stream, name)
        yield from read(stream, name)


class _Lines:
    """The lines of a stream; `number` is that of the last one handed out, from 1."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self.number = 0

    def __iter__(self) -> Iterator[bytes]:
        for line in self._stream:
            self.number += 1
            yield line


def _decoded(line: bytes) -> str:
    if b"\0" in line:
        raise BadRow("holds a NUL byte", "A crash may have torn the file, or it is not a text file.")
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise BadRow(f"is not valid UTF-8 at byte {error.start + 1}", NOT_UTF8) from error


def json_lines(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """One JSON value a line; blank lines are skipped."""
    lines = _Lines(stream)
    # Without its newline a line that was cut off in a string ends too early, instead of holding a bad character.
    reader = jsonlines.Reader((line.rstrip(b"\r\n") for line in lines), loads=orjson.loads)
    while True:
        value: object
        try:
            value = reader.read(allow_none=True, skip_empty=True)
        except EOFError:
            return
        except jsonlines.InvalidLineError as error:
            value = _why_invalid(error, lines.number)
        yield lines.number, value


def _why_invalid(error: jsonlines.InvalidLineError, number: int) -> BadRow:
    line = error.line if isinstance(error.line, bytes) else error.line.encode(errors="replace")
    cause = error.__cause__
    if isinstance(cause, UnicodeDecodeError) or b"\0" in line:
        try:
            _decoded(line)
        except BadRow as fault:
            return fault
    if number == 1 and (line.startswith(b"[") or line.strip() == b"{"):
        return BadRow("is the start of a JSON document, not JSON Lines", "Let its name end in .json.")
    if not isinstance(cause, orjson.JSONDecodeError):
        return NotJson(f"is not valid JSON: {cause or error}")
    if "surrogate" in cause.msg:
        return BadRow(f"holds half of a surrogate pair before column {cause.colno}: no such character exists")
    if cause.msg == "unexpected end of data":
        return BadRow(f"is cut off: the JSON ends at column {cause.colno} before it is complete")
    return NotJson(f"is not valid JSON at column {cause.colno}: {cause.msg}")


def json_lines_or_document(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """Much that is named .json is JSON Lines: read so when the first line is an object and the second begins one."""
    first, _, rest = stream.peek().partition(b"\n")
    if rest.lstrip().startswith(b"{"):
        with contextlib.suppress(orjson.JSONDecodeError):
            if isinstance(orjson.loads(first), dict):
                return json_lines(stream, name)
    return json_document(stream, name)


def plain_text(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """One prompt a line, without the blanks around it; blank lines are skipped."""
    for number, line in enumerate(stream, 1):
        try:
            if prompt := _decoded(line).strip():
                yield number, {"prompt": prompt}
        except BadRow as fault:
            yield number, fault


def comma_separated(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    # Excel writes semicolons wherever the comma is the decimal sign.
    header = stream.peek()[: 1 << 16].split(b"\n", 1)[0]
    yield from _delimited(stream, name, ";" if b";" in header and b"," not in header else ",")


def tab_separated(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    yield from _delimited(stream, name, "\t")


def _delimited(stream: io.BufferedReader, name: str, delimiter: str) -> Iterator[Row]:
    """Rows under a header, quoted as in RFC 4180; an empty cell is None. A row's line is its first."""
    lines = _Lines(stream)
    unreadable: list[tuple[int, BadRow]] = []

    def texts() -> Iterator[str]:
        for line in lines:
            try:
                yield _decoded(line)
            except BadRow as fault:
                unreadable.append((lines.number, fault))
                yield line.decode(errors="replace")

    # A limit of the whole process, by default 128 KiB: less than a long story.
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(texts(), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    while True:
        start = lines.number + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if "end of data" in str(error):
                raise InputError(
                    name, start, "a quote that opens here is never closed", 'Close it; a quote inside is doubled: "".'
                ) from error
            # After one line the next row begins with the next line; inside of a longer row nobody knows where.
            if lines.number > start or header is None:
                raise InputError(name, lines.number, f"is not valid CSV: {error}", _QUOTING) from error
            yield start, BadRow(f"is not valid CSV: {error}", _QUOTING)
            continue
        if cells is None:
            return
        if unreadable:
            line, fault = unreadable[0]
            unreadable.clear()
            if header is None:
                raise InputError(name, line, fault.problem, fault.tip)
            yield line, fault
        elif not cells:
            continue
        elif header is None:
            header = _header(cells, name, start)
        elif len(cells) != len(header):
            yield start, BadRow(f"the number of its fields is {len(cells)}, the header's {len(header)}", _QUOTING)
        else:
            yield start, dict(zip(header, (cell or None for cell in cells), strict=True))


_QUOTING = 'A field that holds a separator, a quote or a newline stands in quotes, its own quotes doubled: "".'


def _header(cells: list[str], name: str, line: int) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not any(names):
        raise InputError(name, line, "the header names no column", "The first line holds the columns' names.")
    # A table saved with its index has one column without a name.
    names = [cell or f"column_{n}" for n, cell in enumerate(names, 1)]
    if twice := {cell for cell in names if names.count(cell) > 1}:
        raise InputError(
            name, line, f"the header names the column {quoted(sorted(twice)[:1])} twice", "Rename one of them."
        )
    return names


def parquet(source: str) -> Iterator[Row]:
    """Rows in batches. What cannot be sought in (compressed, a pipe) is unpacked to a temporary file first."""
    import pyarrow
    from pyarrow.parquet import ParquetFile

    with opened(source) as stream, tempfile.TemporaryFile() as unpacked:
        if not stream.seekable():
            shutil.copyfileobj(stream, unpacked)
        try:
            file = ParquetFile(stream if stream.seekable() else unpacked)
            number = 0
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for value in _values(batch):
                    number += 1
                    yield number, value
        except (pyarrow.ArrowException, OSError, ValueError) as error:  # the last: a column's name in no UTF-8
            why = str(error).split("\n")[0]
            raise InputError(source, None, f"cannot be read as Parquet: {why}", "Fetch or make it again.") from error


def _values(batch: Any) -> Iterator[object]:
    """The rows of a batch. A text that is no UTF-8, or a date that Python does not know, spoils its own row alone."""
    try:
        values = batch.to_pylist()
    except (ValueError, OverflowError):
        for place in range(batch.num_rows):
            try:
                yield plain(batch.slice(place, 1).to_pylist()[0])
            except (ValueError, OverflowError) as error:
                yield BadRow(f"holds a value that cannot be read: {error}")
        return
    yield from map(plain, values)


def _sniffed(stream: io.BufferedReader, name: str) -> Iterator[Row]:
    """JSON Lines under any name, `/dev/fd/63` say; nothing else is guessed."""
    if not stream.peek().lstrip().startswith(b"{"):
        known = ", ".join([*_TEXT_READERS, ".parquet"])
        raise InputError(
            name,
            None,
            "its name does not tell its format",
            f"Known are {known}, each also with .gz or .zst after it. JSON Lines can be piped in with `-`.",
        )
    yield from json_lines(stream, name)


_TEXT_READERS: dict[str, _TextReader] = {
    ".jsonl": json_lines,
    ".ndjson": json_lines,
    ".json": json_lines_or_document,
    ".csv": comma_separated,
    ".tsv": tab_separated,
    ".txt": plain_text,
    ".text": plain_text,
}
