"""A dataset by its name: a file, a folder of data files, what `datasets` has saved, or `hf:NAME`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from longwriter_cli.errors import InputError
from longwriter_cli.store.source.formats import open_table
from longwriter_cli.store.source.rows import Table

_DATA_FILES = ("*.jsonl", "*.parquet", "*.jsonl.gz", "*.jsonl.zst")


def open_tables(source: str) -> Iterator[Table]:
    """The tables of a dataset, in the order of their names or of the splits.

    Raises:
        InputError: there is nothing of that name, or it holds no dataset.
    """
    for name in table_names(source):
        yield open_table(name)


def table_names(source: str) -> list[str]:
    """What `open_table` is to be given for each table of a dataset.

    Raises:
        InputError: it is a folder that holds no dataset.
    """
    path = Path(source)
    if not path.is_dir():
        return [source]
    try:
        names = _splits(path)
        names = names or sorted(str(file) for pattern in _DATA_FILES for file in path.glob(pattern))
    except OSError as error:
        raise InputError(source, None, f"cannot be read: {error.strerror}") from None
    if not names:
        raise InputError(
            source,
            None,
            "holds neither a run nor a dataset",
            "Name a run directory, a dataset file (.jsonl, .parquet) or a folder of such files.",
        )
    return names


def stamp(source: str) -> list[list[str | int]]:
    """Name, size in bytes and time of change (ns) of each file of a dataset, to know it again; none of one on the hub.

    Raises:
        InputError: there is no such file.
    """
    path = Path(source.removeprefix("hf:"))
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
        elif path.exists() or not source.startswith("hf:"):
            files = [path]
        else:
            return []
        return [[str(file), (about := file.stat()).st_size, about.st_mtime_ns] for file in files]
    except OSError as error:
        raise InputError(source, None, f"cannot be read: {error.strerror}", "Mend the path.") from None


def _splits(path: Path) -> list[str]:
    """The parts of what `datasets` has saved here; none where it has not."""
    if (path / "state.json").is_file():
        return [f"hf:{path}"]
    index = path / "dataset_dict.json"
    if not index.is_file():
        return []
    try:
        return [f"hf:{path / split}" for split in json.loads(index.read_text(encoding="utf-8"))["splits"]]
    except (ValueError, KeyError, TypeError):
        raise InputError(index, None, "does not name the splits of a dataset", "Save the dataset again.") from None
