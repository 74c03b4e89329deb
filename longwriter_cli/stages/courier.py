"""One batch on its way: sent, looked at, brought back. Each step is on the disk before the next one is taken.

The requests are there before they are uploaded, the file's id before a batch is made of it, the batch's id before it is
waited for, the answers before it is forgotten. Where a process ended between a step and its row, or a call failed that
may have been heard, the endpoint is asked for what there is before the step is taken again: a file at most is sent
twice, and no batch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from longwriter_cli.engine.events import BatchSeen, Listener, Retrying
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import EndpointRefused, InstructionFailed, UsageError
from longwriter_cli.llm.address import same_place
from longwriter_cli.llm.batch_api import BatchApi, NoBatches, NotThere
from longwriter_cli.llm.batch_form import Batch, Line, bad_line, lines_of, lost_line
from longwriter_cli.llm.patience import patiently
from longwriter_cli.stages.clock import now
from longwriter_cli.store.batch_rows import Sent
from longwriter_cli.store.batches import Batches, Key
from longwriter_cli.store.jsonl import disk_error

T = TypeVar("T")


@dataclass(frozen=True)
class Ended:
    """What came of a batch. `refused` says that no request of its kind is answered, `why` what ended it early."""

    status: str
    answers: int
    why: str = ""
    refused: EndpointRefused | None = None


@dataclass
class Courier:
    """Those of one endpoint.

    Args:
        give_up_after_s: seconds that an outage may last.
    """

    batches: Batches
    api: BatchApi
    stop: Stop
    listen: Listener
    give_up_after_s: float
    _heard: set[str] = field(default_factory=set, init=False)  # batches whose next step may have been taken already
    _shown: dict[str, BatchSeen] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._heard.update(self.batches.sent)

    async def submit(self, sent: Sent) -> None:
        """Sends a batch that is on disk, from where it stands.

        Raises:
            QueueFull: the endpoint does not take it now.
            EndpointRefused: it takes none. What cannot have been made of it is not on its way then.
            UsageError: it is on its way elsewhere.
        """
        self._check_place(sent)
        may_be_made = bool(sent.file_id) and sent.id in self._heard
        try:
            await self._submit(sent)
        except NoBatches:
            if not may_be_made:
                self.batches.end(sent, "failed", (), now())
            raise

    async def _submit(self, sent: Sent) -> None:
        path, name = self.batches.requests_of(sent.id), f"longwriter-{sent.id}.jsonl"
        looks = sent.id in self._heard
        self._heard.add(sent.id)
        if not sent.file_id:
            size = path.stat().st_size
            file_id: str | None = None
            if looks:
                file_id = await self._patiently(lambda: self.api.find_upload(name, size))
            if file_id is None:
                file_id = await self._patiently(lambda: self.api.upload(path, name))
            self.batches.note_upload(sent, file_id, now())

        async def make() -> Batch:
            nonlocal looks
            if looks and (found := await self._find(sent)) is not None:
                return found
            looks = True
            return await self.api.create(sent.file_id, sent.id)

        batch = await self._patiently(make)
        self.batches.note_creation(sent, batch.id, now())

    async def look(self, sent: Sent) -> Ended | None:
        """What came of a batch, kept on disk; None while it is on its way.

        Raises:
            QueueFull: it was too much for the endpoint's queue. It is not on its way; no row says so yet.
            EndpointRefused: the endpoint does not have it, or its answers, any more.
        """
        try:
            return await self._look(sent)
        except NotThere as error:
            way_out = f"Or give the batch up: {self.batches.giving_up(sent.id)} Its requests are then made again."
            raise EndpointRefused(error.message, f"{error.tip} {way_out}") from None

    async def _look(self, sent: Sent) -> Ended | None:
        self._check_place(sent)
        batch = await self._patiently(lambda: self.api.retrieve(sent.batch_id))
        self._show(sent, batch)
        if not batch.has_ended:
            return None
        if (full := batch.queue_full()) is not None:
            raise full
        paths: list[Path] = []
        try:
            for number, file_id in enumerate(batch.files):
                paths.append(path := self.batches.scratch(f"{sent.id}.{number}"))
                await self._download(file_id, path)
            sorted_ = _Sorted(self.api, sent, batch, self.batches)
            lines = (line for path in paths for line in lines_of(path))
            answers = self.batches.end(sent, batch.status, sorted_.answers(lines), now())
        finally:
            for path in paths:
                with suppress(OSError):
                    path.unlink()
        why = "; ".join(problem.message or problem.code for problem in batch.problems)[:400]
        return Ended(batch.status, answers, why, sorted_.refused)

    async def cancel(self, sent: Sent) -> None:
        """Asks for a batch's end. One that was never made has ended by that."""
        self._check_place(sent)
        if not sent.batch_id:
            found = await self._patiently(lambda: self._find(sent)) if sent.file_id else None
            if found is None:
                self.batches.end(sent, "cancelled", (), now())
                return
            self.batches.note_creation(sent, found.id, now())
        with suppress(EndpointRefused, InstructionFailed):  # it is about to end: then that is waited for
            await self._patiently(lambda: self.api.cancel(sent.batch_id))

    async def _find(self, sent: Sent) -> Batch | None:
        """The batch, where it was made and we were not told."""
        return await self.api.find(sent.file_id, sent.id, datetime.fromisoformat(sent.at).timestamp())

    async def _download(self, file_id: str, path: Path) -> None:
        async def fetch() -> None:
            try:
                with path.open("wb") as file:
                    async for part in self.api.content(file_id):
                        file.write(part)
            except OSError as error:  # of the disk: what goes wrong on the way is told as `CallFailed`
                raise disk_error(error, path) from None

        await self._patiently(fetch)

    def _check_place(self, sent: Sent) -> None:
        if not same_place(sent.endpoint, self.api.endpoint):
            raise UsageError(
                f"A batch of this run is on its way at {sent.endpoint}, and this command asks elsewhere.",
                f"Name it with --base-url {sent.endpoint}. Or give the batch up, and with it what it answers: "
                f"{self.batches.giving_up(sent.id)}",
            )

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        self.stop.check()
        return await patiently(
            call,
            give_up_after_s=self.give_up_after_s,
            sleep=self.stop.sleep,
            on_retry=lambda problem, wait_s: self.listen(Retrying(problem, wait_s)),
        )

    def _show(self, sent: Sent, batch: Batch) -> None:
        seen = BatchSeen(batch.id, batch.status, batch.done, batch.failed, batch.total or sent.requests)
        if self._shown.get(sent.id) != seen:
            self._shown[sent.id] = seen
            self.listen(seen)


