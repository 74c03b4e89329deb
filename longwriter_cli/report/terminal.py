"""Figures and records as text for a terminal, or for a file: the same layout, without colour where there is none.

Every text of a model, an endpoint or a user goes through `printable`, and none is read as markup.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console, ConsoleRenderable
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from longwriter_cli.records import ANSWER_STAGES, Prediction, Requirement
from longwriter_cli.report.dataset import DatasetFigures, Entry, score
from longwriter_cli.report.failures import FailureGroup
from longwriter_cli.report.measures import Distribution, LengthRange, Lengths
from longwriter_cli.report.money import CostOf, dollars, known_cost
from longwriter_cli.report.record import RecordView, StepView
from longwriter_cli.report.run_figures import RunFigures, UnderWay, exported, in_one_call
from longwriter_cli.report.selection import RunSelection, selection_of
from longwriter_cli.settings import Settings
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.pairs import PAIRS
from longwriter_cli.store.run import FAILURES, REJECTS, Run
from longwriter_cli.text.display import counted, printable
from longwriter_cli.text.words import count_words

_BAR_WIDTH = 24
_FLAGS_SHOWN = 3
_UNTOLD = {"und": "not told by letters"}
_MESSAGE_SHOWN = 300  # characters


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leaves a closed pipe to who called; rich would end the program with code 1."""
        raise BrokenPipeError


def console(file: TextIO | None = None) -> Console:
    """Where all below is shown: standard output, unless `file` says otherwise."""
    return _Console(file=file or sys.stdout, markup=False, highlight=False, emoji=False)


@contextmanager
def paged(out: Console) -> Iterator[Console]:
    """The console, with a pager behind it where people read: a long text begins at its beginning."""
    if not (out.is_terminal and sys.stdin.isatty()):
        yield out
        return
    os.environ.setdefault("LESS", "-FRX")  # colours stay, and what fits on a screen needs no key
    with out.pager(styles=True):
        yield out


# --- a run


