"""Finished records out: JSON Lines, Parquet or a Hugging Face dataset directory; one file, or a folder of parts.

An export that is there is complete: it is written in a directory of its own beside its place, and renamed. Records are
streamed, so an export needs no memory for what it holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from longwriter_cli.errors import UsageError
from longwriter_cli.store.card import CARD, is_users, sealed
from longwriter_cli.store.emptied import check_not_emptied
from longwriter_cli.store.manifest import sync_file, write_whole
from longwriter_cli.store.mark import is_export, write_mark
from longwriter_cli.store.parts import ArrowStream, JsonLines, Parquet, Row, Shards, Sink, save_dataset
from longwriter_cli.store.place import check_elsewhere, check_utf8
from longwriter_cli.store.replace import in_place_of

__all__ = ["Format", "Row", "Shape", "Written", "card_place", "check_place", "default_path", "export", "export_parts"]

Format = Literal["jsonl", "parquet", "hf"]

WHOLE = "train"
"""The split that all rows are in where there are no others, as `load_dataset` names it."""

_SINKS: dict[Format, type[Sink]] = {"jsonl": JsonLines, "parquet": Parquet, "hf": ArrowStream}
# Names that would lie; any other is the user's to choose.
_NAMED = {".jsonl": "jsonl", ".parquet": "parquet", ".csv": "CSV", ".tsv": "TSV", ".gz": "gzip", ".zst": "zstd"}
_BEGINNINGS = {"jsonl": (b'{"messages":', b'{"conversations":'), "parquet": (b"PAR1",)}
# A record as Alpaca has it begins as an instruction file may; what follows on the line tells them apart.
_ALPACA = b'{"instruction":"', b'","input":"","output":"'
_LONGEST_LINE = 1 << 26


@dataclass(frozen=True)
class Shape:
    """What an export is: its format, its splits in their order (none: one unnamed whole), the size of a shard.

    `shard_bytes` counts rows as JSON Lines, before compression, and for `hf` their size in memory.
    """

    kind: Format = "jsonl"
    splits: tuple[str, ...] = ()
    shard_bytes: int | None = None

    @property
    def is_folder(self) -> bool:
        return self.kind == "hf" or bool(self.splits) or self.shard_bytes is not None


@dataclass(frozen=True)
class Written:
    """What an export wrote: records by split, and files by split, as paths in the folder that `root` is.

    `users_card` is the card that was left as it is, for it is not as an export wrote it.
    """

    root: Path
    records: Mapping[str, int]
    files: Mapping[str, Sequence[Path]]
    columns: tuple[str, ...]
    users_card: Path | None = None

    @property
    def size_bytes(self) -> int:
        return sum((self.root / file).stat().st_size for files in self.files.values() for file in files)

    @property
    def patterns(self) -> dict[str, str]:
        """What names the files of each split: the one file, or a pattern with stars for many."""
        return {
            name: str(files[0]) if len(files) == 1 else re.sub(r"-\d+-of-\d+", "-*-of-*", str(files[0]))
            for name, files in self.files.items()
        }


# Makes the dataset card of what has been written.
CardOf = Callable[[Written], str]


def default_path(directory: Path, kind: Format, *, folder: bool = False) -> Path:
    """Where the export of a run stands if nothing else is said."""
    if folder:
        return directory / "dataset"
    return directory / {"jsonl": "dataset.jsonl", "parquet": "dataset.parquet", "hf": "dataset"}[kind]


def check_place(path: Path, kind: Format, *, folder: bool = False) -> None:
    """Sees to it that an export takes the place of an earlier export at most.

    Raises:
        UsageError: there is something else at `path`.
    """
    if path.name == "-":
        raise UsageError("A dataset cannot go to standard output: it is written whole or not at all.", "Name a file.")
    if folder or kind == "hf":
        check_elsewhere(path)
        if kind == "hf":
            check_utf8(path)
        if path.is_dir() and not is_export(path) and any(path.iterdir()):
            raise UsageError(f"{path} holds other things than a dataset.", "Name a new directory.")
        if path.exists() and not path.is_dir():
            raise UsageError(f"{path} is a file; an export of several files is a directory.", "Name a new directory.")
    elif (named := _NAMED.get(path.suffix.lower(), kind)) != kind:
        tip = f"Add --format {named}, or give it another name." if named in _SINKS else "Give it another name."
        raise UsageError(f"{path}: the name says {named}, and this export is {kind}.", tip)
    elif path.is_dir():
        raise UsageError(f"{path} is a directory.", f"Name a file, such as {default_path(path, kind)}.")
    elif path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file.", "Name a file; what it held is replaced as a whole.")
    elif path.exists() and not _is_export(path, kind):
        raise UsageError(f"{path} is no earlier export as {kind}.", "Name another file with -o, or move this one away.")


def _is_export(path: Path, kind: Format) -> bool:
    """Whether a file looks like one that `export` wrote, or is empty."""
    with path.open("rb") as file:
        head = file.readline(_LONGEST_LINE)
    begins, goes_on = _ALPACA
    is_alpaca = kind == "jsonl" and head.startswith(begins) and goes_on in head
    return not head or head.startswith(_BEGINNINGS[kind]) or is_alpaca


def export(rows: Iterable[Row], path: Path, kind: Format) -> int:
    """Writes the rows to `path`, all in one part, and returns how many there are. All rows have the same keys.

    Raises:
        UsageError: there is something else than an earlier export at `path`.
        DiskFailed: an earlier export at `path` is untouched.
    """
    return sum(export_parts(((WHOLE, row) for row in rows), path, Shape(kind)).records.values())


def export_parts(rows: Iterable[tuple[str, Row]], path: Path, shape: Shape, card: CardOf | None = None) -> Written:
    """Writes each row to its split, and a card with it: README.md in a folder, FILE.md beside a FILE.

    A card that is not as an export wrote it is the user's, and stays.

    Raises:
        UsageError: there is something else than an earlier export at `path`.
        EmptyExport: there are no rows, and an earlier export has some.
        DiskFailed: an earlier export at `path` is untouched, as in the other cases.
    """
    check_place(path, shape.kind, folder=shape.is_folder)
    place = card_place(path, shape)
    users_card = card is not None and is_users(place)
    text = ""
    with in_place_of(path) as new:
        written = _write_folder(rows, new, shape) if shape.is_folder else _write_file(rows, new, shape.kind)
        check_not_emptied(path, sum(written.records.values()), "record")
        if card is not None and not users_card:
            text = sealed(card(written))
        if shape.is_folder:
            write_mark(new, [file for file in new.rglob("*") if file.is_file()])
            if text:
                (new / CARD).write_text(text, encoding="utf-8", newline="\n")
        for file in [new, *new.rglob("*")]:
            if file.is_file():
                sync_file(file)
    if text and not shape.is_folder:
        write_whole(place, text)
    return replace(written, root=path if shape.is_folder else path.parent, users_card=place if users_card else None)


def card_place(path: Path, shape: Shape) -> Path:
    """Where the card of an export stands."""
    return path / CARD if shape.is_folder else path.with_name(path.name + ".md")


def _write_file(rows: Iterable[tuple[str, Row]], new: Path, kind: Format) -> Written:
    sink = _SINKS[kind](new)
    records, columns = _distribute(rows, {WHOLE: sink})
    sink.close(columns)
    return Written(new.parent, records, {WHOLE: [Path(new.name)]}, columns)


def _write_folder(rows: Iterable[tuple[str, Row]], new: Path, shape: Shape) -> Written:
    is_hf = shape.kind == "hf"
    folder = new.with_name("streams") if is_hf else new
    folder.mkdir()
    sink, suffix = _SINKS[shape.kind], f".{shape.kind}"
    most_bytes = None if is_hf else shape.shard_bytes
    parts = {name: Shards(folder, name, sink, suffix, most_bytes) for name in shape.splits or (WHOLE,)}
    records, columns = _distribute(rows, parts)
    files = {name: part.close(columns) for name, part in parts.items()}
    if is_hf:
        streams = {name: files[name][0] for name in parts}
        save_dataset(streams, new, shape.shard_bytes, splits=bool(shape.splits))
        files = {name: sorted((new / name if shape.splits else new).glob("data-*.arrow")) for name in parts}
    relative = {name: [path.relative_to(new) for path in paths] for name, paths in files.items()}
    return Written(new, records, relative, columns)


def _distribute(
    rows: Iterable[tuple[str, Row]], parts: Mapping[str, Sink | Shards]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Writes each row to its part; gives how many each has, and the columns, by the first row."""
    records = dict.fromkeys(parts, 0)
    columns: tuple[str, ...] = ()
    for split, row in rows:
        columns = columns or tuple(row)
        parts[split].write(row)
        records[split] += 1
    return records, columns or ("messages",)
