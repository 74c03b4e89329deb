"""Samples on disk while a dataset is packed: all tokens in one file, appended, and a row that says what was appended.

A row counts once its newline is on disk, and its tokens are there before it. So a command that is stopped goes on
behind the last row: what the file of tokens holds beyond it is cut off.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import orjson

from longwriter_cli.errors import InputError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import write_whole
from longwriter_cli.store.tail import mend_tail

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Tokens = NDArray[numpy.int32]

TOKENS = "tokens.bin"
CHUNKS = "chunks.jsonl"
PLAN = "plan.json"

_TOKEN_BYTES = 4


@dataclass(frozen=True)
class Plan:
    """What the samples of a directory are made of and how; `counts` are the rows of each dataset, good ones and bad."""

    settings: Mapping[str, Any]
    counts: Sequence[tuple[int, int]]


def read_plan(directory: Path) -> Plan | None:
    """The plan in a directory, or None where there is none that can be gone on with."""
    try:
        row = orjson.loads((directory / PLAN).read_bytes())
        return Plan(row["settings"], [(rows, bad) for rows, bad in row["counts"]])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_plan(directory: Path, plan: Plan) -> None:
    """Writes the plan, before the first sample is."""
    write_whole(directory / PLAN, orjson.dumps({"settings": plan.settings, "counts": plan.counts}).decode())


def clear(directory: Path) -> None:
    """Takes samples of another plan away."""
    try:
        for name in (PLAN, CHUNKS, TOKENS):  # the plan first: samples without one are nobody's
            (directory / name).unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(error, directory) from None


COUNTS = ("refused", "overlong", "no_target", "lost_tokens")
"""What is counted of the records of a dataset beside its samples, as `packs.DatasetPacked` says."""


@dataclass(frozen=True)
class Chunk:
    """What some rows of one dataset gave: its samples one behind the other, how long they are, and `COUNTS` by name.

    `dataset` counts from 0; `records` are those that were read for it, whether or not they gave a sample; `longest` is
    the most tokens that one of them has, before it was cut.
    """

    dataset: int
    records: int
    tokens: Tokens
    lengths: Sequence[int]
    targets: Sequence[int]
    longest: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)


class SampleStore:
    """The samples of a directory, to be added to and then read."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.records = 0
        self.lengths: array[int] = array("q")
        self.targets: array[int] = array("q")
        self.datasets: array[int] = array("q")
        self._counts: dict[int, Counter[str]] = defaultdict(Counter)
        self._longest: dict[int, int] = defaultdict(int)
        self._size = 0  # in tokens
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._tokens = os.open(directory / TOKENS, os.O_RDWR | os.O_CREAT, 0o666)
            self._chunks = os.open(directory / CHUNKS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
            self._load()
        except OSError as error:
            raise disk_error(error, directory) from None

    def __enter__(self) -> SampleStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fd in (self._tokens, self._chunks):
            with suppress(OSError):
                os.close(fd)

    def add(self, chunk: Chunk) -> None:
        """Appends what some rows gave. It is on disk when this returns.

        Raises:
            DiskFailed: it is not; the next command goes on before it.
        """
        row = {
            "dataset": chunk.dataset,
            "records": chunk.records,
            "lengths": list(chunk.lengths),
            "targets": list(chunk.targets),
            "longest": chunk.longest,
            "counts": dict(chunk.counts),
        }
        try:
            _write_all(self._tokens, chunk.tokens.tobytes())
            os.fsync(self._tokens)  # before the row that says that they are there
            _write_all(self._chunks, orjson.dumps(row) + b"\n")
            os.fsync(self._chunks)
        except OSError as error:
            raise disk_error(error, self._directory) from None
        self._take(row)

    def counts_of(self, dataset: int) -> dict[str, int]:
        """`COUNTS` of the dataset, with its number from 0."""
        return {name: self._counts[dataset][name] for name in COUNTS}

    def longest_of(self, dataset: int) -> int:
        """The most tokens that a record of the dataset has, before it was cut."""
        return self._longest[dataset]

    def sample(self, number: int) -> Tokens:
        """The tokens of a sample, straight from the disk."""
        return self._mapped[self._starts[number] : self._starts[number + 1]]

    def freeze(self) -> None:
        """Nothing more is added: from now on samples can be read."""
        import numpy

        self._starts = numpy.concatenate([[0], numpy.cumsum(numpy.asarray(self.lengths))])
        path = self._directory / TOKENS
        self._mapped: Tokens = (
            numpy.memmap(path, dtype=numpy.int32, mode="r") if self._size else numpy.empty(0, dtype=numpy.int32)
        )

    def _load(self) -> None:
        mend_tail(self._chunks, _is_row)
        with open(os.dup(self._chunks), "rb") as file:
            file.seek(0)
            for line in file:
                self._take(orjson.loads(line))
        size_bytes = self._size * _TOKEN_BYTES
        if os.fstat(self._tokens).st_size < size_bytes:
            raise InputError(
                self._directory / TOKENS, None, f"is shorter than {CHUNKS} beside it says", "Delete the folder."
            )
        os.ftruncate(self._tokens, size_bytes)
        os.lseek(self._tokens, 0, os.SEEK_END)

    def _take(self, row: Mapping[str, Any]) -> None:
        self.records += row["records"]
        self.lengths.extend(row["lengths"])
        self.targets.extend(row["targets"])
        self.datasets.extend([row["dataset"]] * len(row["lengths"]))
        self._size += sum(row["lengths"])
        dataset = row["dataset"]
        self._counts[dataset].update(row["counts"])
        self._longest[dataset] = max(self._longest[dataset], row["longest"])


def _is_row(line: bytes) -> bool:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return False
    return True


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
