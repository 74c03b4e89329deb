"""`longwriter inspect --html`: writes the page, and says what is in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from longwriter_cli.cli.output import plain
from longwriter_cli.cli.sizes import size_in_bytes
from longwriter_cli.errors import UsageError
from longwriter_cli.report.html.page import GENERATOR, LEAST_SIZE_BYTES, make_page
from longwriter_cli.report.html.subject import Subject
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.replace import in_place_of
from longwriter_cli.text.display import counted

_HEAD_BYTES = 4096  # of an earlier page, in which its maker stands

SubjectOf = Callable[[ExitStack], Subject]
"""Opens a run or a dataset; what it opens stays so until the page is made."""


def write_report(file: Path, size: str, subjects: Sequence[SubjectOf]) -> dict[str, Any]:
    """Makes the page and puts it in its place whole; returns what is told of it.

    Raises:
        UsageError: the file is something else than an earlier page, or the size is none.
        InputError: a run or a dataset cannot be read.
        DiskFailed: an earlier page is untouched.
    """
    size_bytes = size_in_bytes("--html-size", size, "3MB")
    if size_bytes < LEAST_SIZE_BYTES:
        raise UsageError(f"--html-size {size} has no room for the charts.", "As in --html-size 3MB; at least 250KB.")
    _check_place(file)
    with ExitStack() as opened:
        page = make_page([open_(opened) for open_ in subjects], size_bytes)
    html = page.html.encode()
    try:
        with in_place_of(file) as new:
            new.write_bytes(html)
    except OSError as error:
        raise disk_error(error, file) from None
    packed = page.packed
    return {
        "command": "inspect",
        "html": plain(str(file)),
        "bytes": len(html),
        "texts": packed.shown,
        "left_out": packed.left_out,
        "whole": packed.whole,
        "beginnings": packed.openings,
    }


def told(made: dict[str, Any]) -> str:
    """The same in words."""
    size = made["bytes"]
    shown = f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} KB"
    texts = counted(made["texts"], "text")
    if made["whole"] == made["texts"] and not made["left_out"]:
        return f"{made['html']}: {shown}, {texts} in full. Open it in a browser."
    held = f"{made['whole']:,} of them in full, {made['beginnings']:,} by their beginnings"
    more = f"; {made['left_out']:,} more have no room" if made["left_out"] else ""
    return f"{made['html']}: {shown}, {texts}, {held}{more}. --html-size takes more in. Open it in a browser."


def _check_place(file: Path) -> None:
    """Only an earlier page is replaced: the name may be that of a dataset by mistake."""
    try:
        with file.open("rb") as earlier:
            if f'content="{GENERATOR} '.encode() in earlier.read(_HEAD_BYTES):
                return
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}.", "Name another file after --html.") from None
    raise UsageError(f"{file} is there, and is no page that --html made.", "Name another file, or move it away.")
