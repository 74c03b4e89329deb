"""What was spent, and when."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from longwriter_cli.report.evaluation import Table
from longwriter_cli.report.html.figures import Series, figure
from longwriter_cli.report.html.markup import Markup
from longwriter_cli.report.html.svg import across, axes, drawing, line, short, ticks, upwards
from longwriter_cli.report.html.timeline import Point
from longwriter_cli.report.money import dollars

_UNITS = ((86_400, "days"), (3_600, "hours"), (60, "minutes"))
_TABLE_ROWS = 12

ValueOf = Callable[[Point], float | None]
Line = tuple[str, str, list[tuple[int, float]]]
"""Colour, name, and the value after so many seconds."""


def tokens(series: Sequence[Series]) -> Markup | None:
    """Tokens over time, all that were paid for: of one run by kind, of several in all."""
    of_kinds: list[tuple[str, str, ValueOf]] = [
        ("s0", "prompt", lambda point: point.usage.prompt_tokens),
        ("s4", "cached part of it", lambda point: point.usage.cached_tokens),
        ("s1", "completion", lambda point: point.usage.completion_tokens),
    ]
    lines = _lines(series, of_kinds, lambda point: point.usage.total_tokens)
    return _figure("Tokens over time", "tokens", series, lines, short)


def cost(series: Sequence[Series]) -> Markup | None:
    """What was spent over time, where the prices are known."""
    of_run: list[tuple[str, str, ValueOf]] = [("s2", "cost", lambda point: point.cost_usd)]
    return _figure("Cost over time", "USD", series, _lines(series, of_run, lambda point: point.cost_usd), usd)


def usd(value: float) -> str:
    """With the digits that tell something: $1,204, $3.21, $0.0042."""
    if value >= 100:
        return f"${value:,.0f}"
    if value == int(value):
        return f"${value:.0f}"
    return f"${value:.2f}" if value >= 1 else f"${value:.2g}" if value >= 0.01 else dollars(value)


def _lines(series: Sequence[Series], of_one: Sequence[tuple[str, str, ValueOf]], of_several: ValueOf) -> list[Line]:
    lines = []
    for one in series:
        wanted = of_one if len(series) == 1 else [(one.kind, one.name, of_several)]
        points = one.timeline.points if one.timeline else ()
        for kind, name, value_of in wanted:
            known = [(point.after_s, value) for point in points if (value := value_of(point)) is not None]
            if known:
                lines.append((kind, name, known))
    return lines


def _figure(
    title: str, unit: str, series: Sequence[Series], lines: Sequence[Line], show: Callable[[float], str]
) -> Markup | None:
    most = max((value for _, _, known in lines for _, value in known), default=0.0)
    if not most:
        return None
    end = max(known[-1][0] for _, _, known in lines)
    size, name = next(((size, name) for size, name in _UNITS if end >= 2 * size), (1, "seconds"))
    x, marks = across(0, max(1, end)), ticks(most)
    y = upwards(0, marks[-1])
    begun = series[0].timeline.begun if series[0].timeline else None
    since = f"the first answer, {begun:%Y-%m-%d %H:%M} UTC" if begun and len(series) == 1 else "each run's first answer"
    note = f"Summed up from {since}. Discarded answers are paid for too, and counted."
    x_marks = [(x.at(mark * size), f"{mark:g}") for mark in ticks(max(1, end) / size) if mark * size <= end + 1e-6]
    picture = drawing(
        f"{title}. {note}",
        axes(x_marks, [(y.at(mark), show(mark)) for mark in marks], name, unit),
        *(
            line([(x.at(after), y.at(value)) for after, value in known], kind, dots=len(known) == 1)
            for kind, _, known in lines
        ),
    )
    legend = [(kind, name_) for kind, name_, _ in lines] if len(lines) > 1 else []
    table = _by_time(lines, name, size, show) if len(series) == 1 else _by_run(lines, name, size, show)
    return figure(title, picture, note, table, legend)


def _by_time(lines: Sequence[Line], name: str, size: int, show: Callable[[float], str]) -> Table:
    """The lines of one run share their times; every so many are shown, the last one among them."""
    times = [after for after, _ in lines[0][2]]
    every = -(-len(times) // _TABLE_ROWS)
    values = [dict(known) for _, _, known in lines]
    rows = [
        [f"{after / size:.3g}", *(show(known[after]) if after in known else "" for known in values)]
        for after in times[::-1][::every][::-1]
    ]
    return [name, *(name_ for _, name_, _ in lines)], rows


def _by_run(lines: Sequence[Line], name: str, size: int, show: Callable[[float], str]) -> Table:
    rows = [[name_, f"{known[-1][0] / size:.3g}", show(known[-1][1])] for _, name_, known in lines]
    return ["run", name, "in all"], rows
