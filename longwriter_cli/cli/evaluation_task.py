"""What `evaluate` and `ruler` were told to do, and with which settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.cli.options import Options
from longwriter_cli.cli.task import Task
from longwriter_cli.errors import UsageError
from longwriter_cli.prompts import AGENTWRITE, TemplateName, Templates, load_templates
from longwriter_cli.records import Instruction, Judgement, Prediction
from longwriter_cli.settings import Job, Settings, settle
from longwriter_cli.stages.evaluate import WordCount
from longwriter_cli.stages.judging import judged_by
from longwriter_cli.store.run import Run

TEMPERATURE = 0.5
"""Of LongBench-Write and LongWrite-Ruler, where the user names no other (LongWriter, arXiv 2408.07055)."""


@dataclass(frozen=True)
class EvaluationTask:
    """What a command was told to do. `source` names the benchmark, None to go on with what the run holds."""

    command: str
    directory: Path
    source: str | None = None
    rows: tuple[Instruction, ...] | None = None
    method: str | None = None
    predictions: str | None = None
    judge_samples: int = 1
    judge_parts: bool = False
    redo_judging: bool = False
    compare: Path | None = None
    word_count: WordCount = "longbench"
    charts: bool | None = None
    field: str | None = None
    skip_bad_rows: bool = False


def settle_evaluation(task: EvaluationTask, options: Options, run: Run | None) -> tuple[Settings, Templates]:
    """Settings and templates of this command: as given, else the run's, else the defaults of the two measures."""
    stored = None if run is None or run.manifest is None else Settings.from_row(run.manifest.settings)
    if stored is not None and stored.is_selection:
        raise UsageError(f"{task.directory} is the checkpoint of a select.", "Name another directory with -r.")
    if task.predictions is not None and stored is not None and stored.method != "given":
        # They would take the places of texts that were paid for, under the name of the model that wrote those.
        raise UsageError(
            f"{task.directory} holds texts that {stored.model} wrote, or is to write.",
            "Texts of another tool need a run of their own: name another directory with -r.",
        )
    given: dict[str, Any] = {**options.text_settings(), **_given_method(task)}
    if stored is None:
        given["temperature"] = TEMPERATURE if options.temperature is None else options.temperature
        given["method"] = given.get("method") or "direct"
        if given["method"] == "given" and options.model is None:
            given["model"] = options.judge_model or ""
    method = given.get("method") or (stored.method if stored else None)
    names: list[TemplateName] = list(AGENTWRITE) if method == "agentwrite" else []
    uses: set[Job] = {"plan", "write"} if method == "agentwrite" else {"direct"} if method == "direct" else set()
    if (options.judge_model or (stored and stored.judge_model)) is not None:
        names += ["judge"] if task.compare is None else ["judge", "compare"]
        uses.add("judge")
    own = task.directory / "prompts"
    templates = load_templates(options.prompts or (own if stored and own.is_dir() else None), names)
    given["templates"] = templates.digests()
    fresh: set[Job] = set() if run is not None and run.index.answers(Judgement.stage) else {"judge"}
    accept_new = bool(options.new_settings) or (run is not None and run.is_blank())
    return settle(given, stored, uses=uses, accept_new=accept_new, fresh=fresh), templates


def _given_method(task: EvaluationTask) -> dict[str, Any]:
    if task.predictions is not None:
        return {"method": "given"}
    match task.method:
        case "agentwrite":
            return {"method": "agentwrite", "mode": "serial"}
        case "parallel":
            return {"method": "agentwrite", "mode": "parallel"}
        case method:
            return {"method": method}


def has_work(task: EvaluationTask, run: Run, settings: Settings, limit: int | None) -> bool:
    """Whether anything is unwritten or unjudged; where it is not, neither key nor endpoint is needed."""
    written, judged = run.index.answers(Prediction.stage), judged_by(run, settings.judge_model or "")
    ids = [run.index.ids[position] for position in run.index.order()[:limit]]
    unwritten = settings.method != "given" and any((id, 0) not in written for id in ids)  # noqa: A001 - the rows' word
    more = task.judge_samples > 1 or task.judge_parts or not judged.issuperset(ids)
    wants_more = settings.judge_model is not None and more
    return unwritten or wants_more


def as_agentwrite(task: EvaluationTask) -> Task:
    return Task(task.command, task.directory, task.source, plan=True, write=True)
