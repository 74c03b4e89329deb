"""Figures of a run or a dataset as text for a terminal, or for a file: the same, without colour where there is none."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from longwriter_cli.records import ANSWER_STAGES, Prediction
from longwriter_cli.report.dataset import DatasetFigures
from longwriter_cli.report.failures import FailureGroup
from longwriter_cli.report.layout import indented, line_of, number, rows_of, table_of, title
from longwriter_cli.report.measures import Distribution, LengthRange, Lengths
from longwriter_cli.report.money import CostOf, dollars, known_cost
from longwriter_cli.report.run_figures import RunFigures, UnderWay, exported, in_one_call
from longwriter_cli.report.selection import RunSelection, selection_of
from longwriter_cli.settings import Settings
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.pairs import PAIRS
from longwriter_cli.store.run import FAILURES, REJECTS, Run
from longwriter_cli.text.display import counted

_BAR_WIDTH = 24
_FLAGS_SHOWN = 3
_UNTOLD = {"und": "not told by letters"}
_MESSAGE_SHOWN = 300  # characters


# --- a run


def show_run(out: Console, run: Run, figures: RunFigures, cost_of: CostOf) -> None:
    counts = figures.counts
    title(out, "Run", str(run.directory), first=True)
    if run.manifest is not None:
        _show_manifest(out, run.manifest)
    if (selection := selection_of(run)) is not None:
        _show_selection(out, figures, selection)
        _show_failures(out, figures.failures, run.directory / FAILURES)
        _show_tokens(out, run, figures, cost_of)
        return
    title(out, "Instructions", number(counts.instructions))
    rows_of(
        out,
        [
            ("planned", number(counts.planned) + _flagged(figures) if counts.planned or not in_one_call(run) else ""),
            ("written", number(counts.written)),
            ("failed", number(counts.failed)),
            ("to do", number(figures.to_do)),
            ("rejected", number(figures.rejected) if figures.rejected else ""),
            ("by batch", _by_batch(figures.by_batch)),
            _export(run),
        ],
    )
    _show_words(out, "finished text", figures.words)
    _show_lengths(out, figures.lengths)
    _show_quality(out, figures)
    _show_sections(out, figures)
    _show_failures(out, figures.failures, run.directory / FAILURES)
    _show_rejects(out, figures, run.directory / REJECTS)
    _show_tokens(out, run, figures, cost_of)
    _show_way_on(out, run, figures)


def _from_here(path: str | None) -> str:
    """A path as it is shortest for who stands here."""
    here = f"{os.getcwd()}{os.sep}"
    return (path or "").removeprefix(here)


def _by_batch(under_way: UnderWay) -> str:
    if not under_way.batches:
        return ""
    batches = "1 batch" if under_way.batches == 1 else f"{under_way.batches:,} batches"
    return f"{counted(under_way.requests, 'request')} under way in {batches}"


def _export(run: Run) -> tuple[str, str]:
    """Where its records or pairs are. A run of texts to be scored has neither, and lacks nothing."""
    if (dataset := exported(run)) is not None:
        return "exported", str(dataset)
    if (pairs := run.directory / PAIRS).exists():
        return "pairs", str(pairs)
    is_scored = bool(run.index.answers(Prediction.stage)) or in_one_call(run)
    return "exported", "" if is_scored else "not yet, as far as this directory tells"


def _show_selection(out: Console, figures: RunFigures, selection: RunSelection) -> None:
    """What a run of `select` has instead of plans and sections."""
    title(out, "Selection", "" if selection.by_model else "by the rules alone, without a model")
    kept = f"{number(selection.kept)} by the model, of {number(selection.asked)} that it was asked about"
    rows_of(
        out,
        [
            ("kept", kept if selection.by_model else ""),
            ("failed", number(figures.counts.failed)),
            ("rejected", _tally({reason: group.n for reason, group in figures.rejects.items()})),
            ("written to", "" if selection.output is None else str(selection.output)),
        ],
    )


def _show_way_on(out: Console, run: Run, figures: RunFigures) -> None:
    """How to see one text: one that failed if any did."""
    ids = [group.example.id for group in figures.failures if group.example.id is not None] or run.index.ids[:1]
    if ids:
        command = shlex.join(["longwriter", "inspect", str(run.directory), "--id", ids[0]])
        out.print(Text(f"\nOne text with its plan: {line_of(command)}", "dim"), soft_wrap=True)


def _show_manifest(out: Console, manifest: Manifest) -> None:
    settings = Settings.from_row(manifest.settings)
    plain = Settings(settings.model, settings.plan_model, settings.judge_model, templates=settings.templates).to_row()
    chosen = {name: value for name, value in settings.to_row().items() if value != plain[name]}
    rows_of(
        out,
        [
            ("begun", f"{manifest.created_at} by longwriter-cli {manifest.tool_version}"),
            ("shard", str(manifest.shard or "")),
            ("model", settings.model + (f", plans by {settings.plan_model}" if settings.plan_model else "")),
            ("settings", ", ".join(f"{name} {_value(value)}" for name, value in chosen.items())),
            ("changed", f"settings, {_times(len(manifest.changes))}" if manifest.changes else ""),
            ("note", manifest.note),
        ],
    )


def _flagged(figures: RunFigures) -> str:
    flags = figures.plans.flags
    if not flags:
        return ""
    shown = "; ".join(f"{id}: {flag}" for id, flag in list(flags.items())[:_FLAGS_SHOWN])  # noqa: A001
    more = f"; {len(flags) - _FLAGS_SHOWN:,} more" if len(flags) > _FLAGS_SHOWN else ""
    return f", {len(flags):,} of them flagged ({shown}{more})"


def _show_quality(out: Console, figures: RunFigures) -> None:
    quality = figures.quality
    if quality is None:
        return
    title(out, "Quality", f"S_q {quality.score:.1f}, by {quality.judge}")
    dimensions = ", ".join(f"{name} {score:.1f}" for name, score in quality.dimensions.items())
    judged = f"{number(quality.judged)} of {counted(figures.texts, 'finished text')}"
    rows_of(out, [("judged", judged), ("of that", dimensions)])


def _show_sections(out: Console, figures: RunFigures) -> None:
    sections, plans = figures.sections, figures.plans
    if not plans.n:
        return
    ratio = "" if sections.mean_ratio is None else f"{sections.mean_ratio:.2f} of the target, mean over sections"
    title(out, "Sections", f"{number(sections.n)} of {number(plans.steps)} planned")
    rows_of(out, [("words", f"{number(sections.words)} written for {number(sections.target_words)}"), ("ratio", ratio)])


def _show_failures(out: Console, groups: Sequence[FailureGroup], path: Path) -> None:
    if not groups:
        return
    title(out, "Failures")
    for group in groups:
        example = group.example
        where = example.id or f"{_from_here(example.file)} line {example.line}"
        place = f", step {example.n}" if example.stage == "write" and example.n is not None else ""
        place = f", {example.stage}" if example.stage in ANSWER_STAGES else place
        more = "" if group.n == 1 else ", one of them:"
        indented(out, Text(f"{group.kind}  {group.n:,}{more}", "bold red"))
        rows_of(
            out,
            [
                (f"{where}{place}", example.message[:_MESSAGE_SHOWN]),
                ("next", f"{_what_next(group)} {group.what_to_do}".strip()),
            ],
            indent=4,
            widest=28,
        )
    indented(out, Text(f"all of them in {line_of(str(path))}", "dim"))


def _what_next(group: FailureGroup) -> str:
    if group.kind == "bad_row":
        return ""
    stays = group.n - group.comes_back
    if not stays:
        return "The next command tries it again."
    if not group.comes_back:
        return "Not tried again without --retry-failed or a change of prompt, plan or settings."
    return f"The next command tries {group.comes_back:,} again, and {stays:,} only with --retry-failed."


def _show_rejects(out: Console, figures: RunFigures, path: Path) -> None:
    """What the filters dropped from the last export: how many for each reason, and a few of them."""
    if not figures.rejects:
        return
    pairs = (path.parent / PAIRS).exists()
    what = counted(figures.rejected, "instruction" if pairs else "finished text")
    title(out, "Rejects", f"{what} {'without a pair' if pairs else 'that the last export left out'}")
    for reason, group in figures.rejects.items():
        more = "" if group.n <= len(group.samples) else ", the first of them:"
        indented(out, Text(f"{line_of(reason)}  {group.n:,}{more}", "bold yellow"))
        rows = [(id, detail[:_MESSAGE_SHOWN]) for id, detail in group.samples]  # noqa: A001
        rows_of(out, rows, indent=4, widest=28)
    indented(out, Text(f"all of them in {line_of(str(path))}", "dim"))


def _show_tokens(out: Console, run: Run, figures: RunFigures, cost_of: CostOf) -> None:
    usage = figures.counts.usage
    if not usage.total_tokens:
        return
    title(out, "Tokens", number(usage.total_tokens) + (", estimated in part" if usage.estimated else ""))
    table = table_of("model", "prompt", "cached", "completion")
    for model, spent in run.usage().items():
        table.add_row(
            line_of(model) or "-", *map(number, (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens))
        )
    indented(out, table)
    rows_of(out, [("cost", _cost(run, figures, cost_of))])


def _cost(run: Run, figures: RunFigures, cost_of: CostOf) -> str:
    usage = run.usage()
    cost = cost_of(usage)
    if cost is None:
        model = run.manifest.settings["model"] if run.manifest is not None else ""
        if model.partition(":")[0] == "local":
            return "none: the model ran on a machine of yours"
        known, unknown = known_cost(usage, cost_of)
        names = f"no price list has {', '.join(unknown)}; --price-in and --price-out say it"
        return f"not known: {names}" if known is None else f"{dollars(known)}, and some that is not known: {names}"
    each = f", {dollars(cost / figures.counts.written)} for each finished text" if figures.counts.written else ""
    return f"{dollars(cost)}{each}"


# --- a dataset


def show_dataset(out: Console, source: str, figures: DatasetFigures) -> None:
    title(out, "Dataset", source, first=True)
    rows_of(
        out,
        [
            ("records", number(figures.records)),
            ("languages", _tally({_UNTOLD.get(name, name): n for name, n in figures.languages.items()})),
            ("models", _tally(figures.models)),
        ],
    )
    _show_words(out, "record", figures.words)
    _show_lengths(out, figures.lengths)


# --- what both have


def _show_words(out: Console, of: str, words: Distribution) -> None:
    if not words.n:
        return
    title(out, "Words", f"{number(words.total)} in {counted(words.n, of)}, {words.mean:,.0f} on average")
    percentiles = (("p5", words.p5), ("p50", words.p50), ("p95", words.p95), ("max", words.max))
    indented(out, Text("   ".join(f"{name} {value:,}" for name, value in percentiles)))
    most = max(bin_.n for bin_ in words.histogram)
    table = Table.grid(padding=(0, 1))
    for justify in ("right", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for bin_ in words.histogram:
        length = -(-bin_.n * _BAR_WIDTH // most)  # rounded up: what is there is seen
        bar = ("#" if out.options.ascii_only else "█") * length
        table.add_row(
            _span(bin_.low, bin_.high), Text(bar.ljust(_BAR_WIDTH), "cyan"), number(bin_.n), f"{bin_.n / words.n:.0%}"
        )
    indented(out, table)


def _show_lengths(out: Console, lengths: Lengths) -> None:
    if not lengths.all.n:
        return
    title(out, "Length", f"required of {number(lengths.all.n)}; S_l is 100 where it is met exactly")
    table = table_of("required", "n", "mean required", "mean written", "S_l")
    for part in (*lengths.ranges, lengths.all):
        label = "all" if part is lengths.all else _span(part.low, part.high)
        table.add_row(label, number(part.n), *_of_range(part), style="bold" if part is lengths.all else "")
    indented(out, table)


def _of_range(part: LengthRange) -> tuple[str, str, str]:
    if part.required_words is None or part.words is None or part.score is None:
        return "-", "-", "-"
    return f"{part.required_words:,.0f}", f"{part.words:,.0f}", f"{part.score:.1f}"


def _value(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else str(value)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _tally(times: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in times.items())


def _span(low: int, high: int | None) -> str:
    """From where to where, in words: < 500, 1k-2k, 32k and more."""
    if high is None:
        return f"{_short(low)} and more"
    return f"{_short(low)}-{_short(high)}" if low else f"< {_short(high)}"


def _short(words: int) -> str:
    return f"{words // 1000}k" if words >= 1000 and words % 1000 == 0 else str(words)
