"""Reading the files of a run into its index: what each is called, what a row of it is, what is told of a bad one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError
from longwriter_cli.records import (
    Answer,
    Comparison,
    Failure,
    Instruction,
    Judgement,
    Plan,
    Prediction,
    Section,
    Selection,
    Step,
)
from longwriter_cli.store.index import Index
from longwriter_cli.store.jsonl import RowReader, line_number
from longwriter_cli.store.rows import (
    ComparisonHead,
    FailureHead,
    InstructionHead,
    JudgementHead,
    PlanHead,
    PredictionHead,
    SectionHead,
    SelectionHead,
    StepHead,
    read_record,
)

INSTRUCTIONS, PLANS, SECTIONS, FAILURES = "instructions.jsonl", "plans.jsonl", "sections.jsonl", "failures.jsonl"
SELECTIONS, PREDICTIONS, JUDGEMENTS = "selections.jsonl", "predictions.jsonl", "judgements.jsonl"
COMPARISONS = "comparisons.jsonl"

ANSWERS: dict[type[Answer], str] = {
    Selection: SELECTIONS,
    Prediction: PREDICTIONS,
    Judgement: JUDGEMENTS,
    Comparison: COMPARISONS,
}

# What a scan reads of each file, and what a whole row of it is.
HEADS: dict[str, RowReader[Any]] = {
    INSTRUCTIONS: RowReader(InstructionHead),
    PLANS: RowReader(PlanHead),
    SECTIONS: RowReader(SectionHead),
    SELECTIONS: RowReader(SelectionHead),
    PREDICTIONS: RowReader(PredictionHead),
    JUDGEMENTS: RowReader(JudgementHead),
    COMPARISONS: RowReader(ComparisonHead),
    FAILURES: RowReader(FailureHead),
}
ROWS: dict[str, RowReader[Any]] = {
    INSTRUCTIONS: RowReader(Instruction),
    PLANS: RowReader(Plan),
    SECTIONS: RowReader(Section),
    SELECTIONS: RowReader(Selection),
    PREDICTIONS: RowReader(Prediction),
    JUDGEMENTS: RowReader(Judgement),
    COMPARISONS: RowReader(Comparison),
    FAILURES: RowReader(Failure),
}
_TIPS = {
    INSTRUCTIONS: "Put the row right or delete it.",
    PLANS: 'Put the row right (steps are {"n": 1, "main_point": "…", "words": 400}) or delete it.',
    SECTIONS: "Put the row right, or delete it to have the section written again.",
    SELECTIONS: "Put the row right, or delete it to have the prompt judged again.",
    PREDICTIONS: "Put the row right, or delete it to have the text written again.",
    JUDGEMENTS: "Put the row right, or delete it to have the text judged again.",
    COMPARISONS: "Put the row right, or delete it to have the texts compared again.",
    FAILURES: "Put the row right or delete it.",
}

_LARGEST = 2**31 - 1

# Takes some rows of a file into an index: heads, offsets, lines.
Take = Callable[[Sequence[Any], Sequence[int], Sequence[bytes]], None]


def takes(index: Index) -> dict[str, Take]:
    """How the rows of each file come into the index, in the order that is fastest for it to read them."""

    def take_failures(_: object, __: object, lines: Sequence[bytes]) -> None:
        for line in lines:
            index.add_failure(read_record(line, Failure))

    def take_answers(kind: type[Answer]) -> Take:
        return lambda heads, offsets, _: index.add_answers(kind.stage, heads, offsets)

    return {
        INSTRUCTIONS: index.add_instructions,
        SECTIONS: lambda heads, offsets, _: index.add_sections(heads, offsets),
        PLANS: lambda heads, offsets, _: index.add_plans(heads, offsets),
        **{name: take_answers(kind) for kind, name in ANSWERS.items()},
        FAILURES: take_failures,
    }


def load(directory: Path, index: Index) -> None:
    """Reads all rows of a run into an index that is empty.

    Raises:
        InputError: a row cannot be used; names file and line.
    """
    taken = dict.fromkeys(HEADS, 0)
    for name, take in takes(index).items():
        for offsets, lines, heads in HEADS[name].batches(directory / name, _TIPS[name]):
            if name in (PLANS, FAILURES):
                for offset, line, head in zip(offsets, lines, heads, strict=True):
                    problem = plan_problem(head.steps) if name == PLANS else ROWS[name].problem(line)
                    if problem:
                        raise bad_row(directory, name, offset, problem)
            take(heads, offsets, lines)
            taken[name] += len(heads)
    if not taken[INSTRUCTIONS] and (taken[PLANS] or taken[SECTIONS]):
        raise InputError(
            directory / INSTRUCTIONS,
            None,
            "holds no instruction, though there are plans or sections",
            "Put the file back; without it nothing of the run can be exported.",
        )


def bad_row(directory: Path, name: str, offset: int, problem: str) -> InputError:
    path = directory / name
    return InputError(path, line_number(path, offset), problem, _TIPS[name])


def plan_problem(steps: Sequence[Step] | Sequence[StepHead]) -> str:
    """What makes an edited plan unusable, or nothing."""
    if not steps:
        return "the plan has no steps"
    seen: set[int] = set()
    for step in steps:
        n = step.n
        if n in seen:
            return f"there are two steps {n}"
        if not 1 <= n <= _LARGEST:
            return f"step {n}: n counts from 1"
        if not 1 <= step.words <= _LARGEST:
            return f"step {n}: its word count is {step.words}"
        if not step.main_point or step.main_point.isspace():
            return f"step {n} has no main point"
        seen.add(n)
    return ""
