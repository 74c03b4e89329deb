"""What `pack` made, as a table for a terminal and as one object for a program."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longwriter_cli.store.packs import DatasetPacked, PackFigures
from longwriter_cli.text.display import counted, printable

_OVERLONG = {"drop": "left out", "truncate": "cut off", "split": "cut into parts"}


def pack_row(figures: PackFigures, out: Path, elapsed_s: float, exit_code: int) -> dict[str, Any]:
    """The figures with their sums, as `--json` prints them."""
    sums = ("taken", "samples", "tokens", "target_tokens", "overlong", "no_target", "refused", "lost_tokens")
    return {
        "command": "pack",
        "packs": figures.packs,
        "max_tokens": figures.max_tokens,
        "utilisation": round(figures.utilisation, 6),
        "records": figures.total("taken"),
        **{name: figures.total(name) for name in sums[1:]},
        "bad_rows": figures.total("bad_rows"),
        "datasets": [asdict(dataset) for dataset in figures.datasets],
        "elapsed_s": round(elapsed_s, 2),
        "dataset": str(out),
        "exit_code": exit_code,
    }


def show_packs(out: Console, figures: PackFigures, place: Path, overlong: str) -> None:
    """Shows the packs, and for each dataset what became of its records. `overlong` is the option's value."""
    out.print(
        Text(
            f"{printable(str(place))}: {counted(figures.packs, 'pack')} of {figures.max_tokens:,} tokens, "
            f"{figures.utilisation:.2%} filled"
        ),
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("dataset", overflow="fold")
    for heading in ("records", "samples", "tokens", "to learn", "loss", "longest", "overlong"):
        table.add_column(heading, justify="right")
    for dataset in figures.datasets:
        table.add_row(
            printable(Path(dataset.source).name),
            _of(dataset.taken, dataset.rows),
            f"{dataset.samples:,}",
            f"{dataset.tokens:,}",
            f"{dataset.target_tokens:,}",
            f"{dataset.loss_share:.1%}",
            f"{dataset.longest_tokens:,}",
            f"{dataset.overlong:,}",
        )
    if len(figures.datasets) > 1:
        table.add_row(
            "all",
            _of(figures.total("taken"), figures.total("rows")),
            *(f"{figures.total(name):,}" for name in ("samples", "tokens", "target_tokens")),
            "100.0%",
            f"{max(dataset.longest_tokens for dataset in figures.datasets):,}",
            f"{figures.total('overlong'):,}",
        )
    out.print(table)
    for line in _left_out(figures, overlong):
        out.print(Text(line), soft_wrap=True)


def _of(taken: int, rows: int) -> str:
    return f"{taken:,}" if taken == rows else f"{taken:,} of {rows:,}"


def _left_out(figures: PackFigures, overlong: str) -> list[str]:
    """What did not go in as it was, in words; nothing where all did."""
    lines = []
    if overlong_ := figures.total("overlong"):
        are, were = ("is", "was") if overlong_ == 1 else ("are", "were")
        lines.append(
            f"{counted(overlong_, 'record')} {are} longer than {figures.max_tokens:,} tokens and {were} "
            f"{_OVERLONG[overlong]}; {figures.total('lost_tokens'):,} tokens are left out."
        )
    for name, what in (
        ("no_target", "records have nothing to learn within that length and were left out."),
        ("refused", "records were refused by the chat template and left out."),
        ("bad_rows", "rows are no records and were left out."),
    ):
        if figures.total(name):
            lines.append(f"{figures.total(name):,} {what}{_where(figures, name)}")
    return lines


def _where(figures: PackFigures, name: str) -> str:
    """Which datasets, where there are several."""
    having: list[DatasetPacked] = [dataset for dataset in figures.datasets if getattr(dataset, name)]
    return f" ({', '.join(printable(dataset.source) for dataset in having)})" if len(figures.datasets) > 1 else ""
