"""What `evaluate` and `ruler` do on a run: texts written or read, judged, and scored."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

from longwriter_cli.cli import anew as judging_anew
from longwriter_cli.cli import errand
from longwriter_cli.cli.bad_rows import record_bad_rows
from longwriter_cli.cli.beginning import begin_run
from longwriter_cli.cli.calls import Calls, Work, check_prices, cost_usd
from longwriter_cli.cli.dry_run import print_estimate
from longwriter_cli.cli.evaluation_calls import take_in_written, write_and_judge
from longwriter_cli.cli.evaluation_task import EvaluationTask, as_agentwrite, has_work, settle_evaluation
from longwriter_cli.cli.given_texts import take_in_given
from longwriter_cli.cli.meter import AnswerMeter, Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.scoring import Scores, score
from longwriter_cli.cli.summary import show_json, spent
from longwriter_cli.cli.task import extent_of, first_read, read_source
from longwriter_cli.cli.work import agentwrite_meter
from longwriter_cli.errors import EXIT_OK, InputError, UsageError
from longwriter_cli.evals.benchmark import BUILTIN, builtin_rows
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Comparison, Instruction, Judgement, Prediction
from longwriter_cli.report.charts import check_installed
from longwriter_cli.report.summary import count
from longwriter_cli.settings import MODEL_CHOICES, Settings
from longwriter_cli.stages.comparing import ORDERS, Comparing, compared, rivals, texts_by_row
from longwriter_cli.stages.estimate_evaluation import EvaluationEstimator
from longwriter_cli.stages.evaluate import (
    checked,
    instructions_of,
    texts_to_judge,
)
from longwriter_cli.store import anew
from longwriter_cli.store.batches import BATCHES
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.place import check_directory
from longwriter_cli.store.run import Run
from longwriter_cli.store.source.predictions import read_predictions
from longwriter_cli.text.display import counted
from longwriter_cli.text.plan import plan_digest


def carry_out(task: EvaluationTask, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    options.check()
    begun = read_manifest(task.directory) is not None
    if task.redo_judging and (options.transport == "batch" or (task.directory / BATCHES).exists()):
        raise UsageError(
            "--redo-judging does not go with batches: what is asked again would be known for what was asked before.",
            "Judge with another model or template, or evaluate in another run directory.",
        )
    if not begun and task.source is None:
        raise UsageError(f"{task.directory} holds no run, and no benchmark is named.", "Name one, or `builtin`.")
    if not begun and options.model is None and task.predictions is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    if task.charts:
        check_installed()
    if task.compare is not None:
        check_directory(task.compare)
        if task.compare.resolve() == task.directory.resolve():
            raise UsageError(f"--compare {task.compare}: that is the run itself.", "Name another run.")
    evaluation = _Evaluation(task, options)
    return evaluation.dry_run() if options.dry_run else errand.carry_out(evaluation, options)


class _Evaluation:
    """An `Errand`. The source is opened at once: a wrong path is told before a run directory is made for it."""

    def __init__(self, task: EvaluationTask, options: Options) -> None:
        self.directory = task.directory
        self.creates = task.source is not None
        self._task = task
        self._options = options
        self._bad_rows: list[InputError] = []
        try:
            self._instructions = first_read(self._read())
        except InputError as error:
            error.tip = error.tip or f"BENCHMARK is {BUILTIN}, a file, or hf:NAME."
            raise
        self._other = {} if task.compare is None else _texts_of(task.compare)
        self._given = None if task.predictions is None else list(read_predictions(task.predictions, task.field))
        self._settings: Settings | None = None
        self._templates = Templates({})
        self._scores: Scores | None = None

    def _read(self) -> Iterator[Instruction]:
        task = self._task
        if task.rows is not None:
            return iter(task.rows)
        if task.source is None:
            return iter(())
        if task.source == BUILTIN:
            return iter(builtin_rows())
        bad_rows = self._bad_rows if task.skip_bad_rows else None
        return checked(read_source(task.source, task.field, bad_rows), task.source)

    def dry_run(self) -> int:
        """Shows what would be asked. Makes no call, takes no lock and writes nothing."""
        task, options = self._task, self._options
        run = Run.read(task.directory, plan_digest) if read_manifest(task.directory) is not None else None
        try:
            extent = extent_of(options, run)
            settings, templates = settle_evaluation(task, options, run)
            check_prices(settings, options)
            rows = {row.id: row for row in instructions_of(run, extent.in_run)} if run is not None else {}
            rows |= {row.id: row for row in extent.of(self._instructions)}
            estimator = EvaluationEstimator(
                *(settings, templates, run, task.judge_samples, task.judge_parts),
                judged_since=judging_anew.expected(task, run) if run is not None else 0,
            )
            estimate = estimator.of_all(rows.values())
        finally:
            if run is not None:
                run.close()
        print_estimate(as_agentwrite(task), options, settings, estimate)
        return EXIT_OK

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        task, extent = self._task, extent_of(self._options, run)
        options = self._options = replace(self._options, limit=extent.in_run)
        # Rows of the command's own are taken in whole: no later command may name them. The limit holds for the work.
        wanted = extent if task.rows is None else replace(extent, limit=None)
        with run.staged(wanted.of(self._instructions)) as staged:
            settings, templates = settle_evaluation(task, options, run)
            self._settings, self._templates = settings, templates
            for option, is_given in (("--compare", task.compare is not None), ("--redo-judging", task.redo_judging)):
                if is_given and settings.judge_model is None:
                    raise UsageError(f"{option} needs a judge.", "Name one with --judge-model.")
            is_to_do = (
                bool(self._other)
                or staged.stat().st_size > 0
                or task.redo_judging
                or has_work(task, run, settings, options.limit)
            )
            asks = settings.method != "given" or settings.judge_model is not None
            begin_run(run, staged, settings, templates, options, extent.shard, asks=is_to_do and asks)
        since = judging_anew.begin(task, run, settings)
        record_bad_rows(run, [task.source] if task.source is not None else [], self._bad_rows)
        if self._given is not None:
            take_in_given(run, self._given, plain(str(task.predictions)))
        if not asks:
            return None

        async def work(calls: Calls) -> None:
            await write_and_judge(task, options, run, settings, templates, calls, since)
            if since is not None:
                anew.end(run.directory)
            if settings.judge_model is not None and self._other:
                comparing = Comparing(calls.chat, settings, templates.get("compare"))
                pairs = rivals(texts_to_judge(run, options.limit), self._other)
                await calls.answering(run).work(
                    (question for pair in pairs for question in comparing.questions(pair)),
                    slots=calls.slots,
                    grace_s=calls.grace_s,
                )

        meter = _meter(task, options, run, settings, tally, since or 0)
        if isinstance(meter, AnswerMeter) and settings.judge_model is not None and self._other:
            self._count_comparisons(meter, run, settings)
        return settings, meter, work

    def _count_comparisons(self, meter: AnswerMeter, run: Run, settings: Settings) -> None:
        """Two verdicts on each text that has a rival; those on texts that stand already may be there."""
        template = self._templates.get("compare")
        rows = {(row.id, row.prompt) for row in instructions_of(run, self._options.limit)}
        pairs = rivals(texts_to_judge(run, self._options.limit), self._other)
        asked = (key for pair in pairs for key in pair.keys(settings, template))
        meter.expect(
            len(ORDERS) * len(self._other.keys() & rows),
            done=sum(key in run.index.answers(Comparison.stage) for key in asked),
        )

    def close(self, run: Run) -> None:
        pass

    def export(self, run: Run) -> None:
        assert self._settings is not None, "what ends before the settings are known is not exported"
        take_in_written(run, self._settings, self._options.limit)
        task = self._task
        won = None
        if task.compare is not None:
            pairs = rivals(texts_to_judge(run, self._options.limit), self._other)
            won = compared(run, pairs, self._settings, self._templates.get("compare"))
        self._scores = score(
            run,
            self._settings,
            command=task.command,
            benchmark=task.source,
            predictions=task.predictions,
            word_count=task.word_count,
            limit=self._options.limit,
            charts=task.charts,
            compared=None if won is None else {"other": plain(str(task.compare)), **asdict(won)},
        )

    def total(self, run: Run) -> int:
        return errand.instructions_and_bad_rows(run)

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        _report(self._task, self._options, run, tally, self._scores, elapsed_s, code)


def _texts_of(directory: Path) -> dict[tuple[str, str], str]:
    """The texts of another run, by id and prompt.

    Raises:
        InputError: there is no run, or none of its instructions has a text.
    """
    with Run.read(directory, plan_digest) as run:
        texts = texts_by_row(run)
    if not texts:
        raise InputError(directory, None, "holds no text to compare with", "Name a run that has finished texts.")
    return texts


def _meter(task: EvaluationTask, options: Options, run: Run, settings: Settings, tally: Tally, since: int) -> Meter:
    if settings.method == "agentwrite":
        return agentwrite_meter(as_agentwrite(task), options, run, tally)
    n = len(run.index) if options.limit is None else min(options.limit, len(run.index))
    judged = n * task.judge_samples if settings.judge_model is not None else 0
    done = [key for key, at in run.index.answers(Judgement.stage).items() if at >= since]
    return AnswerMeter(
        "answers",
        total=n + judged,
        finished=min(n, len(run.index.answers(Prediction.stage))) + min(judged, len(done)),
        tally=tally,
        tokens=lambda: sum(usage.total_tokens for usage in run.usage().values()),
        cost_usd=lambda: cost_usd(run.usage(), options),
    )


# --- the work


def _report(
    task: EvaluationTask,
    options: Options,
    run: Run,
    tally: Tally,
    scores: Scores | None,
    elapsed_s: float,
    code: int,
) -> None:
    counts = count(run)
    if options.json:
        show_json(
            task.command,
            run,
            counts,
            options,
            tally,
            rejected=0,
            records=len(run.index.answers(Prediction.stage)),
            dataset=None,
            elapsed_s=elapsed_s,
            code=code,
            more={} if scores is None else scores.summary(),
        )
        return
    if code == UsageError.exit_code:
        return
    if scores is not None:
        scores.show()
    show(
        f"{counted(counts.instructions, 'instruction')}: "
        f"{counted(len(run.index.answers(Prediction.stage)), 'text')}, "
        f"{counted(len(run.index.answers(Judgement.stage)), 'judgement')}, {counts.failed} failed; "
        f"{counts.usage.total_tokens:,} tokens{spent(run, options)}; {counted(tally.calls, 'call')} now"
    )
    if counts.failed:
        show(f"what failed and why: longwriter inspect {shlex.quote(str(task.directory))}")
