"""`longwriter build-dataset`: the whole way from instructions to records."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from longwriter_cli.cli.arguments import Field, InstructionFile, RunDirectory, SkipBadRows
from longwriter_cli.cli.filter_options import Given, filter_options
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.task import Export, Task
from longwriter_cli.cli.work import carry_out
from longwriter_cli.errors import UsageError
from longwriter_cli.store.export import default_path


@shared_options
@filter_options
def command(
    run: RunDirectory,
    options: Options,
    filters: Given,
    instructions: InstructionFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            envvar="LONGWRITER_OUTPUT",
            show_envvar=False,
            show_default="RUN/dataset.jsonl, RUN/dataset.parquet or RUN/dataset/",
            help="Where the records go.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["jsonl", "parquet", "hf"],
        typer.Option(
            "--format", envvar="LONGWRITER_FORMAT", show_envvar=False, help="hf: a Hugging Face dataset directory."
        ),
    ] = "jsonl",
    metadata: Annotated[
        bool,
        typer.Option(
            "--metadata",
            envvar="LONGWRITER_METADATA",
            show_envvar=False,
            help="Add id, words, S_l, model and so on to each record.",
        ),
    ] = False,
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
        export=Export(output or default_path(run, format), format, metadata, filters),
        field=field,
        skip_bad_rows=skip_bad_rows,
    )
    return carry_out(task, options)
