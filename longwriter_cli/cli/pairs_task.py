"""What `pairs` was told to do, and what it starts from: where the pairs go, settings, templates and rules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from longwriter_cli.cli.options import Options
from longwriter_cli.errors import UsageError
from longwriter_cli.evals.choice import RejectedBy, Weights
from longwriter_cli.prompts import AGENTWRITE, TemplateName, Templates, load_templates
from longwriter_cli.records import Judgement, Prediction
from longwriter_cli.settings import Job, Settings, settle
from longwriter_cli.stages.pairs import PairRules, most_samples
from longwriter_cli.store.pairs import check_pairs_place
from longwriter_cli.store.run import FILES, Run

DEFAULT_SAMPLES = 4
"""As in the paper."""


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


def check_output(task: PairsTask) -> None:
    """Sees to it that pairs overwrite nothing but earlier pairs."""
    place = task.output.resolve()
    if place in {(task.directory / name).resolve() for name in FILES}:
        raise UsageError(f"{task.output} is a file of the run itself.", "Name another one with -o.")
    if task.source is not None and place == Path(task.source).resolve():
        raise UsageError(f"{task.output} is the file of the instructions.", "Name another one with -o.")
    check_pairs_place(task.output)


def settle_pairs(task: PairsTask, options: Options, run: Run | None) -> tuple[Settings, Templates]:
    """Settings and templates of this command: as given, else the run's, else the defaults."""
    stored = None if run is None or run.manifest is None else Settings.from_row(run.manifest.settings)
    given: dict[str, Any] = {**options.text_settings(), "method": task.method or ("direct" if stored is None else None)}
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
    fresh: set[Job] = set() if run is not None and run.index.answers(Judgement.stage) else {"judge"}
    accept_new = bool(options.new_settings) or run is None or run.is_blank()
    return settle(given, stored, uses=uses, accept_new=accept_new, fresh=fresh), templates


def rules_of(task: PairsTask, settings: Settings, run: Run | None) -> PairRules:
    return PairRules(
        samples=task.samples or max(most_samples(run) if run is not None else 0, DEFAULT_SAMPLES),
        judge_samples=task.judge_samples,
        rejected=task.rejected,
        min_margin=task.min_margin,
        weights=task.weights,
        seed=settings.seed or 0,
    )


def has_work(run: Run, settings: Settings, rules: PairRules, limit: int | None) -> bool:
    """Whether anything is unwritten or unjudged; where it is not, neither key nor endpoint is needed."""
    judge = settings.judge_model
    written = run.index.answers(Prediction.stage)
    judged = {key[:2] for key in run.index.answers(Judgement.stage) if key[2] == judge}
    keys = {(run.index.ids[at], sample) for at in run.index.order()[:limit] for sample in range(rules.samples)}
    judges = settings.judge_model is not None and bool(rules.weights.quality)
    return not keys <= written.keys() or (judges and (rules.judge_samples > 1 or not keys <= judged))
