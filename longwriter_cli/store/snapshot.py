"""The indexes of a large run in a file of their own, so that opening it again reads few of its rows.

The rows stay the only truth: the file counts only while every file of rows begins with the very bytes that it was made
of, and may be deleted at any time. Rows behind those bytes are read, so it serves after a kill as well.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
from xxhash import xxh3_128

from longwriter_cli import __version__
from longwriter_cli.store.index import IndexState
from longwriter_cli.store.indexes import Indexes

SNAPSHOT = "index.bin"

WORTH_ROWS = 20_000  # fewer are read in a quarter of a second
_WORTH_SHARE = (
    10  # a tenth more rows: at most so many are read after a kill, and all writing is ten times the last one's
)

_SUM_BYTES = 16
_PIECE_BYTES = 1 << 20
_VERSION = f"{__version__} 2"  # another program may know other things of a row; the number counts changes between


class _Content(msgspec.Struct, array_like=True):
    version: str
    files: dict[str, tuple[int, bytes]]  # size and checksum of what was read
    indexes: dict[int, IndexState]  # by sample


_decoder = msgspec.msgpack.Decoder(_Content)


class Snapshot:
    """The snapshot of an open run: what it covers, what the indexes know by now, and when it is to be written anew."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes
        self._covered: dict[str, _Covered] = {}
        self._known: dict[str, int] = {}  # bytes of each file
        self._rows_beyond = 0
        self._worth = WORTH_ROWS

    def restore(self, directory: Path) -> Mapping[str, int]:
        """Fills indexes that are empty. Returns how many bytes of each file they know now: none, without a snapshot."""
        try:
            written = memoryview((directory / SNAPSHOT).read_bytes())
            if xxh3_128(written[_SUM_BYTES:]).digest() != written[:_SUM_BYTES]:
                return {}
            content = _decoder.decode(written[_SUM_BYTES:])
            if content.version != _VERSION:
                return {}
            covered = {name: _Covered(directory / name, size) for name, (size, _) in content.files.items()}
        except (OSError, msgspec.DecodeError):
            return {}
        if any(covered[name].digest() != digest for name, (_, digest) in content.files.items()):
            return {}
        for sample, state in content.indexes.items():
            self._indexes.of(sample).fill(state)
        self._covered = covered
        self._set_worth()
        return {name: file.size for name, file in covered.items()}

    def note(self, name: str, size: int, rows: int) -> None:
        """Notes that the indexes know `rows` more of a file, and its first `size` bytes now."""
        self._known[name] = size
        self._rows_beyond += rows

    def save_if_due(self, directory: Path) -> None:
        """Writes the snapshot when so many rows have come that to read them again would take longer than is wanted."""
        if self._rows_beyond >= self._worth:
            self.save(directory)

    def save(self, directory: Path) -> None:
        """Writes the snapshot, if the run is large. A disk that does not take it is no matter."""
        self._rows_beyond = 0
        if self._rows() < WORTH_ROWS:
            return
        self._set_worth()
        states = {sample: state for sample, index in self._indexes.items() if (state := index.state()) is not None}
        if len(states) < len(list(self._indexes)):
            return
        temporary = directory / f".{SNAPSHOT}.tmp"
        try:
            for name, size in self._known.items():
                self._covered.setdefault(name, _Covered()).grow(directory / name, size)
            files = {name: (file.size, file.digest()) for name, file in self._covered.items()}
            content = msgspec.msgpack.encode(_Content(_VERSION, files, states))
            with temporary.open("wb") as file:
                file.write(xxh3_128(content).digest())
                file.write(content)
            os.replace(temporary, directory / SNAPSHOT)
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def _rows(self) -> int:
        return sum(index.rows() for index in self._indexes)

    def _set_worth(self) -> None:
        self._worth = max(WORTH_ROWS, self._rows() // _WORTH_SHARE)


class _Covered:
    """The first `size` bytes of a file as a checksum, which goes on from there as the file grows."""

    def __init__(self, path: Path | None = None, size: int = 0) -> None:
        self.size = 0
        self._sum = xxh3_128()
        if path is not None:
            self.grow(path, size)

    def grow(self, path: Path, size: int) -> None:
        """Takes in what stands behind, up to `size`. A file that ends before gives the checksum of what there is."""
        left, piece = size - self.size, memoryview(bytearray(_PIECE_BYTES))
        with path.open("rb", buffering=0) as file:
            file.seek(self.size)
            while left > 0 and (read := file.readinto(piece[:left])):
                self._sum.update(piece[:read])
                left -= read
        self.size = size - left

    def digest(self) -> bytes:
        return self._sum.digest()
