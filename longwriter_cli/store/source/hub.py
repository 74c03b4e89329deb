"""Rows of a Hugging Face dataset, from the hub or from a local folder, as a stream."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError
from longwriter_cli.store.source.rows import Row, Table, plain

PREFIX = "hf:"

_FORM = "The form is hf:NAME[@CONFIG][:SPLIT], where NAME is a dataset on the hub or a local folder."

# A split may carry a slice in brackets, which holds a colon itself; a slash is part of a path.
_SOURCE = re.compile(r"(?P<name>.+?)(?:@(?P<config>[^@:/]+))?(?::(?P<split>[^:/\[\]]+(?:\[[^\[\]/]*\])?))?")


def open_dataset(source: str) -> Table:
    """The rows of `hf:NAME[@CONFIG][:SPLIT]`; SPLIT is "train" unless named. Loaded when the first is asked for.

    NAME may be a folder of data files, one that `Dataset.save_to_disk` wrote, or an .arrow file.

    Raises:
        InputError: the form is wrong (when it is called), or `datasets` cannot load it (while it is read).
    """
    rest = source.removeprefix(PREFIX)
    match = re.fullmatch(_SOURCE, rest)
    if match is None:
        raise InputError(source, None, "names no dataset", _FORM)
    name, config, split = match.group("name", "config", "split")
    if Path(rest).exists():
        name, config, split = rest, None, None
    return Table(source, _rows(source, name, config, split or "train"), unit="row")


def _rows(source: str, name: str, config: str | None, split: str) -> Iterator[Row]:
    import datasets

    # Whatever goes wrong inside (network, a missing split, a broken shard), of whatever class, the source cannot be
    # read; the message of `datasets` says why.
    try:
        for number, row in enumerate(_load(datasets, name, config, split), 1):
            yield number, plain(row)
    except Exception as error:
        why = str(error).strip().split("\n")[0] or type(error).__name__
        raise InputError(source, None, f"cannot be loaded: {why}", _FORM) from error


def _load(datasets: Any, name: str, config: str | None, split: str) -> Iterable[object]:
    path = Path(name)
    if path.suffix == ".arrow" and path.is_file():
        stream = datasets.Dataset.from_file(name).to_iterable_dataset()
    elif (path / "dataset_dict.json").is_file():
        stream = datasets.load_from_disk(name)[split].to_iterable_dataset()
    elif (path / "state.json").is_file():
        stream = datasets.load_from_disk(name).to_iterable_dataset()
    elif path.is_file():
        raise ValueError(f"it is a file; name it without {PREFIX}")
    else:
        stream = datasets.load_dataset(name, config, split=split, streaming=True)
    # Images and sound stay undecoded: nobody reads them, and their decoders may not be installed.
    rows: Iterable[object] = stream.decode(False)
    return rows
