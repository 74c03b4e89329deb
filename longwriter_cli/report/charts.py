"""Charts of an evaluation as SVG and PNG, drawn with Altair: required against actual length, and scores by range."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from longwriter_cli.errors import UsageError

_SIDE = 420
_PNG_SCALE = 2
_LANGUAGES = ["en", "zh"]


HINT = "The extra [report] brings them: pip install 'longwriter-cli[report]'."


def is_installed() -> bool:
    """Whether what draws is there. Altair finds vl-convert by itself, and fails late without it."""
    return all(importlib.util.find_spec(name) is not None for name in ("altair", "vl_convert"))


def check_installed() -> None:
    """Raises UsageError where charts cannot be drawn."""
    if not is_installed():
        raise UsageError("Charts need the packages altair and vl-convert-python.", HINT)


def draw(results: Mapping[str, Any], directory: Path) -> list[Path]:
    """Draws the charts into the directory and returns their files; none where there is no text to draw.

    The extra [report] must be installed.
    """
    if not any(row["length"] is not None and row["required"] for row in results["rows"]):
        return []
    import altair

    altair.data_transformers.disable_max_rows()
    charts = {"lengths": _lengths(altair, results), "scores": _scores(altair, results)}
    files = []
    for name, chart in charts.items():
        for suffix in ("svg", "png"):
            path = directory / f"{name}.{suffix}"
            chart.save(str(path), scale_factor=_PNG_SCALE if suffix == "png" else 1)
            files.append(path)
    return files


def _lengths(alt: Any, results: Mapping[str, Any]) -> Any:
    """Each text as a point, on log axes, with the line where the length is the required one. Empty texts stand at 1."""
    points = [
        {
            "required": row["required"],
            "words": max(1, row["length"]),
            "language": row["language"],
            "type": row["type"],
        }
        for row in results["rows"]
        if row["length"] is not None and row["required"]
    ]
    least = min([*(point["required"] for point in points), *(point["words"] for point in points), 100])
    most = max([*(point["required"] for point in points), *(point["words"] for point in points), 1000])
    scale = alt.Scale(type="log", domain=[max(1, least * 0.8), most * 1.25], nice=False)
    line = alt.Chart(alt.Data(values=[{"x": least, "y": least}, {"x": most, "y": most}])).mark_line(
        color="#999", strokeDash=[4, 4]
    )
    line = line.encode(x=alt.X("x:Q", scale=scale), y=alt.Y("y:Q", scale=scale))
    dots = alt.Chart(alt.Data(values=points)).mark_point(filled=True, size=45, opacity=0.7)
    dots = dots.encode(
        x=alt.X("required:Q", scale=scale, title="required length (words)", axis=alt.Axis(format="~s")),
        y=alt.Y("words:Q", scale=scale, title="length of the text (words)", axis=alt.Axis(format="~s")),
        color=alt.Color("language:N", scale=alt.Scale(domain=_LANGUAGES), title="language"),
    )
    return (line + dots).properties(width=_SIDE, height=_SIDE, title=_title(results))


def _scores(alt: Any, results: Mapping[str, Any]) -> Any:
    """S_l, and S_q where there is one, by range of required length, with their intervals."""
    groups = [("all", results["all"]), *results["by"]["range"].items()]
    bars = [
        {"range": name, "score": score, **part[key]}
        for name, part in groups
        for key, score in (("s_l", "S_l"), ("s_q", "S_q"))
        if part[key] is not None
    ]
    order: Sequence[str] = [name for name, _ in groups]
    base = alt.Chart(alt.Data(values=bars)).encode(
        x=alt.X("range:N", sort=order, title="required length (words)", axis=alt.Axis(labelAngle=0)),
        xOffset=alt.XOffset("score:N"),
    )
    heights = base.mark_bar().encode(
        y=alt.Y("mean:Q", title="score", scale=alt.Scale(domain=[0, 100])), color=alt.Color("score:N", title=None)
    )
    spans = base.mark_rule(color="#333").encode(y=alt.Y("low:Q", title="score"), y2="high:Q")
    return (heights + spans).properties(width=_SIDE, height=_SIDE * 2 // 3, title=_title(results))


def _title(results: Mapping[str, Any]) -> str:
    names = (results.get("model"), results.get("method"), results.get("benchmark"))
    return ", ".join(str(name) for name in names if name)
