"""`longwriter plan`: AgentWrite step I."""

from __future__ import annotations

from typing import Annotated

import typer

from longwriter_cli.cli.arguments import Field, InstructionFile, RunDirectory, SkipBadRows
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.presets import Preset, preset_option
from longwriter_cli.cli.show_plan import show_plans
from longwriter_cli.cli.task import Task
from longwriter_cli.cli.work import carry_out
from longwriter_cli.errors import UsageError


@preset_option
@shared_options
def command(
    run: RunDirectory,
    options: Options,
    preset: Preset | None,
    instructions: InstructionFile = None,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
    redo: Annotated[
        list[str] | None,
        typer.Option(
            "--redo",
            metavar="ID",
            envvar="LONGWRITER_REDO",
            show_envvar=False,
            show_default=False,
            help="Plan this instruction again, though it has a plan; repeatable. What was written along the plan it "
            "has is used no more.",
        ),
    ] = None,
    show: Annotated[
        list[str] | None,
        typer.Option(
            "--show",
            metavar="ID",
            envvar="LONGWRITER_SHOW",
            show_envvar=False,
            show_default=False,
            help="Print the plan of this instruction and make no call; repeatable.",
        ),
    ] = None,
) -> int:
    """Makes an outline with word counts for each instruction.

    The plans land in RUN/plans.jsonl, where you may edit them before `longwriter write -r RUN`. An instruction that
    brings its plan, or asks for a short text, needs no call.
    """
    if show:
        if instructions is not None or redo:
            raise UsageError("--show only looks.", "Leave out INSTRUCTIONS and --redo, or --show.")
        return show_plans(run, show, json=bool(options.json))
    ids = tuple(dict.fromkeys(redo or ()))
    task = Task("plan", run, instructions, plan=True, field=field, skip_bad_rows=skip_bad_rows, redo=ids, preset=preset)
    return carry_out(task, options)
