"""Parameters that several commands have in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from longwriter_cli.cli.config import load_config

RunDirectory = Annotated[
    Path,
    typer.Option(
        "--run",
        "-r",
        metavar="RUN",
        help="The run directory.",
        envvar="LONGWRITER_RUN",
        show_envvar=False,
    ),
]
InstructionFile = Annotated[
    str | None,
    typer.Argument(
        metavar="INSTRUCTIONS",
        show_default=False,
        help="JSON Lines, JSON, CSV, TSV, Parquet, text (one instruction a line), hf:NAME\\[@CONFIG]\\[:SPLIT], or - "
        "for standard input; .gz and .zst too. Without it the command goes on with what the run holds. Rows that are "
        "gone from it stay in the run; to take one out, delete its line from RUN/instructions.jsonl too.",
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        "--field",
        metavar="NAME",
        envvar="LONGWRITER_FIELD",
        show_envvar=False,
        help="The field of a row that holds the prompt, where it has none of the usual names.",
    ),
]
SkipBadRows = Annotated[
    bool,
    typer.Option(
        "--skip-bad-rows",
        envvar="LONGWRITER_SKIP_BAD_ROWS",
        show_envvar=False,
        help="Record rows that cannot be used as failures and go on, instead of stopping. They count as failed: the "
        "command ends in 3 unless --max-failed allows for them.",
    ),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        envvar="LONGWRITER_CONFIG",
        show_envvar=False,
        is_eager=True,
        callback=load_config,
        show_default=False,
        help="TOML with the long names of the options; a table \\[COMMAND] for one command alone.",
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        envvar="LONGWRITER_JSON",
        show_envvar=False,
        help="One JSON object with all figures on standard output.",
    ),
]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", envvar="LONGWRITER_VERBOSE", show_envvar=False, help="Show tracebacks.")
]
