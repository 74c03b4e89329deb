"""`manifest.json`: what the rows of a run were made with. Written whole, and before the first call."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from longwriter_cli import __version__
from longwriter_cli.errors import InputError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.shard import Shard

FORMAT = 1
MANIFEST_NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """`changes` holds what `--new-settings` accepted: `{"at", "tool_version", "settings", "fingerprint"}` each.

    `note` says what a reader of the data must know of its model. `shard` is the part of the instructions that the run
    was begun for, None for all of them.
    """

    created_at: str
    settings: Mapping[str, Any]
    fingerprint: str
    tool_version: str = __version__
    note: str = ""
    changes: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)
    shard: Shard | None = None

    def changed(self, settings: Mapping[str, Any], fingerprint: str, at: str) -> Manifest:
        change = {"at": at, "tool_version": __version__, "settings": self.settings, "fingerprint": self.fingerprint}
        return replace(self, settings=settings, fingerprint=fingerprint, changes=(*self.changes, change))

    def to_row(self) -> dict[str, Any]:
        row: dict[str, Any] = {
            "format": FORMAT,
            "tool_version": self.tool_version,
            "created_at": self.created_at,
            "settings": dict(self.settings),
            "fingerprint": self.fingerprint,
        }
        if self.shard is not None:
            row["shard"] = str(self.shard)
        if self.note:
            row["note"] = self.note
        if self.changes:
            row["changes"] = [dict(change) for change in self.changes]
        return row


def read_manifest(directory: Path) -> Manifest | None:
    """The manifest of a run, or None where there is none.

    Raises:
        InputError: it is not a manifest, or of a newer format.
    """
    path = directory / MANIFEST_NAME
    try:
        row = json.loads(path.read_text(encoding="utf-8-sig"))
        found = row["format"]
        if not isinstance(found, int) or found > FORMAT:
            raise InputError(
                path, None, f"has format {found!r}; this version reads up to {FORMAT}", "Upgrade longwriter-cli."
            )
        if not isinstance(row["settings"], dict) or not isinstance(row["settings"].get("model"), str):
            raise InputError(path, None, "has no settings with a model", _MEND)
        for name in ("created_at", "fingerprint", "tool_version", "note"):
            if not isinstance(row.get(name, ""), str):
                raise InputError(path, None, f'has a "{name}" that is no text', _MEND)
        shard = None if row.get("shard") is None else Shard.parse(str(row["shard"]))
        if row.get("shard") is not None and shard is None:
            raise InputError(path, None, 'has a "shard" that is none, as "1/3" is one', _MEND)
        json.dumps(row, ensure_ascii=False).encode()  # half of a surrogate pair could not be shown nor written again
        return Manifest(
            created_at=row["created_at"],
            settings=row["settings"],
            fingerprint=row["fingerprint"],
            tool_version=row["tool_version"],
            note=row.get("note", ""),
            changes=tuple(dict(change) for change in row.get("changes", ())),
            shard=shard,
        )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else f"is not a manifest: {error}"
        raise InputError(path, None, what, _MEND) from None
    except OSError as error:
        raise disk_error(error, path) from None


_MEND = "Put back the manifest that the run was begun with, or begin a new run in another directory."


def write_manifest(directory: Path, manifest: Manifest) -> None:
    write_whole(directory / MANIFEST_NAME, json.dumps(manifest.to_row(), indent=2, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file of a run that is open, so that it is there whole or not at all: temporary file, fsync, rename.

    Raises:
        DiskFailed: the disk is full or failing; an earlier file of that name is untouched.
    """
    temporary = path.with_name(f".{path.name}.tmp")  # the run's lock keeps others from it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_directory(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise disk_error(error, path) from None


def sync_directory(directory: Path) -> None:
    """Makes a rename in `directory` last through a power cut."""
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Brings what was written to a file to the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