def show_run(out: Console, run: Run, figures: RunFigures, cost_of: CostOf) -> None:
    counts = figures.counts
    _title(out, "Run", str(run.directory), first=True)
    if run.manifest is not None:
        _show_manifest(out, run.manifest)
    if (selection := selection_of(run)) is not None:
        _show_selection(out, figures, selection)
        _show_failures(out, figures.failures, run.directory / FAILURES)
        _show_tokens(out, run, figures, cost_of)
        return
    _title(out, "Instructions", _number(counts.instructions))
    _rows(
        out,
        [
            ("planned", _number(counts.planned) + _flagged(figures) if counts.planned or not in_one_call(run) else ""),
            ("written", _number(counts.written)),
            ("failed", _number(counts.failed)),
            ("to do", _number(figures.to_do)),
            ("rejected", _number(figures.rejected) if figures.rejected else ""),
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
    _title(out, "Selection", "" if selection.by_model else "by the rules alone, without a model")
    kept = f"{_number(selection.kept)} by the model, of {_number(selection.asked)} that it was asked about"
    _rows(
        out,
        [
            ("kept", kept if selection.by_model else ""),
            ("failed", _number(figures.counts.failed)),
            ("rejected", _tally({reason: group.n for reason, group in figures.rejects.items()})),
            ("written to", "" if selection.output is None else str(selection.output)),
        ],
    )


def _show_way_on(out: Console, run: Run, figures: RunFigures) -> None:
    """How to see one text: one that failed if any did."""
    ids = [group.example.id for group in figures.failures if group.example.id is not None] or run.index.ids[:1]
    if ids:
        command = shlex.join(["longwriter", "inspect", str(run.directory), "--id", ids[0]])
        out.print(Text(f"\nOne text with its plan: {_line(command)}", "dim"), soft_wrap=True)


def _show_manifest(out: Console, manifest: Manifest) -> None:
    settings = Settings.from_row(manifest.settings)
    plain = Settings(settings.model, settings.plan_model, settings.judge_model, templates=settings.templates).to_row()
    chosen = {name: value for name, value in settings.to_row().items() if value != plain[name]}
    _rows(
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
    _title(out, "Quality", f"S_q {quality.score:.1f}, by {quality.judge}")
    dimensions = ", ".join(f"{name} {score:.1f}" for name, score in quality.dimensions.items())
    judged = f"{_number(quality.judged)} of {counted(figures.texts, 'finished text')}"
    _rows(out, [("judged", judged), ("of that", dimensions)])


def _show_sections(out: Console, figures: RunFigures) -> None:
    sections, plans = figures.sections, figures.plans
    if not plans.n:
        return
    ratio = "" if sections.mean_ratio is None else f"{sections.mean_ratio:.2f} of the target, mean over sections"
    _title(out, "Sections", f"{_number(sections.n)} of {_number(plans.steps)} planned")
    _rows(out, [("words", f"{_number(sections.words)} written for {_number(sections.target_words)}"), ("ratio", ratio)])


def _show_failures(out: Console, groups: Sequence[FailureGroup], path: Path) -> None:
    if not groups:
        return
    _title(out, "Failures")
    for group in groups:
        example = group.example
        where = example.id or f"{_from_here(example.file)} line {example.line}"
        place = f", step {example.n}" if example.stage == "write" and example.n is not None else ""
        place = f", {example.stage}" if example.stage in ANSWER_STAGES else place
        more = "" if group.n == 1 else ", one of them:"
        _indented(out, Text(f"{group.kind}  {group.n:,}{more}", "bold red"))
        _rows(
            out,
            [
                (f"{where}{place}", example.message[:_MESSAGE_SHOWN]),
                ("next", f"{_what_next(group)} {group.what_to_do}".strip()),
            ],
            indent=4,
            widest=28,
        )
    _indented(out, Text(f"all of them in {_line(str(path))}", "dim"))


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
    _title(out, "Rejects", f"{what} {'without a pair' if pairs else 'that the last export left out'}")
    for reason, group in figures.rejects.items():
        more = "" if group.n <= len(group.samples) else ", the first of them:"
        _indented(out, Text(f"{_line(reason)}  {group.n:,}{more}", "bold yellow"))
        rows = [(id, detail[:_MESSAGE_SHOWN]) for id, detail in group.samples]  # noqa: A001
        _rows(out, rows, indent=4, widest=28)
    _indented(out, Text(f"all of them in {_line(str(path))}", "dim"))


def _show_tokens(out: Console, run: Run, figures: RunFigures, cost_of: CostOf) -> None:
    usage = figures.counts.usage
    if not usage.total_tokens:
        return
    _title(out, "Tokens", _number(usage.total_tokens) + (", estimated in part" if usage.estimated else ""))
    table = _table("model", "prompt", "cached", "completion")
    for model, spent in run.usage().items():
        table.add_row(
            _line(model) or "-", *map(_number, (spent.prompt_tokens, spent.cached_tokens, spent.completion_tokens))
        )
    _indented(out, table)
    _rows(out, [("cost", _cost(run, figures, cost_of))])


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
    _title(out, "Dataset", source, first=True)
    _rows(
        out,
        [
            ("records", _number(figures.records)),
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
    _title(out, "Words", f"{_number(words.total)} in {counted(words.n, of)}, {words.mean:,.0f} on average")
    percentiles = (("p5", words.p5), ("p50", words.p50), ("p95", words.p95), ("max", words.max))
    _indented(out, Text("   ".join(f"{name} {value:,}" for name, value in percentiles)))
    most = max(bin_.n for bin_ in words.histogram)
    table = Table.grid(padding=(0, 1))
    for justify in ("right", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for bin_ in words.histogram:
        length = -(-bin_.n * _BAR_WIDTH // most)  # rounded up: what is there is seen
        bar = ("#" if out.options.ascii_only else "█") * length
        table.add_row(
            _span(bin_.low, bin_.high), Text(bar.ljust(_BAR_WIDTH), "cyan"), _number(bin_.n), f"{bin_.n / words.n:.0%}"
        )
    _indented(out, table)


def _show_lengths(out: Console, lengths: Lengths) -> None:
    if not lengths.all.n:
        return
    _title(out, "Length", f"required of {_number(lengths.all.n)}; S_l is 100 where it is met exactly")
    table = _table("required", "n", "mean required", "mean written", "S_l")
    for part in (*lengths.ranges, lengths.all):
        label = "all" if part is lengths.all else _span(part.low, part.high)
        table.add_row(label, _number(part.n), *_of_range(part), style="bold" if part is lengths.all else "")
    _indented(out, table)


def _of_range(part: LengthRange) -> tuple[str, str, str]:
    if part.required_words is None or part.words is None or part.score is None:
        return "-", "-", "-"
    return f"{part.required_words:,.0f}", f"{part.words:,.0f}", f"{part.score:.1f}"


# --- one record


def show_record(out: Console, view: RecordView) -> None:
    instruction, plan = view.instruction, view.plan
    _title(out, "Instruction", instruction.id, first=True)
    _text(out, instruction.prompt)
    _rows(out, [("required", _required(instruction.required_words)), ("written", _written(view.words, view))])
    if plan is None:
        failure = view.plan_failure
        _title(out, "No plan", f"{failure.kind}: {failure.message}" if failure else "not planned yet")
        return
    planned = sum(step.words for step in plan.steps)
    _title(out, "Plan", f"{counted(len(plan.steps), 'step')}, {counted(planned, 'word')}")
    _rows(out, [("flag", plan.flag)])
    table = _table("n", "target", "words", "state", "main point", left=("state", "main point"))
    for step in view.steps:
        words = _number(step.section.words) if step.section is not None else "-"
        table.add_row(str(step.step.n), _number(step.step.words), words, _state(step), _line(step.step.main_point))
    _indented(out, table)
    for step in view.steps:
        if step.section is not None:
            _title(out, f"Section {step.step.n}", f"{_number(step.section.words)} of {_number(step.step.words)} words")
            _text(out, step.section.text)
        elif step.failure is not None:
            _title(out, f"Section {step.step.n}", f"failed, {step.failure.kind}")
            _text(out, step.failure.message)


def _state(step: StepView) -> Text:
    if step.failure is not None and step.section is None:
        return Text(f"failed: {step.failure.kind}", "red")
    return Text(step.state, "green" if step.section is not None else "yellow")


def _written(words: int, view: RecordView) -> str:
    score_ = f", S_l {view.length_score:.1f}" if view.length_score is not None else ""
    return f"{counted(words, 'word')}{score_}" + ("" if view.finished else ", not finished")


def show_entry(out: Console, entry: Entry) -> None:
    """A record of a dataset: there is no plan to show."""
    words = count_words(entry.text)
    s_l = score(entry, words)
    _title(out, "Record", str(entry.number) if entry.id is None else entry.id, first=True)
    _text(out, entry.prompt)
    _rows(
        out,
        [
            ("required", _required(entry.required_words)),
            ("written", counted(words, "word") + (f", S_l {s_l:.1f}" if s_l is not None else "")),
            ("language", entry.language),
            ("model", entry.model or ""),
        ],
    )
    _title(out, "Text")
    _text(out, entry.text)


def _required(required: Requirement | None) -> str:
    if required is None:
        return "no length is stated"
    if required.kind == "range" and required.low is not None and required.high is not None:
        return f"{_number(required.low)} to {_number(required.high)} words"
    return f"{required.kind.replace('_', ' ')} {_number(required.words)} words"


# --- pieces


def _title(out: Console, name: str, rest: str = "", *, first: bool = False) -> None:
    """A heading, with an empty line before it unless it is the first."""
    out.print(Text.assemble("" if first else "\n", (name, "bold"), f"  {_line(rest)}" if rest else ""))


def _indented(out: Console, what: ConsoleRenderable, by: int = 2) -> None:
    out.print(Padding(what, (0, 0, 0, by), expand=False))


def _rows(out: Console, rows: Iterable[tuple[str, str]], *, indent: int = 2, widest: int = 12) -> None:
    """Names and values side by side; a value that is empty is left out with its name."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", max_width=widest, overflow="fold")
    table.add_column(overflow="fold")
    for name, value in rows:
        if value:
            table.add_row(_line(name), _line(value))
    if table.row_count:
        _indented(out, table, indent)


def _table(*columns: str, left: Sequence[str] = ()) -> Table:
    """The first column and those in `left` begin at the left, the others are numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for place, name in enumerate(columns):
        at_left = place == 0 or name in left
        table.add_column(name, justify="left" if at_left else "right", overflow="fold")
    return table


def _text(out: Console, text: str) -> None:
    """A long text. A terminal gets whole words in each line, a file the lines as they are."""
    shown: ConsoleRenderable = Text(printable(text))
    out.print(shown, soft_wrap=not out.is_terminal)


def _line(text: str) -> str:
    """The text on one line."""
    return " ".join(printable(text).split())


def _number(value: int) -> str:
    return f"{value:,}"


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
