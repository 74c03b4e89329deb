"""A judging that is done once more: from where on its rows count, kept on the disk until it is done.

Rows are never rewritten, so a judgement that is made anew stands behind the earlier one. Those that begin at the length
that the file had at first, or behind it, are of the judging under way: a command that was stopped goes on with these.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from longwriter_cli.errors import InputError
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.load import JUDGEMENTS
from longwriter_cli.store.manifest import write_whole

ANEW = "judging-anew.json"


def judged_before(directory: Path) -> int:
    """The length of `judgements.jsonl` in bytes, all of which is of earlier judgings."""
    with suppress(FileNotFoundError):
        return (directory / JUDGEMENTS).stat().st_size
    return 0


def under_way(directory: Path) -> int | None:
    """From where on the judgements of a judging count that was begun and not finished; None where there is none.

    Raises:
        InputError: the file that says so is something else.
    """
    path = directory / ANEW
    try:
        since = json.loads(path.read_text(encoding="utf-8"))["since"]
        if not isinstance(since, int) or since < 0:
            raise ValueError(f"since is {since!r}")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(error, path) from None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(path, None, f"cannot be read: {error}", "Delete it: all texts are then judged anew.") from None
    return since


def begin(directory: Path) -> int:
    """Writes down that all is judged anew from here on, unless that is under way; gives from where on rows count."""
    since = under_way(directory)
    if since is None:
        since = judged_before(directory)
        write_whole(directory / ANEW, json.dumps({"since": since}) + "\n")
    return since


def end(directory: Path) -> None:
    """All is judged: the next time it is begun from the start."""
    (directory / ANEW).unlink(missing_ok=True)
