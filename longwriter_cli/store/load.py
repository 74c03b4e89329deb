"""Reading the files of a run into its index: what each is called, what a row of it is, what is told of a bad one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from longwriter_cli.store.indexes import Indexes
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


def takes(indexes: Indexes) -> dict[str, Take]:
    """How the rows of each file come into the indexes, in the order that is fastest for them to read."""

    def take_instructions(heads: Sequence[Any], offsets: Sequence[int], lines: Sequence[bytes]) -> None:
        for index in indexes:
            index.add_instructions(heads, offsets, lines)

    def take_sections(heads: Sequence[Any], offsets: Sequence[int], _: object) -> None:
        for index, (own_heads, own_offsets) in indexes.parted(heads, offsets):
            index.add_sections(own_heads, own_offsets)

    def take_plans(heads: Sequence[Any], offsets: Sequence[int], _: object) -> None:
        for index, (own_heads, own_offsets) in indexes.parted(heads, offsets):
            index.add_plans(own_heads, own_offsets)

    def take_failures(heads: Sequence[Any], _: object, lines: Sequence[bytes]) -> None:
        for index, (_, own_lines) in indexes.parted(heads, lines):
            for line in own_lines:
                index.add_failure(read_record(line, Failure))

    def take_answers(kind: type[Answer]) -> Take:
        return lambda heads, offsets, _: indexes.first.add_answers(kind.stage, heads, offsets)

    return {
        INSTRUCTIONS: take_instructions,
        SECTIONS: take_sections,
        PLANS: take_plans,
        **{name: take_answers(kind) for kind, name in ANSWERS.items()},
        FAILURES: take_failures,
    }


def load(directory: Path, indexes: Indexes, known: Mapping[str, int]) -> Mapping[str, int]:
    """Reads the rows of a run into indexes, and returns how many of each file.

    `known` says up to which byte of each file the indexes have its rows already: 0 where it does not name the file.

    Raises:
        InputError: a row cannot be used; names file and line.
    """
    taken = dict.fromkeys(HEADS, 0)
    for name, take in takes(indexes).items():
        for offsets, lines, heads in HEADS[name].batches(directory / name, _TIPS[name], known.get(name, 0)):
            if name in (PLANS, FAILURES):
                for offset, line, head in zip(offsets, lines, heads, strict=True):
                    problem = plan_problem(head.steps) if name == PLANS else ROWS[name].problem(line)
                    if problem:
                        raise bad_row(directory, name, offset, problem)
            take(heads, offsets, lines)
            taken[name] += len(heads)
    if not known and not taken[INSTRUCTIONS] and (taken[PLANS] or taken[SECTIONS]):
        raise InputError(
            directory / INSTRUCTIONS,
            None,
            "holds no instruction, though there are plans or sections",
            "Put the file back; without it nothing of the run can be exported.",
        )
    return taken


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
