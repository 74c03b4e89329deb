"""What `pairs` does on its run: samples written, judged, scored, and two of each instruction put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from longwriter_cli.cli import errand
from longwriter_cli.cli.bad_rows import record_bad_rows
from longwriter_cli.cli.beginning import begin_run
from longwriter_cli.cli.calls import Calls, Work, check_prices, cost_usd
from longwriter_cli.cli.dry_run import print_estimate
from longwriter_cli.cli.meter import AnswerMeter, Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.pairs_task import PairsTask, check_output, has_work, rules_of, settle_pairs
from longwriter_cli.cli.summary import show_json, spent
from longwriter_cli.cli.task import Task, extent_of, first_read, read_source
from longwriter_cli.engine.events import Event, Finished
from longwriter_cli.errors import EXIT_OK, InputError, UsageError
from longwriter_cli.evals.choice import REASONS, Choice, NoPair
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Judgement, Prediction
from longwriter_cli.report.summary import count
from longwriter_cli.settings import MODEL_CHOICES, Settings
from longwriter_cli.stages.direct import Direct
from longwriter_cli.stages.estimate_evaluation import EvaluationEstimator
from longwriter_cli.stages.evaluate import instructions_of, written_predictions
from longwriter_cli.stages.judging import Judging
from longwriter_cli.stages.pairs import PairFigures, Pairing, PairRules, sampled_texts
from longwriter_cli.store.emptied import check_not_emptied
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.pairs import write_rows
from longwriter_cli.store.run import REJECTS, Run
from longwriter_cli.text.display import counted
from longwriter_cli.text.plan import plan_digest

Row = dict[str, Any]


def carry_out(task: PairsTask, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    options.check()
    begun = read_manifest(task.directory) is not None
    if not begun and task.source is not None and options.model is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    check_output(task)
    pairs = _PairsErrand(task, options)
    return pairs.dry_run() if options.dry_run else errand.carry_out(pairs, options)


class _PairsErrand:
    """An `Errand`. The source is opened at once: a wrong path is told before a run directory is made for it."""

    def __init__(self, task: PairsTask, options: Options) -> None:
        self.directory = task.directory
        self.creates = task.source is not None
        self._task = task
        self._options = options
        self._bad_rows: list[InputError] = []
        bad_rows = self._bad_rows if task.skip_bad_rows else None
        self._instructions = first_read(read_source(task.source, task.field, bad_rows))
        self._pairing: Pairing | None = None
        self._figures: PairFigures | None = None

    def dry_run(self) -> int:
        """Shows what would be asked. Makes no call, takes no lock and writes nothing."""
        task, options = self._task, self._options
        run = Run.read(task.directory, plan_digest) if read_manifest(task.directory) is not None else None
        try:
            extent = extent_of(options, run)
            settings, templates = settle_pairs(task, options, run)
            check_prices(settings, options)
            rules = rules_of(task, settings, run)
            judged = rules.judge_samples if rules.weights.quality else 0
            rows = {row.id: row for row in instructions_of(run, extent.in_run)} if run is not None else {}
            rows |= {row.id: row for row in extent.of(self._instructions)}
            estimator = EvaluationEstimator(settings, templates, run, judged, judge_parts=False, samples=rules.samples)
            estimate = estimator.of_all(rows.values())
        finally:
            if run is not None:
                run.close()
        print_estimate(Task("pairs", task.directory, task.source, plan=True, write=True), options, settings, estimate)
        return EXIT_OK

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        task, extent = self._task, extent_of(self._options, run)
        options = self._options = replace(self._options, limit=extent.in_run)
        with run.staged(extent.of(self._instructions)) as staged:
            settings, templates = settle_pairs(task, options, run)
            rules = rules_of(task, settings, run)
            asks = staged.stat().st_size > 0 or has_work(run, settings, rules, options.limit)
            begin_run(run, staged, settings, templates, options, extent.shard, asks=asks)
        record_bad_rows(run, [task.source] if task.source is not None else [], self._bad_rows)
        self._pairing = Pairing(run, settings, rules)
        _tell_of_sameness(settings)

        async def work(calls: Calls) -> None:
            await _work(run, settings, templates, rules, calls, options.limit)

        return settings, _meter(options, run, settings, rules, tally), work

    def close(self, run: Run) -> None:
        pass

    def export(self, run: Run) -> None:
        assert self._pairing is not None, "what ends before the settings are known is not exported"
        figures = PairFigures()
        rejects: list[Row] = []
        write_rows(self._task.output, self._not_emptied(_rows(self._pairing, figures, rejects, self._options.limit)))
        write_rows(run.directory / REJECTS, rejects)
        self._figures = figures  # not before both files are in their places

    def _not_emptied(self, rows: Iterator[Row]) -> Iterator[Row]:
        pairs = 0
        for pairs, row in enumerate(rows, 1):  # noqa: B007 - the count is used behind the loop
            yield row
        check_not_emptied(self._task.output, pairs, "pair")

    def total(self, run: Run) -> int:
        return errand.instructions_and_bad_rows(run)

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        _report(self._task, self._options, run, tally, self._figures, elapsed_s, code)


# --- before the first call


def _tell_of_sameness(settings: Settings) -> None:
    if settings.temperature == 0:
        say("note: with temperature 0 the samples of an instruction may all be the same, and then make no pair.")


def _meter(options: Options, run: Run, settings: Settings, rules: PairRules, tally: Tally) -> Meter:
    texts = rules.samples * (len(run.index) if options.limit is None else min(options.limit, len(run.index)))
    judgements = texts * rules.judge_samples if settings.judge_model is not None and rules.weights.quality else 0
    return _TextMeter(
        "answers",
        total=texts + judgements,
        finished=min(texts, len(run.index.answers(Prediction.stage)))
        + min(judgements, len(run.index.answers(Judgement.stage))),
        tally=tally,
        tokens=lambda: sum(usage.total_tokens for usage in run.usage().values()),
        cost_usd=lambda: cost_usd(run.usage(), options),
    )


# --- the work


async def _work(
    run: Run, settings: Settings, templates: Templates, rules: PairRules, calls: Calls, limit: int | None
) -> None:
    """Writes the samples that are not written, then has them judged."""
    answering = calls.answering(run)
    if settings.method == "agentwrite":
        for sample in range(rules.samples):
            await _write_sample(run, settings, templates, sample, calls, limit)
    else:
        questions = Direct(calls.chat, settings).questions(instructions_of(run, limit), rules.samples)
        await answering.work(questions, slots=calls.slots, grace_s=calls.grace_s)
    if settings.judge_model is not None and rules.weights.quality:
        judging = Judging(calls.chat, settings, templates.get("judge"))
        to_judge = (
            question
            for text in sampled_texts(run, rules.samples, limit)
            for question in judging.questions(text, rules.judge_samples)
        )
        await answering.work(to_judge, slots=calls.slots, grace_s=calls.grace_s)


async def _write_sample(
    run: Run, settings: Settings, templates: Templates, sample: int, calls: Calls, limit: int | None
) -> None:
    """AgentWrite over all instructions, once more, and with a seed of its own where one is sent."""
    own = settings if settings.seed is None else replace(settings, seed=settings.seed + sample)
    agentwrite = calls.agentwrite(run.sample(sample), own, templates)
    try:
        await agentwrite.work(plan=True, write=True, slots=calls.slots, limit=limit, grace_s=calls.grace_s)
    finally:
        for prediction in list(written_predictions(run, limit, sample)):
            run.add_answer(prediction)


class _TextMeter(AnswerMeter):
    """Counts a text that AgentWrite has finished as an answer."""

    def take(self, event: Event) -> None:
        super().take(event)
        if isinstance(event, Finished):
            self.finished += 1


# --- afterwards


def _rows(pairing: Pairing, figures: PairFigures, rejects: list[Row], limit: int | None) -> Iterator[Row]:
    """The rows of the pairs, counted on the way; those of instructions without one are put aside."""
    for row, reject, choice in pairing.rows(limit):
        match choice:
            case Choice():
                figures.add(choice)
            case NoPair():
                figures.without[choice.reason] += 1
        if row is not None:
            yield row
        if reject is not None:
            rejects.append(reject)


def _report(
    task: PairsTask,
    options: Options,
    run: Run,
    tally: Tally,
    figures: PairFigures | None,
    elapsed_s: float,
    code: int,
) -> None:
    counts = count(run)
    texts, judgements = len(run.index.answers(Prediction.stage)), len(run.index.answers(Judgement.stage))
    if options.json:
        without = figures.without if figures is not None else {}
        show_json(
            "pairs",
            run,
            counts,
            options,
            tally,
            rejected=sum(without.values()),
            records=figures.pairs if figures is not None else 0,
            dataset=task.output if figures is not None else None,
            elapsed_s=elapsed_s,
            code=code,
            more={"texts": texts, "judgements": judgements, "without_pair": dict(without)},
        )
        return
    if code == UsageError.exit_code:
        return
    show(
        f"{counted(counts.instructions, 'instruction')}: {counted(texts, 'text')}, {counted(judgements, 'judgement')}, "
        f"{counts.failed} failed; {counts.usage.total_tokens:,} tokens{spent(run, options)}; "
        f"{counted(tally.calls, 'call')} now"
    )
    if figures is None:
        return
    show(f"{counted(figures.pairs, 'pair')} in {plain(str(task.output))}{_means(figures)}")
    for reason, instructions in figures.without.most_common():
        show(f"{counted(instructions, 'instruction')} without a pair: {REASONS[reason]}")
    if figures.without:
        show(f"which: {plain(str(task.directory / REJECTS))}")


def _means(figures: PairFigures) -> str:
    """The means of both sides."""
    if not figures.pairs:
        return ""
    n = figures.pairs
    return (
        f"; chosen: score {figures.chosen_score / n:.1f}, {figures.chosen_words / n:,.0f} words on average; "
        f"rejected: {figures.rejected_score / n:.1f}, {figures.rejected_words / n:,.0f} words"
    )
