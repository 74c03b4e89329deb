"""The rows of a run's files: how records are written, and what a scan reads of them.

`id` and `n` stand first and the long texts last, so that a scan may stop at the head of a row. Reading needs no code
of its own: rows have the field names of `records`, and msgspec decodes into those directly.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, TypeVar

import msgspec
import orjson

from longwriter_cli.records import (
    Answer,
    Comparison,
    Failure,
    Instruction,
    Judgement,
    Plan,
    Prediction,
    Requirement,
    RequirementKind,
    Section,
    Selection,
    Step,
    Usage,
)
from longwriter_cli.store.tail import BOM

R = TypeVar("R", Instruction, Plan, Section, Failure, Selection, Prediction, Judgement, Comparison)
A = TypeVar("A", Selection, Prediction, Judgement, Comparison)


# Bounds that no honest row reaches: whatever is within them can be counted, added up and written as JSON again.
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
_Place = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
_Score = Annotated[int, msgspec.Meta(ge=1, le=5)]
_Tokens = Annotated[int, msgspec.Meta(ge=0, le=2**48)]


# Heads are made by the million and dropped at once. Without gc the collector never looks at them; they hold no cycles.
class UsageHead(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: _Tokens = 0
    cached_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0


class ByBatchHead(msgspec.Struct, frozen=True, gc=False):
    """The part of a usage that came by the Batch API. It stands beside it: `usage` has the three keys agreed on."""

    prompt_tokens: _Tokens = 0
    completion_tokens: _Tokens = 0


class RequirementHead(msgspec.Struct, frozen=True, gc=False):
    words: _Place
    kind: RequirementKind = "about"
    low: _Place | None = None
    high: _Place | None = None


class InstructionHead(msgspec.Struct, gc=False):
    id: str
    row: _Place
    prompt: msgspec.Raw  # there, but not read
    required_words: RequirementHead | None = None


class StepHead(msgspec.Struct, frozen=True, gc=False):
    """A `Step` that is read in half the time."""

    n: int
    main_point: str
    words: int


class PlanHead(msgspec.Struct, gc=False):
    id: str
    steps: tuple[StepHead, ...]
    sample: _Count = 0
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0


class SectionHead(msgspec.Struct, gc=False):
    id: str
    n: _Count
    plan: str
    words: _Count
    target_words: _Count
    text: msgspec.Raw  # there, but not read
    sample: _Count = 0
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0


class SelectionHead(msgspec.Struct, gc=False):
    id: str
    keep: bool
    words: _Place | None = None
    min_words: _Place = 0
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0

    def key(self) -> tuple[str, ...]:
        return (self.id,)


class PredictionHead(msgspec.Struct, gc=False):
    id: str
    sample: _Count
    response_length: _Count
    response: msgspec.Raw  # there, but not read
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0

    def key(self) -> tuple[str, int]:
        return (self.id, self.sample)


class JudgementHead(msgspec.Struct, gc=False):
    id: str
    n: _Count
    sample: _Count
    judge: str
    scores: dict[str, _Score]
    of: str = ""
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0

    def key(self) -> tuple[str, int, str, int, str]:
        return (self.id, self.sample, self.judge, self.n, self.of)


class ComparisonHead(msgspec.Struct, gc=False):
    id: str
    order: _Count
    judge: str
    of: str
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()
    model: str = ""
    attempts: _Count = 0

    def key(self) -> tuple[str, int, str, str]:
        return (self.id, self.order, self.judge, self.of)


AnswerHead = SelectionHead | PredictionHead | JudgementHead | ComparisonHead


class FailureHead(msgspec.Struct, gc=False):
    """What a `Failure` leaves open. Failures are few: they are read twice, and kept whole."""

    n: _Count | None = None
    sample: _Count = 0
    line: _Place | None = None
    usage: UsageHead = UsageHead()
    usage_estimated: bool = False
    attempts: _Count = 0


class _Beside(msgspec.Struct):
    """What of a usage stands beside it."""

    usage_estimated: bool = False
    usage_by_batch: ByBatchHead = ByBatchHead()


def read_record(line: bytes, kind: type[R]) -> R:
    """The whole record of a row. Raises one of `jsonl.NOT_A_ROW`."""
    record = msgspec.json.decode(line.removeprefix(BOM), type=kind)
    if isinstance(record, Instruction):
        return _writable(record)
    # Whether usage is estimated, and what came by batch. These bytes cannot stand in a text: JSON escapes the quotes.
    if b'"usage_estimated"' not in line and b'"usage_by_batch"' not in line:
        return record
    beside = msgspec.json.decode(line.removeprefix(BOM), type=_Beside)
    by_batch = beside.usage_by_batch.prompt_tokens, beside.usage_by_batch.completion_tokens
    usage = record.usage
    tokens = usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens
    return replace(record, usage=Usage(*tokens, beside.usage_estimated, *by_batch))


def _writable(instruction: Instruction) -> Instruction:
    """The instruction, if what it carries along can be written as JSON again."""
    try:
        if instruction.meta:
            orjson.dumps(instruction.meta)
    except TypeError as error:  # a number of more than 64 bits, put there by hand
        raise msgspec.ValidationError(f"{error} - at `$.meta`") from None
    return instruction


def instruction_row(instruction: Instruction) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": instruction.id,
        "row": instruction.row,
        "prompt": instruction.prompt,
        "required_words": _requirement(instruction.required_words),
        "meta": dict(instruction.meta),
    }
    if instruction.plan is not None:
        row["plan"] = _steps(instruction.plan)
    return row


def plan_row(plan: Plan) -> dict[str, Any]:
    row: dict[str, Any] = {"id": plan.id, "steps": _steps(plan.steps)}
    if plan.flag:
        row["flag"] = plan.flag
    row |= {"model": plan.model} | _usage(plan.usage) | {"attempts": plan.attempts, "at": plan.at}
    return row | {"text": plan.text}


def section_row(section: Section) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": section.id,
        "n": section.n,
        "plan": section.plan,
        "words": section.words,
        "target_words": section.target_words,
        "finish_reason": section.finish_reason,
        "model": section.model,
        **_usage(section.usage),
        "attempts": section.attempts,
        "at": section.at,
        "text": section.text,
    }
    if section.raw is not None:
        row["raw"] = section.raw
    return row


def answer_row(answer: Answer) -> dict[str, Any]:
    rest = {"model": answer.model, **_usage(answer.usage), "attempts": answer.attempts, "at": answer.at}
    match answer:
        case Selection():
            words = {} if answer.words is None else {"words": answer.words}
            words |= {"min_words": answer.min_words} if answer.min_words else {}
            return {"id": answer.id, "keep": answer.keep, "reason": answer.reason, **words, **rest}
        case Prediction():
            row = {"id": answer.id, "sample": answer.sample, "response_length": answer.response_length}
            return {**row, "finish_reason": answer.finish_reason, **rest, "response": answer.response}
        case Judgement():
            row = {"id": answer.id, "n": answer.n, "sample": answer.sample, "judge": answer.judge}
            row |= {"of": answer.of} if answer.of else {}
            return {**row, "scores": dict(answer.scores), **rest}
        case Comparison():
            row = {"id": answer.id, "order": answer.order, "judge": answer.judge, "of": answer.of}
            return {**row, "better": answer.better, **rest}


def failure_row(failure: Failure) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": failure.id,
        "n": failure.n,
        "stage": failure.stage,
        "kind": failure.kind,
        "message": failure.message,
        "model": failure.model,
        **_usage(failure.usage),
        "attempts": failure.attempts,
        "at": failure.at,
        "basis": failure.basis,
    }
    if failure.file is not None:
        row |= {"file": failure.file, "line": failure.line}
    if failure.mended:
        row["mended"] = True
    return row


def _steps(steps: tuple[Step, ...]) -> list[dict[str, Any]]:
    return [{"n": step.n, "main_point": step.main_point, "words": step.words} for step in steps]


def _requirement(required: Requirement | None) -> dict[str, Any] | None:
    if required is None:
        return None
    return {"words": required.words, "kind": required.kind, "low": required.low, "high": required.high}


def _usage(usage: Usage) -> dict[str, Any]:
    row: dict[str, Any] = {
        "usage": {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
        }
    }
    if usage.estimated:
        row["usage_estimated"] = True
    if usage.batch_prompt_tokens or usage.batch_completion_tokens:
        row["usage_by_batch"] = {
            "prompt_tokens": usage.batch_prompt_tokens,
            "completion_tokens": usage.batch_completion_tokens,
        }
    return row
