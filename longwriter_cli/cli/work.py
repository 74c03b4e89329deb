"""What `plan`, `write` and `build-dataset` have in common: open the run, settle the settings, work, export, report."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import orjson
import typer

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.calls import Job, call_model, check_prices, cost_usd
from longwriter_cli.cli.options import Options
from longwriter_cli.errors import EXIT_FAILURES, EXIT_OK, InputError, LongwriterError, Stopped, UsageError
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import Templates, load_templates
from longwriter_cli.records import Failure, Instruction, Step
from longwriter_cli.report.summary import count, count_failed
from longwriter_cli.settings import MODEL_CHOICES, Settings, settle
from longwriter_cli.stages.build import build_dataset
from longwriter_cli.stages.clock import now
from longwriter_cli.store.export import Format
from longwriter_cli.store.manifest import Manifest, read_manifest
from longwriter_cli.store.run import Run
from longwriter_cli.store.source import read_instructions
from longwriter_cli.text.plan import parse_plan, plan_digest, steps_from_json
from longwriter_cli.text.requirement import required_words

# On these codes what is finished is exported; on every other one an earlier export stays as it was.
_EXPORT_ON = frozenset({0, 3, 4})
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class Export:
    path: Path
    kind: Format
    metadata: bool


@dataclass(frozen=True)
class Work:
    """What a command does on a run. `source` is the instruction file, or None to go on with what the run holds."""

    command: str
    directory: Path
    source: str | None = None
    plan: bool = False
    write: bool = False
    export: Export | None = None
    field: str | None = None
    skip_bad_rows: bool = False


def carry_out(work: Work, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    started = time.monotonic()
    options.check()
    if options.model is None and work.source is not None and read_manifest(work.directory) is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    bad_rows: list[InputError] = []
    instructions = _first_read(_read(work, bad_rows))
    tally, records, outcome = Tally(), None, None
    with Run.open(work.directory, plan_digest, create=work.source is not None) as run:
        try:
            settings, templates = _begin(work, options, run, instructions, bad_rows)
            if work.plan or work.write:
                job = Job(run, settings, templates, plan=work.plan, write=work.write)
                asyncio.run(call_model(job, options, tally))
        except LongwriterError as error:
            outcome = error
        code = outcome.exit_code if outcome else _verdict(options, run)
        if work.export is not None and code in _EXPORT_ON:
            try:
                export = work.export
                records = build_dataset(run, export.path, export.kind, metadata=export.metadata)
            except LongwriterError as error:
                outcome, code = error, error.exit_code
        _report(work, options, run, tally, records, time.monotonic() - started, code)
    if outcome is not None:
        raise _with_way_on(outcome)
    return code


# --- before the first call


def _read(work: Work, bad_rows: list[InputError]) -> Iterator[Instruction]:
    if work.source is None:
        return iter(())
    return read_instructions(
        work.source,
        parse_plan=_steps,
        required_words=required_words,
        field=work.field,
        on_bad_row=bad_rows.append if work.skip_bad_rows else None,
    )


def _steps(value: object) -> Sequence[Step]:
    return parse_plan(value) if isinstance(value, str) else steps_from_json(value)


def _first_read(instructions: Iterator[Instruction]) -> Iterator[Instruction]:
    """The same, with the first one read already: a wrong path is told before a run directory is made for it."""
    return chain([first] if (first := next(instructions, None)) is not None else [], instructions)


def _limited(instructions: Iterable[Instruction], limit: int | None) -> Iterator[Instruction]:
    """The first `limit` instructions; the rows behind them are read and checked all the same."""
    for place, instruction in enumerate(instructions):
        if limit is None or place < limit:
            yield instruction


def _begin(
    work: Work, options: Options, run: Run, instructions: Iterator[Instruction], bad_rows: list[InputError]
) -> tuple[Settings, Templates]:
    """Settles the settings, writes the manifest, takes the instructions in."""
    with run.staged(_limited(instructions, options.limit)) as staged:
        stored = Settings.from_row(run.manifest.settings) if run.manifest else None
        own = run.directory / "prompts"
        templates = load_templates(options.prompts or (own if stored and own.is_dir() else None))
        settings = settle(
            options.text_settings() | {"templates": templates.digests()},
            stored,
            uses=_uses(work, run),
            accept_new=bool(options.new_settings),
        )
        if staged.stat().st_size or _has_work(work, run):
            models.check_model(settings, options)
            check_prices(settings, options)
        run.begin(_manifest(run, settings), templates.files() if settings != stored else None)
        run.take_in(staged)
    _record_bad_rows(work, run, bad_rows)
    return settings, templates


def _uses(work: Work, run: Run) -> set[str]:
    uses = {"plan"} if work.plan else set()
    if work.write:
        uses.add("write")
        if any(run.index.plan_at(position) is None for position in range(len(run.index))):
            uses.add("plan")
    return uses


def _has_work(work: Work, run: Run) -> bool:
    """Whether the run holds anything unplanned or unwritten; where it does not, neither key nor endpoint is needed."""
    index = run.index
    return any(
        (work.plan and index.plan_at(position) is None) or (work.write and not index.is_complete(position))
        for position in range(len(index))
    )


def _manifest(run: Run, settings: Settings) -> Manifest:
    row, fingerprint = settings.to_row(), settings.fingerprint()
    if run.manifest is None:
        return Manifest(now(), row, fingerprint, note=models.note(settings))
    return run.manifest if run.manifest.fingerprint == fingerprint else run.manifest.changed(row, fingerprint, now())


def _record_bad_rows(work: Work, run: Run, bad_rows: list[InputError]) -> None:
    """Records the bad rows of this source, and that earlier ones of it have been mended since."""
    standing = {(f.file, f.line): f for f in run.index.standing_failures() if f.id is None and f.file == work.source}
    for error in bad_rows:
        earlier = standing.pop((error.file, error.line), None)
        if earlier is None or earlier.message != error.problem:
            run.add_failure(
                Failure(None, "read", None, "bad_row", error.problem, at=now(), file=error.file, line=error.line)
            )
    for (file, line), _ in standing.items():
        run.add_failure(Failure(None, "read", None, "bad_row", "mended", at=now(), file=file, line=line, mended=True))


# --- afterwards


def _verdict(options: Options, run: Run) -> int:
    return EXIT_FAILURES if count_failed(run) > options.most_failed(len(run.index)) else EXIT_OK


def _report(
    work: Work, options: Options, run: Run, tally: Tally, records: int | None, elapsed_s: float, code: int
) -> None:
    counts = count(run)
    cost = cost_usd(run.usage(), options)
    dataset = str(work.export.path) if work.export is not None and records is not None else None
    summary = {
        "command": work.command,
        "run": str(work.directory),
        "instructions": counts.instructions,
        "planned": counts.planned,
        "written": counts.written,
        "failed": counts.failed,
        "rejected": 0,
        "records": counts.written if records is None else records,
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
    if options.json:
        typer.echo(orjson.dumps(summary).decode())
        return
    if code == UsageError.exit_code:
        return
    spent = "" if cost is None else f", ${cost:.2f}"
    typer.echo(
        f"{counts.instructions} instructions: {counts.planned} planned, {counts.written} written, "
        f"{counts.failed} failed; {counts.sections} sections, {counts.words:,} words, "
        f"{counts.usage.total_tokens:,} tokens{spent}; {tally.calls} calls now"
    )
    if counts.failed:
        typer.echo(f"what failed and why: longwriter inspect {shlex.quote(str(work.directory))}")
    if dataset is not None:
        typer.echo(f"{records} records in {dataset}")


def _with_way_on(error: LongwriterError) -> LongwriterError:
    """The error, with the command that goes on where giving it again is what to do."""
    if isinstance(error, Stopped):
        error.tip = "Go on with: " + shlex.join(["longwriter", *sys.argv[1:]])
    return error
