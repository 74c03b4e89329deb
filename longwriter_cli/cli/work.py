"""What `plan`, `write` and `build-dataset` do on a run: AgentWrite, and the export."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from longwriter_cli.cli import errand
from longwriter_cli.cli.bad_rows import record_bad_rows
from longwriter_cli.cli.beginning import begin_run
from longwriter_cli.cli.calls import Calls, Work, cost_usd
from longwriter_cli.cli.dry_run import dry_run
from longwriter_cli.cli.export import export_run, push_export
from longwriter_cli.cli.meter import AgentWriteMeter, Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.redo import Redo
from longwriter_cli.cli.summary import show_json, spent
from longwriter_cli.cli.task import (
    Task,
    check_export,
    check_judge,
    extent_of,
    first_read,
    read_source,
    settle_settings,
)
from longwriter_cli.errors import EmptyExport, InputError, UsageError
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction
from longwriter_cli.report.summary import count
from longwriter_cli.settings import MODEL_CHOICES, Settings
from longwriter_cli.stages.build import Exported, finished_to_be_judged
from longwriter_cli.stages.judging import Judging, judged_by
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.run import PLANS, REJECTS, Run
from longwriter_cli.store.shard import Extent
from longwriter_cli.text.display import counted, printable


def carry_out(task: Task, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    options.check()
    if options.model is None and task.source is not None and read_manifest(task.directory) is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    check_export(task)
    if options.dry_run:
        return dry_run(task, options)
    return errand.carry_out(_AgentWriteErrand(task, options), options)


class _AgentWriteErrand:
    """An `Errand`. The source is opened at once: a wrong path is told before a run directory is made for it."""

    def __init__(self, task: Task, options: Options) -> None:
        self.directory = task.directory
        self.creates = task.source is not None
        self._task = task
        self._options = options
        self._bad_rows: list[InputError] = []
        bad_rows = self._bad_rows if task.skip_bad_rows else None
        self._instructions = first_read(read_source(task.source, task.field, bad_rows))
        self._redo = Redo()
        self._exported: Exported | None = None
        self._dropped_all = 0  # where nothing was left to export
        self._address: str | None = None

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        task, extent = self._task, extent_of(self._options, run)
        settings, templates = _begin(task, self._options, run, extent, self._instructions, self._bad_rows)
        options = replace(self._options, limit=extent.in_run)
        self._redo = Redo.begin(run, task.redo)
        if not (task.plan or task.write):
            return None

        async def work(calls: Calls) -> None:
            await calls.agentwrite(run, settings, templates).work(
                plan=task.plan, write=task.write, slots=calls.slots, limit=options.limit, grace_s=calls.grace_s
            )
            if task.judges and settings.judge_model is not None:
                judging = Judging(calls.chat, settings, templates.get("judge"))
                texts = finished_to_be_judged(run, options.limit)
                await calls.answering(run).work(
                    (question for text in texts for question in judging.questions(text)),
                    slots=calls.slots,
                    grace_s=calls.grace_s,
                )

        return settings, agentwrite_meter(task, options, run, tally), work

    def close(self, run: Run) -> None:
        self._redo.tell_failed(run)

    def export(self, run: Run) -> None:
        if (to := self._task.export) is not None:
            try:
                self._exported = export_run(run, to, self._options)
            except EmptyExport as error:
                self._dropped_all = error.dropped
                raise
            if to.push is not None:
                self._address = push_export(to, self._exported.written)

    def total(self, run: Run) -> int:
        return errand.instructions_and_bad_rows(run)

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        exported, dropped_all = self._exported, self._dropped_all
        _report(self._task, self._options, run, tally, exported, dropped_all, self._address, elapsed_s, code)


# --- before the first call


def _begin(
    task: Task,
    options: Options,
    run: Run,
    extent: Extent,
    instructions: Iterator[Instruction],
    bad_rows: list[InputError],
) -> tuple[Settings, Templates]:
    """Settles the settings, writes the manifest, takes the instructions in."""
    with run.staged(extent.of(instructions)) as staged:
        settings, templates = settle_settings(task, options, run)
        check_judge(task, settings)
        asks = staged.stat().st_size > 0 or _has_work(task, run, settings)
        begin_run(run, staged, settings, templates, options, extent.shard, asks=asks)
    _tell_strays(run)
    record_bad_rows(run, [task.source] if task.source is not None else [], bad_rows)
    return settings, templates


def _tell_strays(run: Run) -> None:
    """Tells of plans that belong to no instruction: mostly an id that was mistyped in an edit."""
    strays = run.index.strays
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        say(f"note: {PLANS} has a plan for {printable(strays[0])!r}{more}; no instruction has this id.")


def _has_work(task: Task, run: Run, settings: Settings) -> bool:
    """Whether the run holds anything unplanned, unwritten or unjudged; else neither key nor endpoint is needed."""
    index = run.index
    if task.judges and settings.judge_model is not None:
        judged = judged_by(run, settings.judge_model)
        if any(index.is_complete(position) and index.ids[position] not in judged for position in range(len(index))):
            return True
    return bool(task.redo) or any(
        (task.plan and index.plan_at(position) is None) or (task.write and not index.is_complete(position))
        for position in range(len(index))
    )


def agentwrite_meter(task: Task, options: Options, run: Run, tally: Tally) -> Meter:
    index = run.index
    planned = [p for p in index.order()[: options.limit] if index.plan_at(p) is not None]
    unfinished = [p for p in planned if not index.is_complete(p)]
    written = [entry for p in planned for entry in index.sections(p).values()]
    total = len(index) if options.limit is None else min(options.limit, len(index))
    return AgentWriteMeter(
        total=total if task.plan else len(planned),
        planned=len(planned),
        finished=len(planned) - len(unfinished),
        sections=len(written),
        words=sum(entry.words for entry in written),
        words_to_do=sum(index.words_left(p) for p in unfinished),
        tally=tally,
        tokens=lambda: sum(usage.total_tokens for usage in run.usage().values()),
        cost_usd=lambda: cost_usd(run.usage(), options),
    )


# --- afterwards


def _report(
    task: Task,
    options: Options,
    run: Run,
    tally: Tally,
    exported: Exported | None,
    dropped_all: int,
    address: str | None,
    elapsed_s: float,
    code: int,
) -> None:
    counts = count(run)
    dataset = task.export.path if task.export is not None and exported is not None else None
    if options.json:
        show_json(
            task.command,
            run,
            counts,
            options,
            tally,
            rejected=exported.rejected if exported else dropped_all,
            records=exported.records if exported else counts.written - dropped_all,
            dataset=dataset,
            elapsed_s=elapsed_s,
            code=code,
            more={"hub": address} if task.export is not None and task.export.push is not None else {},
        )
        return
    if code == UsageError.exit_code:
        return
    show(
        f"{counted(counts.instructions, 'instruction')}: {counts.planned} planned, {counts.written} written, "
        f"{counts.failed} failed; {counted(counts.sections, 'section')}, {counted(counts.words, 'word')}, "
        f"{counts.usage.total_tokens:,} tokens{spent(run, options)}; {counted(tally.calls, 'call')} now"
    )
    if counts.failed:
        show(f"what failed and why: longwriter inspect {shlex.quote(str(task.directory))}")
    if exported is not None:
        show(f"{counted(exported.records, 'record')} in {plain(str(dataset))}{_parts(exported)}")
        if exported.rejected:
            place = plain(str(task.directory / REJECTS))
            show(f"{counted(exported.rejected, 'text')} dropped by the filters; which and why: {place}")
    if address is not None:
        show(f"on the hub: {address}")


def _parts(exported: Exported) -> str:
    """How the records are divided, where they are."""
    records, files = exported.written.records, sum(map(len, exported.written.files.values()))
    if len(records) > 1:
        return ": " + ", ".join(f"{split} {n:,}" for split, n in records.items())
    return f", in {files} files" if files > 1 else ""
