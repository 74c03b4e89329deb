"""`plan --show`: plans as a model sees them, with their totals. Takes no lock and makes no call."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.redo import position_of
from longwriter_cli.errors import EXIT_OK, UsageError
from longwriter_cli.records import Plan
from longwriter_cli.settings import Settings
from longwriter_cli.stages.plan import language_of
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import printable
from longwriter_cli.text.plan import format_steps, plan_digest


def show_plans(directory: Path, ids: Sequence[str], *, json: bool) -> int:
    """Prints the plans of these instructions: the lines of the plan format, which may be given as a plan again.

    Raises:
        UsageError: an id is none of the run's, or has no plan yet.
    """
    with Run.read(directory, plan_digest) as run:
        positions = [position_of(run, id) for id in ids]  # noqa: A001
        plans = [(position, _plan(run, position)) for position in positions]
        if json:
            rows = [_row(run, position, plan) for position, plan in plans]
            answer = {"command": "plan", "run": plain(str(directory)), "plans": rows, "exit_code": EXIT_OK}
            show(orjson.dumps(answer).decode())
            return EXIT_OK
        for place, (position, plan) in enumerate(plans):
            if len(plans) > 1:
                show(("\n" if place else "") + f"# {printable(plan.id)}")
            _print(run, position, plan)
    return EXIT_OK


def _plan(run: Run, position: int) -> Plan:
    plan = run.plan(position)
    if plan is None:
        raise UsageError(
            f"{printable(run.index.ids[position])!r} has no plan yet.",
            f"Make it with: longwriter plan -r {shlex.quote(str(run.directory))}",
        )
    return plan


def _print(run: Run, position: int, plan: Plan) -> None:
    assert run.manifest is not None, "a run without one cannot be opened"
    instruction = run.instruction(position)
    language = language_of(instruction, Settings.from_row(run.manifest.settings))
    show(printable(format_steps(plan.steps, language)))
    written = run.index.sections(position).values()
    steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps)} steps"
    parts = [f"Total: {run.index.plan_words(position):,} words in {steps}"]
    if instruction.required_words is not None:
        parts.append(f"{instruction.required_words.words:,} required")
    if written:
        parts.append(f"{sum(section.words for section in written):,} words in {len(written)} of them written")
    if plan.flag:
        parts.append(printable(plan.flag))
    show("\n" + "; ".join(parts))


def _row(run: Run, position: int, plan: Plan) -> dict[str, object]:
    required, written = run.index.required_words(position), run.index.sections(position).values()
    return {
        "id": plan.id,
        "steps": [asdict(step) for step in plan.steps],
        "words": run.index.plan_words(position),
        "required_words": required or None,
        "written_sections": len(written),
        "written_words": sum(section.words for section in written),
        "flag": plan.flag or None,
    }
