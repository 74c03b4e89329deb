"""The end of a JSON Lines file: what a kill in the middle of a write leaves behind, and how it is mended."""

from __future__ import annotations

import os
from collections.abc import Callable

import orjson

BOM = b"\xef\xbb\xbf"
_BLOCK = 1 << 16


class EditedTail(Exception):
    """The last line, without a newline, is a JSON object and not a row of its file."""


def mend_tail(fd: int, is_row: Callable[[bytes], bool]) -> int:
    """Ends the file on a newline: completes a last line that is a whole row, cuts off one that is torn.

    Works on bytes, so that a cut inside a UTF-8 character does no harm. Returns the size of the file afterwards.

    Raises:
        EditedTail: the line is a whole JSON object and no such row. No kill leaves one behind, so it is somebody's edit
            and not for us to throw away.
    """
    size = os.fstat(fd).st_size
    if size == 0 or os.pread(fd, 1, size - 1) == b"\n" or _is_utf16(os.pread(fd, 2, 0)):
        return size
    start = size
    while start > 0:
        block_start = max(0, start - _BLOCK)
        newline = os.pread(fd, start - block_start, block_start).rfind(b"\n")
        if newline >= 0:
            start = block_start + newline + 1
            break
        start = block_start
    tail = os.pread(fd, size - start, start).removeprefix(BOM)
    if is_row(tail):
        os.write(fd, b"\n")
        return size + 1
    if _is_object(tail):
        raise EditedTail
    os.ftruncate(fd, start)
    return start


def _is_utf16(head: bytes) -> bool:
    """Whether a file was saved in another encoding: a newline's bytes are no line's end there. Its reader says so."""
    return head in (b"\xff\xfe", b"\xfe\xff") or (len(head) == 2 and b"\0" in head)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
