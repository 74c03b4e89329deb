"""`rejects.jsonl`: what an export dropped. No rows of the run; written whole, as they come, and renamed."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import orjson

from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import sync_directory

REJECTS = "rejects.jsonl"


class Rejects:
    """Takes what is dropped, one text at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.reasons: Counter[str] = Counter()

    def add(self, id: str, reason: str, detail: str) -> None:  # noqa: A002 - the contract's word
        row: Mapping[str, str] = {"id": id, "reason": reason, "detail": detail}
        self._file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self.reasons[reason] += 1


@contextmanager
def rejects_of(directory: Path) -> Iterator[Rejects]:
    """What is added takes the place of an earlier file at the end; where nothing was, that one becomes empty.

    Raises:
        DiskFailed: the earlier file is untouched, as it is where anything else is raised.
    """
    path = directory / REJECTS
    temporary = path.with_name(f".{REJECTS}.tmp")  # the run's lock keeps others from it
    try:
        with temporary.open("wb") as file:
            rejects = Rejects(file)
            yield rejects
            file.flush()
            os.fsync(file.fileno())
        if rejects.reasons or path.exists():
            os.replace(temporary, path)
            sync_directory(directory)
    except OSError as error:
        raise disk_error(error, path) from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
