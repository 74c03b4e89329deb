"""A dataset of finished records, from any tool: read as a stream, and in figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from longwriter_cli.errors import UsageError
from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Requirement
from longwriter_cli.report.measures import Distribution, Lengths, LengthTally, distribution
from longwriter_cli.report.near import did_you_mean
from longwriter_cli.store.source.folder import open_tables
from longwriter_cli.store.source.rows import BadRow, located, quoted
from longwriter_cli.text.language import language_of
from longwriter_cli.text.requirement import required_words
from longwriter_cli.text.words import count_words

_LANGUAGE_FROM = 800  # characters; telling the language of a whole book takes long and tells no more
_IDS_KEPT = 20_000  # to name those near an id that is not found


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `number` counts from 1 over all files; `text` is all that the assistant says, `row` all there is."""

    number: int
    prompt: str
    text: str
    row: Mapping[str, Any]

    @property
    def id(self) -> str | None:
        value = self.row.get("id")
        return None if value is None else str(value)

    @property
    def required_words(self) -> Requirement | None:
        """What the row's own `required_words` says, else what the prompt states."""
        own = self.row.get("required_words")
        # A column of integers with gaps becomes one of floats in many tools.
        if isinstance(own, int | float) and not isinstance(own, bool) and own >= 1:
            return Requirement(int(own))
        return required_words(self.prompt)

    @property
    def language(self) -> str:
        own = self.row.get("language")
        return own if isinstance(own, str) and own else language_of(self.text[:_LANGUAGE_FROM])

    @property
    def model(self) -> str | None:
        own = self.row.get("model")
        return own if isinstance(own, str) and own else None


@dataclass(frozen=True, slots=True)
class DatasetFigures:
    """`models` is empty where the records do not say who wrote them. Both counts name the most frequent first."""

    records: int
    words: Distribution
    lengths: Lengths
    languages: Mapping[str, int]
    models: Mapping[str, int]


def dataset_figures(source: str) -> DatasetFigures:
    """Reads a dataset once, one record at a time.

    Raises:
        InputError: it cannot be read, or holds something else than records.
    """
    times: Counter[int] = Counter()
    languages: Counter[str] = Counter()
    models: Counter[str] = Counter()
    lengths = LengthTally()
    for entry in read_dataset(source):
        words = count_words(entry.text)
        times[words] += 1
        languages[entry.language] += 1
        if (model := entry.model) is not None:
            models[model] += 1
        if (required := entry.required_words) is not None:
            lengths.add(required.words, words)
    words_figures = distribution(times)
    return DatasetFigures(
        words_figures.n,
        words_figures,
        lengths.figures(),
        dict(languages.most_common()),
        dict(models.most_common()),
    )


def dataset_record(source: str, id: str) -> Entry:  # noqa: A002 - the contract's word
    """The record with this id or, where records have no ids, with this number from 1.

    Raises:
        UsageError: there is none; names those that are near.
        InputError: the dataset cannot be read.
    """
    ids: list[str] = []
    count = 0
    for count, entry in enumerate(read_dataset(source), 1):  # noqa: B007 - the count is used behind the loop
        own = entry.id
        if id == (str(entry.number) if own is None else own):
            return entry
        if own is not None and len(ids) < _IDS_KEPT:
            ids.append(own)
    if ids:
        raise UsageError(f"{source} has no record with the id {id!r}.", did_you_mean(id, ids))
    raise UsageError(
        f"{source} has no record {id!r}.", f"Its records have no ids: give a number from 1 to {count}." if count else ""
    )


def score(entry: Entry, words: int) -> float | None:
    """S_l in [0, 100] where the record states a required length."""
    required = entry.required_words
    return round(length_score(required.words, words), 2) if required else None


# --- reading


def read_dataset(source: str) -> Iterator[Entry]:
    """The records of a file, a folder of data files, a `save_to_disk` folder (all splits), or `hf:NAME`.

    Raises:
        InputError: it cannot be read, or a row is no record; names file and line.
    """
    number = 0
    for table in open_tables(source):
        for line, value in table.rows:
            number += 1
            try:
                if isinstance(value, BadRow):
                    raise value
                yield _entry(number, value)
            except BadRow as fault:
                raise located(table, line, fault, "Mend the row or delete it.") from None


def _entry(number: int, value: object) -> Entry:
    if not isinstance(value, dict):
        raise BadRow("is no record: an object with messages is expected")
    if isinstance(prompt := value.get("instruction"), str) and isinstance(text := value.get("output"), str):
        given = value.get("input")
        return Entry(number, f"{prompt}\n\n{given}" if isinstance(given, str) and given else prompt, text, value)
    turns = value.get("messages") or value.get("conversations")
    if not isinstance(turns, list):
        raise BadRow(f"is no record: it has no messages, but {quoted(value)}", _tip_for(value))
    prompt, answers = None, []
    for turn in turns:
        # `role` and `content` are OpenAI's names, `from` and `value` ShareGPT's.
        role = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
        content = turn.get("content", turn.get("value")) if isinstance(turn, dict) else None
        if not isinstance(content, str):
            raise BadRow("is no record: one of its messages is not a role with a text")
        if role in ("user", "human"):
            prompt = content if prompt is None else prompt
        elif role in ("assistant", "gpt"):
            answers.append(content)
    if prompt is None or not answers:
        raise BadRow("is no record: its messages lack a user's or an assistant's")
    return Entry(number, prompt, "\n\n".join(answers), value)


def _tip_for(row: Mapping[str, Any]) -> str:
    if "prompt" in row or "instruction" in row:
        return "These look like instructions: `longwriter build-dataset` makes records of them."
    return 'A record is {"messages": [{"role": "user", …}, {"role": "assistant", …}]}.'
