"""Where a run stands: a directory of regular files, or a place where there is nothing yet."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from longwriter_cli.errors import InputError, UsageError

_FILES = (".json", ".jsonl")


def check_directory(directory: Path) -> None:
    """Finds what would hang or mislead whoever reads the files of a run: it opens none.

    Raises:
        UsageError: there is something else than a directory.
        InputError: a pipe or a device stands in the place of a file.
    """
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                if entry.name.endswith(_FILES) and not _is_file(entry):
                    raise InputError(
                        entry.path, None, "is a pipe or a device, not a file", "Put the file of the run back."
                    )
    except FileNotFoundError:
        return
    except NotADirectoryError:
        raise UsageError(f"{directory} is a file; a run is a directory.", "Name a directory.") from None
    except OSError as error:
        raise UsageError(
            f"{directory}: {error.strerror}.", "Mend the path or its permissions, or name another."
        ) from None


def check_elsewhere(folder: Path) -> None:
    """Sees to it that a folder which is to be replaced as a whole is not the one that the user is in, nor holds it.

    The shell that called would stand in a folder that is gone, with all that it had just listed.

    Raises:
        UsageError: it is.
    """
    try:
        is_here = folder.is_dir() and Path.cwd().resolve().is_relative_to(folder.resolve())
    except OSError:  # the current directory was deleted
        return
    if is_here:
        raise UsageError(
            f"{folder} is the directory you are in, or holds it; it would be replaced as a whole.",
            f"Name a folder in it, such as {folder / 'dataset'}, or go elsewhere first.",
        )


def check_utf8(folder: Path) -> None:
    """Sees to it that `datasets` can write to a folder: it takes no path that is not UTF-8, as Python sees it.

    Raises:
        UsageError: the path is not, or the locale knows ASCII alone.
    """
    try:
        os.path.realpath(folder).encode()
    except UnicodeEncodeError:
        raise UsageError(
            f"{folder}: the path is not UTF-8 in this locale, and `datasets` takes no other.",
            "Set LC_ALL=C.UTF-8, name another folder, or take another --format.",
        ) from None


def _is_file(entry: os.DirEntry[str]) -> bool:
    """A directory in the place of a file is told by whoever opens it; so is a link that leads nowhere."""
    try:
        mode = entry.stat().st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
