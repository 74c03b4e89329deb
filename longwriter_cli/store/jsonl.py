"""JSON Lines that survive a kill: whole rows appended, torn tails mended; read in batches.

A row counts once its newline is on disk. An append hands the whole line to the operating system before it returns, so
a killed process loses nothing that was appended; a lost machine loses at most what `sync` has not brought to the disk.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from longwriter_cli.errors import DiskFailed, InputError, LongwriterError, UsageError
from longwriter_cli.store.sync import Deleted, GroupSync
from longwriter_cli.store.tail import BOM, EditedTail, mend_tail

T = TypeVar("T")

_BATCH = 1 << 18  # bytes of lines that are decoded at a time; more would not stay in the processor's cache

# What decoding raises on a line that is no row: RecursionError where brackets are nested a thousand deep.
NOT_A_ROW = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Appender:
    """One JSON Lines file, open for appending. Mends a torn tail when it is opened."""

    def __init__(self, path: Path, sync: GroupSync, is_row: Callable[[bytes], bool]) -> None:
        self.path = path
        self._sync = sync
        self._error: OSError | None = None
        self.has_grown = False
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise disk_error(error, path) from None
        try:
            self.size = mend_tail(self._fd, is_row)
        except OSError as error:
            os.close(self._fd)
            raise disk_error(error, path) from None
        except EditedTail:
            os.close(self._fd)
            line = path.read_bytes().count(b"\n") + 1
            raise InputError(path, line, "the last line is no such row", "Put it right or delete it.") from None

    def append_line(self, line: bytes) -> int:
        """Appends a row, its newline included, and returns the offset in bytes where it starts.

        Raises:
            DiskFailed: the row is not wholly on disk. What there is of it is cut off by the next command; nothing is
                appended behind it, so every later call raises too.
        """
        rest = memoryview(line)
        self.has_grown = True
        try:
            if self._error is not None:
                raise self._error
            while rest:
                rest = rest[os.write(self._fd, rest) :]
            self._sync.mark(self._fd)
        except OSError as error:
            self._error = error
            raise disk_error(error, self.path) from None
        start, self.size = self.size, self.size + len(line)
        return start

    def fileno(self) -> int:
        return self._fd

    def read(self, offset: int) -> bytes:
        """The line that starts at `offset`."""
        return read_line(self._fd, offset)

    def close(self) -> None:
        os.close(self._fd)


def read_line(fd: int, offset: int) -> bytes:
    """The line that starts at `offset`, with its newline."""
    pieces, size = [], 1 << 13
    while True:
        piece = os.pread(fd, size, offset)
        end = piece.find(b"\n")
        if end >= 0 or not piece:
            pieces.append(piece[: end + 1] if end >= 0 else piece)
            return b"".join(pieces)
        pieces.append(piece)
        offset += len(piece)
        size = min(size * 4, 1 << 22)


def line_number(path: Path, offset: int) -> int:
    """Which line, counted from 1, starts at `offset`."""
    number = 1
    with path.open("rb") as file:
        for line in file:
            offset -= len(line)
            if offset < 0:
                break
            number += 1
    return number


class RowReader(Generic[T]):
    """Reads the rows of a file as `kind`, which may name only the fields that are wanted."""

    def __init__(self, kind: type[T]) -> None:
        self._decoder = msgspec.json.Decoder(kind)

    def decode(self, line: bytes) -> T:
        """The row in a line. Raises one of `NOT_A_ROW`."""
        return self._decoder.decode(line.removeprefix(BOM))

    def problem(self, line: bytes) -> str:
        """Why the line is no row, or nothing."""
        try:
            self.decode(line)
        except NOT_A_ROW as error:
            return f"{error}"
        return ""

    def is_row(self, line: bytes) -> bool:
        return not self.problem(line)

    def scan(self, path: Path, tip: str = "") -> Iterator[tuple[int, bytes, T]]:
        """Yields `(offset, line, row)` for each whole line; an unfinished last line and blank lines are passed over.

        Raises:
            InputError: a line is not such a row; `tip` says what to do about it.
        """
        for batch in self.batches(path, tip):
            yield from zip(*batch, strict=True)

    def batches(self, path: Path, tip: str = "", start: int = 0) -> Iterator[tuple[list[int], list[bytes], list[T]]]:
        """The same, some hundred rows at a time: offsets, lines, rows. A bad line is told when its batch is asked for.

        `start` is the offset of the first line that is read.

        Without a step of Python for each line, this takes two thirds of the time of a loop that decodes line by line.
        """
        offset = start
        try:
            with path.open("rb", buffering=_BATCH) as file:
                file.seek(start)
                torn = False
                while not torn and (lines := file.readlines(_BATCH)):
                    torn = not lines[-1].endswith(b"\n")
                    if torn:
                        lines.pop()
                    offsets = list(accumulate(map(len, lines), initial=offset))
                    offset = offsets.pop()
                    try:
                        yield offsets, lines, list(map(self._decoder.decode, lines))
                    except NOT_A_ROW:
                        # Asked only here: of every line, these questions would cost as much as decoding it.
                        yield self._one_by_one(offsets, lines, path, tip)
        except FileNotFoundError:
            return
        except OSError as error:
            raise disk_error(error, path) from None

    def _one_by_one(
        self, offsets: list[int], lines: list[bytes], path: Path, tip: str
    ) -> tuple[list[int], list[bytes], list[T]]:
        """A batch in which a line is blank, or has a mark at its head, or is no row."""
        kept = [(at, line) for at, line in zip(offsets, lines, strict=True) if _without_mark(at, line).strip()]
        rows = []
        for at, line in kept:
            try:
                rows.append(self._decoder.decode(_without_mark(at, line)))
            except NOT_A_ROW as error:
                raise InputError(path, line_number(path, at), f"{error}", tip) from None
        return [at for at, _ in kept], [line for _, line in kept], rows


def _without_mark(offset: int, line: bytes) -> bytes:
    return line if offset else line.removeprefix(BOM)


_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EFBIG: "the file may not grow further",
    errno.EIO: "the disk reports an error",
}
# The path, not the disk, is what is wrong.
_PATH_ERRORS = frozenset(
    {
        errno.EACCES,
        errno.EEXIST,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.EMFILE,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.ENOTEMPTY,
        errno.EPERM,
    }
)


def disk_error(error: OSError, path: Path) -> LongwriterError:
    """Sorts an error of the operating system: a path that cannot be used (2), or else the disk (74)."""
    problem = error.strerror or str(error)
    if error.errno in _PATH_ERRORS:
        return UsageError(f"{path}: {problem}.")
    if isinstance(error, Deleted):
        return DiskFailed(
            f"{path}: its files were deleted while it was in use.",
            "Nothing more was paid for. Put them back, or begin again in another directory.",
        )
    return DiskFailed(
        f"{path}: {_DISK_ERRORS.get(error.errno or 0, problem)}.",
        "Nothing is lost: make room and give the same command again; it goes on from here.",
    )
