"""The Batch API of one endpoint: files of requests go up, files of answers come down, within a day and at half price.

A call here is one try, and is sorted like a chat call: `CallFailed` may succeed when it is made again.

API: https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.batch_form import CHAT, OUR_MARK, Batch, QueueFull, batch_of, id_of, queue_full_of
from longwriter_cli.llm.faults import CallFailed, sort_error
from longwriter_cli.llm.lenient_json import dumped
from longwriter_cli.llm.said import shorten
from longwriter_cli.llm.transport import Transport

MOST_REQUESTS = 50_000
MOST_BYTES = 200_000_000
"""What one file may hold (OpenAI)."""

_ONLINE = "Go on with --transport online, which asks without batches."
_PAGES = 100
_PAGE = 100


class NoBatches(EndpointRefused):
    """The endpoint has no Batch API, or does not take this file or this batch."""


class NotThere(EndpointRefused):
    """A batch or a file of one that is not, or no longer, where it was made."""


class BatchApi:
    """One endpoint's."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._takes_metadata = True

    @property
    def endpoint(self) -> str:
        """Its address, as it may be shown and stored."""
        return self._transport.shown

    async def upload(self, path: Path, name: str) -> str:
        """Sends a file of requests, and returns the id it got."""
        with path.open("rb") as file:
            answer = await self._call(
                "POST", "/files", data={"purpose": "batch"}, files={"file": (name, file, "application/jsonl")}
            )
        return id_of(answer)

    async def find_upload(self, name: str, size: int) -> str | None:
        """The id of a file that was sent under this name before, whole; None where the endpoint names none."""
        async for row in self._listed("/files?purpose=batch"):
            if row.get("filename") == name and row.get("bytes") == size:
                return id_of(row)
        return None

    async def create(self, file_id: str, mark: str) -> Batch:
        """Makes a batch of a file that was sent.

        Raises:
            QueueFull: not with so many tokens, or not now.
        """
        body: dict[str, Any] = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
        if self._takes_metadata:
            body["metadata"] = {OUR_MARK: mark}
        return batch_of(await self._call("POST", "/batches", json=body))

    async def find(self, file_id: str, mark: str, since: float) -> Batch | None:
        """A batch that was made of this file before, whether or not we were told; None where the endpoint names none.

        `since`: Unix time in seconds of when it was made at the earliest, by a clock that may be a day off.
        """
        async for row in self._listed("/batches"):
            batch = batch_of(row)
            if batch.input_file_id == file_id or batch.mark == mark:
                return batch
            if 0 < batch.created_at < since - 86_400:
                return None
        return None

    async def retrieve(self, batch_id: str) -> Batch:
        return batch_of(await self._call("GET", f"/batches/{batch_id}", what=f"the batch {batch_id}"))

    async def cancel(self, batch_id: str) -> None:
        """Asks for its end, which comes when it comes; one that has ended already is left as it is."""
        await self._call("POST", f"/batches/{batch_id}/cancel", what=f"the batch {batch_id}", may_conflict=True)

    async def content(self, file_id: str) -> AsyncIterator[bytes]:
        """A file with answers, in pieces."""
        async with self._transport.exchange("GET", f"/files/{file_id}/content") as response:
            if not response.is_success:
                content = b"".join([part async for part in self._transport.parts_of(response)])
                raise self._sorted(response.status_code, content, response.headers, f"the file {file_id}")
            async for part in response.aiter_bytes():
                yield part

    async def _listed(self, path: str) -> AsyncIterator[Mapping[str, Any]]:
        """All there are, the newest first. Nothing where the endpoint has no such list."""
        after = ""
        for _ in range(_PAGES):
            query = f"limit={_PAGE}" + (f"&after={after}" if after else "")
            try:
                page = await self._call("GET", path + ("&" if "?" in path else "?") + query)
            except (EndpointRefused, InstructionFailed):
                return
            rows = page.get("data")
            rows = [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
            for row in rows:
                yield row
            if not (page.get("has_more") and rows and (after := str(rows[-1].get("id") or ""))):
                return

    async def _call(
        self, method: str, path: str, *, what: str = "", may_conflict: bool = False, **content: Any
    ) -> Mapping[str, Any]:
        """`may_conflict`: a 409 says that it is so already, and is no answer to wait for a better one of."""
        async with self._transport.exchange(method, path, **content) as response:
            body = b"".join([part async for part in self._transport.parts_of(response)])
        moved = next((hop.status_code for hop in response.history if hop.status_code in (301, 302)), None)
        if may_conflict and response.status_code == 409:
            return {}
        if moved or not response.is_success:
            raise self._sorted(moved or response.status_code, body, response.headers, what)
        return self._transport.read(body)

    def _sorted(self, status: int, body: bytes, headers: Mapping[str, str], what: str) -> Exception:
        """What an error is. `what` names what was asked for, where it must be there; else it is the API itself."""
        said = self._transport.said(body.decode("utf-8", "replace"))
        if full := queue_full_of(" ".join(said.codes), said.message):
            return full
        if status == 413:
            return QueueFull(f"the file is too large for {self.endpoint}", 0)
        reason = shorten(said.message or f"HTTP {status}")
        if status in (404, 405, 410, 501) or 300 <= status < 400:
            if what:
                return NotThere(
                    f"{self.endpoint} knows nothing of {what}: {reason}",
                    "Use the key and the address that it was made with.",
                )
            return NoBatches(f"{self.endpoint} has no Batch API: {reason}", _ONLINE)
        error = sort_error(status, said, headers, endpoint=self.endpoint, model="", now=time.time(), sent=("metadata",))
        if getattr(error, "parameter", "") == "metadata" and self._takes_metadata:
            self._takes_metadata = False
            return CallFailed("the endpoint does not take metadata", retry_after_s=0.0, costs_attempt=False)
        if isinstance(error, InstructionFailed):
            return NoBatches(f"{self.endpoint} refuses a batch: {reason}", _ONLINE)
        return error

    def refusal(self, status: int, body: Any, model: str) -> EndpointRefused | None:
        """That no request of this model can be answered, where an error says so; None for all else."""
        said = self._transport.said(dumped(body if isinstance(body, dict) else {"error": body}).decode())
        error = sort_error(status, said, {}, endpoint=self.endpoint, model=model, now=time.time())
        return error if isinstance(error, EndpointRefused) else None
