"""What charts have in common: a title, a picture, a sentence on what it shows, and a table of the same figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from longwriter_cli.report.evaluation import Table
from longwriter_cli.report.html.markup import Child, Markup, tag
from longwriter_cli.report.html.tally import Tally
from longwriter_cli.report.html.timeline import Timeline

NONE = "–"
_COLOURS = 6


@dataclass(frozen=True)
class Series:
    """What is drawn in one colour. `kind` names the colour in the page's style."""

    name: str
    kind: str
    tally: Tally
    timeline: Timeline | None = None


def kind_of(place: int) -> str:
    return f"s{place % _COLOURS}"


def figure(
    title: str, picture: Markup, note: str, table: Table | None = None, legend: Sequence[tuple[str, str]] = ()
) -> Markup:
    keys = [tag("li", tag("span", class_=f"key {kind}"), name) for kind, name in legend]
    return tag(
        "figure",
        tag("h3", title),
        tag("ul", *keys, class_="legend") if keys else None,
        picture,
        tag("figcaption", note),
        None if table is None else tag("details", tag("summary", "As a table"), plain_table(table, title)),
        class_="card",
    )


def plain_table(table: Table, caption: str) -> Markup:
    head, rows = table
    return cells_table(head, [list(row) for row in rows], caption)


def cells_table(head: Sequence[str], rows: Sequence[Sequence[Child]], caption: str, kind: str = "") -> Markup:
    """The first column names its row. What is wider than the page is scrolled, by keyboard too."""
    lines = [
        tag(
            "tr",
            tag("th", row[0], scope="row"),
            *(tag("td", cell, data_name=name) for name, cell in zip(head[1:], row[1:], strict=True)),
        )
        for row in rows
    ]
    return tag(
        "div",
        tag(
            "table",
            tag("caption", caption, class_="unseen"),
            tag("thead", tag("tr", *(tag("th", name, scope="col") for name in head))),
            tag("tbody", *lines),
        ),
        class_=f"scroll {kind}".strip(),
        tabindex=0,
        role="region",
        aria_label=caption,
    )


def names_of(series: Sequence[Series]) -> list[tuple[str, str]]:
    return [(one.kind, one.name) for one in series] if len(series) > 1 else []
