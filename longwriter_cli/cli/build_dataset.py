"""`longwriter build-dataset`: the whole way from instructions to records."""

from __future__ import annotations

from typing import Annotated

import typer

from longwriter_cli.cli.arguments import Field, InstructionFile, RunDirectory, SkipBadRows
from longwriter_cli.cli.export_options import ExportOptions, export_options
from longwriter_cli.cli.filter_options import Given, filter_options
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.presets import Preset, preset_option
from longwriter_cli.cli.task import Export, Task
from longwriter_cli.cli.work import carry_out
from longwriter_cli.errors import UsageError


@preset_option
@shared_options
@filter_options
@export_options
def command(
    run: RunDirectory,
    options: Options,
    filters: Given,
    export: ExportOptions,
    preset: Preset | None,
    instructions: InstructionFile = None,
    export_only: Annotated[
        bool,
        typer.Option(
            "--export-only",
            envvar="LONGWRITER_EXPORT_ONLY",
            show_envvar=False,
            help="Export what is finished, without a call.",
        ),
    ] = False,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
) -> int:
    """Plans, writes, filters and exports: instructions in, long-output records out.

    Finished texts that a filter drops stay in the run; RUN/rejects.jsonl says which and why.

    Given again with the same arguments it goes on where it stopped, and pays for no finished section again.
    """
    if export_only and instructions is not None:
        raise UsageError("--export-only takes no INSTRUCTIONS.", "Leave one of the two out.")
    task = Task(
        "build-dataset",
        run,
        instructions,
        plan=not export_only,
        write=not export_only,
        export=Export.of(export, run, filters),
        field=field,
        skip_bad_rows=skip_bad_rows,
        preset=preset,
    )
    return carry_out(task, options)
