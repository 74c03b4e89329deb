"""A run directory: what was asked, planned, written, and what failed, each in a file of its own.

The run is the single writer of its files. Rows are appended and never rewritten; the last row for a key wins.

Key of a section: `(id, plan, n)`. A section of another plan than the current one is never mixed in.
"""

from __future__ import annotations

import copy
import errno
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import orjson

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.records import Answer, Failure, Instruction, Plan, Section, Usage
from longwriter_cli.store.anew import ANEW
from longwriter_cli.store.batch_rows import requests_under_way
from longwriter_cli.store.batches import BATCHES
from longwriter_cli.store.index import AnswerKey, DigestOf, Index, SectionEntry
from longwriter_cli.store.indexes import Indexes
from longwriter_cli.store.jsonl import NOT_A_ROW, Appender, disk_error, read_line
from longwriter_cli.store.load import (
    ANSWERS,
    FAILURES,
    HEADS,
    INSTRUCTIONS,
    PLANS,
    ROWS,
    SECTIONS,
    bad_row,
    load,
    plan_problem,
    takes,
)
from longwriter_cli.store.lock import LOCK_NAME, RunLock
from longwriter_cli.store.manifest import (
    MANIFEST_NAME,
    Manifest,
    read_manifest,
    sync_directory,
    write_manifest,
    write_whole,
)
from longwriter_cli.store.rejects import REJECTS
from longwriter_cli.store.rows import (
    A,
    R,
    answer_row,
    failure_row,
    instruction_row,
    plan_row,
    read_record,
    section_row,
)
from longwriter_cli.store.snapshot import SNAPSHOT, Snapshot
from longwriter_cli.store.sync import GroupSync

__all__ = ["FAILURES", "FILES", "INSTRUCTIONS", "PLANS", "REJECTS", "SECTIONS", "Run", "no_run"]

FILES = (MANIFEST_NAME, LOCK_NAME, SNAPSHOT, *ROWS, REJECTS, ANEW, BATCHES)
"""All files that a run keeps for itself."""

_OF_A_SAMPLE = frozenset({PLANS, SECTIONS, FAILURES})

_ROOM = 1 << 18  # bytes: the answers that 32 calls in flight may bring


