"""An evaluation in figures: as JSON, as a Markdown table, and side by side with others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from longwriter_cli.evals.bootstrap import Estimate
from longwriter_cli.evals.longbench_write import Figures, ScoredText, Texts, by_group, differences, figures
from longwriter_cli.evals.scores import DIMENSIONS
from longwriter_cli.text.display import counted

FORMAT = 1
LEAST_PAIRS = 10
"""Of fewer, an interval is too narrow to be believed: of two it spans just the two."""

_SHORT = {"Breadth and Depth": "Breadth", "Reading Experience": "Reading"}
_NONE = "–"


def results_row(texts: Texts, about: Mapping[str, Any]) -> dict[str, Any]:
    """All of `results.json`. Scores are in [0, 100], lengths in words, intervals hold the mean at 95%."""
    return {
        "format": FORMAT,
        **about,
        "all": _figures(figures(texts)),
        "by": {name: {key: _figures(part) for key, part in parts.items()} for name, parts in by_group(texts).items()},
        "rows": [_row(text) for text in texts],
    }


def _figures(part: Figures) -> dict[str, Any]:
    return asdict(part)


def _row(text: ScoredText) -> dict[str, Any]:
    s_q, scores = text.s_q, text.scores
    return {
        "id": text.id,
        "type": text.type,
        "language": text.language,
        "required": text.required,
        "length": text.length,
        "s_l": None if text.s_l is None else round(text.s_l, 4),
        "s_q": None if s_q is None else round(s_q, 4),
        "scores": None if scores is None else {name: round(score, 4) for name, score in scores.items()},
    }


def without_rows(results: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in results.items() if name != "rows"}


def texts_of(results: Mapping[str, Any]) -> list[ScoredText]:
    """The rows of a `results.json`. Raises KeyError or TypeError where one lacks something."""
    return [
        ScoredText(row["id"], row["type"], row["language"], row["required"], row["length"], row["s_l"], row["scores"])
        for row in results["rows"]
    ]


# --- tables

Table = tuple[Sequence[str], Sequence[Sequence[str]]]


def table_of(results: Mapping[str, Any]) -> Table:
    """The head and the rows of a table: all texts, then each group. Without a judge there are no columns of S_q."""
    judged = results["all"]["s_q"] is not None
    head = ["texts", "n", "S_l"]
    if judged:
        head = ["texts", "n", "judged", "overall", "S_l", "S_q", *(_SHORT.get(name, name) for name in DIMENSIONS)]
    groups = [("all", results["all"])]
    groups += [(key, part) for parts in results["by"].values() for key, part in parts.items()]
    return head, [_cells(name, part, judged=judged) for name, part in groups]


def ruler_table(ruler: Mapping[str, Any]) -> Table:
    """What came of each length that was asked for."""
    rows = [
        [
            f"{notch['required']:,}",
            _of(notch["written"], notch["n"]),
            _NONE if notch["mean_length"] is None else f"{notch['mean_length']:,.0f}",
            _NONE if notch["longest"] is None else f"{notch['longest']:,}",
            _NONE if notch["s_l"] is None else f"{notch['s_l']:.1f}",
        ]
        for notch in ruler["notches"]
    ]
    return ["words asked for", "n", "words written, mean", "longest", "S_l"], rows


def has_tenths(results: Mapping[str, Any]) -> bool:
    """Whether any text was long enough to be cut into tenths, or has sections."""
    return any(tenth["texts"] or tenth["sections"] for tenth in results.get("trajectory") or ())


def tenths_table(trajectory: Sequence[Mapping[str, Any]]) -> Table:
    """Where in its texts a model begins to fail; columns that say nothing are left out."""
    columns = {
        "words / target": [_NONE if tenth["ratio"] is None else f"{tenth['ratio']:.2f}" for tenth in trajectory],
        "said before": [_NONE if tenth["repeated"] is None else f"{tenth['repeated']:.1%}" for tenth in trajectory],
        "S_q": [_NONE if tenth["quality"] is None else f"{tenth['quality']:.1f}" for tenth in trajectory],
    }
    shown = {name: cells for name, cells in columns.items() if set(cells) != {_NONE}}
    rows = [[str(tenth["part"]), *cells] for tenth, *cells in zip(trajectory, *shown.values(), strict=True)]
    return ["tenth of the text", *shown], rows


def _cells(name: str, part: Mapping[str, Any], *, judged: bool) -> list[str]:
    n = _of(part["predicted"], part["n"])
    if not judged:
        return [name, n, _shown(part["s_l"])]
    dimensions = [_bare(part["dimensions"][dimension]) for dimension in DIMENSIONS]
    scores = [_shown(part[figure]) for figure in ("overall", "s_l", "s_q")]
    return [name, n, _of(part["judged"], part["predicted"]), *scores, *dimensions]


def _of(some: int, all_: int) -> str:
    return str(all_) if some == all_ else f"{some} of {all_}"


def _shown(estimate: Mapping[str, Any] | None) -> str:
    """`71.2 (68.0–74.1)`."""
    if estimate is None:
        return _NONE
    return f"{estimate['mean']:.1f} ({estimate['low']:.1f}–{estimate['high']:.1f})"


def _bare(estimate: Mapping[str, Any] | None) -> str:
    return _NONE if estimate is None else f"{estimate['mean']:.1f}"


def markdown(table: Table) -> str:
    head, rows = table
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def remarks(results: Mapping[str, Any]) -> list[str]:
    """What a reader of the means must know: texts that are missing, and texts that nobody judged."""
    whole = results["all"]
    found = []
    if ruler := results.get("ruler"):
        reached = f"up to {ruler['reached']:,} words S_l stays above 80" if ruler["reached"] else "no S_l is above 80"
        found.append(f"The longest text has {ruler['longest']:,} words; {reached}.")
    if missing := whole["n"] - whole["predicted"]:
        found.append(f"{missing} of {whole['n']} instructions have no text, and count in no mean.")
    if won := results.get("compared"):
        losses = f"{won['losses']} {'loss' if won['losses'] == 1 else 'losses'}"
        found.append(
            f"Against {won['other']}, over {counted(won['n'], 'text')} in both orders: {counted(won['wins'], 'win')}, "
            f"{losses}, {counted(won['ties'], 'tie')} ({won['turned']} of them since the verdict turned with the "
            "order)."
        )
    unjudged = whole["predicted"] - whole["judged"]
    if results.get("judge") and unjudged:
        bounds = whole["s_q_bounds"]
        span = f": with them S_q lies from {bounds[0]:.1f} to {bounds[1]:.1f}" if bounds else ""
        found.append(f"{unjudged} of {whole['predicted']} texts are not judged, and count in no mean of S_q{span}.")
    return found


# --- several evaluations


def comparison_of(named: Sequence[tuple[str, Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Each evaluation, with its differences from the first one over the rows that both have."""
    first = texts_of(named[0][1])
    rows = []
    for place, (name, results) in enumerate(named):
        row = {"run": name, **{key: results.get(key) for key in ("benchmark", "method", "model", "judge")}}
        row |= {key: results["all"][key] for key in ("n", "predicted", "judged", "overall", "s_l", "s_q", "dimensions")}
        if place:
            other = texts_of(results)
            row["less_first"] = {key: _estimate(value) for key, value in differences(first, other).items()}
        rows.append(row)
    return rows


def _estimate(value: Estimate | None) -> dict[str, Any] | None:
    return None if value is None else asdict(value)


def comparison_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    head = ["run", "model", "method", "n", "overall", "S_l", "S_q", "overall − first", "S_l − first", "S_q − first"]
    cells = []
    for row in rows:
        scores = [_shown(row[figure]) for figure in ("overall", "s_l", "s_q")]
        less = row.get("less_first")
        differ = [_signed(less[figure]) if less else "" for figure in ("overall", "s_l", "s_q")]
        n = _of(row["predicted"], row["n"])
        cells.append([row["run"], row["model"] or _NONE, row["method"] or _NONE, n, *scores, *differ])
    return head, cells


def _signed(estimate: Mapping[str, Any] | None) -> str:
    """`+3.1* (+0.2 to +6.0)`; the star where the interval holds no 0, and rests on pairs enough to mean something."""
    if estimate is None:
        return _NONE
    holds_0 = estimate["low"] <= 0 <= estimate["high"]
    star = "*" if not holds_0 and estimate["n"] >= LEAST_PAIRS else ""
    return f"{estimate['mean']:+.1f}{star} ({estimate['low']:+.1f} to {estimate['high']:+.1f})"
