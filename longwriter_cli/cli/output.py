"""The two streams: standard output for data, standard error for all else.

Nobody may be reading any more: a terminal was closed, a pipe broken. Words on standard error are then dropped, for a
run that is paid for must go on, or stop in good order. Data that cannot be written is told (74), except into a pipe
whose reader has seen enough.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast


def say(line: str) -> None:
    """A line on standard error, where somebody may see it."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)  # noqa: T201


def show(line: str) -> None:
    """A line of data on standard output.

    Raises:
        DiskFailed: the disk that standard output was sent to is full.
    """
    try:
        print(line, flush=True)  # noqa: T201
    except BrokenPipeError:
        drop_output()
    except OSError as error:
        from longwriter_cli.store.jsonl import disk_error

        drop_output()
        raise disk_error(error, Path("standard output")) from None


def drop_output() -> None:
    """Sends standard output nowhere, so that the interpreter does not try once more to write what is left in it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def make_streams_ready() -> None:
    """Gives the program the streams that its caller closed (`>&-`), and lets both take any text.

    A locale that knows few characters must not end a command. What it does not know is written as JSON escapes it
    (\\u4e2d): so an object stays the object that it is. Bytes of file names that are no UTF-8 are written as they are.
    """
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - as long as the program lives
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - as long as the program lives
    codecs.register_error(_ESCAPED, _escape)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escape(error: UnicodeError) -> tuple[str | bytes, int]:
    """Handles what an encoding does not know, one character at a time."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    if "\udc80" <= character <= "\udcff":
        return character.encode("utf-8", "surrogateescape"), error.start + 1
    units = character.encode("utf-16-be", "surrogatepass")
    pairs = (units[at : at + 2].hex() for at in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.start + 1


_ESCAPED = "longwriter.escaped"


class Unheard:
    """A stream whose reader may go away: writing to it never fails."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    @classmethod
    def over(cls, stream: IO[str]) -> IO[str]:
        return cast(IO[str], cls(stream))

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def plain(text: str) -> str:
    """The text with a replacement character for bytes of a file name that are no UTF-8, so that it can be encoded."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def masked(argument: str) -> str:
    """An argument without the password that it may hold as an address."""
    from longwriter_cli.llm.address import mask_url

    return mask_url(argument) if "://" in argument and ("@" in argument or "?" in argument) else argument
