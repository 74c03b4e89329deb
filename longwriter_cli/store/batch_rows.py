"""The rows of `batches.jsonl`, and what they come to: how far each batch is.

There is a row for each step of a batch's life, the last one counts: `prepared` (its requests are on disk), `uploaded`,
`created`, `ended` (its answers are on disk), `spent` (each of them has its row, or stands for none).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from longwriter_cli.errors import InputError
from longwriter_cli.store.jsonl import RowReader, line_number

_TIP = "Put the row right, or delete it: the batch is then taken for as far as the rows before it say."

State = Literal["prepared", "uploaded", "created", "ended", "spent"]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**48)]


class BatchRow(msgspec.Struct, omit_defaults=True):
    id: str
    state: State
    at: str = ""
    endpoint: str = ""
    model: str = ""
    requests: _Count = 0
    prompt_tokens: _Count = 0
    completion_tokens: _Count = 0
    file_id: str = ""
    batch_id: str = ""
    status: str = ""
    answers: _Count = 0
    most_tokens: _Count = 0
    queue_limit: _Count = 0


ROWS = RowReader(BatchRow)


@dataclass
class Sent:
    """A batch that has not ended. Tokens are those expected of all its requests."""

    id: str
    at: str
    endpoint: str
    model: str
    requests: int
    prompt_tokens: int
    completion_tokens: int
    file_id: str = ""
    batch_id: str = ""


@dataclass
class Standing:
    """What the rows say, taken in one by one."""

    sent: dict[str, Sent] = field(default_factory=dict)
    ended: list[str] = field(default_factory=list)  # and not spent
    states: dict[str, State] = field(default_factory=dict)
    # By model: tokens of prompts to have in the endpoint's queue at most, where it refused more, and its own limit.
    most_tokens: dict[str, int] = field(default_factory=dict)
    queue_limit: dict[str, int] = field(default_factory=dict)

    def take(self, row: BatchRow) -> bool:
        """Whether the rows before this one lead to it."""
        sent = self.sent.get(row.id)
        match row.state:
            case "prepared":
                tokens = row.prompt_tokens, row.completion_tokens
                self.sent[row.id] = Sent(row.id, row.at, row.endpoint, row.model, row.requests, *tokens)
            case "uploaded" if sent is not None:
                sent.file_id = row.file_id
            case "created" if sent is not None:
                sent.batch_id = row.batch_id
            case "ended" if sent is not None:
                del self.sent[row.id]
                self.ended.append(row.id)
                self._learn(sent.model, row)
            case "spent" if row.id in self.ended:
                self.ended.remove(row.id)
            case _:
                return False
        self.states[row.id] = row.state
        return True

    def _learn(self, model: str, row: BatchRow) -> None:
        """Takes in what the endpoint's queue takes."""
        if row.queue_limit:
            self.queue_limit[model] = row.queue_limit
        if row.most_tokens:
            self.most_tokens[model] = min(row.most_tokens, self.queue_limit.get(model, row.most_tokens))


def requests_under_way(path: Path) -> int:
    """Requests in batches that have not ended, by the rows of a file that may be missing.

    Raises:
        InputError: as `read_standing`.
    """
    return sum(sent.requests for sent in read_standing(path).sent.values())


def read_standing(path: Path) -> Standing:
    """What the rows of a file say.

    Raises:
        InputError: one of them cannot be; names file and line.
    """
    standing = Standing()
    for offset, _, row in ROWS.scan(path, _TIP):
        if not standing.take(row):
            problem = f'the batch {row.id} is "{row.state}", and no row before it leads there'
            raise InputError(path, line_number(path, offset), problem, _TIP)
    return standing
