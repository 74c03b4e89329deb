"""Reads logs of chats: WildChat, LMSYS-Chat, ShareGPT, `messages`, or rows of plain prompts, in any format of a source.

A log is not written for this program: rows without a text of a user are common, and one id may stand in two files for
two prompts. Neither stops the reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.records import LoggedPrompt, Requirement
from longwriter_cli.store.source.fields import RowReader, own_id
from longwriter_cli.store.source.formats import open_table
from longwriter_cli.store.source.hub import PREFIX
from longwriter_cli.store.source.rows import BadRow, NoPrompt, Table, located
from longwriter_cli.store.source.streams import opened

STDIN_NAME = "-"

_TURNS = ("messages", "conversations", "conversation")
_MODERATION = "openai_moderation"
_SCORES = "detoxify_moderation"
# Detoxify scores are probabilities; one mark at this height is as good as a flag.
_LEAST_SCORE = 0.5
_SHOWN = 3  # categories in a message


def read_logs(
    sources: Sequence[str],
    *,
    required_words: Callable[[str], Requirement | None],
    field: str | None = None,
    on_bad_row: Callable[[InputError], None] | None = None,
) -> Iterator[LoggedPrompt]:
    """Yields what each row of the logs holds, one after the other; nothing is opened before the first is asked for.

    Sources, `required_words` and `field` are those of `read_instructions`. The id is the row's own, else made from the
    prompt (or the row's place, where it has none); so is that of a row whose own id stood before. To know ids again
    takes about 80 bytes for each row.

    A row that is no object, or has none of the fields, is handed to `on_bad_row`, and reading goes on.

    Raises:
        InputError: a row cannot be used and there is no `on_bad_row`; or a source cannot be read, or holds no row.
    """
    ids = _Ids()
    for source in sources:
        table = open_table(source)
        reader = RowReader(lambda value: (), required_words, field)
        rows = 0
        for line, value in table.rows:
            rows += 1
            try:
                if isinstance(value, BadRow):
                    raise value
                yield _logged(reader, table, line, value, ids)
            except BadRow as fault:
                error = located(table, line, fault)
                if on_bad_row is None:
                    raise error from fault
                on_bad_row(error)
        if not rows:
            raise InputError(table.name, None, "holds no row", "Leave it out, or name another file.")


class _Ids:
    """One id, one prompt: what a row's own id stands for, no made one may, and the other way round."""

    def __init__(self) -> None:
        self._own: set[bytes] = set()
        self._made: set[bytes] = set()

    def own(self, id: str, prompt: str) -> str:  # noqa: A002 - the rows' word
        """The row's own id, or one made from its prompt where that is taken."""
        key = _digest(id)
        if key in self._own or key in self._made:
            return self.made(prompt)
        self._own.add(key)
        return id

    def made(self, prompt: str) -> str:
        """An id made from the prompt: the same one for equal prompts."""
        text = prompt
        while (key := _digest(id := sha256(text.encode()).hexdigest()[:16])) in self._own:  # noqa: A001
            text += "\0"
        self._made.add(key)
        return id


def _digest(id: str) -> bytes:  # noqa: A002
    return blake2b(id.encode(), digest_size=8).digest()


def check_logs(sources: Sequence[str]) -> None:
    """Finds what can be told of wrong names before the first log is read, which may take minutes.

    Raises:
        InputError: a file is missing or is a directory.
        UsageError: standard input is named twice.
    """
    for source in sources:
        path = Path(source)
        # What is there stays unopened: a pipe can be opened once.
        if source != STDIN_NAME and not source.startswith(PREFIX) and (path.is_dir() or not path.exists()):
            with opened(source):
                pass
    if sources.count(STDIN_NAME) > 1:
        raise UsageError("Standard input is named twice.", "It can be read once; leave one - out.")


def _logged(reader: RowReader, table: Table, line: int, value: object, ids: _Ids) -> LoggedPrompt:
    row: Mapping[str, Any] = value if isinstance(value, dict) else {"prompt": value}
    try:
        # A plan is of no use here, and one that cannot be used is no reason to leave out the prompt.
        instruction = reader.read(_without_plan(value), row=line)
    except NoPrompt as fault:
        name = own_id(row.get("id")) or f"{table.name}:{line}"
        return LoggedPrompt(name, "", table.name, line, problem=fault.problem)
    name = ids.own(instruction.id, instruction.prompt) if row.get("id") is not None else ids.made(instruction.prompt)
    turns = _turns(row)
    asked = next((turn for turn in turns if turn.get("role", turn.get("from")) in ("user", "human")), {})
    return LoggedPrompt(
        name,
        instruction.prompt,
        table.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),  # a file's name may be no UTF-8
        line,
        instruction.required_words,
        language=_word(row.get("language")) or _word(asked.get("language")),
        toxic=_toxic(row, turns),
        redacted="redacted" if _is_marked(asked.get("redacted", row.get("redacted"))) else "",
    )


def _without_plan(value: object) -> object:
    if not isinstance(value, dict) or "plan" not in value:
        return value  # as it is: what a row holds is told where it holds no prompt
    return {name: item for name, item in value.items() if name != "plan"}


def _turns(row: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    turns: list[object] = next((row[name] for name in _TURNS if isinstance(row.get(name), list)), [])
    return [turn for turn in turns if isinstance(turn, Mapping)]


def _toxic(row: Mapping[str, Any], turns: Sequence[Mapping[str, Any]]) -> str:
    """The first mark of a toxic chat, in any of its turns: a log that flags an answer flags what was asked for."""
    if _is_marked(row.get("toxic")):
        return "toxic"
    for number, turn in enumerate(turns, 1):
        if _is_marked(turn.get("toxic")):
            return f"toxic in turn {number}"
    for verdict in _listed(row.get(_MODERATION)):
        if _is_marked(verdict.get("flagged")):
            return _named(_MODERATION, _flagged(verdict.get("categories")))
    for scores in _listed(row.get(_SCORES)):
        if high := [name for name, score in scores.items() if _number(score) >= _LEAST_SCORE]:
            return _named(_SCORES, high)
    return ""


def _listed(value: object) -> list[Mapping[str, Any]]:
    """The verdicts of a moderation: one for each turn, or one alone."""
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, Mapping)]


def _flagged(categories: object) -> list[str]:
    if not isinstance(categories, Mapping):
        return []
    return [str(name) for name, flag in categories.items() if _is_marked(flag)]


def _named(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(names[:_SHOWN])}" if names else what


def _is_marked(value: object) -> bool:
    """Whether a flag is set; tables without types hold it as a text."""
    if isinstance(value, str):
        return value.strip().lower() in ("true", "1", "yes")
    return isinstance(value, bool | int | float) and bool(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0


def _word(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
