"""The batches of a run: what was sent, what is on its way, what came back and stands in no row yet.

`batches.jsonl` has a row for each step of a batch's life (`batch_rows`). A row is on the disk before the next step is
taken, so that whatever ends the process, the next one knows what was sent.

The folder `batches/` holds, for each batch, the file of requests until it has ended, and from then on the answers until
they are spent; `used` names the answers that rows hold already, a batch and the 32 hex digits of a request a line. The
batch is named because a request that is made anew is the same again, and its new answer stands in no row.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import orjson

from longwriter_cli.errors import InputError
from longwriter_cli.store.batch_rows import ROWS, BatchRow, Sent, Standing, read_standing
from longwriter_cli.store.jsonl import Appender, RowReader, disk_error, read_line
from longwriter_cli.store.manifest import sync_directory
from longwriter_cli.store.sync import GroupSync

BATCHES = "batches.jsonl"
FOLDER = "batches"
_USED = "used"

Key = bytes
"""Stands for a request: the 16 bytes of its `custom_id`."""


class _Named(msgspec.Struct):
    custom_id: str


_NAMES = RowReader(_Named)


@dataclass
class _Answers:
    """The answers of a batch that has ended: where each stands that no row holds yet."""

    fd: int
    left: int


class Batches:
    """Those of the run in `directory`, which is locked. What is there is read at once, and nothing is made before a
    batch is.

    Raises:
        InputError: a row of `batches.jsonl` cannot be read; names file and line.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / BATCHES
        self._folder = directory / FOLDER
        self._sync = GroupSync()
        self._rows: Appender | None = None
        self._used: int | None = None
        self._standing = Standing()
        self._pending: set[Key] = set()
        self._answers: dict[str, _Answers] = {}
        self._at: dict[Key, tuple[str, int]] = {}
        if self.path.exists():
            self._load()
        if self._folder.exists():
            self._sweep()

    @property
    def sent(self) -> Mapping[str, Sent]:
        """The batches that have not ended, by our name for them."""
        return self._standing.sent

    @property
    def most_tokens(self) -> Mapping[str, int]:
        """By model: tokens of prompts to have in the endpoint's queue at most, where it has refused more."""
        return self._standing.most_tokens

    def __bool__(self) -> bool:
        """Whether there is anything on its way, or an answer that no row holds."""
        return bool(self.sent or self._at)

    # --- asking

    def is_pending(self, key: Key) -> bool:
        """Whether the request is in a batch that has not ended."""
        return key in self._pending

    def answer(self, key: Key) -> dict[str, Any] | None:
        """What came back for the request, `{"custom_id", "status", "body"}`; None where nothing did."""
        place = self._at.get(key)
        if place is None:
            return None
        name, offset = place
        row: dict[str, Any] = orjson.loads(read_line(self._answers[name].fd, offset))
        return row

    def requests_of(self, name: str) -> Path:
        """The file that is sent."""
        return self._folder / f"{name}.requests.jsonl"

    def keys_of(self, name: str) -> Iterator[Key]:
        """The requests of a batch that has not ended, in the order of its file."""
        for _, _, row in _NAMES.scan(self.requests_of(name)):
            yield bytes.fromhex(row.custom_id)

    def scratch(self, name: str) -> Path:
        """A place for a file that is not needed again when the process has ended."""
        return self._folder / f".{name}.tmp"

    def giving_up(self, name: str) -> str:
        """What a user does who wants a batch forgotten."""
        return f'take all rows with "id":"{name}" out of {self.path}.'

    # --- a batch's life

    def prepare(self, sent: Sent, lines: Iterable[bytes], keys: Collection[Key]) -> None:
        """Writes the requests to disk. They are on their way from now on, whatever happens."""
        try:
            if not self._folder.exists():
                self._folder.mkdir()
                sync_directory(self._folder.parent)
            self._write_whole(self.requests_of(sent.id), lines)
        except OSError as error:
            raise disk_error(error, self._folder) from None
        self._add(
            BatchRow(
                sent.id,
                "prepared",
                at=sent.at,
                endpoint=sent.endpoint,
                model=sent.model,
                requests=sent.requests,
                prompt_tokens=sent.prompt_tokens,
                completion_tokens=sent.completion_tokens,
            )
        )
        self._pending.update(keys)

    def note_upload(self, sent: Sent, file_id: str, at: str) -> None:
        self._add(BatchRow(sent.id, "uploaded", at=at, file_id=file_id))
        sent.file_id = file_id

    def note_creation(self, sent: Sent, batch_id: str, at: str) -> None:
        self._add(BatchRow(sent.id, "created", at=at, batch_id=batch_id))
        sent.batch_id = batch_id

    def end(
        self,
        sent: Sent,
        status: str,
        answers: Iterable[tuple[Key, int, Any]],
        at: str,
        *,
        most_tokens: int = 0,
        queue_limit: int = 0,
    ) -> int:
        """Keeps the answers, `(request, HTTP status, body)`, the first for each; returns how many there are.

        What has none is no longer on its way. Where the batch was too much for the queue, `most_tokens` is what to try
        next, and `queue_limit` what it takes, if that is known. A batch that was not lets the next ones be larger.
        """
        keys = set(self.keys_of(sent.id))
        wanted = keys.copy()
        path = self._folder / f"{sent.id}.answers.jsonl"

        def lines() -> Iterator[bytes]:
            for key, http_status, body in answers:
                if key in wanted:
                    wanted.remove(key)
                    yield _line({"custom_id": key.hex(), "status": http_status, "body": body})

        try:
            self._write_whole(path, lines())
        except OSError as error:
            raise disk_error(error, path) from None
        found = len(keys) - len(wanted)
        if found and sent.model in self.most_tokens:
            most_tokens = 2 * self.most_tokens[sent.model]
        row = BatchRow(
            sent.id,
            "ended",
            at=at,
            status=status,
            answers=found,
            most_tokens=min(most_tokens, 2**48),
            queue_limit=min(queue_limit, 2**48),
        )
        self._add(row)
        self._pending -= keys
        self._open_answers(sent.id, ())
        with suppress(OSError):
            self.requests_of(sent.id).unlink()
        return found

    def use(self, keys: Iterable[Key]) -> None:
        """Rows hold these answers now: they are not given again."""
        text = b""
        for key in keys:
            if (place := self._at.pop(key, None)) is not None:
                self._answers[place[0]].left -= 1
                text += f"{place[0]} {key.hex()}\n".encode()
        if not text:
            return
        try:
            if self._used is None:
                self._used = os.open(self._folder / _USED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            os.write(self._used, text)
        except OSError as error:
            raise disk_error(error, self._folder / _USED) from None

    def tidy(self, at: str) -> None:
        """Deletes the answers that rows hold. These rows are on the disk by now."""
        for name, answers in list(self._answers.items()):
            if answers.left <= 0:
                self._add(BatchRow(name, "spent", at=at))
                os.close(answers.fd)
                del self._answers[name]
                with suppress(OSError):
                    (self._folder / f"{name}.answers.jsonl").unlink()
        if not self._answers:
            if self._used is not None:
                os.close(self._used)
                self._used = None
            with suppress(OSError):  # there is none mostly; or one that a process before was killed over
                (self._folder / _USED).unlink()

    def close(self) -> None:
        try:
            self._sync.close()
        except OSError as error:
            raise disk_error(error, self.path) from None
        finally:
            for fd in (*(answers.fd for answers in self._answers.values()), self._used):
                if fd is not None:
                    os.close(fd)
            self._answers, self._used = {}, None
            if self._rows is not None:
                self._rows.close()

    # --- reading and writing

    def _load(self) -> None:
        self._rows = Appender(self.path, self._sync, ROWS.is_row)  # which mends its end
        self._standing = read_standing(self.path)
        for name in self.sent:
            self._check_there(self.requests_of(name), name)
            self._pending.update(self.keys_of(name))
        ended = self._standing.ended
        used: defaultdict[str, set[Key]] = defaultdict(set)
        for name, key in self._used_before() if ended else ():
            used[name].add(key)
        for name in ended:
            self._check_there(self._folder / f"{name}.answers.jsonl", name)
            self._open_answers(name, used[name] | used[""])

    def _check_there(self, path: Path, name: str) -> None:
        if not path.exists():
            tip = f"Put it back, or give the batch up: {self.giving_up(name)} Its requests are then made again."
            raise InputError(path, None, "is missing", tip)

    def _sweep(self) -> None:
        """Deletes what a kill between a file and its row, or a row and its file, left behind."""
        for path in list(self._folder.iterdir()):
            name, _, kind = path.name.partition(".")
            unsent = kind == "requests.jsonl" and name not in self.sent
            spent = kind == "answers.jsonl" and self._standing.states.get(name) == "spent"
            if unsent or spent or (not name and kind.endswith(".tmp")):
                with suppress(OSError):
                    path.unlink()

    def _used_before(self) -> Iterator[tuple[str, Key]]:
        """Batch and request. Earlier versions named no batch: then the name is empty."""
        with suppress(FileNotFoundError), (self._folder / _USED).open("rb") as file:
            for line in file:
                name, _, digits = line.decode("ascii", "replace").rpartition(" ")
                with suppress(ValueError):
                    if len(key := bytes.fromhex(digits)) == 16:
                        yield name, key

    def _open_answers(self, name: str, used: Collection[Key]) -> None:
        path = self._folder / f"{name}.answers.jsonl"
        left = 0
        for offset, _, row in _NAMES.scan(path, "Delete its batch's rows to have the requests made again."):
            key = bytes.fromhex(row.custom_id)
            if key not in used:
                self._at[key] = (name, offset)
                left += 1
        try:
            self._answers[name] = _Answers(os.open(path, os.O_RDONLY), left)
        except OSError as error:
            raise disk_error(error, path) from None

    def _add(self, row: BatchRow) -> None:
        """Appends a row, and returns when it is on the disk; then it is taken in as it would be read."""
        if self._rows is None:
            self._rows = Appender(self.path, self._sync, ROWS.is_row)
        self._rows.append_line(msgspec.json.encode(row) + b"\n")
        try:
            self._sync.flush()
        except OSError as error:
            raise disk_error(error, self.path) from None
        self._standing.take(row)

    def _write_whole(self, path: Path, lines: Iterable[bytes]) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        try:
            with temporary.open("wb") as file:
                for line in lines:
                    file.write(line)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
            sync_directory(path.parent)
        except BaseException:  # whatever it is, Ctrl-C too: half a file must not be left
            with suppress(OSError):
                temporary.unlink()
            raise


def _line(row: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:  # a number of more than 64 bits, which is none that matters
        return json.dumps(row).encode() + b"\n"
