"""`--dry-run`: what a command would take. Makes no call, takes no lock and writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import orjson

from longwriter_cli.cli import chat as models
from longwriter_cli.cli.calls import check_prices, cost_usd
from longwriter_cli.cli.export_estimate import show_export
from longwriter_cli.cli.meter import duration
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.redo import position_of
from longwriter_cli.cli.task import Task, check_judge, extent_of, read_source, settle_settings
from longwriter_cli.errors import EXIT_OK, InputError
from longwriter_cli.records import Instruction, Plan, Usage
from longwriter_cli.report.money import dollars, known_cost
from longwriter_cli.settings import Settings
from longwriter_cli.stages.build import is_judged
from longwriter_cli.stages.estimate import TOKENS_PER_SECOND, Estimate, Estimator
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.run import Run, no_run
from longwriter_cli.store.shard import Extent
from longwriter_cli.text.display import counted
from longwriter_cli.text.plan import plan_digest


def dry_run(task: Task, options: Options) -> int:
    """Prints what is expected and returns 0.

    Raises:
        UsageError: what would stop the command before its first call stops this one too.
    """
    run = Run.read(task.directory, plan_digest) if read_manifest(task.directory) is not None else None
    if run is None and task.source is None:
        raise no_run(task.directory)
    try:
        extent = extent_of(options, run)
        settings, templates = settle_settings(task, options, run)
        check_judge(task, settings)
        if run is not None and task.export is not None and not task.write:
            show_export(task, run, settings, json=bool(options.json))
            return EXIT_OK
        check_prices(settings, options)
        judges = task.judges and settings.judge_model is not None
        estimator = Estimator(settings, templates, plans=task.plan, writes=task.write, judges=judges)
        estimate = estimator.of_all(_left_to_do(task, extent, run, settings, judges=judges))
    finally:
        if run is not None:
            run.close()
    print_estimate(task, options, settings, estimate)
    return EXIT_OK


def _left_to_do(
    task: Task, extent: Extent, run: Run | None, settings: Settings, *, judges: bool
) -> Iterator[tuple[Instruction, Plan | None, Collection[int]]]:
    """The instructions that are not finished: those of the run, then those that the source would add to it."""
    if run is not None:
        anew = {position_of(run, id) for id in task.redo}  # noqa: A001 - the rows' word
        for position in run.index.order()[: extent.in_run]:
            instruction, plan = run.instruction(position), run.plan(position)
            if position in anew:
                yield instruction, None, ()
                continue
            if run.index.is_complete(position):
                is_to_do = judges and not is_judged(run, settings, position)
            else:
                is_to_do = (task.plan and plan is None) or (task.write and plan is not None)
            if is_to_do:
                yield instruction, plan, run.index.sections(position)
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
    without_cache = {model: replace(spent, cached_tokens=0) for model, spent in usage.items()}
    uncached = cost_usd(without_cache, options)
    by_batch = cost_usd(_by_batch(usage), options)
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
            "cost_usd_batch": None if by_batch is None else round(by_batch, 6),
            "waves": estimate.waves,
            "elapsed_s": round(elapsed_s, 1),
            "exit_code": EXIT_OK,
        }
        if task.preset is not None:
            summary["preset"] = task.preset.row()
        show(orjson.dumps(summary).decode())
        return
    calls = f"{counted(estimate.plan_calls, 'plan')}, {counted(estimate.sections, 'section')}"
    if estimate.direct_calls:
        calls += f", {counted(estimate.direct_calls, 'direct answer')}"
    if estimate.judge_calls:
        calls += f", {counted(estimate.judge_calls, 'judgement')}"
    at_once = counted(concurrency, "call")
    rates = " and within the rates" if options.rpm or options.tpm else ""
    is_free = all(models.is_local(model) for model in settings.models())
    price = "nothing: the model runs on this machine" if is_free else _price(usage, without_cache, options)
    by_batch_rows = (
        ("by batch", _price_by_batch(usage, options)),
        (
            "",
            f"{counted(estimate.waves, 'wave')}, each of which may take a day: {_days(estimate.waves)} at the longest",
        ),
    )
    for name, value in (
        ("instructions", f"{estimate.instructions:,} to do"),
        ("calls", f"{estimate.calls:,}: {calls}"),
        ("words", f"{estimate.words:,}"),
        ("tokens", f"{estimate.usage.prompt_tokens:,} of prompts, {estimate.usage.completion_tokens:,} of answers"),
        ("cost", price),
        (
            "time",
            f"{duration(elapsed_s)} with {at_once} at once, at {TOKENS_PER_SECOND:g} tokens/s each{rates}",
        ),
        *(() if any(models.is_local(model) for model in settings.models()) else by_batch_rows),
    ):
        show(f"{name:>12}  {value}")
    if task.preset is not None:
        show(f"{'preset':>12}  {task.preset.name}: {task.preset.shown()}")
    for option, cap, needed in (
        ("--max-cost", options.max_cost, by_batch if options.transport == "batch" else cost),
        ("--max-total-tokens", options.max_total_tokens, estimate.usage.total_tokens),
    ):
        if cap is not None and needed is not None and needed > cap:
            show(f"        note  {option} {cap:g} is less than that: the run would stop (4) before its end")


def _price(usage: Mapping[str, Usage], without_cache: Mapping[str, Usage], options: Options) -> str:
    def cost_of(spent: Mapping[str, Usage]) -> float | None:
        return cost_usd(spent, options)

    cost, unknown = known_cost(usage, cost_of)
    uncached, _ = known_cost(without_cache, cost_of)
    if cost is None or uncached is None:
        return "no price known: give --price-in and --price-out"
    known = f"{dollars(cost)}, or {dollars(uncached)} where the endpoint has no prefix cache"
    without = f"; without {', '.join(unknown)}, of no known price: --price-in and --price-out say it"
    return known + (without if unknown else "")


def _by_batch(usage: Mapping[str, Usage]) -> dict[str, Usage]:
    return {model: spent.by_batch() for model, spent in usage.items()}


def _price_by_batch(usage: Mapping[str, Usage], options: Options) -> str:
    cost, _ = known_cost(_by_batch(usage), lambda spent: cost_usd(spent, options))
    if cost is None:
        return "no price known"
    return f"{dollars(cost)}, whatever is cached: half the price, and no discount besides"


def _days(waves: int) -> str:
    return "a day" if waves == 1 else f"{waves} days"


def _rated_s(estimate: Estimate, options: Options) -> float:
    """Seconds that `--rpm` and `--tpm` alone take."""
    return max(
        60 * estimate.calls / options.rpm if options.rpm else 0.0,
        60 * estimate.usage.total_tokens / options.tpm if options.tpm else 0.0,
    )
