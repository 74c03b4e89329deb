"""The indexes of a large run in a file of their own, so that opening it again reads no row.

The rows stay the only truth: the file counts only while each file of rows is the very one, by size, times and inode,
that it was written from, and may be deleted at any time. After a kill, an edit or a copy the rows are read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec

from longwriter_cli import __version__
from longwriter_cli.store.index import IndexState
from longwriter_cli.store.indexes import Indexes

SNAPSHOT = "index.bin"

WORTH_ROWS = 20_000  # fewer are read in a quarter of a second

_Stamp = tuple[int, int, int, int]
_SUM_BYTES = 4
_VERSION = f"{__version__} 1"  # another program may know other things of a row; the number counts changes between


class _Snapshot(msgspec.Struct, array_like=True):
    version: str
    files: dict[str, _Stamp | None]
    indexes: dict[int, IndexState]  # by sample


_decoder = msgspec.msgpack.Decoder(_Snapshot)


def restore(directory: Path, names: Iterable[str], indexes: Indexes) -> bool:
    """Fills indexes that are empty; False, and they stay so, where there is no snapshot of just these files."""
    try:
        content = (directory / SNAPSHOT).read_bytes()
        if crc32(content[_SUM_BYTES:]) != int.from_bytes(content[:_SUM_BYTES], "big"):
            return False
        snapshot = _decoder.decode(memoryview(content)[_SUM_BYTES:])
    except (OSError, msgspec.DecodeError):
        return False
    if snapshot.version != _VERSION or snapshot.files != _stamps(directory, names):
        return False
    for sample, state in snapshot.indexes.items():
        indexes.of(sample).fill(state)
    return True


def save(directory: Path, names: Iterable[str], indexes: Indexes) -> None:
    """Writes the snapshot of a run whose files are closed, if the run is large. A disk that does not take it is no
    matter.
    """
    if sum(index.rows() for index in indexes) < WORTH_ROWS:
        return
    states = {sample: index.state() for sample, index in indexes.items()}
    known = {sample: state for sample, state in states.items() if state is not None}
    if len(known) < len(states):
        return
    content = msgspec.msgpack.encode(_Snapshot(_VERSION, _stamps(directory, names), known))
    temporary = directory / f".{SNAPSHOT}.tmp"
    try:
        with temporary.open("wb") as file:
            file.write(crc32(content).to_bytes(_SUM_BYTES, "big"))
            file.write(content)
        os.replace(temporary, directory / SNAPSHOT)
    except OSError:
        with suppress(OSError):
            temporary.unlink()


def _stamps(directory: Path, names: Iterable[str]) -> dict[str, _Stamp | None]:
    return {name: _stamp(directory / name) for name in names}


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
