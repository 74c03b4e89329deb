"""One run out of the shards of a run.

Rows are taken over to the byte, and none twice: what the merged run holds already is counted line by line. So a merge
that was killed goes on, and one that is given again when shards have grown adds what is new. Everything is checked
before the first row is written.
"""

from __future__ import annotations

import heapq
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from longwriter_cli.errors import SettingsDiffer, UsageError
from longwriter_cli.records import Failure, Instruction
from longwriter_cli.settings import Settings, differing
from longwriter_cli.store.index import DigestOf
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.load import INSTRUCTIONS, ROWS
from longwriter_cli.store.lock import LOCK_NAME, RunLock
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.part import BadRowKey, Part, lines_of
from longwriter_cli.store.run import Run
from longwriter_cli.store.shard import Shard, missing_of

_COPIED = tuple(name for name in ROWS if name != INSTRUCTIONS)
_LEAVE_OUT = "Leave one of the two out: what the merged run then lacks, it can write itself."


@dataclass(frozen=True, slots=True)
class Merged:
    """`added` counts rows. `missing` are shards that nobody named, `clashes` rows of the source with several ids."""

    added: int
    missing: list[Shard]
    clashes: int


@contextmanager
def merged_run(directory: Path, digest_of: DigestOf) -> Iterator[Run]:
    """The run to merge into. A new one is made beside its place and put there when it is whole.

    So no half of one can be gone on with, which would pay for the other half again.
    """
    if directory.exists() and any(directory.iterdir()):
        with Run.open(directory, digest_of, create=True) as run:
            yield run
        return
    beside = directory.with_name(f".{directory.name}.merging")
    _sweep(beside)
    with Run.open(beside, digest_of, create=True) as run:
        yield run
        run.sync()
        run.move_to(directory)


def _sweep(directory: Path) -> None:
    """Removes what a merge that was killed has left: copies, and perhaps of other runs than are merged now."""
    if not directory.exists():
        return
    lock = RunLock(directory)
    try:
        for entry in directory.iterdir():
            if entry.is_dir():
                shutil.rmtree(entry)
            elif entry.name != LOCK_NAME:
                entry.unlink()
    except OSError as error:
        raise disk_error(error, directory) from None
    finally:
        lock.release()


def check_parts(parts: Sequence[Part]) -> None:
    """Sees to it that the runs are parts of one.

    Raises:
        SettingsDiffer: they were made with different settings.
        UsageError: one id stands for two prompts, or two runs have worked on the same instruction.
    """
    first = parts[0]
    for part in parts[1:]:
        _check_settings(first.directory, first.manifest, part)
    _owners(parts)
    worker: dict[str, Part] = {}
    for part in parts:
        both = [id for id in part.worked_on if worker.setdefault(id, part) is not part]  # noqa: A001 - the rows' word
        if both:
            raise _overlap(worker[min(both)].directory, part, both)


def check_target(parts: Sequence[Part], run: Run) -> None:
    """Sees to it that nothing of a run that is there already is contradicted.

    Raises:
        SettingsDiffer, UsageError: as for the parts among themselves; or the run is a shard itself.
    """
    if run.manifest is None:
        return
    if run.manifest.shard is not None:
        raise UsageError(
            f"{run.directory} is shard {run.manifest.shard} itself.", "Name a directory of its own for the merged run."
        )
    for part in parts:
        _check_settings(run.directory, run.manifest, part)
        for place, id in enumerate(part.ids):  # noqa: A001 - the rows' word
            position = run.index.position(id)
            if position is not None and run.instruction(position).prompt != part.instruction(place).prompt:
                raise _two_prompts(id, run.directory, part)
    own, news = _own_and_new(parts, run)
    for part, ids in news.items():
        if both := own & ids:
            raise _overlap(run.directory, part, both)


def merge(parts: Sequence[Part], run: Run) -> Merged:
    """Takes over what the run lacks. `check_parts` and `check_target` come before.

    Raises:
        DiskFailed: the same merge goes on when there is room.
    """
    missing = missing_of(part.manifest.shard for part in parts)
    clashes = _Clashes()
    with run.staged(_new_instructions(parts, run, clashes)) as staged:
        if run.manifest is None:
            run.begin(_manifest(parts), next((part.templates() for part in parts), {}))
        before = len(run.index)
        run.take_in(staged)
    added = len(run.index) - before
    for name in _COPIED:
        held = _held(run, name)
        for part in parts:
            for id, line in part.lines(name):  # noqa: A001 - the rows' word
                if id is not None and not _takes_off(held, line):
                    run.add_line(name, line)
                    added += 1
    return Merged(added + _merge_bad_rows(parts, run), missing, clashes.count)


# --- instructions


