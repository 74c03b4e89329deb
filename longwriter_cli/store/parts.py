"""The parts of an export, one for each split, each in one file or in shards: written as the rows come.

No part holds more than `_BATCH` rows, so an export needs no memory for what it holds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longwriter_cli.store.columns import arrow_schema

Row = dict[str, Any]

_BATCH = 64  # rows of 8,000 words: the heap grows by 36 MB for a Parquet file, by 117 MB with 256


class Sink(ABC):
    """One file under way. It is made when the first row comes, or when it is closed without one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @abstractmethod
    def write(self, row: Row) -> None: ...

    @abstractmethod
    def close(self, columns: Sequence[str]) -> None:
        """Ends the file; `columns` are those that it has where no row has come."""


class JsonLines(Sink):
    def __init__(self, path: Path) -> None:
        import jsonlines
        import orjson

        super().__init__(path)
        self._file = path.open("wb")
        self._writer = jsonlines.Writer(self._file, dumps=orjson.dumps)

    def write(self, row: Row) -> None:
        self._writer.write(row)

    def close(self, columns: Sequence[str]) -> None:
        self._file.close()


class _Tables(Sink):
    """Rows gathered to tables of Arrow."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._rows: list[Row] = []
        self._schema: Any = None
        self._writer: Any = None

    @abstractmethod
    def _open(self, schema: Any) -> Any:
        """A writer with `write_table` and `close`."""

    def write(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _BATCH:
            self._write_table(list(row))

    def close(self, columns: Sequence[str]) -> None:
        self._write_table(list(self._rows[0]) if self._rows else columns)
        self._writer.close()

    def _write_table(self, columns: Sequence[str]) -> None:
        import pyarrow

        if self._writer is None:
            self._schema = arrow_schema(columns)
            self._writer = self._open(self._schema)
        if self._rows:
            self._writer.write_table(pyarrow.Table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


class Parquet(_Tables):
    def _open(self, schema: Any) -> Any:
        from pyarrow import parquet

        self._file = self.path.open("wb")  # Arrow itself takes no name that is not UTF-8
        return parquet.ParquetWriter(self._file, schema)

    def close(self, columns: Sequence[str]) -> None:
        super().close(columns)
        self._file.close()


class ArrowStream(_Tables):
    def _open(self, schema: Any) -> Any:
        import pyarrow

        self._file = pyarrow.OSFile(str(self.path), "wb")
        return pyarrow.ipc.new_stream(self._file, schema)

    def close(self, columns: Sequence[str]) -> None:
        super().close(columns)
        self._file.close()


class Shards:
    """A split in files `NAME-00000-of-00003`, each of at most `most_bytes` of rows as JSON, before compression.

    A row that is larger than that has a file of its own.
    """

    def __init__(self, folder: Path, name: str, sink: type[Sink], suffix: str, most_bytes: int | None) -> None:
        self._folder, self._name, self._sink, self._suffix = folder, name, sink, suffix
        self._most_bytes = most_bytes
        self._done: list[Path] = []
        self._open = self._next()
        self._bytes = 0

    def write(self, row: Row) -> None:
        if self._most_bytes is not None:
            import orjson

            size = len(orjson.dumps(row)) + 1
            if self._bytes and self._bytes + size > self._most_bytes:
                self._open.close(())
                self._open, self._bytes = self._next(), 0
            self._bytes += size
        self._open.write(row)

    def close(self, columns: Sequence[str]) -> list[Path]:
        """Ends the last file, gives all their names, now that it is known how many there are, and returns them."""
        self._open.close(columns)
        count = len(self._done)
        return [
            path.rename(self._folder / f"{self._name}-{n:05d}-of-{count:05d}{self._suffix}")
            for n, path in enumerate(self._done)
        ]

    def _next(self) -> Sink:
        path = self._folder / f"{self._name}-{len(self._done):05d}{self._suffix}"
        self._done.append(path)
        return self._sink(path)


def save_dataset(streams: Mapping[str, Path], folder: Path, most_bytes: int | None, *, splits: bool) -> None:
    """Makes what `datasets.load_from_disk` reads out of streams of Arrow: one dataset or, with `splits`, a dict."""
    import datasets

    # Read back memory-mapped: neither memory nor the cache of `datasets` holds the rows.
    datasets.disable_progress_bars()
    parts = {name: datasets.Dataset.from_file(str(stream)) for name, stream in streams.items()}
    shards = {name: None if len(part) else 1 for name, part in parts.items()}  # without one it could not be loaded
    if splits:
        datasets.DatasetDict(parts).save_to_disk(str(folder), max_shard_size=most_bytes, num_shards=shards)
        return
    for name, part in parts.items():
        part.save_to_disk(str(folder), max_shard_size=None if shards[name] else most_bytes, num_shards=shards[name])
