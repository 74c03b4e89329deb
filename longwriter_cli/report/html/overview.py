"""The figures of a run or a dataset in words and tables: tiles, failures, rejects, models and settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from longwriter_cli.report.evaluation import (
    comparison_of,
    comparison_table,
    has_tenths,
    remarks,
    ruler_table,
    table_of,
    tenths_table,
)
from longwriter_cli.report.html.chart_time import usd
from longwriter_cli.report.html.figures import NONE, cells_table, plain_table
from longwriter_cli.report.html.markup import Child, Markup, tag
from longwriter_cli.report.html.subject import OfRun, Subject
from longwriter_cli.report.html.svg import short
from longwriter_cli.report.html.tally import Tally
from longwriter_cli.report.measures import distribution

_MESSAGE_SHOWN = 300  # characters


@dataclass(frozen=True)
class Fact:
    """A figure with its name and what must be known to read it."""

    name: str
    value: str
    hint: str = ""


def facts(subject: Subject, tally: Tally) -> list[Fact]:
    of_run = subject.of_run
    if of_run is not None and of_run.selects:
        return [*_of_selection(of_run, tally), *_spent(of_run)]
    found = _of_counts(of_run) if of_run is not None else [Fact("Records", f"{tally.rows:,}")]
    found += _of_words(tally)
    if tally.all.mean_s_l is not None:
        of = f"{tally.all.s_l_n:,} texts whose length was asked for; 100 where it is met"
        found.append(Fact("Length score S_l", f"{tally.all.mean_s_l:.1f}", of))
    if tally.all.mean_s_q is not None:
        quality = of_run.figures.quality if of_run is not None else None
        judge = f", judged by {quality.judge}" if quality is not None else ""
        found.append(Fact("Quality S_q", f"{tally.all.mean_s_q:.1f}", f"{tally.all.s_q_n:,} texts{judge}"))
    return [*found, *(_spent(of_run) if of_run is not None else [])]


def _of_counts(of_run: OfRun) -> list[Fact]:
    figures = of_run.figures
    counts = figures.counts
    return [
        Fact(
            "Records", f"{figures.records:,}", f"finished and kept, of {_counted(counts.instructions, 'instruction')}"
        ),
        Fact("Dropped", f"{figures.rejected:,}", "finished, but left out by the last export"),
        Fact("Failed", f"{counts.failed:,}", "instructions and bad rows without a text"),
        Fact("Not finished", f"{figures.to_do:,}", "not begun or under way"),
    ]


def _of_selection(of_run: OfRun, tally: Tally) -> list[Fact]:
    if of_run.selection is not None and not of_run.selection.by_model:
        dropped = Fact("Dropped", f"{of_run.figures.rejected:,}", "by the rules alone; no model was asked")
        return [dropped, Fact("Failed", f"{of_run.figures.counts.failed:,}")]
    return [
        Fact("Kept", f"{tally.outcomes['finished']:,}", f"of {_counted(tally.rows, 'prompt')}"),
        Fact("Dropped", f"{tally.outcomes['rejected']:,}"),
        Fact("Failed", f"{of_run.figures.counts.failed:,}"),
    ]


def _of_words(tally: Tally) -> list[Fact]:
    words = distribution(tally.words)
    if not words.n:
        return []
    return [
        Fact("Words", short(words.total), f"{words.total:,} in {_counted(words.n, 'finished text')}"),
        Fact("Median length", f"{words.p50:,}", f"words; 90% lie from {words.p5:,} to {words.p95:,}"),
        Fact("Longest", f"{words.max:,}", f"words; {words.mean:,.0f} on average"),
    ]


def _spent(of_run: OfRun) -> list[Fact]:
    usage = of_run.figures.counts.usage
    if not usage.total_tokens:
        return []
    estimated = "; some are estimated" if usage.estimated else ""
    cached = f", {short(usage.cached_tokens)} of it cached" if usage.cached_tokens else ""
    spent = f"{short(usage.prompt_tokens)} prompt{cached}, {short(usage.completion_tokens)} completion{estimated}"
    cost = of_run.cost_of(of_run.run.usage())
    if cost is None:
        return [Fact("Tokens", short(usage.total_tokens), spent), Fact("Cost", "not known", _why_no_cost(of_run))]
    written = of_run.figures.counts.written
    each = f"{usd(cost / written)} for each finished text" if written else ""
    return [Fact("Tokens", short(usage.total_tokens), spent), Fact("Cost", usd(cost), each)]


def _why_no_cost(of_run: OfRun) -> str:
    unknown = [model for model, spent in of_run.run.usage().items() if of_run.cost_of({model: spent}) is None]
    if all(model.partition(":")[0] == "local" for model in unknown):
        return "the model ran on a machine of yours"
    return f"no price list has {', '.join(unknown)}; --price-in and --price-out say it"


def summary(subjects: Sequence[Subject], tallies: Sequence[Tally]) -> Markup:
    """Tiles for one, a column each for several."""
    found = [facts(subject, tally) for subject, tally in zip(subjects, tallies, strict=True)]
    if len(found) == 1:
        tiles = [
            tag("div", tag("dt", fact.name), tag("dd", tag("b", fact.value), tag("span", fact.hint)), class_="tile")
            for fact in found[0]
        ]
        return tag("dl", *tiles, class_="tiles")
    names = dict.fromkeys(fact.name for of in found for fact in of)
    by_name = [{fact.name: fact for fact in of} for of in found]
    rows: list[list[Child]] = []
    for name in names:
        row: list[Child] = [name]
        for of in by_name:
            fact = of.get(name)
            row.append(NONE if fact is None else tag("span", fact.value, title=fact.hint or None))
        rows.append(row)
    return cells_table(["", *(subject.name for subject in subjects)], rows, "Figures side by side", "card")


# --- what went wrong


def failures(subject: Subject) -> Markup | None:
    """What failed and what was dropped, by reason, each with an example and what to do about it."""
    of_run = subject.of_run
    if of_run is None:
        return None
    rows: list[list[Child]] = []
    for group in of_run.figures.failures:
        example = group.example
        where = example.id if example.id is not None else f"{example.file} line {example.line}"
        back = f"{group.comes_back:,}" if group.kind != "bad_row" else NONE
        rows.append(
            [group.kind, f"{group.n:,}", back, group.what_to_do, f"{where}: {example.message[:_MESSAGE_SHOWN]}"]
        )
    head = ["failure", "instructions", "tried again by itself", "what to do", "for example"]
    parts = [cells_table(head, rows, "Failures by kind", "card words")] if rows else []
    dropped: list[list[Child]] = []
    for reason, rejects in of_run.figures.rejects.items():
        samples = [f"{id}: {detail[:_MESSAGE_SHOWN]}" for id, detail in rejects.samples]  # noqa: A001 - the contract's word
        dropped.append([reason, f"{rejects.n:,}", tag("ul", *(tag("li", sample) for sample in samples))])
    if dropped:
        parts.append(cells_table(["dropped for", "texts", "for example"], dropped, "Rejects by reason", "card words"))
    return tag("div", *parts) if parts else tag("p", "Nothing failed, and no filter dropped a text.", class_="note")


def failures_side_by_side(subjects: Sequence[Subject]) -> Markup | None:
    """How often each reason stands in each run."""
    times: dict[str, list[int]] = {}
    for place, subject in enumerate(subjects):
        if subject.of_run is None:
            continue
        figures = subject.of_run.figures
        counted = [(f"failed: {group.kind}", group.n) for group in figures.failures]
        counted += [(f"dropped: {reason}", group.n) for reason, group in figures.rejects.items()]
        for name, n in counted:
            times.setdefault(name, [0] * len(subjects))[place] = n
    if not times:
        return tag("p", "Nothing failed, and no filter dropped a text.", class_="note")
    told = [subject.of_run is not None for subject in subjects]
    rows: list[list[Child]] = [
        [name, *(f"{n:,}" if known else NONE for n, known in zip(times[name], told, strict=True))]
        for name in sorted(times)
    ]
    return cells_table(["", *(subject.name for subject in subjects)], rows, "Failures and rejects by reason", "card")


# --- evaluations


def evaluation(subjects: Sequence[Subject]) -> Markup | None:
    """The scores of `evaluate` and `ruler`: of one run in full, of several beside each other."""
    scored = [(subject.name, of_run.results) for subject in subjects if (of_run := subject.of_run) and of_run.results]
    if len(scored) != len(subjects):
        return None
    if len(scored) > 1:
        table = comparison_table(comparison_of(scored))
        return plain_table(table, "Evaluations, each beside its difference from the first")
    results = scored[0][1]
    tables = [plain_table(ruler_table(results["ruler"]) if results.get("ruler") else table_of(results), "Scores")]
    if has_tenths(results):
        tables.append(plain_table(tenths_table(results["trajectory"]), "Scores along the text"))
    return tag("div", *tables, *(tag("p", remark, class_="note") for remark in remarks(results)), class_="card")


# --- how it was made


def making(subject: Subject) -> Markup | None:
    """The settings that the run was begun with, and what each model was paid."""
    of_run = subject.of_run
    if of_run is None or of_run.run.manifest is None:
        return None
    manifest = of_run.run.manifest
    rows: list[list[Child]] = [["begun", f"{manifest.created_at} by longwriter-cli {manifest.tool_version}"]]
    if manifest.changes:
        rows.append(["settings changed", f"{len(manifest.changes)} times since; these are the last"])
    if manifest.note:
        rows.append(["note", manifest.note])
    for name, value in manifest.settings.items():
        if value is not None and name != "templates":
            rows.append([name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)])
    spent: list[list[Child]] = []
    for model, usage in of_run.run.usage().items():
        cost = of_run.cost_of({model: usage})
        amounts = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
        spent.append([model or NONE, *(f"{amount:,}" for amount in amounts), NONE if cost is None else usd(cost)])
    head = ["model", "prompt tokens", "of these cached", "completion tokens", "cost"]
    return tag(
        "details",
        tag("summary", f"Settings and models of {subject.name}"),
        cells_table(["setting", ""], rows, "Settings", "words"),
        cells_table(head, spent, "Tokens by model") if spent else None,
        class_="card",
    )


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
