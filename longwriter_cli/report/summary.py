"""A run in figures, counted from its index: no text is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from longwriter_cli.records import Prediction, Usage
from longwriter_cli.store.index import SectionEntry
from longwriter_cli.store.run import Run

# Is told each planned instruction's position and the sections of its current plan, by `n`.
Look = Callable[[int, Mapping[int, SectionEntry]], None]


@dataclass(frozen=True)
class Counts:
    """Of the whole run, resumes included. `written` and `failed` count instructions, `failed` bad rows too.

    An instruction is written when it has all sections of its plan or, where it needs none, a text of one piece.
    """

    instructions: int
    planned: int
    written: int
    failed: int
    sections: int
    words: int
    usage: Usage


def count(run: Run, look: Look | None = None) -> Counts:
    """Counts; `look` sees on the way what is counted, so that more figures need no second round."""
    index = run.index
    planned = written = sections = words = 0
    predicted = {key[0] for key in index.answers(Prediction.stage)}
    for position in range(len(index)):
        if index.plan_at(position) is None:
            written += index.ids[position] in predicted
            continue
        planned += 1
        entries = index.sections(position)
        sections += len(entries)
        for entry in entries.values():
            words += entry.words
        written += len(entries) == index.plan_steps(position)
        if look is not None:
            look(position, entries)
    return Counts(
        instructions=len(index),
        planned=planned,
        written=written,
        failed=count_failed(run),
        sections=sections,
        words=words,
        usage=sum(run.usage().values(), Usage()),
    )


def count_failed(run: Run) -> int:
    """Instructions that a standing failure keeps from being finished, and bad rows, each once."""
    failed = set()
    for failure in run.index.standing_failures():
        failed.add((failure.id, None) if failure.id is not None else (failure.file, failure.line))
    return len(failed)
