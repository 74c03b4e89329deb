"""What `select` does on its run: sift the logs, ask the model about what is left, write instructions and rejects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from typing import Any

import orjson

from longwriter_cli.cli import errand
from longwriter_cli.cli.bad_rows import record_bad_rows
from longwriter_cli.cli.beginning import begin_run, manifest_of
from longwriter_cli.cli.calls import Calls, Work, cost_usd
from longwriter_cli.cli.meter import AnswerMeter, Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.progress import PLAIN_INTERVAL_S
from longwriter_cli.cli.select_task import SelectTask, check_places, logged_prompts, settle_selection, within
from longwriter_cli.cli.summary import show_json, spent
from longwriter_cli.cli.task import extent_of
from longwriter_cli.errors import EmptyExport, InputError, LongwriterError, UsageError
from longwriter_cli.llm.retry import Tally
from longwriter_cli.records import Instruction, Selection, Usage
from longwriter_cli.report.layout import console
from longwriter_cli.report.selection import SelectionFigures, show_selection
from longwriter_cli.report.summary import Counts, count_failed
from longwriter_cli.settings import Settings
from longwriter_cli.stages.select import Reject, Selector, is_open, sift, verdict_on
from longwriter_cli.store.emptied import check_not_emptied
from longwriter_cli.store.run import REJECTS, Run
from longwriter_cli.store.selection import Row, Spool, replacing
from longwriter_cli.store.shard import Extent
from longwriter_cli.store.source import check_logs
from longwriter_cli.text.display import counted
from longwriter_cli.text.selecting import DROP_BY_MODEL, REASONS, Rules

_ROWS_BETWEEN_LOOKS = 1000  # at the clock


def carry_out(task: SelectTask, options: Options) -> int:
    """Selects and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is answered is kept, and the summary is printed.
    """
    options.check()
    check_places(task)
    check_logs(task.logs)
    if options.dry_run:
        from longwriter_cli.cli.select_estimate import dry_run

        return dry_run(task, options)
    return errand.carry_out(_SelectErrand(task, options), options)


class _SelectErrand:
    """An `Errand`. The first row is read at once: a wrong path is told before a run directory is made for it."""

    creates = True

    def __init__(self, task: SelectTask, options: Options) -> None:
        self.directory = task.directory
        self._task = task
        self._options = options
        self._bad_rows: list[InputError] = []
        logs = logged_prompts(task, self._bad_rows)
        first = next(logs, None)
        self._logs = chain([] if first is None else [first], logs)
        self._spool: Spool | None = None
        self._exported: SelectionFigures | None = None

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        task, options = self._task, self._options
        extent = extent_of(options, run)
        settings, templates = settle_selection(task, options, run)
        self._spool = spool = Spool(run.directory)
        instructions = self._instructions(spool, task.rules_for(settings), extent)
        if not settings.model:
            for _ in instructions:
                pass
            run.begin(manifest_of(run, settings, extent.shard))
            self._record_bad_rows(run)
            return None
        with run.staged(instructions) as staged:
            finished = sum(not is_open(run, id, settings) for id in spool.kept_ids())  # noqa: A001 - the rows' word
            begin_run(run, staged, settings, templates, options, extent.shard, asks=finished < spool.kept)
        self._record_bad_rows(run)
        meter = AnswerMeter(
            "prompts",
            total=spool.kept,
            finished=finished,
            tally=tally,
            tokens=lambda: sum(usage.total_tokens for usage in run.usage().values()),
            cost_usd=lambda: cost_usd(run.usage(), options),
        )

        async def work(calls: Calls) -> None:
            selector = Selector(calls.chat, settings, templates.get("select"))
            answering = calls.answering(run)
            questions = selector.questions(run, spool.kept_ids())
            await answering.work(questions, slots=calls.slots, grace_s=calls.grace_s)

        return settings, meter, work

    def _instructions(self, spool: Spool, rules: Rules, extent: Extent) -> Iterator[Instruction]:
        """What the rules keep. All rows are put into the spool on the way."""
        reading = _Reading(self._options)
        for sifted in within(sift(self._logs, rules), extent):
            if isinstance(sifted, Reject):
                spool.drop(_reject_row(sifted))
            else:
                spool.keep(_instruction_row(sifted))
                yield sifted
            reading.look(spool)

    def _record_bad_rows(self, run: Run) -> None:
        record_bad_rows(run, self._task.logs, self._bad_rows)

    def close(self, run: Run) -> None:
        pass

    def export(self, run: Run) -> None:
        assert self._spool is not None, "the logs were read"
        with ExitStack() as both:
            keep = both.enter_context(replacing(self._task.output))
            drop = both.enter_context(replacing(run.directory / REJECTS))
            figures = SelectionFigures()
            for row, kept in self._concluded(run, figures):
                (keep if kept else drop)(row)
            try:
                check_not_emptied(self._task.output, figures.kept, "instruction")
            except EmptyExport as error:
                dropped = ", ".join(f"{reason} {n:,}" for reason, n in figures.dropped.most_common())
                error.message += f" Dropped: {dropped}." if dropped else ""
                raise
        self._exported = figures  # not before both files are in their places

    def _concluded(self, run: Run, figures: SelectionFigures) -> Iterator[tuple[Row, bool]]:
        """The rows of the logs with the model's verdicts, counted on the way; those that wait for one are left out."""
        if self._spool is None or run.manifest is None:  # stopped before all logs were read
            return
        settings = Settings.from_row(run.manifest.settings)
        asked = bool(settings.model)
        for row, kept in self._spool.rows():
            verdict, keeps = verdict_on(run, row["id"], settings) if kept and asked else (None, kept)
            if keeps is None:
                figures.waiting += 1
            elif keeps:
                figures.kept += 1
                yield row if verdict is None or verdict.words is None else row | {"needs_words": verdict.words}, True
            else:
                reject = row if verdict is None else _refused_row(row, verdict)
                figures.dropped[reject["reason"]] += 1
                yield reject, False

    def total(self, run: Run) -> int:
        assert self._spool is not None, "the logs were read"
        return self._spool.kept + self._spool.dropped + len(self._bad_rows)

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        figures = self._exported
        if figures is None:  # nothing was written: what would have been is still told
            figures = SelectionFigures()
            with suppress(LongwriterError):  # the disk may be what stopped the command
                for _ in self._concluded(run, figures):
                    pass
        if self._spool is not None:
            self._spool.close()
        _report(self._task, self._options, run, tally, figures, self._exported is not None, elapsed_s, code)


