"""One instruction of a run: its plan beside what was written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from longwriter_cli.errors import UsageError
from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Failure, Instruction, Plan, Section, Step
from longwriter_cli.report.near import did_you_mean
from longwriter_cli.store.run import Run

StepState = Literal["written", "failed", "missing"]


@dataclass(frozen=True, slots=True)
class StepView:
    """A step with its section, or with the failure that stands in its place, or with neither."""

    step: Step
    section: Section | None
    failure: Failure | None

    @property
    def state(self) -> StepState:
        if self.section is not None:
            return "written"
        return "missing" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True)
class RecordView:
    """`plan_failure` says why there is no plan, where a try to make one has failed."""

    instruction: Instruction
    plan: Plan | None
    steps: tuple[StepView, ...]
    plan_failure: Failure | None

    @property
    def words(self) -> int:
        return sum(view.section.words for view in self.steps if view.section is not None)

    @property
    def finished(self) -> bool:
        return bool(self.steps) and all(view.section is not None for view in self.steps)

    @property
    def length_score(self) -> float | None:
        """S_l in [0, 100] of a finished text whose instruction states a length."""
        required = self.instruction.required_words
        return round(length_score(required.words, self.words), 2) if required and self.finished else None


def run_record(run: Run, id: str) -> RecordView:  # noqa: A002 - the contract's word
    """The instruction with this id.

    Raises:
        UsageError: there is none; names those that are near.
    """
    position = run.index.position(id)
    if position is None:
        raise UsageError(
            f"{run.directory} has no instruction with the id {id!r}.",
            did_you_mean(id, run.index.ids),
        )
    plan, written = run.plan(position), run.sections(position)
    failures = {(f.stage, f.n): f for f in run.index.standing_failures() if f.id == id}
    steps = plan.steps if plan is not None else ()
    return RecordView(
        run.instruction(position),
        plan,
        tuple(StepView(step, written.get(step.n), failures.get(("write", step.n))) for step in steps),
        failures.get(("plan", None)),
    )