def _owners(parts: Sequence[Part]) -> dict[str, int]:
    """Which part, by its number, an instruction is taken from: the one that has worked on it, else the first.

    Several have it where the source was another one for each.
    """
    owner: dict[str, int] = {}
    shared: set[str] = set()
    for number, part in enumerate(parts):
        for id in part.ids:  # noqa: A001 - the rows' word
            if owner.setdefault(id, number) != number:
                shared.add(id)
                if id in part.worked_on:
                    owner[id] = number
    prompts: dict[str, tuple[int, Part]] = {}
    for part in parts if shared else ():
        for place, id in enumerate(part.ids):  # noqa: A001
            if id in shared:
                prompt, other = prompts.setdefault(id, (hash(part.instruction(place).prompt), part))
                if prompt != hash(part.instruction(place).prompt):
                    raise _two_prompts(id, other.directory, part)
    return owner


def _new_instructions(parts: Sequence[Part], run: Run, clashes: _Clashes) -> Iterator[Instruction]:
    """The instructions that the run lacks, by their places in the source."""
    owner = _owners(parts)
    for row, number, place in heapq.merge(*(_places(number, part) for number, part in enumerate(parts))):
        id = parts[number].ids[place]  # noqa: A001 - the rows' word
        if owner[id] != number:
            continue
        clashes.look(row, number)
        if run.index.position(id) is None:
            yield parts[number].instruction(place)


def _places(number: int, part: Part) -> Iterator[tuple[int, int, int]]:
    return ((row, number, place) for place, row in enumerate(part.rows))


class _Clashes:
    """Counts the rows of the source that stand for instructions of several runs: these had not the same source."""

    def __init__(self) -> None:
        self.count = 0
        self._last = (-1, -1)

    def look(self, row: int, number: int) -> None:
        self.count += row == self._last[0] and number != self._last[1]
        self._last = (row, number)


# --- all other rows


def _held(run: Run, name: str) -> Counter[int]:
    """How often each line stands in a file of the run, by the line's hash in this process: 64 bits tell lines apart."""
    return Counter(hash(line) for _, line in lines_of(run.directory / name))


def _takes_off(held: Counter[int], line: bytes) -> bool:
    """Whether the line is there, once more than it was asked for."""
    key = hash(line)
    if not held.get(key):
        return False
    held[key] -= 1
    return True


def _own_and_new(parts: Sequence[Part], run: Run) -> tuple[set[str], dict[Part, set[str]]]:
    """The ids that the run holds rows of which are no part's, and those that each part has news of."""
    own: set[str] = set()
    news: dict[Part, set[str]] = {part: set() for part in parts}
    for name in _COPIED:
        held = _held(run, name)
        for part in parts:
            news[part].update(id for id, line in part.lines(name) if id is not None and not _takes_off(held, line))  # noqa: A001
        lines = lines_of(run.directory / name)
        own.update(id for id, line in lines if id is not None and _takes_off(held, line))  # noqa: A001
    return own, news


def _merge_bad_rows(parts: Sequence[Part], run: Run) -> int:
    """Bad rows of the source, of which every shard tells anew: the newest word on each counts."""
    newest: dict[BadRowKey, Failure] = {}
    for part in parts:
        for key, failure in part.bad_rows.items():
            if key not in newest or newest[key].at < failure.at:
                newest[key] = failure
    added = 0
    for (file, line), failure in newest.items():
        known = run.index.failures.get((None, file or "", line))
        if not known or known[-1].at < failure.at:
            run.add_failure(failure)
            added += 1
    return added


# --- manifests, and what is told


def _manifest(parts: Sequence[Part]) -> Manifest:
    """That of the first part, begun when the first of all was, with the changes of all."""
    changes = [change for part in parts for change in part.manifest.changes]
    changes = [change for place, change in enumerate(changes) if change not in changes[:place]]
    return replace(
        parts[0].manifest,
        created_at=min(part.manifest.created_at for part in parts),
        changes=tuple(sorted(changes, key=lambda change: str(change.get("at", "")))),
        shard=None,
    )


def _check_settings(directory: Path, manifest: Manifest, part: Part) -> None:
    one, other = Settings.from_row(manifest.settings), Settings.from_row(part.manifest.settings)
    if changed := differing(one, other):
        raise SettingsDiffer(
            f"{part.directory} was made with other settings than {directory}: {'; '.join(changed)}.",
            "Leave it out, or go on with it with the settings of the others and --new-settings.",
        )


def _two_prompts(id: str, directory: Path, part: Part) -> UsageError:  # noqa: A002 - the rows' word
    return UsageError(
        f"The id {id!r} stands for one prompt in {directory} and for another one in {part.directory}.",
        "Runs of different instructions cannot be merged: leave one out.",
    )


def _overlap(directory: Path, part: Part, ids: Sequence[str] | set[str]) -> UsageError:
    more = f" and {len(ids) - 1} more" if len(ids) > 1 else ""
    return UsageError(f"{directory} and {part.directory} have both worked on {min(ids)!r}{more}.", _LEAVE_OUT)
