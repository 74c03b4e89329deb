"""Texts that another tool has written for a benchmark: rows with `response`, beside the `id` or the prompt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from longwriter_cli.errors import InputError
from longwriter_cli.records import Step
from longwriter_cli.store.source.fields import RowReader, own_id
from longwriter_cli.store.source.formats import open_table
from longwriter_cli.store.source.rows import BadRow

_MEND = 'A row is {"prompt": "…", "response": "…"}, with "id" in place of the prompt where the benchmark has ids.'


@dataclass(frozen=True, slots=True)
class GivenText:
    """`length`, in words, is what the other tool counted, where it says so."""

    response: str
    id: str | None = None
    prompt: str | None = None
    length: int | None = None
    model: str = ""


def read_predictions(source: str, field: str | None = None) -> Iterator[GivenText]:
    """The texts of a file, one at a time. Id and prompt are read as those of a benchmark are, so that they meet;
    `field` names the one that holds the prompt, where rows have it.

    Raises:
        InputError: it cannot be read, or a row holds no text; names file and line.
    """
    table = open_table(source)
    count = 0
    for line, value in table.rows:
        try:
            if isinstance(value, BadRow):
                raise value
            yield _given(value, field)
        except BadRow as fault:
            raise InputError(table.name, line, fault.problem, fault.tip or _MEND) from None
        count += 1
    if not count:
        raise InputError(table.name, None, "holds no prediction", _MEND)


def _given(value: object, field: str | None) -> GivenText:
    if not isinstance(value, dict):
        raise BadRow("is no prediction: an object is expected")
    response, length = value.get("response"), value.get("response_length")
    if isinstance(length, bool) or not (length is None or (isinstance(length, int) and 0 <= length < 2**32)):
        raise BadRow(f'"response_length" is {str(length)[:40]}, not a number of words')
    if response is None and length is not None:
        response = ""
    if not isinstance(response, str):
        raise BadRow("has no response")
    own = own_id(None if value.get("id") == "" else value.get("id"))  # an empty cell is none
    prompt = _prompt(value, field)
    if own is None and prompt is None:
        raise BadRow("has neither an id nor a prompt, so nobody can tell what it was written for")
    model = value.get("model")
    return GivenText(
        response=response.encode("utf-8", "replace").decode(),
        id=own,
        prompt=prompt,
        length=length,
        model=model if isinstance(model, str) else "",
    )


def _prompt(row: dict[str, object], field: str | None) -> str | None:
    try:
        return RowReader(_no_plan, _no_length, field if field in row else None).prompt_of(row)[0]
    except BadRow:
        return None


def _no_plan(_: object) -> tuple[Step, ...]:
    return ()


def _no_length(_: str) -> None:
    return None