@dataclass
class _Sorted:
    """Lines that came back, those that are answers sorted out."""

    api: BatchApi
    sent: Sent
    batch: Batch
    batches: Batches
    refused: EndpointRefused | None = None

    def answers(self, lines: Iterator[Line]) -> Iterator[tuple[Key, int, Any]]:
        """What is kept. A line that was not read, or refused for what is no fault of its own, is asked again."""
        missing = set(self.batches.keys_of(self.sent.id))
        for line in lines:
            try:
                key = bytes.fromhex(line.custom_id)
            except ValueError:
                continue
            if key in missing:
                missing.remove(key)
                yield from self._kept(key, line)
        if self.batch.status == "completed":
            for key in missing:
                yield from self._kept(key, lost_line())
            return
        at = {problem.line: problem for problem in self.batch.problems if problem.line}
        for number, key in enumerate(self.batches.keys_of(self.sent.id), 1):
            if number in at:
                yield from self._kept(key, bad_line(at[number]))
        for problem in self.batch.problems:
            line = bad_line(problem)
            self.refused = self.refused or self.api.refusal(line.status, line.body, self.sent.model)

    def _kept(self, key: Key, line: Line) -> Iterator[tuple[Key, int, Any]]:
        if line.unread:
            return
        if line.status >= 400 and (refused := self.api.refusal(line.status, line.body, self.sent.model)) is not None:
            self.refused = refused
            return
        yield key, line.status, line.body
