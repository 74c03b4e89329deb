"""What `select` writes: the instructions and the rejects, each whole or not at all, in the order of the logs.

What became of each row is known piece by piece: some rows are dropped at once, others wait for a model. Until then they
stand in a *spool*, a file without a name that goes with the process, so that a million of them need no memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO

import orjson

from longwriter_cli.errors import UsageError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.replace import in_place_of

SUFFIXES = (".jsonl", ".ndjson")
# Rows of a run and a user's own instructions begin with an id too: the keys tell an earlier selection from these.
_KEYS = ({"id", "prompt", "language", "source", "line"}, {"required_words", "needs_words"})
_LONGEST_LINE = 1 << 24
_KEPT, _DROPPED = b"+", b"-"

Row = dict[str, Any]
Write = Callable[[Mapping[str, Any]], None]


class Spool:
    """The rows of one pass, each kept so far or dropped. One reader at a time, and none before the last row is in."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - until `close`
        self.kept = 0
        self.dropped = 0

    def keep(self, row: Mapping[str, Any]) -> None:
        self.kept += 1
        self._add(_KEPT, row)

    def drop(self, row: Mapping[str, Any]) -> None:
        self.dropped += 1
        self._add(_DROPPED, row)

    def _add(self, mark: bytes, row: Mapping[str, Any]) -> None:
        try:
            self._file.write(mark + _line(row))
        except OSError as error:
            raise disk_error(error, self._directory) from None

    def rows(self) -> Iterator[tuple[Row, bool]]:
        """All rows in their order, each with whether it is kept so far."""
        try:
            self._file.seek(0)
        except OSError as error:  # what was not written yet is written now
            raise disk_error(error, self._directory) from None
        for line in self._file:
            yield orjson.loads(line[1:]), line[:1] == _KEPT

    def kept_ids(self) -> Iterator[str]:
        for row, kept in self.rows():
            if kept:
                yield row["id"]

    def close(self) -> None:
        self._file.close()


@contextmanager
def replacing(path: Path) -> Iterator[Write]:
    """Gives a function that writes rows; when that is done, they take the place of `path`.

    Raises:
        DiskFailed: what was at `path` is untouched.
    """
    with in_place_of(path) as new, new.open("wb") as file:
        yield _writer(file)
        file.flush()
        os.fsync(file.fileno())


def _writer(file: BinaryIO) -> Write:
    def write(row: Mapping[str, Any]) -> None:
        file.write(_line(row))

    return write


def check_selection(path: Path) -> None:
    """Sees to it that a selection takes the place of an earlier one at most, and can be read by its name.

    Raises:
        UsageError: there is something else at `path`.
    """
    if path.name == "-":
        raise UsageError("A selection cannot go to standard output: it is written whole or not at all.", "Name a file.")
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a selection is JSON Lines.", f"Let its name end in {SUFFIXES[0]}.")
    if path.is_dir():
        raise UsageError(f"{path} is a directory.", "Name a file, such as instructions.jsonl.")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file.", "Name a file; what it held is replaced as a whole.")
    if path.exists():
        with path.open("rb") as file:
            head = file.readline(_LONGEST_LINE)
        if head and not _is_selected(head):
            raise UsageError(f"{path} is no earlier selection.", "Name another file with -o, or move this one away.")


def _is_selected(line: bytes) -> bool:
    """Whether a line is a row that a selection wrote."""
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    always, sometimes = _KEYS
    return isinstance(row, dict) and always <= row.keys() <= always | sometimes


def _line(row: Mapping[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
