"""A measure and what it is held against. Ratios of things measured side by side: they hold on any machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

MAKESPAN = "time of a run / lower bound"
CPU = "CPU of a call / bare aiohttp"
CHARTS = (MAKESPAN, CPU)

_NOISE = 1.5  # a machine that does other things at the same time must not fail the guard


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    `value` is a ratio, or a figure in the unit that `target` has too; `target` is None where the line is there for
    comparison. `at_least`: the value should be no smaller, else no larger. `exact`: no machine changes the value, so
    the guard leaves it no room. `chart`: the chart and the bar that show it.
    """

    measure: str
    ours: str
    beside: str
    value: float
    target: float | None = None
    at_least: bool = False
    exact: bool = False
    chart: tuple[str, str] | None = None

    def is_met(self, slack: float = 1.0) -> bool:
        return self.target is None or self.distance() <= slack

    def distance(self) -> float:
        """How far the value is from its target, below 1 where it is met."""
        if self.target is None:
            return 0.0
        return self.target / max(self.value, 1e-9) if self.at_least else self.value / self.target

    def holds(self) -> bool:
        """Whether the guard against regressions is content: the target, with room for noise where there is some."""
        return self.is_met(1.0 if self.exact else _NOISE)

    def cells(self) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        target = "" if self.target is None else f"{sign} {self.target:g}" + ("" if self.is_met() else "  missed")
        return [self.measure, self.ours, self.beside, f"{self.value:.3g}", target]


HEADS = ("measure", "ours", "beside it", "ratio", "target")


def show(rows: Iterable[Row], machine: str) -> None:
    table = Table(*HEADS, title=machine, title_justify="left")
    for row in rows:
        table.add_row(*row.cells())
    Console(width=150).print(table)


def markdown(rows: Sequence[Row]) -> str:
    lines = [HEADS, tuple("---" for _ in HEADS), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
