"""The indexes of a large run in a file of their own, so that opening it again decodes few of its rows.

The rows stay the only truth: the file counts only while every file of rows begins with the very bytes that it was made
of, which are all read for their checksum, and may be deleted at any time. Rows behind those bytes are decoded, so it
serves after a kill as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import msgspec
from xxhash import xxh3_128

from longwriter_cli import __version__
from longwriter_cli.store.index import IndexState
from longwriter_cli.store.indexes import Indexes

SNAPSHOT = "index.bin"

# It is written anew for so many rows more, or a tenth more: that is the most to be decoded after a kill.
WORTH_ROWS = 20_000  # fewer are decoded in a quarter of a second
_WORTH_SHARE = 10  # all writing together is eleven times that of the last one

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
        self._known: dict[str, tuple[int, int]] = {}  # descriptor and bytes of each file
        self._is_sure = True
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
            covered = _covered(directory, content.files)
        except (OSError, msgspec.DecodeError):
            return {}
        if covered is None:
            return {}
        for sample, state in content.indexes.items():
            self._indexes.of(sample).fill(state)
        self._covered = covered
        self._set_worth()
        return {name: file.size for name, file in covered.items()}

    @contextmanager
    def taking(self) -> Iterator[None]:
        """Meanwhile rows come into a file and into the indexes.

        Where that is broken off, by a signal say, nobody can tell what the indexes hold: nothing is written any more.
        """
        is_sure, self._is_sure = self._is_sure, False
        yield
        self._is_sure = is_sure

    def note(self, name: str, fd: int, size: int, rows: int) -> None:
        """Notes that the indexes know `rows` more of a file, and its first `size` bytes now."""
        self._known[name] = fd, size
        self._rows_beyond += rows

    def save_if_due(self, directory: Path) -> None:
        """Writes the snapshot when so many rows have come that to read them again would take longer than is wanted."""
        if self._rows_beyond >= self._worth:
            self.save(directory)

    def save(self, directory: Path) -> None:
        """Writes the snapshot, if the run is large. A disk or a memory that does not take it is no matter."""
        self._rows_beyond = 0
        if not self._is_sure or self._rows() < WORTH_ROWS:
            return
        self._set_worth()
        temporary = directory / f".{SNAPSHOT}.tmp"
        try:
            content = self._content()
            if content is not None:
                with temporary.open("wb") as file:
                    file.write(xxh3_128(content).digest())
                    file.write(content)
                os.replace(temporary, directory / SNAPSHOT)
        except (OSError, MemoryError, OverflowError):
            pass
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _content(self) -> bytes | None:
        """What is to be written; None where the indexes know other than the files say."""
        states = {sample: state for sample, index in self._indexes.items() if (state := index.state()) is not None}
        if len(states) < len(list(self._indexes)):
            return None
        for name, (fd, size) in self._known.items():
            if not self._covered.setdefault(name, _Covered()).grow(fd, size):
                return None
        files = {name: (file.size, file.digest()) for name, file in self._covered.items()}
        return msgspec.msgpack.encode(_Content(_VERSION, files, states))

    def _rows(self) -> int:
        return sum(index.rows() for index in self._indexes)

    def _set_worth(self) -> None:
        self._worth = max(WORTH_ROWS, self._rows() // _WORTH_SHARE)


class _Covered:
    """The first `size` bytes of a file as a checksum, which goes on from there as the file grows."""

    def __init__(self) -> None:
        self.size = 0
        self._sum = xxh3_128()

    def grow(self, fd: int, size: int) -> bool:
        """Takes in what stands behind, up to `size`; false where the file ends before."""
        while self.size < size and (piece := os.pread(fd, min(_PIECE_BYTES, size - self.size), self.size)):
            self._sum.update(piece)
            self.size += len(piece)
        return self.size >= size

    def digest(self) -> bytes:
        return self._sum.digest()


def _covered(directory: Path, files: Mapping[str, tuple[int, bytes]]) -> dict[str, _Covered] | None:
    """What is covered of each file; None where one does not begin so."""
    covered: dict[str, _Covered] = {}
    with ExitStack() as closing:
        opened = {name: closing.enter_context((directory / name).open("rb", buffering=0)) for name in files}
        if any(os.fstat(opened[name].fileno()).st_size < size for name, (size, _) in files.items()):
            return None  # told without reading any
        for name, (size, digest) in files.items():
            covered[name] = _Covered()
            if not covered[name].grow(opened[name].fileno(), size) or covered[name].digest() != digest:
                return None
    return covered
