"""`longwriter plan`: AgentWrite step I."""

from __future__ import annotations

from longwriter_cli.cli.arguments import Field, InstructionFile, RunDirectory, SkipBadRows
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.task import Task
from longwriter_cli.cli.work import carry_out


@shared_options
def command(
    run: RunDirectory,
    options: Options,
    instructions: InstructionFile = None,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
) -> int:
    """Makes an outline with word counts for each instruction.

    The plans land in RUN/plans.jsonl, where you may edit them before `longwriter write -r RUN`. An instruction that
    brings its plan, or asks for a short text, needs no call.
    """
    task = Task("plan", run, instructions, plan=True, field=field, skip_bad_rows=skip_bad_rows)
    return carry_out(task, options)
