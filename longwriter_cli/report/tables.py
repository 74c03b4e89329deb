"""Tables of evaluations in a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from longwriter_cli.report.evaluation import (
    LEAST_PAIRS,
    Table,
    comparison_table,
    has_tenths,
    remarks,
    ruler_table,
    table_of,
    tenths_table,
)
from longwriter_cli.text.display import printable

_WIDEST = 240  # columns of a file, which folds nothing


def show_evaluation(out: Console, results: Mapping[str, Any]) -> None:
    """The scores of one evaluation, and what a reader of them must know."""
    if ruler := results.get("ruler"):
        show_table(out, ruler_table(ruler))
    else:
        show_table(out, table_of(results))
    if has_tenths(results):
        out.print()
        show_table(out, tenths_table(results["trajectory"]))
    for remark in remarks(results):
        out.print(printable(remark))


def show_comparison(out: Console, rows: Sequence[Mapping[str, Any]]) -> None:
    show_table(out, comparison_table(rows))
    out.print(
        "Differences are over the rows that both have, drawn in pairs; "
        f"* where 0 is not in the 95% interval, from {LEAST_PAIRS} pairs on."
    )


def show_table(out: Console, table: Table) -> None:
    """A head and rows of cells; names stand left, numbers right."""
    head, rows = table
    shown = RichTable(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(head):
        shown.add_column(name, justify="right" if place else "left", overflow="fold")
    for row in rows:
        shown.add_row(*(" ".join(printable(cell).split()) for cell in row))
    if not out.is_terminal:
        out.width = max(out.width, _WIDEST)
    out.print(shown)
