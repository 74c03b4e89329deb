"""The mark in a folder that an export wrote: the names of its files. What else is there is the user's.

A hidden file, so that nothing that reads the folder as a dataset takes it for data.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from longwriter_cli.store.card import CARD, is_users

MARK = ".export.json"

# Folders that an earlier version or `datasets` itself wrote have no mark; these are their files.
_INFO = "dataset_info.json"
_UNMARKED = (_INFO, "state.json", "data-*-of-*.arrow")


def is_export(folder: Path) -> bool:
    """Whether a folder is one that an export may take the place of."""
    return (folder / _INFO).is_file() or _marked(folder) is not None


def write_mark(folder: Path, files: Iterable[Path]) -> None:
    """Writes down which files of a folder are the export's. Whose the card is, its seal tells."""
    names = sorted(str(file.relative_to(folder)) for file in files)
    (folder / MARK).write_text(json.dumps({"files": names}, indent=2) + "\n", encoding="utf-8")


def own_files(folder: Path) -> frozenset[Path]:
    """The files of a folder that an export wrote, its mark among them, and its card unless the user has changed it."""
    names = _marked(folder)
    if names is None:
        return frozenset(entry for pattern in _UNMARKED for entry in folder.glob(pattern))
    card = () if is_users(folder / CARD) else (CARD,)
    return frozenset(folder / name for name in (*names, *card, MARK))


def _marked(folder: Path) -> list[str] | None:
    """What the mark names; None where there is none, or something else of that name."""
    try:
        names = json.loads((folder / MARK).read_text(encoding="utf-8"))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None
