"""`select --dry-run`: what the model would be asked, and what that takes. Makes no call and writes nothing."""

from __future__ import annotations

import orjson

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.calls import check_prices, cost_usd
from longwriter_cli.cli.meter import duration
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.select_task import SelectTask, logged_prompts, settle_selection, within
from longwriter_cli.cli.task import extent_of
from longwriter_cli.errors import EXIT_OK
from longwriter_cli.records import Instruction, Usage
from longwriter_cli.report.money import dollars
from longwriter_cli.stages.estimate import TOKENS_PER_SECOND
from longwriter_cli.stages.expected import expected_usage
from longwriter_cli.stages.select import is_open, select_request, sift
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import counted
from longwriter_cli.text.plan import plan_digest


def dry_run(task: SelectTask, options: Options) -> int:
    """Reads the logs, prints what is expected and returns 0.

    Raises:
        UsageError: what would stop the command before its first call stops this one too.
    """
    run = Run.read(task.directory, plan_digest) if read_manifest(task.directory) is not None else None
    rows = kept = calls = 0
    usage = Usage()
    try:
        extent = extent_of(options, run)
        settings, templates = settle_selection(task, options, run)
        check_prices(settings, options)
        for sifted in within(sift(logged_prompts(task, []), task.rules_for(settings)), extent):
            rows += 1
            if not isinstance(sifted, Instruction):
                continue
            kept += 1
            if settings.model and (run is None or is_open(run, sifted.id, settings)):
                calls += 1
                usage += expected_usage(select_request(sifted, settings, templates.get("select")))
    finally:
        if run is not None:
            run.close()
    slots = models.slots(settings, options) if settings.model else 1
    cost = cost_usd({settings.model: usage}, options) if settings.model else 0.0
    by_batch = cost_usd({settings.model: usage.by_batch()}, options) if settings.model else 0.0
    rated_s = max(60 * calls / (options.rpm or 1e12), 60 * usage.total_tokens / (options.tpm or 1e12))
    elapsed_s = max(usage.completion_tokens / TOKENS_PER_SECOND / slots, rated_s)
    if options.json:
        summary = {
            "command": "select",
            "run": plain(str(task.directory)),
            "dry_run": True,
            "instructions": rows,
            "rejected": rows - kept,
            "calls": calls,
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost_usd": None if cost is None else round(cost, 6),
            "cost_usd_batch": None if by_batch is None else round(by_batch, 6),
            "elapsed_s": round(elapsed_s, 1),
            "exit_code": EXIT_OK,
        }
        if task.preset is not None:
            summary["preset"] = task.preset.row()
        show(orjson.dumps(summary).decode())
        return EXIT_OK
    for name, value in (
        ("rows", f"{rows:,}, of which the rules keep {kept:,}"),
        ("calls", f"{calls:,}"),
        ("tokens", f"{usage.prompt_tokens:,} of prompts, {usage.completion_tokens:,} of answers"),
        (
            "cost",
            f"{dollars(cost)}, by batch {dollars(by_batch)}"
            if cost is not None and by_batch is not None
            else "no price known: give --price-in and --price-out",
        ),
        (
            "time",
            f"{duration(elapsed_s)} with {counted(slots, 'call')} at once, at {TOKENS_PER_SECOND:g} tokens/s each",
        ),
    ):
        show(f"{name:>12}  {value}")
    if task.preset is not None:
        show(f"{'preset':>12}  {task.preset.name}: {task.preset.shown()}")
    return EXIT_OK
