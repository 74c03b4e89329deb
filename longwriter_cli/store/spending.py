"""The tokens that the rows of a run were paid with, by model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from longwriter_cli.records import Usage


class _TokenCounts(Protocol):
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def cached_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...


class _ByBatch(Protocol):
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...


class _Paid(Protocol):
    @property
    def model(self) -> str: ...
    @property
    def usage(self) -> _TokenCounts: ...
    @property
    def usage_estimated(self) -> bool: ...
    @property
    def usage_by_batch(self) -> _ByBatch: ...


class Spending:
    """Adds up usage some hundred rows at a time. A model of which no token is known is none."""

    def __init__(self) -> None:
        self._by_model: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0])

    def add_rows(self, rows: Sequence[_Paid]) -> None:
        for model in {row.model for row in rows}:
            own = [row for row in rows if row.model == model]
            spent, usages = self._by_model[model], [row.usage for row in own]
            spent[0] += sum([usage.prompt_tokens for usage in usages])
            spent[1] += sum([usage.cached_tokens for usage in usages])
            spent[2] += sum([usage.completion_tokens for usage in usages])
            spent[3] |= any(row.usage_estimated for row in own)
            spent[4] += sum([row.usage_by_batch.prompt_tokens for row in own])
            spent[5] += sum([row.usage_by_batch.completion_tokens for row in own])

    def add(self, model: str, usage: Usage) -> None:
        spent = self._by_model[model]
        spent[0] += usage.prompt_tokens
        spent[1] += usage.cached_tokens
        spent[2] += usage.completion_tokens
        spent[3] |= usage.estimated
        spent[4] += usage.batch_prompt_tokens
        spent[5] += usage.batch_completion_tokens

    def __iter__(self) -> Iterator[tuple[str, Usage]]:
        for model, (prompt, cached, completion, estimated, *by_batch) in self._by_model.items():
            if prompt or completion:
                yield model, Usage(prompt, cached, completion, bool(estimated), *by_batch)

    def by_model(self) -> Mapping[str, Usage]:
        return dict(self)
