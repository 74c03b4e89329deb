"""An export of nothing does not take the place of one that holds records: a slip of a filter loses no good one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from longwriter_cli.errors import EmptyExport
from longwriter_cli.store.mark import own_files

_SUFFIXES = (".jsonl", ".parquet", ".arrow")


def check_not_emptied(path: Path, records: int, what: str) -> None:
    """Sees to it that an earlier export of records is not replaced by one of none; `what` says what there is none of.

    Raises:
        EmptyExport: it would be.
    """
    if not records and holds_records(path):
        raise EmptyExport(
            f"No {what} is left to export; the earlier export in {path} has some, and stays as it was.",
            "Loosen what drops them; or move the earlier export away, if an empty one is wanted.",
        )


def holds_records(path: Path) -> bool:
    """Whether an export of ours that is there holds any record."""
    files: Iterable[Path] = own_files(path) if path.is_dir() else (path,)
    return any(_holds_rows(file) for file in files if file.is_file())


def _holds_rows(file: Path) -> bool:
    if not file.stat().st_size:
        return False
    if file.suffix == ".arrow":
        import pyarrow

        with file.open("rb") as opened, pyarrow.ipc.open_stream(opened) as batches:
            return any(batch.num_rows for batch in batches)
    with file.open("rb") as opened:
        if opened.read(4) == b"PAR1":
            from pyarrow import parquet

            opened.seek(0)
            return bool(parquet.read_metadata(opened).num_rows)
    # Beside the data of a folder there are files that describe it; a single file may have any name.
    return file.suffix not in (".json", ".md") or file.suffix in _SUFFIXES
