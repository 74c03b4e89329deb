"""Finished records out: JSON Lines, Parquet or a Hugging Face dataset directory.

An export that is there is complete: it is written under another name beside its place and renamed. Records are
streamed, so an export needs no memory for what it holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import sync_directory

Format = Literal["jsonl", "parquet", "hf"]
Row = dict[str, Any]

_BATCH = 256


def default_path(directory: Path, kind: Format) -> Path:
    """Where the export of a run stands if nothing else is said."""
    return directory / {"jsonl": "dataset.jsonl", "parquet": "dataset.parquet", "hf": "dataset"}[kind]


def export(rows: Iterable[Row], path: Path, kind: Format) -> int:
    """Writes the rows to `path` and returns how many there are.

    Raises:
        DiskFailed: an earlier export at `path` is untouched.
    """
    writers: dict[Format, Callable[[Iterator[Row], Path], None]] = {
        "jsonl": _write_jsonl,
        "parquet": _write_parquet,
        "hf": _write_dataset,
    }
    count = 0

    def counted() -> Iterator[Row]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    with _in_place_of(path) as temporary:
        writers[kind](counted(), temporary)
    return count


@contextmanager
def _in_place_of(path: Path) -> Iterator[Path]:
    """Gives a name to write to; when that is done, it takes the place of `path`, a file or a directory."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        if path.is_dir():
            old = path.with_name(f".{path.name}.{os.getpid()}.old")
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        raise disk_error(error, path) from None
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        else:
            temporary.unlink(missing_ok=True)


def _write_jsonl(rows: Iterator[Row], path: Path) -> None:
    import jsonlines
    import orjson

    with path.open("wb") as file:
        jsonlines.Writer(file, dumps=orjson.dumps).write_all(rows)
        file.flush()
        os.fsync(file.fileno())


def _write_parquet(rows: Iterator[Row], path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    writer = None
    try:
        while batch := list(islice(rows, _BATCH)):
            table = pyarrow.Table.from_pylist(batch, schema=writer.schema if writer else _schema(pyarrow, batch[0]))
            writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
        if writer is None:
            writer = pyarrow.parquet.ParquetWriter(path, _schema(pyarrow, {}))
    finally:
        if writer is not None:
            writer.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _schema(pyarrow: Any, row: Row) -> Any:
    """The columns of a record: messages, and whatever metadata this row has."""
    message = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
    kinds = {
        "messages": pyarrow.list_(message),
        "id": pyarrow.string(),
        "words": pyarrow.int64(),
        "required_words": pyarrow.int64(),
        "length_score": pyarrow.float64(),
        "sections": pyarrow.int64(),
        "model": pyarrow.string(),
        "language": pyarrow.string(),
    }
    return pyarrow.schema([(name, kinds[name]) for name in (row or {"messages": None})])


def _write_dataset(rows: Iterator[Row], path: Path) -> None:
    import datasets

    parquet = path.with_name(path.name + ".parquet")
    try:
        _write_parquet(rows, parquet)
        datasets.disable_progress_bars()
        datasets.Dataset.from_parquet(str(parquet), cache_dir=str(path.with_name(path.name + ".cache"))).save_to_disk(
            str(path)
        )
    finally:
        parquet.unlink(missing_ok=True)
        shutil.rmtree(path.with_name(path.name + ".cache"), ignore_errors=True)
