"""What `inspect` tells as Markdown, for the page that a CI job shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from longwriter_cli.report.conditions import Outcome
from longwriter_cli.report.money import dollars
from longwriter_cli.text.display import printable

_COUNTS = ("instructions", "planned", "written", "failed", "rejected", "records", "to_do")


def markdown(row: Mapping[str, Any], outcomes: Sequence[Outcome] = ()) -> str:
    """The summary of a run or a dataset from its `--json` object."""
    name = row.get("run") or row.get("dataset")
    blocks = [f"## {_cell(name)}"]
    if outcomes:
        blocks.append(_table(("condition", "value", ""), map(_outcome, outcomes)))
    counts = [(key.replace("_", " "), f"{row[key]:,}") for key in _COUNTS if key in row]
    words, lengths, quality = row["words"], row["lengths"], row.get("quality")
    if words["n"]:
        counts.append(("words", f"{words['total']:,} (median {words['p50']:,}, longest {words['max']:,})"))
    if lengths["n"]:
        counts.append(("S_l", f"{lengths['score']:.1f} over {lengths['n']:,} texts of a required length"))
    if quality:
        counts.append(("S_q", f"{quality['score']:.1f} by {_cell(quality['judge'])} over {quality['judged']:,} texts"))
    if "prompt_tokens" in row:
        counts.append(("tokens", f"{row['prompt_tokens'] + row['completion_tokens']:,}"))
        cost = row["cost_usd"]
        counts.append(("cost", "not known" if cost is None else dollars(cost)))
    blocks.append(_table(("", ""), counts))
    if lengths["n"]:
        ranges = [part for part in lengths["ranges"] if part["n"]]
        cells = ((_range(part), f"{part['n']:,}", f"{part['words']:,.0f}", f"{part['score']:.1f}") for part in ranges)
        blocks.append(_table(("required words", "texts", "mean written", "S_l"), cells))
    failures = row.get("failures") or {}
    if failures:
        cells_of = ((kind, f"{group['n']:,}", _cell(group["what_to_do"])) for kind, group in failures.items())
        blocks.append(_table(("failed", "", "what to do"), cells_of))
    if row.get("rejects"):
        blocks.append(_table(("dropped by the filters", ""), ((kind, f"{n:,}") for kind, n in row["rejects"].items())))
    return "\n\n".join(blocks)


def _outcome(outcome: Outcome) -> tuple[str, str, str]:
    value = "not known" if outcome.value is None else f"{outcome.value:,g}"
    return f"`{_cell(outcome.condition.text)}`", value, "met" if outcome.is_met else "**not met**"


def _range(part: Mapping[str, Any]) -> str:
    return f"{part['low']:,} and more" if part["high"] is None else f"{part['low']:,} to {part['high']:,}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: object) -> str:
    """Text of others, in one line, that Markdown and HTML leave as it is."""
    line = " ".join(printable(str(text)).split())
    return line.translate(_ESCAPED)


_ESCAPED = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]|#~!"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"})
