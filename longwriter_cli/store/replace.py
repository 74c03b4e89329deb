"""A file or a folder takes the place of an earlier one whole: it is made in a directory beside it, then renamed.

What else an earlier folder holds, a script or a README.md of the user's, goes along into the next one. Which files of
it an export wrote is what the folder's mark says (`mark.py`).
"""

from __future__ import annotations

import filecmp
import glob
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from longwriter_cli.errors import UsageError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.manifest import sync_directory
from longwriter_cli.store.mark import own_files


@contextmanager
def in_place_of(path: Path) -> Iterator[Path]:
    """Gives a name to write to; when that is done, it takes the place of `path`, a file or a folder.

    Raises:
        UsageError: a file that is not of an earlier export has a name that the new one needs.
        DiskFailed: what was at `path` is untouched, in these cases too.
    """
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
                _take_along(path, new, own_files(path))
                os.replace(path, old)  # a directory cannot be renamed over one that is not empty
            os.replace(new, path)
        finally:
            _put_back(old, path)
        sync_directory(path.parent)
    except OSError as error:
        raise disk_error(error, path) from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _take_along(old: Path, new: Path, own: Collection[Path]) -> None:
    """Copies what no export wrote, that is all but `own`, from an earlier folder to the new one."""
    for entry in old.iterdir():
        target = new / entry.name
        if entry in own:
            continue
        if not entry.is_symlink() and not entry.is_file() and not entry.is_dir():
            raise UsageError(f"{entry} is a pipe, a socket or a device: it cannot be taken along.", "Move it away.")
        if entry.is_dir() and not entry.is_symlink():
            if not any(file.is_relative_to(entry) for file in own):
                _make_way(entry, target)
                target.mkdir(parents=True)
            _take_along(entry, target, own)
            if target.is_dir():
                shutil.copystat(entry, target)
            continue
        _make_way(entry, target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(entry, target, follow_symlinks=False)


def _make_way(entry: Path, target: Path) -> None:
    """What is not of an earlier export is never lost, also where the new one has a file of its name."""
    if target.exists() or target.is_symlink():
        raise UsageError(f"{entry} is no file of an earlier export, and stands in its way.", "Move it away.")


def _put_back(old: Path, path: Path) -> None:
    """Puts an earlier export back in its place, if nothing has come there."""
    if old.exists() and not path.exists():
        os.replace(old, path)


def _remove_leftovers(path: Path) -> None:
    """Clears away what exports to the same place left behind when they were killed.

    An earlier export that was under way to its end is put back at once, whoever has the process id by now: from one
    rename to the other its owner, if it lives, takes microseconds. Where a newer one stands in its place already, what
    the user had in it and what the newer one lacks is brought there first.
    """
    for leftover in path.parent.glob(glob.escape(f".{path.name}.") + "*.tmp"):
        pid = leftover.name.removeprefix(f".{path.name}.").removesuffix(".tmp")
        if not pid.isdecimal() or len(pid) >= 10:
            continue
        _put_back(leftover / "old", path)
        if not _is_of_another(int(pid)) and _is_rescued(leftover / "old", path):
            shutil.rmtree(leftover)


def _is_rescued(old: Path, path: Path) -> bool:
    """Brings what is the user's in an earlier folder to the one in its place; False where a file is in the way."""
    if not old.is_dir() or not path.is_dir():
        return not old.exists()
    own = own_files(old)
    rescued = True
    for entry in old.rglob("*"):
        target = path / entry.relative_to(old)
        if entry in own or (entry.is_dir() and not entry.is_symlink()):
            continue
        if not target.exists() and not target.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(entry, target)
        elif not (target.is_file() and entry.is_file() and filecmp.cmp(entry, target, shallow=False)):
            rescued = False
    return rescued


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
