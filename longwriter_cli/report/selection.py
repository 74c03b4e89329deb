"""What became of the rows of the logs, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.padding import Padding
from rich.table import Table


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
