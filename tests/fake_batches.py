"""The Batch API of the fake server: files, batches, and all that becomes of them but in time.

A batch moves when it is asked for: after `polls` questions it ends. Its lines are answered then, by the same model and
with the same faults as chat calls, and stand in the output in an order of their own. How a batch ends is the next of
`endings`, `completed` where there is none left:

- `expired`, `cancelled`: every second line was not read; it stands in the error file with a code that says so;
- `failed`: no line was read, and nothing says why;
- `lost`: every third answer is missing, though the batch is completed;
- `torn`: the output ends in the middle of its last line;
- `bad_line`: it failed for its second line;
- `no_quota`: lines from the second one on are refused for want of money.

`faults` are pairs of an operation (`upload`, `create`, `retrieve`, `content`, `list`, `cancel`) and what happens to the
next one: `500`, or `heard`, where it is done and the answer is a 500 all the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import parse_qs

import orjson
from fake_faults import ApiError, error_wire, not_found
from fake_http import HttpRequest, Wire, json_wire

OVER = ("completed", "failed", "expired", "cancelled")
ENDINGS = ("completed", "expired", "cancelled", "failed", "lost", "torn", "bad_line", "no_quota")
_CREATED = 1_700_000_000


@dataclass
class FakeBatches:
    """`answer` gives what a chat call with this body would be answered."""

    answer: Callable[[bytes], Wire]
    created_at: Callable[[], int] = lambda: _CREATED
    polls: int = 1
    endings: list[str] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    slow_every: int = 0  # each so-manieth batch takes ten times as many polls
    queue_tokens: int | None = None  # more tokens of prompts than that are not enqueued
    most_requests: int = 50_000
    lists: bool = True
    metadata: bool = True  # whether it is taken
    exists: bool = True
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    batches: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)  # how often each custom_id was read
    answered: Counter[str] = field(default_factory=Counter)  # … and answered with a text
    uploads: int = 0
    _polled: Counter[str] = field(default_factory=Counter)

    def respond(self, request: HttpRequest) -> Wire:
        """What a path that begins with `/v1/files` or `/v1/batches` is answered."""
        parts = request.path.removeprefix("/v1/").split("/")
        query = {name: values[0] for name, values in parse_qs(request.query).items()}
        routes: dict[tuple[str, str, int], tuple[str, Callable[[], Wire]]] = {
            ("POST", "files", 1): ("upload", lambda: self._upload(request.body)),
            ("GET", "files", 1): ("list", lambda: self._list(self._file_rows(), query)),
            ("GET", "files", 3): ("content", lambda: self._content(parts[1])),
            ("POST", "batches", 1): ("create", lambda: self._create(orjson.loads(request.body))),
            ("GET", "batches", 1): ("list", lambda: self._list(list(self.batches.values()), query)),
            ("GET", "batches", 2): ("retrieve", lambda: self._retrieve(parts[1])),
            ("POST", "batches", 3): ("cancel", lambda: self._cancel(parts[1])),
        }
        operation, respond = routes.get((request.method, parts[0], len(parts)), ("", lambda: not_found(request)))
        if not self.exists or (operation == "list" and not self.lists):
            return not_found(request)
        fault = next((fault for fault in self.faults if fault[0] == operation), None)
        if fault is None:
            return respond()
        self.faults.remove(fault)
        if fault[1] == "heard":
            respond()
        return error_wire(ApiError(500, "The server had an error.", "server_error", type="server_error"))

    # --- files

    def _upload(self, body: bytes) -> Wire:
        boundary = body.partition(b"\r\n")[0]
        fields: dict[str, tuple[str, bytes]] = {}
        for part in body.split(boundary)[1:-1]:
            head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            named = dict(item.split("=", 1) for item in head.decode().split("\r\n")[0].split("; ")[1:])
            name, filename = named["name"].strip('"'), named.get("filename", "").strip('"')
            fields[name] = filename, content.removesuffix(b"\r\n")
        assert fields["purpose"][1] == b"batch", fields["purpose"]
        self.uploads += 1
        return json_wire(self._file_row(self._keep(*fields["file"])))

    def _keep(self, name: str, content: bytes) -> str:
        file_id = f"file-{len(self.files) + 1}"
        self.files[file_id] = name, content
        return file_id

    def _file_row(self, file_id: str) -> dict[str, Any]:
        name, content = self.files[file_id]
        return {"id": file_id, "object": "file", "bytes": len(content), "filename": name, "purpose": "batch"}

    def _file_rows(self) -> list[dict[str, Any]]:
        return [self._file_row(file_id) for file_id in self.files]

    def _content(self, file_id: str) -> Wire:
        if file_id not in self.files:
            return error_wire(ApiError(404, f"No such File object: {file_id}", "not_found"))
        return Wire(200, self.files[file_id][1], {"Content-Type": "application/octet-stream"})

    @staticmethod
    def _list(rows: list[dict[str, Any]], query: Mapping[str, str]) -> Wire:
        """The newest first, in pages."""
        rows = rows[::-1]
        if after := query.get("after"):
            rows = rows[[row["id"] for row in rows].index(after) + 1 :]
        limit = int(query.get("limit", 20))
        return json_wire({"object": "list", "data": rows[:limit], "has_more": len(rows) > limit})

    # --- batches

    def lines(self, file_id: str) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.files[file_id][1].splitlines()]

    def _create(self, asked: Mapping[str, Any]) -> Wire:
        if asked["input_file_id"] not in self.files:
            return error_wire(ApiError(400, "No such file.", "invalid_file", param="input_file_id"))
        if asked.get("metadata") and not self.metadata:
            message = "Unsupported parameter: 'metadata' is not supported."
            return error_wire(ApiError(400, message, "unsupported_parameter", param="metadata"))
        assert (asked["endpoint"], asked["completion_window"]) == ("/v1/chat/completions", "24h")
        lines = self.lines(asked["input_file_id"])
        batch = {
            "id": f"batch_{len(self.batches) + 1}",
            "object": "batch",
            "endpoint": asked["endpoint"],
            "errors": None,
            "input_file_id": asked["input_file_id"],
            "completion_window": "24h",
            "status": "validating",
            "output_file_id": None,
            "error_file_id": None,
            "created_at": self.created_at(),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
            "metadata": asked.get("metadata"),
        }
        self.batches[batch["id"]] = batch
        self._validate(batch, lines)
        return json_wire(batch | {"status": "validating", "errors": None})

    def _validate(self, batch: dict[str, Any], lines: list[dict[str, Any]]) -> None:
        ids = Counter(line["custom_id"] for line in lines)
        models = {line["body"]["model"] for line in lines}
        if max(ids.values()) > 1 or any(len(custom_id) > 64 for custom_id in ids):
            self._fail(batch, "duplicate_custom_id", "The custom_ids are not what they should be.")
        elif len(models) > 1:
            self._fail(batch, "mismatched_model", "All requests must be to one model.")
        elif len(lines) > self.most_requests:
            self._fail(batch, "too_many_tasks", f"The batch has more than {self.most_requests} requests.")
        elif self.queue_tokens is not None and self._enqueued() + self._tokens(lines) > self.queue_tokens:
            self._fail(
                batch,
                "token_limit_exceeded",
                f"Enqueued token limit reached for {min(models)} in organization org-1. Limit: {self.queue_tokens:,} "
                "enqueued tokens. Please try again once some in_progress batches have been completed.",
            )

    @staticmethod
    def _fail(batch: dict[str, Any], code: str, message: str, line: int | None = None) -> None:
        error = {"code": code, "message": message, "line": line, "param": None}
        batch |= {"status": "failed", "errors": {"object": "list", "data": [error]}}

    def _enqueued(self) -> int:
        under_way = [batch for batch in self.batches.values() if batch["status"] not in (*OVER, "validating")]
        return sum(self._tokens(self.lines(batch["input_file_id"])) for batch in under_way)

    @staticmethod
    def _tokens(lines: list[dict[str, Any]]) -> int:
        texts = (message["content"] for line in lines for message in line["body"]["messages"])
        return sum(math.ceil(len(text.encode()) / 4) for text in texts)

    def _retrieve(self, batch_id: str) -> Wire:
        batch = self.batches.get(batch_id)
        if batch is None:
            return error_wire(ApiError(404, f"No batch found with id '{batch_id}'.", "not_found"))
        if batch["status"] not in OVER:
            lines = self.lines(batch["input_file_id"])
            self._polled[batch_id] += 1
            if batch["status"] == "cancelling":
                self._end(batch, lines, "cancelled")
            elif self._polled[batch_id] < self._polls_of(batch_id):
                batch["status"] = "in_progress"
                batch["request_counts"] = {"total": len(lines), "completed": len(lines) // 2, "failed": 0}
            else:
                self._end(batch, lines, self.endings.pop(0) if self.endings else "completed")
        return json_wire(batch)

    def _polls_of(self, batch_id: str) -> int:
        number = int(batch_id.removeprefix("batch_"))
        return self.polls * (10 if self.slow_every and number % self.slow_every == 0 else 1)

    def _cancel(self, batch_id: str) -> Wire:
        batch = self.batches[batch_id]
        if batch["status"] in OVER:
            message = f"Cannot cancel a batch with status '{batch['status']}'."
            return error_wire(ApiError(409, message, "invalid_status"))
        batch["status"] = "cancelling"
        return json_wire(batch)

    def _end(self, batch: dict[str, Any], lines: list[dict[str, Any]], ending: str) -> None:
        assert ending in ENDINGS, ending
        if ending == "failed":
            batch["status"] = "failed"
            return
        if ending == "bad_line":
            self._fail(batch, "invalid_request", "This line is none.", 2)
            return
        outputs: list[bytes] = []
        errors: list[bytes] = []
        for number, line in enumerate(lines):
            if ending in ("expired", "cancelled") and number % 2:
                code = {"code": f"batch_{ending}", "message": "This request could not be executed in time."}
                errors.append(_row(line["custom_id"], None, code))
                continue
            self.asked[line["custom_id"]] += 1
            if ending == "no_quota" and number:
                body = {"error": {"message": "You exceeded your current quota.", "code": "insufficient_quota"}}
                errors.append(_row(line["custom_id"], {"status_code": 429, "body": body}, None))
                continue
            wire = self.answer(orjson.dumps(line["body"]))
            assert isinstance(wire.body, bytes), "nobody streams in a batch"
            response = {"status_code": wire.status, "request_id": "r", "body": _loaded(wire.body)}
            self.answered[line["custom_id"]] += wire.status == 200 and wire.fault is None
            (outputs if wire.status == 200 else errors).append(_row(line["custom_id"], response, None))
        counts = {"total": len(lines), "completed": len(outputs), "failed": len(errors)}
        outputs.sort(key=lambda row: blake2b(row).digest())
        if ending == "lost":
            del outputs[::3]
        content = b"".join(outputs)
        if ending == "torn":
            content = content[:-20]
        batch |= {
            "status": ending if ending in OVER else "completed",
            "request_counts": counts,
            "output_file_id": self._keep("output.jsonl", content) if outputs else None,
            "error_file_id": self._keep("errors.jsonl", b"".join(errors)) if errors else None,
        }


def _row(custom_id: str, response: Mapping[str, Any] | None, error: Mapping[str, Any] | None) -> bytes:
    row = {"id": f"batch_req_{custom_id[:8]}", "custom_id": custom_id, "response": response, "error": error}
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)


def _loaded(body: bytes) -> Any:
    """The JSON; of what is none, the text."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")
