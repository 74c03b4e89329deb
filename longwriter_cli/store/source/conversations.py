"""Reads datasets of chats to train on: `messages`, or `conversations` as ShareGPT names them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from longwriter_cli.errors import InputError
from longwriter_cli.records import Message
from longwriter_cli.store.source.folder import open_tables
from longwriter_cli.store.source.rows import BadRow, Table, located, quoted

# OpenAI's names of the roles, and ShareGPT's.
_ROLES = {"human": "user", "gpt": "assistant"}


@dataclass(frozen=True, slots=True)
class Conversation:
    """One row of a dataset. `place` names it for a message: its file and line."""

    messages: tuple[Message, ...]
    place: tuple[str, int | None]


def read_conversations(source: str, on_bad_row: Callable[[InputError], None] | None = None) -> Iterator[Conversation]:
    """The chats of a dataset, in its order, one at a time.

    `source` is a file, a folder of data files, what `datasets` has saved (all splits), or `hf:NAME[@CONFIG][:SPLIT]`.
    A row that is no chat with answers is handed to `on_bad_row`, and reading goes on.

    Raises:
        InputError: a row is no chat and there is no `on_bad_row`; or the source cannot be read.
    """
    for table in open_tables(source):
        for line, value in table.rows:
            try:
                if isinstance(value, BadRow):
                    raise value
                yield Conversation(_messages(value), _place(table, line))
            except BadRow as fault:
                error = located(table, line, fault)
                if on_bad_row is None:
                    raise error from None
                on_bad_row(error)


def _place(table: Table, line: int) -> tuple[str, int | None]:
    return (table.name, line) if table.unit == "line" else (f"{table.name} {table.unit} {line}", None)


def _messages(value: object) -> tuple[Message, ...]:
    if not isinstance(value, dict):
        raise BadRow("is no record: an object with messages is expected")
    turns = value.get("messages") or value.get("conversations")
    if not isinstance(turns, list):
        raise BadRow(f"is no record: it has no messages, but {quoted(value)}", _FORM)
    messages = tuple(map(_message, turns))
    if not any(message.role == "assistant" for message in messages):
        raise BadRow("is no record: its messages lack an assistant's", _FORM)
    for number, message in enumerate(messages, 1):
        if message.role == "assistant" and not message.content.strip():
            raise BadRow(f"message {number} is an empty answer: a model would learn from it to say nothing")
    return messages


def _message(turn: object) -> Message:
    if isinstance(turn, dict):
        role, content = turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
        if isinstance(role, str) and isinstance(content, str):
            try:
                content.encode()
            except UnicodeEncodeError:
                raise BadRow("is no record: one of its messages holds half of a surrogate pair") from None
            return Message(_ROLES.get(role, role), content)
    raise BadRow("is no record: one of its messages is not a role with a text", _FORM)


_FORM = 'A record is {"messages": [{"role": "user", "content": …}, {"role": "assistant", "content": …}]}.'
