"""What a page is about: a run or a dataset, and what is known of it before its rows are read."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from longwriter_cli.report.failures import ComesBack
from longwriter_cli.report.html.rows import Row, rows_of_dataset, rows_of_run
from longwriter_cli.report.html.timeline import Timeline, timeline
from longwriter_cli.report.money import CostOf
from longwriter_cli.report.run_figures import RunFigures, run_figures
from longwriter_cli.report.selection import RunSelection, selection_of
from longwriter_cli.store.results import read_results
from longwriter_cli.store.run import Run


@dataclass(frozen=True)
class OfRun:
    """What only a run tells."""

    run: Run
    figures: RunFigures
    cost_of: CostOf
    timeline: Timeline | None
    results: Mapping[str, Any] | None

    @cached_property
    def selection(self) -> RunSelection | None:
        """The figures of a selection, where it is one."""
        return selection_of(self.run)

    @property
    def selects(self) -> bool:
        """Whether it holds verdicts on instructions instead of texts."""
        return self.selection is not None


@dataclass(frozen=True)
class Subject:
    """`name` is what the page calls it, unlike all others; `path` is what the user typed."""

    name: str
    path: str
    rows: Callable[[], Iterator[Row]]
    of_run: OfRun | None = None

    @property
    def command(self) -> str:
        """What shows one of its texts, when an id is put behind it."""
        return shlex.join(["longwriter", "inspect", self.path, "--id"])


def subject_of_run(run: Run, comes_back: ComesBack, cost_of: CostOf) -> Subject:
    """The run must stay open until the page is made.

    Raises:
        InputError: a file of it cannot be read.
    """
    of_run = OfRun(run, run_figures(run, comes_back), cost_of, timeline(run, cost_of), read_results(run.directory))
    return Subject(_encodable(str(run.directory)), str(run.directory), lambda: rows_of_run(run), of_run)


def subject_of_dataset(source: str) -> Subject:
    return Subject(_encodable(source), source, lambda: rows_of_dataset(source))


def named_apart(subjects: Sequence[Subject]) -> list[Subject]:
    """Each by the last part of its path, where that tells it from the others; else by the whole of it."""
    short = [Path(subject.path).name or subject.path for subject in subjects]
    names: list[str] = []
    for subject, name in zip(subjects, short, strict=True):
        wanted = name if short.count(name) == 1 else subject.name
        names.append(wanted if wanted not in names else f"{wanted} ({len(names) + 1})")
    return [replace(subject, name=_encodable(name)) for subject, name in zip(subjects, names, strict=True)]


def _encodable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
