"""Plans that come as a Markdown table."""

from __future__ import annotations

import re
from collections.abc import Iterable

from longwriter_cli.text.numerals import fold
from longwriter_cli.text.plan.amounts import amount
from longwriter_cli.text.plan.item import Item, tidy
from longwriter_cli.text.plan.line import RULE, is_label, is_total, read_exact

_COUNT_HEADER = re.compile(r"words?\b|word.?count|length|字数|篇幅|长度|词数", re.IGNORECASE)
_RUNNING_HEADER = re.compile(r"cumulative|running|累计", re.IGNORECASE)


def read_table(lines: Iterable[str]) -> list[Item]:
    """The rows of tables that have a column for the word count; the other columns make the main point.

    None where there is no such table, or where a row has no count.
    """
    items: list[Item] = []
    column: int | None = None  # of the word count, in the table being read
    skipped: frozenset[int] = frozenset()
    for line in lines:
        if ("|" not in line and "｜" not in line) or read_exact(line):
            column = None
        elif not RULE.issuperset(fold(line)):
            cells = _cells(line)
            header = _count_column(cells) if column is None else None
            if header is not None:
                column = header
                skipped = frozenset(i for i, cell in enumerate(cells) if _RUNNING_HEADER.search(cell))
            elif column is not None:
                rest = [c for i, c in enumerate(cells) if i != column and i not in skipped and not is_label(c)]
                point = " - ".join(filter(None, map(tidy, rest)))
                if not point or is_total(fold(point)):
                    continue
                words = amount(cells[column]) if column < len(cells) else None
                if words is None:
                    return []
                items.append(Item(point, words))
    return items


def _cells(line: str) -> list[str]:
    inner = line.strip().replace("｜", "|").removeprefix("|").removesuffix("|").replace("\\|", "｜")
    return [cell.strip().replace("｜", "|") for cell in inner.split("|")]


def _count_column(cells: list[str]) -> int | None:
    """Which column of a header row is the word count's; None where the row is no such header."""
    if len(cells) < 2 or any(amount(cell) for cell in cells):
        return None
    named = (i for i, cell in enumerate(cells) if _COUNT_HEADER.search(cell) and not _RUNNING_HEADER.search(cell))
    return next(named, None)
