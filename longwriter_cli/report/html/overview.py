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
from longwriter_cli.report.html.figures import NONE, cells_table, plain_table
from longwriter_cli.report.html.markup import Child, Markup, tag
from longwriter_cli.report.html.subject import OfRun, Subject
from longwriter_cli.report.html.svg import short
from longwriter_cli.report.html.tally import Tally
from longwriter_cli.report.measures import distribution
from longwriter_cli.report.money import dollars, known_cost
from longwriter_cli.report.selection import RunSelection
from longwriter_cli.text.display import counted

_MESSAGE_SHOWN = 300  # characters


@dataclass(frozen=True)
class Fact:
    """A figure with its name and what must be known to read it."""

    name: str
    value: str
    hint: str = ""


def facts(subject: Subject, tally: Tally) -> list[Fact]:
    of_run = subject.of_run
    if of_run is not None and of_run.selection is not None:
        return [*_of_selection(of_run, of_run.selection), *_spent(of_run)]
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
        Fact("Records", f"{figures.records:,}", f"finished and kept, of {counted(counts.instructions, 'instruction')}"),
        Fact("Dropped", f"{figures.rejected:,}", "finished, but left out by the last export"),
        Fact("Failed", f"{counts.failed:,}", "instructions and bad rows without a text"),
        Fact("Not finished", f"{figures.to_do:,}", "not begun or under way"),
    ]


def _of_selection(of_run: OfRun, selection: RunSelection) -> list[Fact]:
    figures = of_run.figures
    kept = Fact(
        "Kept", f"{selection.kept:,}", f"by the model, of {counted(selection.asked, 'prompt')} that it was asked"
    )
    return [
        *([kept] if selection.by_model else []),
        Fact(
            "Dropped",
            f"{figures.rejected:,}",
            "rows of the logs" + ("" if selection.by_model else "; no model was asked"),
        ),
        Fact("Failed", f"{figures.counts.failed:,}"),
    ]


def _of_words(tally: Tally) -> list[Fact]:
    words = distribution(tally.words)
    if not words.n:
        return []
    return [
        Fact("Words", short(words.total), f"{words.total:,} in {counted(words.n, 'finished text')}"),
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
    return [Fact("Tokens", short(usage.total_tokens), spent), _cost(of_run)]


def _cost(of_run: OfRun) -> Fact:
    usage = of_run.run.usage()
    cost, unknown = known_cost(usage, of_run.cost_of)
    if not unknown and cost is not None:
        written = of_run.figures.counts.written
        return Fact("Cost", dollars(cost), f"{dollars(cost / written)} for each finished text" if written else "")
    if all(model.partition(":")[0] == "local" for model in unknown):
        return Fact("Cost", "none", "the model ran on a machine of yours")
    hint = f"no price list has {', '.join(unknown)}; --price-in and --price-out say it"
    return Fact("Cost", "not known", hint) if cost is None else Fact("Cost", f"{dollars(cost)} and more", hint)


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
        return tag("div", plain_table(table, "Evaluations, each beside its difference from the first"), class_="card")
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
        rows.append(["settings changed", f"{counted(len(manifest.changes), 'time')} since; these are the last"])
    if manifest.note:
        rows.append(["note", manifest.note])
    for name, value in manifest.settings.items():
        if value is not None and name != "templates":
            rows.append([name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)])
    spent: list[list[Child]] = []
    for model, usage in of_run.run.usage().items():
        cost = of_run.cost_of({model: usage})
        amounts = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
        spent.append([model or NONE, *(f"{amount:,}" for amount in amounts), NONE if cost is None else dollars(cost)])
    head = ["model", "prompt tokens", "of these cached", "completion tokens", "cost"]
    return tag(
        "details",
        tag("summary", f"Settings and models of {subject.name}"),
        cells_table(["setting", ""], rows, "Settings", "words"),
        cells_table(head, spent, "Tokens by model") if spent else None,
        class_="card",
    )
