"""What `pairs` does on its run: samples written, judged, scored, and two of each instruction put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from longwriter_cli.cli import chat as models
from longwriter_cli.cli import errand
from longwriter_cli.cli.calls import Calls, Work, check_prices, cost_usd
from longwriter_cli.cli.meter import AnswerMeter, Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.summary import counted, show_json, spent
from longwriter_cli.cli.task import first_read, limited, read_source
from longwriter_cli.cli.work import manifest_of
from longwriter_cli.engine.events import Event, Finished
from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.evals.preference import REASONS, Choice, NoPair, RejectedBy, Weights
from longwriter_cli.llm.retry import Tally
from longwriter_cli.prompts import AGENTWRITE, TemplateName, Templates, load_templates
from longwriter_cli.records import Judgement, Prediction
from longwriter_cli.report.summary import count
from longwriter_cli.settings import MODEL_CHOICES, Job, Settings, settle
from longwriter_cli.stages.agentwrite import AgentWrite
from longwriter_cli.stages.answering import Answering
from longwriter_cli.stages.direct import Direct
from longwriter_cli.stages.evaluate import instructions_of, written_predictions
from longwriter_cli.stages.judging import Judging
from longwriter_cli.stages.pairs import PairFigures, Pairing, PairRules, most_samples, sampled_texts
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.write import Writer
from longwriter_cli.store.manifest import read_manifest
from longwriter_cli.store.pairs import check_pairs_place, write_rows
from longwriter_cli.store.run import FILES, REJECTS, Run

DEFAULT_SAMPLES = 4
"""As in the paper."""

Row = dict[str, Any]


@dataclass(frozen=True)
class PairsTask:
    """What was asked for. `samples` and `method` are the run's where they are None, else the defaults."""

    directory: Path
    source: str | None
    output: Path
    samples: int | None
    method: Literal["direct", "agentwrite"] | None
    judge_samples: int
    rejected: RejectedBy
    min_margin: float
    weights: Weights
    field: str | None
    skip_bad_rows: bool


def carry_out(task: PairsTask, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    options.check()
    begun = read_manifest(task.directory) is not None
    if not begun and task.source is not None and options.model is None:
        raise UsageError("No model is named.", MODEL_CHOICES)
    _check_output(task)
    return errand.carry_out(_PairsErrand(task, options), options)


def _check_output(task: PairsTask) -> None:
    """Sees to it that pairs overwrite nothing but earlier pairs."""
    place = task.output.resolve()
    if place in {(task.directory / name).resolve() for name in FILES}:
        raise UsageError(f"{task.output} is a file of the run itself.", "Name another one with -o.")
    if task.source is not None and place == Path(task.source).resolve():
        raise UsageError(f"{task.output} is the file of the instructions.", "Name another one with -o.")
    check_pairs_place(task.output)


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

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        task, options = self._task, self._options
        with run.staged(limited(self._instructions, options.limit)) as staged:
            settings, templates = _settle(task, options, run)
            rules = _rules(task, settings, run)
            if staged.stat().st_size or _has_work(run, settings, rules, options.limit):
                models.check_model(settings, options)
                check_prices(settings, options)
                run.check_room()
            stored = run.manifest and Settings.from_row(run.manifest.settings)
            run.begin(manifest_of(run, settings), templates.files() if settings != stored else None)
            run.take_in(staged)
        self._pairing = Pairing(run, settings, rules)
        _tell_of_sameness(settings)

        async def work(calls: Calls) -> None:
            await _work(run, settings, templates, rules, calls, options.limit)

        return settings, _meter(options, run, settings, rules, tally), work

    def close(self, run: Run) -> None:
        pass

    def export(self, run: Run) -> None:
        assert self._pairing is not None, "what ends before the settings are known is not exported"
        self._figures = PairFigures()
        rejects: list[Row] = []
        write_rows(self._task.output, _rows(self._pairing, self._figures, rejects, self._options.limit))
        write_rows(run.directory / REJECTS, rejects)

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        _report(self._task, self._options, run, tally, self._figures, elapsed_s, code)


# --- before the first call


def _settle(task: PairsTask, options: Options, run: Run) -> tuple[Settings, Templates]:
    """Settings and templates of this command: as given, else the run's, else the defaults."""
    stored = None if run.manifest is None else Settings.from_row(run.manifest.settings)
    given: Row = {**options.text_settings(), "method": task.method or ("direct" if stored is None else None)}
    by_agentwrite = (given["method"] or (stored.method if stored else "")) == "agentwrite"
    names: list[TemplateName] = list(AGENTWRITE) if by_agentwrite else []
    uses: set[Job] = {"plan", "write"} if by_agentwrite else {"direct"}
    judge = options.judge_model or (stored.judge_model if stored is not None else None)
    if task.weights.quality and judge is None:
        raise UsageError(
            "No judge is named, and the quality of texts is to count.",
            "Name one with --judge-model, or score by length alone: --quality-weight 0.",
        )
    if judge is not None:
        names.append("judge")
        uses.add("judge")
    own = task.directory / "prompts"
    templates = load_templates(options.prompts or (own if stored and own.is_dir() else None), names)
    given["templates"] = templates.digests()
    fresh: set[Job] = set() if run.index.answers(Judgement.stage) else {"judge"}
    accept_new = bool(options.new_settings) or run.index.is_blank()
    return settle(given, stored, uses=uses, accept_new=accept_new, fresh=fresh), templates


def _rules(task: PairsTask, settings: Settings, run: Run) -> PairRules:
    return PairRules(
        samples=task.samples or max(most_samples(run), DEFAULT_SAMPLES),
        judge_samples=task.judge_samples,
        rejected=task.rejected,
        min_margin=task.min_margin,
        weights=task.weights,
        seed=settings.seed or 0,
    )


def _has_work(run: Run, settings: Settings, rules: PairRules, limit: int | None) -> bool:
    """Whether anything is unwritten or unjudged; where it is not, neither key nor endpoint is needed."""
    written, judged = run.index.answers(Prediction.stage), {key[:2] for key in run.index.answers(Judgement.stage)}
    keys = {(run.index.ids[at], sample) for at in run.index.order()[:limit] for sample in range(rules.samples)}
    judges = settings.judge_model is not None and bool(rules.weights.quality)
    return not keys <= written.keys() or (judges and (rules.judge_samples > 1 or not keys <= judged))


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
    answering = Answering(run, calls.stop, calls.listen, calls.retry)
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
    agentwrite = AgentWrite(
        run.sample(sample),
        Planner(calls.chat, own, templates),
        Writer(calls.chat, own, templates),
        own,
        calls.stop,
        calls.listen,
        calls.retry,
    )
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
        f"{counts.failed} failed; {counts.usage.total_tokens:,} tokens{spent(run, options)}; {tally.calls} calls now"
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
