"""`longwriter write`: AgentWrite step II."""

from __future__ import annotations

from longwriter_cli.cli.arguments import RunDirectory
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.task import Task
from longwriter_cli.cli.work import carry_out


@shared_options
def command(run: RunDirectory, options: Options) -> int:
    """Writes every planned instruction, section by section.

    Each call sees the instruction, the plan and all text so far. Every section is on disk before the next one is
    asked for: given again, the command goes on where it stopped.
    """
    return carry_out(Task("write", run, write=True), options)
