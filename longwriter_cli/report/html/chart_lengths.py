"""How long the texts are, and how near that comes to what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from longwriter_cli.report.html.figures import Series, figure, names_of
from longwriter_cli.report.html.markup import Markup, tag
from longwriter_cli.report.html.svg import (
    BOTTOM,
    LEFT,
    RIGHT,
    TOP,
    Scale,
    across,
    axes,
    bar,
    drawing,
    line,
    log_ticks,
    short,
    ticks,
    upwards,
)
from longwriter_cli.report.html.tally import BAND, EDGES, Tally, words_at

_MOST_DOTS = 6_000
# Where S_l is 0, 50 and 80, as written / required: below and above.
_BANDS = (("sl0", 1 / 3, 4.0), ("sl50", 1 / 2, 2.5), ("sl80", 1 / 1.4, 1.6))
_BAND_NAMES = (("sl80", "S_l 80 and more"), ("sl50", "50 to 80"), ("sl0", "above 0"))


def lengths(series: Sequence[Series]) -> Markup | None:
    """How long the texts are. Several runs are drawn as shares, for they may differ in size."""
    shown = [one for one in series if one.tally.words]
    if not shown:
        return None
    alone = len(series) == 1
    bins = {one.name: one.tally.histogram() for one in shown}
    values = {one.name: [n if alone else 100 * n / one.tally.all.n for n in bins[one.name]] for one in shown}
    x = across(0, len(EDGES) + 1)
    marks = ticks(max(max(row) for row in values.values()))
    y = upwards(0, marks[-1])
    low, high = (x.at(EDGES.index(edge) + 1) for edge in BAND)
    band = bar(low, TOP, high - low, BOTTOM - TOP, "", "band")
    octaves = [(x.at(place + 1), short(edge)) for place, edge in enumerate(EDGES) if place % 2 == 0]
    spans = [_span(place) for place in range(len(EDGES) + 1)]
    if alone:
        drawn = [
            bar(x.at(place) + 1, y.at(n), x.at(1) - x.at(0) - 2, BOTTOM - y.at(n), f"{spans[place]}: {n:,}", "bar s0")
            for place, n in enumerate(bins[shown[0].name])
            if n
        ]
    else:
        drawn = [line(_steps(values[one.name], x, y), one.kind) for one in shown]
    rows = [[spans[place], *(f"{bins[one.name][place]:,}" for one in shown)] for place in range(len(spans))]
    inside = "; ".join(
        ("" if alone else f"{one.name}: ")
        + f"{one.tally.in_band():,} of {one.tally.all.n:,} ({one.tally.in_band() / one.tally.all.n:.0%})"
        for one in shown
    )
    note = f"The band marks 2,000 to 32,000 words; in it {inside}."
    unit = "texts" if alone else "% of its texts"
    y_marks = [(y.at(mark), f"{mark:g}") for mark in marks]
    picture = drawing(f"Lengths of texts. {note}", band, axes(octaves, y_marks, "words", unit), *drawn)
    return figure(
        "Lengths",
        picture,
        note,
        (["words", *(one.name if not alone else "texts" for one in shown)], rows),
        names_of(shown),
    )


def _steps(values: Sequence[float], x: Scale, y: Scale) -> list[tuple[float, float]]:
    return [
        point
        for place, value in enumerate(values)
        for point in ((x.at(place), y.at(value)), (x.at(place + 1), y.at(value)))
    ]


def _span(place: int) -> str:
    if place == 0:
        return f"under {EDGES[0]:,.0f}"
    return f"{EDGES[-1]:,.0f} and more" if place == len(EDGES) else f"{EDGES[place - 1]:,.0f} to {EDGES[place]:,.0f}"


def scatter(one: Series, title: str) -> Markup | None:
    """Each finished text whose length was asked for, on logarithmic axes."""
    cells = one.tally.cells
    if not cells:
        return None
    places = [place for pair in cells for place in pair]
    low, high = words_at(min(places)) / 1.3, words_at(max(places)) * 1.3
    x, y = across(low, high, log=True), upwards(low, high, log=True)
    bands = [
        tag(
            "path",
            d="M"
            + "L".join(f"{x.at(at):g} {y.at(at * ratio):g}" for ratio, at in _around(lower, upper, low, high))
            + "Z",
            class_=name,
        )
        for name, lower, upper in _BANDS
    ]
    clipped = tag(
        "svg",
        *bands,
        tag("path", d=f"M{x.at(low):g} {y.at(low):g}L{x.at(high):g} {y.at(high):g}", class_="ideal"),
        x=LEFT,
        y=TOP,
        width=RIGHT - LEFT,
        height=BOTTOM - TOP,
        viewBox=f"{LEFT} {TOP} {RIGHT - LEFT} {BOTTOM - TOP}",
    )
    dots: dict[str, list[str]] = {"few": [], "some": [], "many": []}
    for (required, words), n in cells.most_common(_MOST_DOTS):
        size = "few" if n == 1 else "some" if n <= 5 else "many"
        dots[size].append(f"M{x.at(words_at(required)):g} {y.at(words_at(words)):g}h0")
    marks = log_ticks(low, high)
    mean = one.tally.all.mean_s_l or 0.0
    note = (
        f"{one.tally.all.s_l_n:,} texts whose length was asked for; mean S_l {mean:.1f} of 100. On the line a text is "
        "as long as it should be; larger dots are several texts."
    )
    if len(cells) > _MOST_DOTS:
        note += f" The {_MOST_DOTS:,} most frequent places are drawn."
    picture = drawing(
        f"Required against written length. {note}",
        clipped,
        axes(
            [(x.at(mark), short(mark)) for mark in marks],
            [(y.at(mark), short(mark)) for mark in marks],
            "words asked for",
            "words written",
        ),
        *(
            tag("path", d="".join(places), class_=f"scatter {size} {one.kind}")
            for size, places in dots.items()
            if places
        ),
    )
    rows = [[f"{name} of the length asked for", f"{n:,}"] for name, n in _ratios(one.tally)]
    return figure(title, picture, note, (["written", "texts"], rows), _BAND_NAMES)


def _around(lower: float, upper: float, low: float, high: float) -> list[tuple[float, float]]:
    return [(lower, low), (lower, high), (upper, high), (upper, low)]


_RATIO_EDGES = (1 / 3, 1 / 2, 1 / 1.4, 0.9, 1.1, 1.6, 2.5, 4.0)


def _ratios(tally: Tally) -> list[tuple[str, int]]:
    counts = [0] * (len(_RATIO_EDGES) + 1)
    for (required, words), n in tally.cells.items():
        ratio = words_at(words - required)
        counts[sum(ratio >= edge for edge in _RATIO_EDGES)] += n
    names = [f"less than {_RATIO_EDGES[0]:.2f}"]
    names += [f"{low:.2f} to {high:.2f}" for low, high in pairwise(_RATIO_EDGES)]
    return list(zip([*names, f"{_RATIO_EDGES[-1]:.2f} and more"], counts, strict=True))
