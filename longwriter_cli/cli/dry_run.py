"""`--dry-run`: what a command would take. Makes no call, takes no lock and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import orjson

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.calls import check_prices, cost_usd
from longwriter_cli.cli.meter import duration
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.task import Task, check_judge, extent_of, read_source, settle_settings
from longwriter_cli.errors import EXIT_OK, InputError
from longwriter_cli.records import Instruction, Judgement, Plan, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.estimate import TOKENS_PER_SECOND, Estimate, Estimator
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.run import Run
from longwriter_cli.store.shard import Extent
from longwriter_cli.text.plan import plan_digest


def dry_run(task: Task, options: Options) -> int:
    """Prints what is expected and returns 0.

    Raises:
        UsageError: what would stop the command before its first call stops this one too.
    """
    run = Run.read(task.directory, plan_digest) if read_manifest(task.directory) is not None else None
    try:
        extent = extent_of(options, run)
        settings, templates = settle_settings(task, options, run)
        check_judge(task, settings)
        check_prices(settings, options)
        judges = task.judges and settings.judge_model is not None
        estimator = Estimator(settings, templates, plans=task.plan, writes=task.write, judges=judges)
        estimate = estimator.of_all(_left_to_do(task, extent, run, judges=judges))
    finally:
        if run is not None:
            run.close()
    print_estimate(task, options, settings, estimate)
    return EXIT_OK


def _left_to_do(
    task: Task, extent: Extent, run: Run | None, *, judges: bool
) -> Iterator[tuple[Instruction, Plan | None, Collection[int]]]:
    """The instructions that are not finished: those of the run, then those that the source would add to it."""
    if run is not None:
        judged = {key[0] for key in run.index.answers(Judgement.stage)}
        for position in run.index.order()[: extent.in_run]:
            plan = run.plan(position)
            if run.index.is_complete(position):
                is_to_do = judges and run.index.ids[position] not in judged
            else:
                is_to_do = task.plan or plan is not None
            if is_to_do:
                yield run.instruction(position), plan, run.index.sections(position)
    bad_rows: list[InputError] | None = [] if task.skip_bad_rows else None
    for instruction in extent.of(read_source(task.source, task.field, bad_rows)):
        if run is None or run.index.position(instruction.id) is None:
            yield instruction, None, ()


def print_estimate(task: Task, options: Options, settings: Settings, estimate: Estimate) -> None:
    concurrency = models.slots(settings, options)
    usage = {model: Usage() for model in settings.models()}
    usage[settings.model] += estimate.write_usage
    usage[settings.plan_model or settings.model] += estimate.plan_usage
    usage[settings.judge_model or settings.model] += estimate.judge_usage
    cost = cost_usd(usage, options)
    uncached = cost_usd({model: replace(spent, cached_tokens=0) for model, spent in usage.items()}, options)
    elapsed_s = max(estimate.elapsed_s(concurrency), _rated_s(estimate, options))
    if options.json:
        summary = {
            "command": task.command,
            "run": plain(str(task.directory)),
            "dry_run": True,
            "instructions": estimate.instructions,
            "sections": estimate.sections,
            "words": estimate.words,
            "calls": estimate.calls,
            "prompt_tokens": estimate.usage.prompt_tokens,
            "cached_tokens": estimate.usage.cached_tokens,
            "completion_tokens": estimate.usage.completion_tokens,
            "cost_usd": None if cost is None else round(cost, 6),
            "cost_usd_uncached": None if uncached is None else round(uncached, 6),
            "elapsed_s": round(elapsed_s, 1),
            "exit_code": EXIT_OK,
        }
        if task.preset is not None:
            summary["preset"] = task.preset.row()
        show(orjson.dumps(summary).decode())
        return
    calls = f"{estimate.plan_calls:,} plans, {estimate.sections:,} sections"
    if estimate.direct_calls:
        calls += f", {estimate.direct_calls:,} direct answers"
    if estimate.judge_calls:
        calls += f", {estimate.judge_calls:,} judgements"
    rates = " and within the rates" if options.rpm or options.tpm else ""
    price = "no price known: give --price-in and --price-out"
    if cost is not None:
        price = f"${cost:,.2f}, or ${uncached:,.2f} where the endpoint has no prefix cache"
    for name, value in (
        ("instructions", f"{estimate.instructions:,} to do"),
        ("calls", f"{estimate.calls:,}: {calls}"),
        ("words", f"{estimate.words:,}"),
        ("tokens", f"{estimate.usage.prompt_tokens:,} of prompts, {estimate.usage.completion_tokens:,} of answers"),
        ("cost", price),
        (
            "time",
            f"{duration(elapsed_s)} with {concurrency} calls at once, at {TOKENS_PER_SECOND:g} tokens/s each{rates}",
        ),
    ):
        show(f"{name:>12}  {value}")
    if task.preset is not None:
        show(f"{'preset':>12}  {task.preset.name}: {task.preset.shown()}")
    for option, cap, needed in (
        ("--max-cost", options.max_cost, cost),
        ("--max-total-tokens", options.max_total_tokens, estimate.usage.total_tokens),
    ):
        if cap is not None and needed is not None and needed > cap:
            show(f"        note  {option} {cap:g} is less than that: the run would stop (4) before its end")


def _rated_s(estimate: Estimate, options: Options) -> float:
    """Seconds that `--rpm` and `--tpm` alone take."""
    return max(
        60 * estimate.calls / options.rpm if options.rpm else 0.0,
        60 * estimate.usage.total_tokens / options.tpm if options.tpm else 0.0,
    )
