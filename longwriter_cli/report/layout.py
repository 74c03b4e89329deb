"""How figures are laid out on a terminal, or in a file: titles, rows of names and values, tables, long texts.

Every text of a model, an endpoint or a user goes through `printable`, and none is read as markup.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, ConsoleRenderable
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from longwriter_cli.text.display import printable


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leaves a closed pipe to who called; rich would end the program with code 1."""
        raise BrokenPipeError


def console(file: TextIO | None = None) -> Console:
    """Where all below is shown: standard output, unless `file` says otherwise."""
    return _Console(file=file or sys.stdout, markup=False, highlight=False, emoji=False)


@contextmanager
def paged(out: Console) -> Iterator[Console]:
    """The console, with a pager behind it where people read: a long text begins at its beginning."""
    if not (out.is_terminal and sys.stdin.isatty()):
        yield out
        return
    os.environ.setdefault("LESS", "-FRX")  # colours stay, and what fits on a screen needs no key
    with out.pager(styles=True):
        yield out


def title(out: Console, name: str, rest: str = "", *, first: bool = False) -> None:
    """A heading, with an empty line before it unless it is the first."""
    out.print(Text.assemble("" if first else "\n", (name, "bold"), f"  {line_of(rest)}" if rest else ""))


def indented(out: Console, what: ConsoleRenderable, by: int = 2) -> None:
    out.print(Padding(what, (0, 0, 0, by), expand=False))


def rows_of(out: Console, rows: Iterable[tuple[str, str]], *, indent: int = 2, widest: int = 12) -> None:
    """Names and values side by side; a value that is empty is left out with its name."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", max_width=widest, overflow="fold")
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(line_of(name), line_of(value))
    if table.row_count:
        indented(out, table, indent)


def table_of(*columns: str, left: Sequence[str] = ()) -> Table:
    """The first column and those in `left` begin at the left, the others are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        at_left = place == 0 or name in left
        table.add_column(name, justify="left" if at_left else "right", overflow="fold")
    return table


def long_text(out: Console, text: str) -> None:
    """A long text. A terminal gets whole words in each line, a file the lines as they are."""
    shown: ConsoleRenderable = Text(printable(text))
    out.print(shown, soft_wrap=not out.is_terminal)


def line_of(text: str) -> str:
    """The text on one line."""
    return " ".join(printable(text).split())


def number(value: int) -> str:
    return f"{value:,}"
