"""S_l and S_q by range of required length, by type and by language: tables with a bar in each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from longwriter_cli.report.html.figures import NONE, Series, cells_table
from longwriter_cli.report.html.markup import Child, Markup, join, tag
from longwriter_cli.report.html.svg import meter
from longwriter_cli.report.html.tally import RANGES, Sums

K = TypeVar("K", int, str)


def span_name(low: int, high: int | None) -> str:
    """`under 500`, `500 to 2,000`, `4,000 and more`."""
    if high is None:
        return f"{low:,} and more"
    return f"{low:,} to {high:,}" if low else f"under {high:,}"


def groups(series: Sequence[Series]) -> Markup | None:
    """None where no text has a score."""
    scored = any(one.tally.all.s_l_n or one.tally.all.s_q_n for one in series)
    if not scored:
        return None
    judged = any(one.tally.all.s_q_n for one in series)
    ranges = [{span_name(*RANGES[place]): sums for place, sums in one.tally.ranges.items()} for one in series]
    in_order = [span_name(*span) for span in RANGES]
    types = [one.tally.typed() for one in series]
    languages = [one.tally.spoken() for one in series]
    tables = [
        _table("required length", series, ranges, [name for name in in_order if name in _names(ranges)], judged),
        _table("type", series, types, _names(types), judged),
        _table("language", series, languages, _names(languages), judged),
    ]
    notes = "S_l says how near the length comes to the one asked for, 100 where it is met"
    notes += "; S_q is the judge's score of the text, 0 to 100." if judged else "."
    return tag(
        "section",
        tag("h3", "Scores" if judged else "S_l", " by length, type and language"),
        *tables,
        tag("p", f"{notes} Means over finished texts; texts that a filter dropped are among them.", class_="note"),
        class_="card wide",
    )


def _names(groups: Sequence[Mapping[str, Sums]]) -> list[str]:
    """All names, as the first of the groups orders them."""
    return list(dict.fromkeys(name for of in groups for name in of))


def _table(
    caption: str, series: Sequence[Series], groups: Sequence[Mapping[str, Sums]], names: Sequence[str], judged: bool
) -> Markup | None:
    if not names:
        return None
    alone = len(series) == 1
    head = [caption]
    for one in series:
        prefix = "" if alone else f"{one.name}: "
        head += [f"{prefix}texts", f"{prefix}S_l", *([f"{prefix}S_q"] if judged else [])]
    rows: list[list[Child]] = []
    for name in names:
        row: list[Child] = [name]
        for one, of in zip(series, groups, strict=True):
            sums = of.get(name, Sums())
            row += [
                f"{sums.n:,}",
                _score(sums.mean_s_l, one.kind),
                *([_score(sums.mean_s_q, one.kind)] if judged else []),
            ]
        rows.append(row)
    return cells_table(head, rows, f"Scores by {caption}", "scores alone" if alone else "scores")


def _score(mean: float | None, kind: str) -> Child:
    return NONE if mean is None else join([f"{mean:.1f}", meter(mean, kind)])
