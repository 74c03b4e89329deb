"""What is said to the Batch API and what it says, as values: batches, the lines of files, queues that are full.

API: https://platform.openai.com/docs/api-reference/batch
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.llm.answers import count_of
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.lenient_json import loaded
from longwriter_cli.llm.said import shorten

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
OUR_MARK = "longwriter"
"""The key of a batch's metadata that holds our own name for it."""

CHAT = "/v1/chat/completions"
_QUEUE_CODE = "token_limit_exceeded"
_QUEUE_WORDS = re.compile(r"enqueued token limit", re.IGNORECASE)
_LIMIT = re.compile(r"limit: ?(\d[\d,]*)", re.IGNORECASE)
# Lines that the endpoint has put aside unread: no answer, and no fault of theirs.
_UNREAD = frozenset({"batch_expired", "batch_cancelled", "batch_canceled"})


class QueueFull(Exception):
    """More tokens are enqueued than the endpoint takes. `limit` is what it says it takes, 0 where it says nothing."""

    def __init__(self, message: str, limit: int) -> None:
        super().__init__(message)
        self.limit = limit


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a batch failed as a whole. `line`, counted from 1, is of the file that was sent; None: no line of it."""

    code: str
    message: str
    line: int | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What the endpoint says of a batch. `done` of its `total` requests were gone through, `failed` of them in vain.

    `files` are those with answers and with errors, as far as there are any.
    """

    id: str
    status: str
    total: int
    done: int
    failed: int
    files: tuple[str, ...]
    problems: tuple[Problem, ...]
    input_file_id: str
    mark: str
    created_at: int

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    def queue_full(self) -> QueueFull | None:
        """That more was enqueued than the endpoint takes, where that is why it failed."""
        return next((full for problem in self.problems if (full := queue_full_of(problem.code, problem.message))), None)


@dataclass(frozen=True, slots=True)
class Line:
    """A line that came back: the HTTP status and the body of an answer, as a single call would have had it.

    `unread`: the endpoint did not get to it; it has not been asked.
    """

    custom_id: str
    status: int
    body: Any
    unread: bool = False


def request_line(custom_id: str, body: bytes) -> bytes:
    """A line of a file of requests. `body` is that of the chat call."""
    return b'{"custom_id":"%s","method":"POST","url":"%s","body":%s}\n' % (custom_id.encode(), CHAT.encode(), body)


def lines_of(path: Path) -> Iterator[Line]:
    """The lines of a file of answers or of errors; what is no such line is passed over."""
    with path.open("rb") as file:
        for raw in file:
            try:
                row = loaded(raw)
            except ValueError:
                continue
            if isinstance(row, dict) and isinstance(row.get("custom_id"), str):
                yield _line(row["custom_id"], row)


def lost_line() -> Line:
    """Stands for a line that did not come back though its batch was completed."""
    return Line("", 500, {"error": {"message": "the batch brought no answer to this request"}})


def bad_line(problem: Problem) -> Line:
    """Stands for a line that the endpoint could not take."""
    return Line("", 400, {"error": {"message": problem.message, "code": problem.code}})


def _line(custom_id: str, row: Mapping[str, Any]) -> Line:
    response, error = row.get("response"), row.get("error")
    if isinstance(response, dict):
        return Line(custom_id, count_of(response.get("status_code")) or 200, response.get("body"))
    code = error.get("code") if isinstance(error, dict) else None
    return Line(custom_id, 500, {"error": error}, unread=code in _UNREAD)


def batch_of(row: Mapping[str, Any]) -> Batch:
    counts = row.get("request_counts")
    counts = counts if isinstance(counts, dict) else {}
    done, failed = count_of(counts.get("completed")), count_of(counts.get("failed"))
    errors = row.get("errors")
    problems = errors.get("data") if isinstance(errors, dict) else errors
    metadata = row.get("metadata")
    mark = metadata.get(OUR_MARK) if isinstance(metadata, dict) else None
    files = (row.get("output_file_id"), row.get("error_file_id"))
    return Batch(
        id=id_of(row),
        status=str(row.get("status") or "in_progress").lower(),
        total=count_of(counts.get("total")),
        done=done + failed,
        failed=failed,
        files=tuple(file for file in files if isinstance(file, str) and file),
        problems=tuple(_problem(one) for one in problems if isinstance(one, dict))
        if isinstance(problems, list)
        else (),
        input_file_id=str(row.get("input_file_id") or ""),
        mark=mark if isinstance(mark, str) else "",
        created_at=count_of(row.get("created_at")),
    )


def _problem(row: Mapping[str, Any]) -> Problem:
    line = row.get("line")
    return Problem(str(row.get("code") or ""), str(row.get("message") or ""), line if isinstance(line, int) else None)


def id_of(row: Mapping[str, Any]) -> str:
    found = row.get("id")
    if not isinstance(found, str) or not re.fullmatch(r"[\w.:=+-]+", found):
        raise CallFailed("an answer without an id")
    return found


def queue_full_of(code: str, message: str) -> QueueFull | None:
    if _QUEUE_CODE not in code and _QUEUE_WORDS.search(message) is None:
        return None
    limit = _LIMIT.search(message)
    return QueueFull(shorten(message), int(limit[1].replace(",", "")) if limit else 0)
