"""The charts of the README, from the rows of one run of the bench."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
from table import CHARTS, Row

_OURS, _OTHERS = "#2a7f62", "#b9c4c9"


def draw(rows: Sequence[Row], path: str) -> None:
    """One panel a chart, one bar a row; a rule at 1, the floor or the bound."""
    drawn = {row.chart[0] for row in rows if row.chart}
    panels = [_panel(chart, rows) for chart in CHARTS if chart in drawn]
    alt.vconcat(*panels).configure_view(stroke=None).save(path, scale_factor=2)


def _panel(chart: str, rows: Sequence[Row]) -> alt.LayerChart:
    bars = [
        {"bar": row.chart[1], "ratio": round(row.value, 2), "ours": row.target is not None}
        for row in rows
        if row.chart and row.chart[0] == chart
    ]
    base = alt.Chart(alt.Data(values=bars)).encode(
        y=alt.Y("bar:N", sort=None, title=None, axis=alt.Axis(labelLimit=300, ticks=False, domain=False)),
        x=alt.X("ratio:Q", title=chart),
    )
    color = alt.condition(alt.datum.ours, alt.value(_OURS), alt.value(_OTHERS))
    labels = base.mark_text(align="left", dx=4).encode(text="ratio:Q")
    floor = alt.Chart(alt.Data(values=[{"floor": 1}])).mark_rule(strokeDash=[4, 3]).encode(x="floor:Q")
    return alt.layer(base.mark_bar().encode(color=color), labels, floor).properties(width=520, height=26 * len(bars))
