"""From a source's name to its bytes: open, decompress, and look at the head before anyone parses it."""

from __future__ import annotations

import difflib
import io
import os
import shlex
import stat
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, cast

from longwriter_cli.errors import InputError, LongwriterError
from longwriter_cli.store.manifest import MANIFEST_NAME

STDIN = "standard input"

_CHUNK_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 20

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")

NOT_UTF8 = "Save it as UTF-8, or convert it: iconv -f GB18030 (or WINDOWS-1252) -t UTF-8 FILE."

_SIGNATURES = {
    b"\x1f\x8b": ("compressed with gzip", "Its name must end in .gz (a stream: zcat it first)."),
    b"\x28\xb5\x2f\xfd": ("compressed with zstd", "Its name must end in .zst (a stream: zstdcat it first)."),
    b"PAR1": ("a Parquet file", "Its name must end in .parquet."),
    b"PK\x03\x04": ("a ZIP archive or an Excel workbook", "Unpack it, or save the sheet as CSV UTF-8."),
}


def split_suffix(source: str) -> tuple[str, str]:
    """The suffix that tells the format and the one that tells the compression, in lower case; either may be ""."""
    path = Path(source.lower())
    if path.suffix in _DECODERS:
        return Path(path.stem).suffix, path.suffix
    return path.suffix, ""


@contextmanager
def opened(source: str) -> Iterator[io.BufferedReader]:
    """The source's bytes, decompressed as its last suffix says; `-` is standard input, which is left open.

    Raises:
        InputError: the file is missing, unreadable, or, while it is read, cut off or corrupt.
    """
    if source == "-":
        if sys.stdin is None:  # the shell closed it: `<&-`
            raise InputError(STDIN, None, "is closed", "Name a file, or pipe one in.")
        stdin = sys.stdin.buffer
        yield stdin if isinstance(stdin, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, stdin))
        return
    decoder = _DECODERS.get(split_suffix(source)[1])
    try:
        with io.FileIO(source) as file:
            _refuse_device(file, source)
            raw: io.RawIOBase = file if decoder is None else _Unpacked(file, decoder, source)
            stream: io.BufferedReader = io.BufferedReader(raw, _BUFFER_BYTES)
            yield stream
    except OSError as error:
        raise _cannot_open(source, error) from error


def _refuse_device(file: io.FileIO, source: str) -> None:
    """A disk or /dev/zero has no end; a terminal and a pipe have one."""
    mode = os.fstat(file.fileno()).st_mode
    if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and not file.isatty()):
        raise InputError(source, None, "is a device, not a file", "Name a file, or - for standard input.")


def check_text(stream: io.BufferedReader, name: str) -> None:
    """Skips a UTF-8 byte order mark, and refuses what its first bytes show to be no UTF-8 text.

    Raises:
        InputError: UTF-16 or UTF-32, compressed or binary data.
    """
    head = stream.peek(len(_UTF8_BOM))[:256]
    if head.startswith(_UTF8_BOM):
        stream.read(len(_UTF8_BOM))
        return
    for signature, (what, tip) in _SIGNATURES.items():
        if head.startswith(signature):
            raise InputError(name, None, f"is {what}, not text", tip)
    # ASCII in UTF-16 is a NUL in every second byte, in UTF-32 in three of four: never in all, as a crash leaves them.
    nuls = max(head[0::2].count(0), head[1::2].count(0)) * 2
    is_wide = nuls * 2 > len(head) and any(0 not in head[lane::4] for lane in range(4))
    if head.startswith(_UTF16_BOMS) or is_wide:
        wide = "UTF-32" if head.count(0) * 3 > len(head) * 2 else "UTF-16"
        if not head.startswith(_UTF16_BOMS):
            wide += "LE" if head[0] else "BE"
        raise InputError(
            name,
            None,
            f"is {wide}, not UTF-8",
            f"Convert it: iconv -f {wide} -t UTF-8 {name} > utf8-{Path(name).name}",
        )


class _Decoder(Protocol):
    """What `zlib.decompressobj` and zstandard's have in common; it ends with the member or frame it is in."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_decoder() -> _Decoder:
    return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)


def _zstd_decoder() -> _Decoder:
    import zstandard

    # Archives made with --long ask for windows up to 2 GiB.
    return zstandard.ZstdDecompressor(max_window_size=2**31).decompressobj()


_DECODERS: dict[str, Callable[[], _Decoder]] = {".gz": _gzip_decoder, ".zst": _zstd_decoder}


class _Unpacked(io.RawIOBase):
    """The decompressed bytes of a file of one or more gzip members or zstd frames.

    One class for both: zstandard's own stream ends without a word where its input was cut off, and what gzip's
    raises there (EOFError) means "the end" to the reader of JSON Lines.
    """

    def __init__(self, packed: io.RawIOBase, new_decoder: Callable[[], _Decoder], name: str) -> None:
        self._packed = packed
        self._new_decoder = new_decoder
        self._decoder = new_decoder()
        self._name = name
        self._inside = False
        self._input = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # typeshed: any Buffer
        while not self._ready:
            if not self._inside:
                self._input = self._input.lstrip(b"\0")  # tapes and some writers pad the end of a member
            self._input = self._input or self._packed.read(_CHUNK_BYTES) or b""
            if not self._input:
                if self._inside:
                    raise InputError(self._name, None, "is cut off: its compressed data ends too early", _COPY_AGAIN)
                return 0
            self._ready = memoryview(self._unpack())
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size

    def _unpack(self) -> bytes:
        # Not by class: zstandard must not be imported for the sake of a gzip file.
        try:
            unpacked = self._decoder.decompress(self._input)
        except LongwriterError:  # a signal's word to stop
            raise
        except Exception as error:
            raise InputError(self._name, None, f"cannot be decompressed: {error}", _COPY_AGAIN) from error
        self._inside = not self._decoder.eof
        if self._inside:
            self._input = b""
        else:
            self._input = self._decoder.unused_data
            self._decoder = self._new_decoder()
        return unpacked


_COPY_AGAIN = "Fetch or make the file again; `gzip -t` or `zstd -t` tells when it is whole."


def _cannot_open(source: str, error: OSError) -> InputError:
    path = Path(source)
    match error:
        case FileNotFoundError():
            return InputError(source or '""', None, "there is no such file", _nearby(path))
        case IsADirectoryError():
            if (path / MANIFEST_NAME).is_file():
                tip = f"To go on with it, name it with -r and leave out the file: -r {shlex.quote(source)}"
                return InputError(source, None, "is a run, and no file of instructions", tip)
            return InputError(
                source, None, "is a directory", f"Name a file in it, or read it as a data set: hf:{source}"
            )
        case PermissionError():
            return InputError(source, None, "may not be read", f"Ask for permission, or chmod u+r {source}")
        case _:
            return InputError(source, None, f"cannot be read: {error.strerror or error}")


def _nearby(path: Path) -> str:
    if "://" in str(path) or str(path).startswith(("http:/", "https:/", "s3:/")):
        return "Only local files are read: download it first, or pipe it in with `-`."
    folder = path.parent
    if not folder.is_dir():
        return f"There is no folder {folder} either."
    try:
        neighbours = os.listdir(folder)
    except OSError:
        return ""
    # The name as a whole first, then without its suffix: data.json for data.jsonl.
    close = difflib.get_close_matches(path.name, neighbours, n=1) or [
        name for name in sorted(neighbours) if path.stem and name.split(".")[0] == path.name.split(".")[0]
    ]
    return f"Did you mean {folder / close[0]}?" if close else ""
