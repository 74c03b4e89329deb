"""What became of the rows of the logs, as a table, and what the run of a selection tells of it later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from longwriter_cli.records import Selection
from longwriter_cli.settings import Settings
from longwriter_cli.store.run import Run
from longwriter_cli.text.selecting.verdict import decided

RUN_SUFFIX = ".run"
"""What the directory of a selection's run is called beside the selection, where nothing else is said."""


@dataclass
class SelectionFigures:
    """Counts of rows. `waiting` ones have no verdict yet; `failed` ones and bad rows of the logs are told apart."""

    kept: int = 0
    waiting: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    @property
    def rejected(self) -> int:
        return self.dropped.total()

    @property
    def rows(self) -> int:
        return self.kept + self.waiting + self.rejected


@dataclass(frozen=True, slots=True)
class RunSelection:
    """What the run of a `select` tells. `asked` and `kept` count verdicts of the model; without one both are 0.

    `output` is where the instructions stand if nothing else was said, None where there is nothing.
    """

    by_model: bool
    asked: int
    kept: int
    output: Path | None


def selection_of(run: Run) -> RunSelection | None:
    """The figures; None where the run is one of another command."""
    settings = None if run.manifest is None else Settings.from_row(run.manifest.settings)
    if settings is None or not settings.is_selection:
        return None
    held = Counter(keeps_now(run, each) for each in run.answers(Selection))
    output = run.directory.with_name(run.directory.name.removesuffix(RUN_SUFFIX))
    is_there = output != run.directory and output.is_file()
    return RunSelection(bool(settings.model), held.total(), held[True], output if is_there else None)


def keeps_now(run: Run, verdict: Selection) -> bool | None:
    """What a verdict says under the limit that the run has by now; None where the model is to be asked again."""
    limit = Settings.min_words if run.manifest is None else run.manifest.settings.get("min_words", Settings.min_words)
    return decided(verdict.keep, verdict.words, verdict.min_words, limit)


def show_selection(out: Console, figures: SelectionFigures, reasons: Sequence[tuple[str, str]]) -> None:
    """Rows kept and dropped, with their share; `reasons` gives the order, each with what it drops."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(style="dim", overflow="fold")
    rows = max(1, figures.rows)
    lines = [("kept", figures.kept, ""), ("waiting", figures.waiting, "without a verdict so far")]
    lines += [(name, figures.dropped[name], drops) for name, drops in reasons]
    for name, count, drops in lines:
        if count or name == "kept":
            table.add_row(name, f"{count:,}", f"{count / rows:.1%}", drops, style="bold" if name == "kept" else "")
    out.print(Padding(table, (0, 0, 0, 2), expand=False))