class Run:
    """An open run. `Run.read` looks only; `Run.open` takes the lock and may append."""

    def __init__(self, directory: Path, digest_of: DigestOf, lock: RunLock | None) -> None:
        self.directory = directory
        self._lock = lock
        self._sync = GroupSync()
        self._files: dict[str, Appender] = {}
        self._read_fds: dict[str, int] = {}
        self.manifest = read_manifest(directory)
        holds_rows = _holds_rows(directory)
        if self.manifest is None and (holds_rows or lock is None):
            raise InputError(
                directory / MANIFEST_NAME,
                None,
                "is missing" + (", and the directory holds rows of a run" if holds_rows else ""),
                "Put the manifest back, or name an empty directory.",
            )
        self.index = Index(digest_of, lambda offset: self._fetch(PLANS, offset, Plan).steps)
        self.indexes = Indexes(self.index)
        self._snapshot = Snapshot(self.indexes)
        self._sample = 0
        self._take = takes(self.indexes)

    @classmethod
    def read(cls, directory: Path, digest_of: DigestOf) -> Run:
        """Opens a run for looking only: takes no lock and cuts nothing."""
        run = cls(directory, digest_of, None)
        run._load()
        return run

    @classmethod
    def open(cls, directory: Path, digest_of: DigestOf, *, create: bool) -> Run:
        """Opens a run for work. With `create`, the directory may be missing.

        Raises:
            UsageError: there is no run, and `create` is false.
            RunBusy: another process holds it.
            InputError: a row cannot be read; names file and line.
        """
        if not create and not (directory / MANIFEST_NAME).exists() and not _holds_rows(directory):
            raise no_run(directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise disk_error(error, directory) from None
        lock = RunLock(directory)
        try:
            run = cls(directory, digest_of, lock)
        except BaseException:  # whatever it is, Ctrl-C too: the lock must not outlive it
            lock.release()
            raise
        try:
            run._mend()
            run._load()
        except BaseException:  # the same
            run.close()
            raise
        return run

    def begin(self, manifest: Manifest, templates: Mapping[str, str] | None = None) -> None:
        """Writes the templates in use and then the manifest, before anything else of the run."""
        if templates is not None:
            for name, source in templates.items():
                write_whole(self.templates() / name, source)
        if manifest != self.manifest:
            write_manifest(self.directory, manifest)
            self.manifest = manifest

    # --- writing

    @contextmanager
    def staged(self, instructions: Iterable[Instruction]) -> Iterator[Path]:
        """Reads the whole source into a temporary file of the rows that are new or have changed, for `take_in`.

        So nothing of a source that cannot be read is taken in, and a million rows need no memory.

        Raises:
            UsageError: an id stands for another prompt in this run.
        """
        path = self.directory / f".{INSTRUCTIONS}.tmp"
        try:
            try:
                with path.open("wb") as file:
                    for instruction in instructions:
                        line = _line(instruction_row(instruction))
                        if self._is_news(instruction, line):
                            file.write(line)
            except OSError as error:
                raise disk_error(error, path) from None
            yield path
        finally:
            with suppress(OSError):
                path.unlink()

    def take_in(self, staged: Path) -> None:
        """Adds the instructions of a staged file."""
        for _, lines, heads in HEADS[INSTRUCTIONS].batches(staged):
            append = self._appender(INSTRUCTIONS).append_line
            with self._snapshot.taking():
                self._take[INSTRUCTIONS](heads, list(map(append, lines)), lines)
                self._note(INSTRUCTIONS, len(lines))
        self._snapshot.save_if_due(self.directory)

    def _is_news(self, instruction: Instruction, line: bytes) -> bool:
        position = self.index.position(instruction.id)
        if position is None:
            return True
        if self.index.same_line(position, line):
            return False
        if self.instruction(position).prompt != instruction.prompt:
            where = instruction.read_from or f"row {instruction.row + 1}"
            raise UsageError(
                f"{where}: the id {instruction.id!r} stands for another prompt in {self.directory / INSTRUCTIONS}.",
                "Give the new prompt an id of its own, or use another run directory.",
            )
        return True

    def add_plan(self, plan: Plan) -> None:
        if problem := plan_problem(plan.steps):
            raise ValueError(f"plan of {plan.id}: {problem}")  # on disk, it would make the run unreadable
        self._add(PLANS, plan_row(plan))

    def add_section(self, section: Section) -> None:
        self._add(SECTIONS, section_row(section))

    def add_answer(self, answer: Answer) -> None:
        self._add(ANSWERS[type(answer)], answer_row(answer))

    def add_failure(self, failure: Failure) -> None:
        self._add(FAILURES, failure_row(failure))
        self.index.failed_now.add((failure.id, failure.stage, failure.n, failure.basis))

    @property
    def sample_number(self) -> int:
        """Which sample this view of the run is of, from 0."""
        return self._sample

    def _add(self, name: str, row: dict[str, Any]) -> None:
        """Appends a row, then takes it in as it would be read from the file: a later command knows the same."""
        if self._sample and name in _OF_A_SAMPLE:
            row = {"id": row.pop("id"), "sample": self._sample, **row}
        self.add_line(name, _line(row))

    def add_line(self, name: str, line: bytes) -> None:
        """Appends a row as it stands in another run's file of that name, its newline included."""
        head = HEADS[name].decode(line)
        with self._snapshot.taking():
            self._take[name]([head], [self._appender(name).append_line(line)], [line])
            self._note(name, 1)
        self._snapshot.save_if_due(self.directory)

    def _note(self, name: str, rows: int) -> None:
        """Tells the snapshot that so many rows more of a file are in the indexes, which have all of it now."""
        self._snapshot.note(name, self._files[name].fileno(), self._files[name].size, rows)

    # --- reading

    def sample(self, number: int) -> Run:
        """The same run as AgentWrite sees it that writes its instructions once more: the `number`-th time, from 0.

        Plans, sections and failures are those of that sample; all else is the run's. It is closed with the run.
        """
        if number == self._sample:
            return self
        view = copy.copy(self)  # files, lock and what has been read are the same
        view.index, view._sample = self.indexes.of(number), number
        return view

    def is_blank(self) -> bool:
        """Whether nothing is planned or written yet, nor has failed, nor is on its way in a batch."""
        return self.index.is_blank() and not requests_under_way(self.directory / BATCHES)

    def instruction(self, position: int) -> Instruction:
        return self._fetch(INSTRUCTIONS, self.index.instruction_at(position), Instruction)

    def plan(self, position: int) -> Plan | None:
        offset = self.index.plan_at(position)
        return None if offset is None else self._fetch(PLANS, offset, Plan)

    def sections(self, position: int) -> dict[int, Section]:
        """The sections written along the current plan, by `n`."""
        entries = self.index.sections(position)
        return {n: self._fetch(SECTIONS, entry.offset, Section) for n, entry in entries.items()}

    def section(self, entry: SectionEntry) -> Section:
        """One of them, where the others are not wanted."""
        return self._fetch(SECTIONS, entry.offset, Section)

    def answer(self, kind: type[A], key: AnswerKey) -> A | None:
        """The newest answer of that key, or None where there is none."""
        offset = self.index.answers(kind.stage).get(key)
        return None if offset is None else self._fetch(ANSWERS[kind], offset, kind)

    def answers(self, kind: type[A]) -> Iterator[A]:
        """The newest answer of each key, read one at a time."""
        for offset in list(self.index.answers(kind.stage).values()):
            yield self._fetch(ANSWERS[kind], offset, kind)

    def templates(self) -> Path:
        return self.directory / "prompts"

    def usage(self) -> dict[str, Usage]:
        """Tokens by model, over all rows: also of those that others have replaced since, for they were paid too."""
        total: dict[str, Usage] = {}
        for index in self.indexes:
            for model, usage in index.usage.items():
                total[model] = total.get(model, Usage()) + usage
        return total

    def _fetch(self, name: str, offset: int, kind: type[R]) -> R:
        appender = self._files.get(name)
        line = appender.read(offset) if appender is not None else read_line(self._read_fd(name), offset)
        try:
            return read_record(line, kind)
        except NOT_A_ROW as error:
            raise bad_row(self.directory, name, offset, f"{error}") from None

    def _read_fd(self, name: str) -> int:
        if name not in self._read_fds:
            self._read_fds[name] = os.open(self.directory / name, os.O_RDONLY)
        return self._read_fds[name]

    def _appender(self, name: str) -> Appender:
        if name not in self._files:
            if self._lock is None:
                raise RuntimeError("a run opened for reading cannot be written")
            self._files[name] = Appender(self.directory / name, self._sync, ROWS[name].is_row)
        return self._files[name]

    # --- opening and closing

    def _load(self) -> None:
        known = self._snapshot.restore(self.directory)
        read = load(self.directory, self.indexes, known)
        for name in self._files:
            self._note(name, read[name])

    def _mend(self) -> None:
        for name in ROWS:
            if (self.directory / name).exists():
                self._appender(name)

    def check_room(self) -> None:
        """Sees whether the disk takes more, before answers are paid for that could not be kept.

        Raises:
            DiskFailed: it does not.
        """
        path = self.directory / ".room.tmp"
        try:
            with path.open("wb") as file:
                file.write(bytes(_ROOM))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno != errno.EFBIG:  # a limit on the size of a file says nothing of the room for rows
                raise disk_error(error, path) from None
        finally:
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def sync(self) -> None:
        """Returns when all rows are on the disk.

        Raises:
            DiskFailed: it does not take them.
        """
        try:
            self._sync.flush()
        except OSError as error:
            raise disk_error(error, self.directory) from None

    def move_to(self, directory: Path) -> None:
        """Gives the run's directory another name, at which nothing stands, or an empty directory."""
        try:
            self.directory.rename(directory)
            sync_directory(directory.parent)
        except OSError as error:
            raise disk_error(error, directory) from None
        self.directory = directory

    def close(self) -> None:
        """Brings all rows to the disk and gives up the lock."""
        try:
            self._sync.close()
            if any(appender.has_grown for appender in self._files.values()):
                self._snapshot.save(self.directory)
        except OSError as error:
            raise disk_error(error, self.directory) from None
        finally:
            for appender in self._files.values():
                appender.close()
            for fd in self._read_fds.values():
                os.close(fd)
            self._files, self._read_fds = {}, {}
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def no_run(directory: Path) -> UsageError:
    """The error for a directory that a command was to go on with."""
    return UsageError(
        f"{directory} holds no run.",
        "Begin one with `longwriter build-dataset INSTRUCTIONS -r RUN -m MODEL`, or mend the path after -r.",
    )


def _line(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # half of a surrogate pair, which a model's JSON may hold: what was paid for is kept all the same
        return orjson.dumps(_encodable(row), option=orjson.OPT_APPEND_NEWLINE)


def _encodable(value: Any) -> Any:
    """The same with U+FFFD in place of what UTF-8 cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    return [_encodable(item) for item in value] if isinstance(value, list | tuple) else value


def _holds_rows(directory: Path) -> bool:
    paths = (directory / name for name in ROWS)
    return any(path.exists() and path.stat().st_size > 0 for path in paths)