class _Reading:
    """Says from time to time how far the reading has come."""

    def __init__(self, options: Options) -> None:
        self._mode = options.progress or "auto"
        self._next = time.monotonic() + PLAIN_INTERVAL_S
        self._rows = 0

    def look(self, spool: Spool) -> None:
        self._rows += 1
        if self._rows % _ROWS_BETWEEN_LOOKS or self._mode == "none" or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + PLAIN_INTERVAL_S
        if self._mode == "json":
            say(orjson.dumps({"rows": self._rows, "kept": spool.kept}).decode())
        else:
            say(f"{self._rows:,} rows read, {spool.kept:,} kept so far")


def _instruction_row(instruction: Instruction) -> Row:
    row: dict[str, Any] = {"id": instruction.id, "prompt": instruction.prompt}
    if instruction.required_words is not None:
        row["required_words"] = instruction.required_words.words
    return row | dict(instruction.meta)


def _reject_row(reject: Reject) -> Row:
    logged, drop = reject.logged, reject.drop
    place = {"source": plain(logged.source), "line": logged.line}
    return {"id": logged.id, "reason": drop.reason, "detail": drop.detail, **place}


def _refused_row(row: Row, verdict: Selection) -> Row:
    words = "" if verdict.words is None else f"{counted(verdict.words, 'word')} would do: "
    place = {"source": row["source"], "line": row["line"]}
    return {"id": row["id"], "reason": DROP_BY_MODEL, "detail": f"{words}{verdict.reason}", **place}


def _report(
    task: SelectTask,
    options: Options,
    run: Run,
    tally: Tally,
    figures: SelectionFigures,
    exported: bool,
    elapsed_s: float,
    code: int,
) -> None:
    usage = sum(run.usage().values(), Usage())
    failed = count_failed(run)
    counts = Counts(figures.rows, 0, figures.kept, failed, 0, 0, usage)
    if options.json:
        show_json(
            "select",
            run,
            counts,
            options,
            tally,
            rejected=figures.rejected,
            records=figures.kept if exported else 0,
            dataset=task.output if exported else None,
            elapsed_s=elapsed_s,
            code=code,
        )
        return
    if code == UsageError.exit_code:
        return
    show(f"{counted(figures.rows, 'row')} of {counted(len(task.logs), 'log')}")
    show_selection(console(), figures, REASONS)
    if usage.total_tokens or tally.calls:
        show(f"{usage.total_tokens:,} tokens{spent(run, options)}; {counted(tally.calls, 'call')} now")
    if failed:
        show(f"{failed:,} failed; which and why: {plain(str(task.directory / 'failures.jsonl'))}")
    if exported:
        show(f"{counted(figures.kept, 'instruction')} in {plain(str(task.output))}")
        show(f"{counted(figures.rejected, 'row')} dropped; which and why: {plain(str(task.directory / REJECTS))}")
