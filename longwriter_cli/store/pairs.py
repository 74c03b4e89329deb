"""Pairs out, as JSON Lines: whole or not at all, in the place of earlier ones at most."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from longwriter_cli.errors import UsageError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.replace import in_place_of

PAIRS = "pairs.jsonl"
_BEGINS = b'{"id":'
_PROMPT = b'"prompt":[{"role":"user"'


def check_pairs_place(path: Path) -> None:
    """Sees to it that pairs take the place of earlier pairs at most.

    Raises:
        UsageError: there is something else at `path`.
    """
    if path.name == "-":
        raise UsageError("Pairs cannot go to standard output: they are written whole or not at all.", "Name a file.")
    try:
        if path.is_dir():
            raise UsageError(f"{path} is a directory.", f"Name a file, such as {path / PAIRS}.")
        if path.exists() and not path.is_file():
            raise UsageError(f"{path} is not a regular file.", "Name a file; what it held is replaced as a whole.")
        if path.exists():
            with path.open("rb") as file:
                head = file.read(4096)
            if head and not (head.startswith(_BEGINS) and _PROMPT in head):
                raise UsageError(f"{path} holds no earlier pairs.", "Name another file, or move this one away.")
    except OSError as error:
        raise disk_error(error, path) from None


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes the rows in the place of what was there.

    Raises:
        DiskFailed: what was at `path` is untouched.
    """
    with in_place_of(path) as new, new.open("wb") as file:
        for row in rows:
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
