"""Figures and records as JSON objects, for `--json`. Keys are stable: new ones may come, none goes.

Lengths are in words, scores in [0, 100], money in USD. A figure that cannot be had is null.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from longwriter_cli.errors import EXIT_OK
from longwriter_cli.records import Failure, Usage
from longwriter_cli.report.dataset import DatasetFigures, Entry, score
from longwriter_cli.report.failures import FailureGroup
from longwriter_cli.report.measures import LengthRange, Lengths
from longwriter_cli.report.money import CostOf
from longwriter_cli.report.record import RecordView, StepView
from longwriter_cli.report.run_figures import RunFigures, exported
from longwriter_cli.report.selection import RunSelection, selection_of
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.text.words import count_words

Row = dict[str, Any]

_COMMAND = "inspect"
_FLAGS_LISTED = 100


def run_row(run: Run, figures: RunFigures, cost_of: CostOf, elapsed_s: float) -> Row:
    """The keys that every command's summary has, then what only a look tells.

    `to_do` counts what is neither written nor failed, `by_batch` what is under way in batches; `usage_estimated`
    says that some tokens were not reported but estimated. `manifest` is what the run was begun with, `models` the
    tokens and cost of each. `plans` has `n`, `steps`, `words`, `flagged`, and the first 100 `flags` by id. `words`
    and `lengths` are of finished texts: percentiles with a histogram, and required against written with S_l; so is
    `quality`, the judge's S_q and how many of them it has judged, null without a judge. `selection` is null but for
    a run of `select`: whether a model was asked, how many verdicts it gave, how many of them keep.
    `section_lengths` are of all sections, `failures` by kind, `rejects` by reason, with the first few of each in
    `reject_samples`.
    """
    counts, dataset, selection = figures.counts, exported(run), selection_of(run)
    return {
        "command": _COMMAND,
        "run": encodable(str(run.directory)),
        "instructions": counts.instructions,
        "planned": counts.planned,
        "written": counts.written,
        "failed": counts.failed,
        "rejected": figures.rejected,
        "records": figures.records,
        "sections": counts.sections,
        "calls": 0,
        "retries": 0,
        **_tokens(counts.usage),
        "cost_usd": _rounded(cost_of(run.usage())),
        "elapsed_s": round(elapsed_s, 3),
        "dataset": None if dataset is None else encodable(str(dataset)),
        "exit_code": EXIT_OK,
        "to_do": figures.to_do,
        "by_batch": asdict(figures.by_batch),
        "usage_estimated": counts.usage.estimated,
        "manifest": None if run.manifest is None else _manifest(run.manifest),
        "models": {
            model: {**_tokens(spent), "cost_usd": _rounded(cost_of({model: spent}))}
            for model, spent in run.usage().items()
        },
        "plans": {
            "n": figures.plans.n,
            "steps": figures.plans.steps,
            "words": figures.plans.words,
            "flagged": len(figures.plans.flags),
            "flags": dict(list(figures.plans.flags.items())[:_FLAGS_LISTED]),
        },
        "words": asdict(figures.words),
        "lengths": _lengths(figures.lengths),
        "quality": None if figures.quality is None else asdict(figures.quality),
        "selection": None if selection is None else _selection(selection),
        "section_lengths": asdict(figures.sections),
        "failures": {group.kind: _failures(group) for group in figures.failures},
        "rejects": {reason: group.n for reason, group in figures.rejects.items()},
        "reject_samples": {
            reason: [{"id": id, "detail": detail} for id, detail in group.samples]  # noqa: A001
            for reason, group in figures.rejects.items()
        },
    }


def dataset_row(source: str, figures: DatasetFigures, elapsed_s: float) -> Row:
    """`words`, `lengths` as for a run; `languages` and `models` count records."""
    return {
        "command": _COMMAND,
        "dataset": encodable(source),
        "records": figures.records,
        "calls": 0,
        "elapsed_s": round(elapsed_s, 3),
        "exit_code": EXIT_OK,
        "words": asdict(figures.words),
        "lengths": _lengths(figures.lengths),
        "languages": dict(figures.languages),
        "models": dict(figures.models),
    }


def record_row(run: Run, view: RecordView) -> Row:
    """One instruction: `plan` is null where there is none, and `failure` then says why, if a try has failed.

    Each of `steps` has its `state` (`written`, `missing`, `failed`), and a `section` or a `failure` or neither.
    """
    instruction, plan = view.instruction, view.plan
    return {
        "command": _COMMAND,
        "run": encodable(str(run.directory)),
        "id": instruction.id,
        "row": instruction.row,
        "prompt": instruction.prompt,
        "required_words": None if instruction.required_words is None else asdict(instruction.required_words),
        "meta": dict(instruction.meta),
        "finished": view.finished,
        "words": view.words,
        "length_score": view.length_score,
        "plan": None
        if plan is None
        else {
            "words": sum(step.words for step in plan.steps),
            "flag": plan.flag,
            "model": plan.model,
            "usage": _tokens(plan.usage),
            "attempts": plan.attempts,
            "at": plan.at,
            "text": plan.text,
        },
        "failure": None if view.plan_failure is None else _failure(view.plan_failure),
        "steps": [_step(step) for step in view.steps],
        "exit_code": EXIT_OK,
    }


def entry_row(source: str, entry: Entry) -> Row:
    """One record of a dataset: `record` is the row as it stands there, the rest is measured."""
    words, required = count_words(entry.text), entry.required_words
    return {
        "command": _COMMAND,
        "dataset": encodable(source),
        "id": entry.id,
        "number": entry.number,
        "words": words,
        "required_words": None if required is None else asdict(required),
        "length_score": score(entry, words),
        "language": entry.language,
        "model": entry.model,
        "record": dict(entry.row),
        "exit_code": EXIT_OK,
    }


def encodable(path: str) -> str:
    """The path as JSON can hold it, with a replacement character for bytes of a file name that are no UTF-8."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _step(view: StepView) -> Row:
    step, section = view.step, view.section
    return {
        "n": step.n,
        "main_point": step.main_point,
        "target_words": step.words,
        "words": None if section is None else section.words,
        "state": view.state,
        "failure": _failure(view.failure) if view.failure is not None and section is None else None,
        "section": None
        if section is None
        else {
            "target_words": section.target_words,
            "finish_reason": section.finish_reason,
            "model": section.model,
            "usage": _tokens(section.usage),
            "attempts": section.attempts,
            "at": section.at,
            "text": section.text,
            "raw": section.raw,
        },
    }


