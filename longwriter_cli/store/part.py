"""A run that is to be merged with others: held, so that nobody writes to it meanwhile, and read through once.

Of its instructions only places are kept, so that a thousand shards need no more memory than one run of the whole.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import msgspec

from longwriter_cli.errors import UsageError
from longwriter_cli.records import Failure, Instruction
from longwriter_cli.store.batch_rows import requests_under_way
from longwriter_cli.store.batches import BATCHES
from longwriter_cli.store.index import DigestOf
from longwriter_cli.store.jsonl import Appender, RowReader, disk_error, read_line
from longwriter_cli.store.load import INSTRUCTIONS, ROWS
from longwriter_cli.store.lock import RunLock
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.rows import read_record
from longwriter_cli.store.run import Run
from longwriter_cli.store.sync import GroupSync
from longwriter_cli.store.tail import BOM

BadRowKey = tuple[str | None, int | None]  # file and line of a source


class _Id(msgspec.Struct, gc=False):
    id: str | None = None


_IDS = RowReader(_Id)


class Part:
    """`ids` and `rows` (places in the source) are in instruction order; `worked_on` are the ids that have any row;
    `under_way` counts the requests that are in batches.

    Raises:
        UsageError: there is no run.
        RunBusy: another process holds it.
        InputError: a row cannot be read; names file and line.
    """

    def __init__(self, directory: Path, digest_of: DigestOf) -> None:
        self.directory = directory
        manifest = read_manifest(directory)
        if manifest is None:
            raise UsageError(f"{directory} holds no run.", "Name the run directories that the shards were given by -r.")
        self.manifest = manifest
        self._lock = RunLock(directory, "Merge when it is done. What is there already stays there.")
        self._fd: int | None = None
        try:
            self._mend()
            with Run.read(directory, digest_of) as run:
                order = run.index.order()
                self.ids = [run.index.ids[position] for position in order]
                self.rows = array("q", map(run.index.row, order))
                self.under_way = requests_under_way(directory / BATCHES)
                self._offsets = array("q", map(run.index.instruction_at, order))
                self.worked_on = set().union(*(index.worked_on() for index in run.indexes))
                self.bad_rows: dict[BadRowKey, Failure] = {
                    (failure.file, failure.line): failure
                    for failure in (failures[-1] for failures in run.index.failures.values())
                    if failure.id is None
                }
        except BaseException:  # whatever it is, Ctrl-C too: the lock must not outlive it
            self._lock.release()
            raise

    def _mend(self) -> None:
        for name, rows in ROWS.items():
            if (self.directory / name).exists():
                Appender(self.directory / name, GroupSync(), rows.is_row).close()

    def instruction(self, place: int) -> Instruction:
        """The instruction at a place of `ids`."""
        try:
            if self._fd is None:
                self._fd = os.open(self.directory / INSTRUCTIONS, os.O_RDONLY)
            return read_record(read_line(self._fd, self._offsets[place]), Instruction)
        except OSError as error:
            raise disk_error(error, self.directory / INSTRUCTIONS) from None

    def lines(self, name: str) -> Iterator[tuple[str | None, bytes]]:
        """The rows of a file as they stand there, each with its id, oldest first."""
        return lines_of(self.directory / name)

    def templates(self) -> dict[str, str]:
        """The templates that the run was begun with, by their paths."""
        folder = self.directory / "prompts"
        paths = sorted(path for path in folder.rglob("*.txt") if path.is_file())
        try:
            return {path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8") for path in paths}
        except OSError as error:
            raise disk_error(error, folder) from None

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
        self._lock.release()

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def lines_of(path: Path) -> Iterator[tuple[str | None, bytes]]:
    """The rows of a file as they stand there, each with its id."""
    for _, line, row in _IDS.scan(path):
        yield row.id, line.removeprefix(BOM)
