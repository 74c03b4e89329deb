"""How long sections are by their place in the plan."""

from __future__ import annotations

from collections.abc import Sequence

from longwriter_cli.report.html.figures import NONE, Series, figure
from longwriter_cli.report.html.markup import Markup
from longwriter_cli.report.html.svg import across, axes, drawing, line, ticks, upwards
from longwriter_cli.report.html.tally import LAST_STEP


def positions(series: Sequence[Series]) -> Markup | None:
    """Words by place in the plan: of one run beside the target, of several as a part of it."""
    shown = [one for one in series if one.tally.steps]
    if not shown:
        return None
    last = max(max(one.tally.steps) for one in shown)
    x = across(0.5, last + 0.5)
    values: list[tuple[str, str, dict[int, float]]]
    if len(series) == 1:
        steps = sorted(shown[0].tally.steps.items())
        values = [
            ("target", "target", {n: step.target / step.n for n, step in steps}),
            ("s0", "written", {n: step.words / step.n for n, step in steps}),
        ]
        note = "Mean words of a section and of its target, by the section's place in the plan."
        unit, show = "words", _whole
    else:
        values = [
            (one.kind, one.name, {n: step.words / max(1, step.target) for n, step in sorted(one.tally.steps.items())})
            for one in shown
        ]
        note = "Words of the sections / words of their targets, by the section's place in the plan."
        unit, show = "of the target", _ratio
    if last == LAST_STEP:
        note += f" The last place stands for all from {last} on."
    marks = ticks(max(max(points.values()) for _, _, points in values))
    y = upwards(0, marks[-1])
    step_marks = [n for n in range(1, last + 1) if last <= 12 or n == 1 or n % 5 == 0]
    picture = drawing(
        note,
        axes([(x.at(n), str(n)) for n in step_marks], [(y.at(m), f"{m:g}") for m in marks], "section", unit),
        *(line([(x.at(n), y.at(v)) for n, v in points.items()], kind, dots=True) for kind, _, points in values),
    )
    rows = [
        [str(n), *(show(points[n]) if n in points else NONE for _, _, points in values)] for n in range(1, last + 1)
    ]
    head = ["section", *(name for _, name, _ in values)]
    return figure("Words by section", picture, note, (head, rows), [(kind, name) for kind, name, _ in values])


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _ratio(value: float) -> str:
    return f"{value:.2f}"
