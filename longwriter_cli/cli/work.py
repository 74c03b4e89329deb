"""What `plan`, `write` and `build-dataset` have in common: open the run, settle the settings, work, export, report."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Iterator

import orjson

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.calls import Job, call_model, check_prices, cost_usd
from longwriter_cli.cli.dry_run import dry_run
from longwriter_cli.cli.export import export_run, push_export
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.redo import Redo
from longwriter_cli.cli.task import Task, check_export, first_read, limited, read_source, settle_settings
from longwriter_cli.errors import EXIT_BUG, EXIT_FAILURES, EXIT_OK, InputError, LongwriterError, UsageError
from longwriter_cli.llm.address import mask_url
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Failure, Instruction
from longwriter_cli.report.summary import count, count_failed
from longwriter_cli.settings import MODEL_CHOICES, Settings
from longwriter_cli.stages.build import Exported
from longwriter_cli.stages.clock import now
from longwriter_cli.store.manifest import Manifest, read_manifest
from longwriter_cli.store.run import PLANS, REJECTS, Run
from longwriter_cli.text.display import printable
from longwriter_cli.text.plan import plan_digest

# On these codes what is finished is exported; on every other one an earlier export stays as it was.
_EXPORT_ON = frozenset({0, 3, 4})


def carry_out(task: Task, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    started = time.monotonic()
    options.check()
    if options.model is None and task.source is not None and read_manifest(task.directory) is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    check_export(task)
    if options.dry_run:
        return dry_run(task, options)
    bad_rows: list[InputError] = []
    instructions = first_read(read_source(task.source, task.field, bad_rows if task.skip_bad_rows else None))
    tally, redo, exported, address = Tally(), Redo(), None, None
    outcome: Exception | None = None
    with Run.open(task.directory, plan_digest, create=task.source is not None) as run:
        try:
            settings, templates = _begin(task, options, run, instructions, bad_rows)
            redo = Redo.begin(run, task.redo)
            if task.plan or task.write:
                job = Job(run, settings, templates, plan=task.plan, write=task.write)
                asyncio.run(call_model(job, options, tally))
        except Exception as error:  # a bug too: the summary is printed whatever ends the command
            outcome = error
        redo.tell_failed(run)
        try:
            run.sync()  # before anybody is told that it is kept
        except LongwriterError as error:
            outcome = error
        code = _verdict(options, run) if outcome is None else _code(outcome)
        if task.export is not None and code in _EXPORT_ON:
            try:
                exported = export_run(run, task.export, options)
                if task.export.push is not None:
                    address = push_export(task.export, exported.written)
            except Exception as error:
                outcome, code = error, _code(error)
        _report(task, options, run, tally, exported, address, time.monotonic() - started, code)
    if outcome is not None:
        raise outcome
    return code


def _code(error: Exception) -> int:
    return error.exit_code if isinstance(error, LongwriterError) else EXIT_BUG


# --- before the first call


def _begin(
    task: Task, options: Options, run: Run, instructions: Iterator[Instruction], bad_rows: list[InputError]
) -> tuple[Settings, Templates]:
    """Settles the settings, writes the manifest, takes the instructions in."""
    with run.staged(limited(instructions, options.limit)) as staged:
        settings, templates = settle_settings(task, options, run)
        stored = run.manifest and Settings.from_row(run.manifest.settings)
        if staged.stat().st_size or _has_work(task, run):
            models.check_model(settings, options)
            check_prices(settings, options)
            run.check_room()
        run.begin(_manifest(run, settings), templates.files() if settings != stored else None)
        run.take_in(staged)
    _tell_strays(run)
    _record_bad_rows(task, run, bad_rows)
    return settings, templates


def _tell_strays(run: Run) -> None:
    """Tells of plans that belong to no instruction: mostly an id that was mistyped in an edit."""
    strays = run.index.strays
    if strays:
        more = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        say(f"note: {PLANS} has a plan for {printable(strays[0])!r}{more}; no instruction has this id.")


def _has_work(task: Task, run: Run) -> bool:
    """Whether the run holds anything unplanned or unwritten; where it does not, neither key nor endpoint is needed."""
    index = run.index
    return bool(task.redo) or any(
        (task.plan and index.plan_at(position) is None) or (task.write and not index.is_complete(position))
        for position in range(len(index))
    )


def _manifest(run: Run, settings: Settings) -> Manifest:
    row, fingerprint = settings.to_row(), settings.fingerprint()
    if run.manifest is None:
        return Manifest(now(), row, fingerprint, note=models.note(settings))
    return run.manifest if run.manifest.fingerprint == fingerprint else run.manifest.changed(row, fingerprint, now())


def _record_bad_rows(task: Task, run: Run, bad_rows: list[InputError]) -> None:
    """Records the bad rows of this source, and that earlier ones of it have been mended since."""
    standing = {(f.file, f.line): f for f in run.index.standing_failures() if f.id is None and f.file == task.source}
    for error in bad_rows:
        earlier = standing.pop((error.file, error.line), None)
        if earlier is None or earlier.message != error.problem:
            run.add_failure(
                Failure(None, "read", None, "bad_row", error.problem, at=now(), file=plain(error.file), line=error.line)
            )
    for (file, line), _ in standing.items():
        run.add_failure(Failure(None, "read", None, "bad_row", "mended", at=now(), file=file, line=line, mended=True))


# --- afterwards


def _verdict(options: Options, run: Run) -> int:
    bad_rows = sum(failure.id is None for failure in run.index.standing_failures())
    return EXIT_FAILURES if count_failed(run) > options.most_failed(len(run.index) + bad_rows) else EXIT_OK


def _report(
    task: Task,
    options: Options,
    run: Run,
    tally: Tally,
    exported: Exported | None,
    address: str | None,
    elapsed_s: float,
    code: int,
) -> None:
    counts = count(run)
    cost = cost_usd(run.usage(), options)
    dataset = plain(str(task.export.path)) if task.export is not None and exported is not None else None
    summary = {
        "command": task.command,
        "run": plain(str(task.directory)),
        "instructions": counts.instructions,
        "planned": counts.planned,
        "written": counts.written,
        "failed": counts.failed,
        "rejected": exported.rejected if exported else 0,
        "records": exported.records if exported else counts.written,
        "sections": counts.sections,
        "calls": tally.calls,
        "retries": tally.retries,
        "prompt_tokens": counts.usage.prompt_tokens,
        "cached_tokens": counts.usage.cached_tokens,
        "completion_tokens": counts.usage.completion_tokens,
        "cost_usd": None if cost is None else round(cost, 6),
        "elapsed_s": round(elapsed_s, 3),
        "dataset": dataset,
        "exit_code": code,
    }
    if task.export is not None and task.export.push is not None:
        summary["hub"] = address
    if options.json:
        show(orjson.dumps(summary).decode())
        return
    if code == UsageError.exit_code:
        return
    spent = "" if cost is None else f", ${cost:.2f}"
    show(
        f"{counted(counts.instructions, 'instruction')}: {counts.planned} planned, {counts.written} written, "
        f"{counts.failed} failed; {counted(counts.sections, 'section')}, {counted(counts.words, 'word')}, "
        f"{counts.usage.total_tokens:,} tokens{spent}; {tally.calls} calls now"
    )
    if counts.failed:
        show(f"what failed and why: longwriter inspect {shlex.quote(str(task.directory))}")
    if dataset is not None:
        assert exported is not None
        show(f"{counted(exported.records, 'record')} in {dataset}{_parts(exported)}")
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


def counted(number: int, noun: str) -> str:
    """`1 record`, `1,200 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def masked(argument: str) -> str:
    """An argument without the password that it may hold as an address."""
    return mask_url(argument) if "://" in argument and ("@" in argument or "?" in argument) else argument
