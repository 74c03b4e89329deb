"""Finished records out: JSON Lines, Parquet or a Hugging Face dataset directory.

An export that is there is complete: it is written in a directory of its own beside its place, and renamed. Records are
streamed, so an export needs no memory for what it holds. What else a dataset's directory holds, a README.md of the
user's, goes along into the next one.
"""

from __future__ import annotations

import glob
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

from longwriter_cli.errors import UsageError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import sync_directory

Format = Literal["jsonl", "parquet", "hf"]
Row = dict[str, Any]

_BATCH = 64  # rows of 8,000 words: the heap grows by 36 MB for a Parquet file, by 117 MB with 256
_DATASET_MARK = "dataset_info.json"
# The files that `datasets` writes. A README.md, a script or a cache beside them is the user's.
_DATASET_FILES = (_DATASET_MARK, "state.json", "data-*-of-*.arrow")


def default_path(directory: Path, kind: Format) -> Path:
    """Where the export of a run stands if nothing else is said."""
    return directory / {"jsonl": "dataset.jsonl", "parquet": "dataset.parquet", "hf": "dataset"}[kind]


def check_place(path: Path, kind: Format) -> None:
    """Sees to it that an export takes the place of an earlier export at most.

    Raises:
        UsageError: there is something else at `path`.
    """
    if path.name == "-":
        raise UsageError("A dataset cannot go to standard output: it is written whole or not at all.", "Name a file.")
    if kind == "hf":
        if path.is_dir() and not (path / _DATASET_MARK).exists() and any(path.iterdir()):
            raise UsageError(f"{path} holds other things than a dataset.", "Name a new directory.")
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file; a Hugging Face dataset is a directory.", "Name a new directory.")
    elif path.is_dir():
        raise UsageError(f"{path} is a directory.", f"Name a file, such as {default_path(path, kind)}.")
    elif path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file.", "Name a file; what it held is replaced as a whole.")
    elif path.exists() and not _is_export(path, kind):
        raise UsageError(f"{path} is no earlier export as {kind}.", "Name another file with -o, or move this one away.")


def _is_export(path: Path, kind: Format) -> bool:
    """Whether a file looks like one that `export` wrote, or is empty."""
    begins = {"jsonl": b'{"messages":', "parquet": b"PAR1"}[kind]
    with path.open("rb") as file:
        return file.read(len(begins)) in (b"", begins)


def export(rows: Iterable[Row], path: Path, kind: Format) -> int:
    """Writes the rows to `path` and returns how many there are. All rows have the same keys.

    Raises:
        UsageError: there is something else than an earlier export at `path`.
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

    check_place(path, kind)
    with in_place_of(path) as new:
        writers[kind](counted(), new)
    return count


@contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Gives a name to write to; when that is done, it takes the place of `path`, a file or a directory."""
    path = Path(os.path.realpath(path))  # what a link names is replaced, not the link
    workshop = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    new, old = workshop / path.name, workshop / "old"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(path)
        workshop.mkdir()
        yield new
        try:
            if path.is_dir():
                _take_along(path, new)
                os.replace(path, old)  # a directory cannot be renamed over one that is not empty
            os.replace(new, path)
        finally:
            _put_back(old, path)
        sync_directory(path.parent)
    except OSError as error:
        raise disk_error(error, path) from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _take_along(directory: Path, new: Path) -> None:
    """Copies what no export wrote from an earlier dataset's directory to the new one's."""
    for entry in directory.iterdir():
        if any(entry.match(pattern) for pattern in _DATASET_FILES):
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.copytree(entry, new / entry.name, symlinks=True)
        else:
            shutil.copy2(entry, new / entry.name, follow_symlinks=False)


def _put_back(old: Path, path: Path) -> None:
    """Puts an earlier export back in its place, if nothing has come there."""
    if old.exists() and not path.exists():
        os.replace(old, path)


def _remove_leftovers(path: Path) -> None:
    """Clears away what exports to the same place left behind when they were killed."""
    for leftover in path.parent.glob(glob.escape(f".{path.name}.") + "*.tmp"):
        pid = leftover.name.removeprefix(f".{path.name}.").removesuffix(".tmp")
        if pid.isdecimal() and len(pid) < 10 and not _is_of_another(int(pid)):
            _put_back(leftover / "old", path)
            shutil.rmtree(leftover)


def _is_of_another(pid: int) -> bool:
    """Whether another process of that id runs."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _write_jsonl(rows: Iterator[Row], path: Path) -> None:
    import jsonlines
    import orjson

    with path.open("wb") as file:
        jsonlines.Writer(file, dumps=orjson.dumps).write_all(rows)
    _sync_file(path)


def _write_parquet(rows: Iterator[Row], path: Path) -> None:
    from pyarrow import parquet

    schema, tables = _tables(rows)
    with parquet.ParquetWriter(path, schema) as writer:
        for table in tables:
            writer.write_table(table)
    _sync_file(path)


def _write_dataset(rows: Iterator[Row], path: Path) -> None:
    import datasets
    import pyarrow

    # Read back memory-mapped: neither memory nor the cache of `datasets` holds the rows.
    arrow = path.with_name("rows.arrow")
    schema, tables = _tables(rows)
    with pyarrow.OSFile(str(arrow), "wb") as file, pyarrow.ipc.new_stream(file, schema) as writer:
        for table in tables:
            writer.write_table(table)
    datasets.disable_progress_bars()
    dataset = datasets.Dataset.from_file(str(arrow))
    dataset.save_to_disk(str(path), num_shards=None if len(dataset) else 1)  # without a shard it could not be loaded
    for file_of_dataset in path.iterdir():
        _sync_file(file_of_dataset)


def _tables(rows: Iterator[Row]) -> tuple[Any, Iterator[Any]]:
    """The schema, by the keys of the first row, and the rows in tables of that schema."""
    import pyarrow

    first = next(rows, None)
    message = pyarrow.struct([("role", pyarrow.string()), ("content", pyarrow.string())])
    # Told by name and not by value: a column may begin with a thousand times None.
    kinds = {
        "messages": pyarrow.list_(message),
        "id": pyarrow.string(),
        "words": pyarrow.int64(),
        "required_words": pyarrow.int64(),
        "length_score": pyarrow.float64(),
        "sections": pyarrow.int64(),
        "model": pyarrow.string(),
        "language": pyarrow.string(),
        "quality": pyarrow.float64(),
    }
    schema = pyarrow.schema([(name, kinds[name]) for name in first or ("messages",)])
    rows = chain([] if first is None else [first], rows)

    def tables() -> Iterator[Any]:
        while batch := list(islice(rows, _BATCH)):
            yield pyarrow.Table.from_pylist(batch, schema=schema)

    return schema, tables()


def _sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