def _selection(selection: RunSelection) -> Row:
    return {"by_model": selection.by_model, "asked": selection.asked, "kept": selection.kept}


def _failures(group: FailureGroup) -> Row:
    return {
        "n": group.n,
        "comes_back": group.comes_back,
        "what_to_do": group.what_to_do,
        "example": _failure(group.example),
    }


def _failure(failure: Failure) -> Row:
    row: Row = {
        "id": failure.id,
        "stage": failure.stage,
        "n": failure.n,
        "kind": failure.kind,
        "message": failure.message,
        "attempts": failure.attempts,
        "at": failure.at,
    }
    return row if failure.file is None else row | {"file": failure.file, "line": failure.line}


def _manifest(manifest: Manifest) -> Row:
    return {
        "created_at": manifest.created_at,
        "tool_version": manifest.tool_version,
        "fingerprint": manifest.fingerprint,
        "settings": dict(manifest.settings),
        "shard": None if manifest.shard is None else str(manifest.shard),
        "note": manifest.note,
        "changes": len(manifest.changes),
    }


def _lengths(lengths: Lengths) -> Row:
    return _range(lengths.all) | {"ranges": [asdict(part) for part in lengths.ranges]}


def _range(part: LengthRange) -> Row:
    return {"n": part.n, "required_words": part.required_words, "words": part.words, "score": part.score}


def _tokens(usage: Usage) -> Row:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
    }


def _rounded(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 6)
