"""`longwriter pairs`: preference pairs for DPO. Samples texts, scores them, and puts the best beside another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from longwriter_cli.cli.arguments import Field, InstructionFile, RunDirectory, SkipBadRows
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.pairing import carry_out
from longwriter_cli.cli.pairs_task import PairsTask
from longwriter_cli.errors import UsageError
from longwriter_cli.evals.choice import Weights
from longwriter_cli.store.pairs import PAIRS


@shared_options
def command(
    run: RunDirectory,
    options: Options,
    instructions: InstructionFile = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            envvar="LONGWRITER_OUTPUT",
            show_envvar=False,
            show_default="RUN/pairs.jsonl",
            help="Where the pairs go, as JSON Lines.",
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            min=2,
            max=100,
            metavar="N",
            envvar="LONGWRITER_SAMPLES",
            show_envvar=False,
            show_default="the run's, 4 for a new one",
            help="Texts written for each instruction.",
        ),
    ] = None,
    method: Annotated[
        Literal["direct", "agentwrite"] | None,
        typer.Option(
            "--method",
            envvar="LONGWRITER_METHOD",
            show_envvar=False,
            show_default="the run's, direct for a new one",
            help="direct: one plain call for a text, as in the paper. agentwrite: a plan and its sections.",
        ),
    ] = None,
    judge_samples: Annotated[
        int,
        typer.Option(
            "--judge-samples",
            min=1,
            max=100,
            metavar="N",
            envvar="LONGWRITER_JUDGE_SAMPLES",
            show_envvar=False,
            help="Judgements of each text, which are averaged.",
        ),
    ] = 1,
    rejected: Annotated[
        Literal["random", "worst"],
        typer.Option(
            "--rejected",
            envvar="LONGWRITER_REJECTED",
            show_envvar=False,
            help="What stands beside the best: a random one of those that score less, as in the paper, or the worst.",
        ),
    ] = "random",
    min_margin: Annotated[
        float,
        typer.Option(
            "--min-margin",
            min=0.0,
            max=100.0,
            metavar="X",
            envvar="LONGWRITER_MIN_MARGIN",
            show_envvar=False,
            help="Points that the two must be apart, of 100.",
        ),
    ] = 0.0,
    length_weight: Annotated[
        float,
        typer.Option(
            "--length-weight",
            min=0.0,
            metavar="W",
            envvar="LONGWRITER_LENGTH_WEIGHT",
            show_envvar=False,
            help="How much S_l counts, beside --quality-weight.",
        ),
    ] = 0.5,
    quality_weight: Annotated[
        float,
        typer.Option(
            "--quality-weight",
            min=0.0,
            metavar="W",
            envvar="LONGWRITER_QUALITY_WEIGHT",
            show_envvar=False,
            help="How much S_q counts. With 0 no judge is needed.",
        ),
    ] = 0.5,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
) -> int:
    """Preference pairs for DPO: several texts for each instruction, scored by length and quality; the best is chosen.

    Pairs are in the form that TRL trains on, with the scores beside. RUN/rejects.jsonl says which instructions gave no
    pair, and why. Given again, the command goes on where it stopped.
    """
    if length_weight + quality_weight <= 0:
        raise UsageError("--length-weight and --quality-weight are both 0.", "Let one of them count.")
    task = PairsTask(
        directory=run,
        source=instructions,
        output=output or run / PAIRS,
        samples=samples,
        method=method,
        judge_samples=judge_samples,
        rejected=rejected,
        min_margin=min_margin,
        weights=Weights(length_weight, quality_weight),
        field=field,
        skip_bad_rows=skip_bad_rows,
    )
    return carry_out(task, options)
