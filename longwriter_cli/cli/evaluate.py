"""`longwriter evaluate`: LongBench-Write, on the published rows, on the built-in ones, or on one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from longwriter_cli.cli.arguments import Field, RunDirectory, SkipBadRows
from longwriter_cli.cli.evaluating import carry_out
from longwriter_cli.cli.evaluation_task import EvaluationTask
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.errors import UsageError

MethodOption = Annotated[
    Literal["direct", "agentwrite", "parallel"] | None,
    typer.Option(
        "--method",
        envvar="LONGWRITER_METHOD",
        show_envvar=False,
        show_default="the run's, direct for a new one",
        help="direct: one plain call. agentwrite: plan, then section by section. parallel: its ablation.",
    ),
]
WordCountOption = Annotated[
    Literal["longbench", "own"],
    typer.Option(
        "--word-count",
        envvar="LONGWRITER_WORD_COUNT",
        show_envvar=False,
        help="How lengths are counted for S_l. longbench: as published. own: also words of other scripts.",
    ),
]
ChartsOption = Annotated[
    bool | None,
    typer.Option(
        "--charts/--no-charts",
        envvar="LONGWRITER_CHARTS",
        show_envvar=False,
        show_default="where the extra [report] is installed",
        help="Draw required against actual length, and scores by range, as SVG and PNG.",
    ),
]


@shared_options
def command(
    run: RunDirectory,
    options: Options,
    benchmark: Annotated[
        str | None,
        typer.Argument(
            metavar="BENCHMARK",
            show_default=False,
            help="Rows of prompt, type and length in words: a file as for INSTRUCTIONS, hf:NAME\\[@CONFIG]\\[:SPLIT], "
            "or `builtin`. Without it the command goes on with what the run holds.",
        ),
    ] = None,
    method: MethodOption = None,
    predictions: Annotated[
        str | None,
        typer.Option(
            "--predictions",
            metavar="FILE",
            envvar="LONGWRITER_PREDICTIONS",
            show_envvar=False,
            show_default=False,
            help="Score texts of another tool in place of writing any: rows of id or prompt, with response, and "
            "response_length where it has been counted.",
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
    judge_parts: Annotated[
        bool,
        typer.Option(
            "--judge-parts",
            envvar="LONGWRITER_JUDGE_PARTS",
            show_envvar=False,
            help="Have each tenth of each text judged too: ten more calls a text, which show where a model fails.",
        ),
    ] = False,
    redo_judging: Annotated[
        bool,
        typer.Option(
            "--redo-judging",
            envvar="LONGWRITER_REDO_JUDGING",
            show_envvar=False,
            help="Judge all texts anew; the texts stay.",
        ),
    ] = False,
    compare: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="RUN",
            envvar="LONGWRITER_COMPARE",
            show_envvar=False,
            show_default=False,
            help="Have the judge say of each text whether it is better than that of another run, in both orders.",
        ),
    ] = None,
    word_count: WordCountOption = "longbench",
    charts: ChartsOption = None,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
) -> int:
    """LongBench-Write: writes a text for each row, or reads them, and scores their lengths and, with --judge-model,
    their quality.

    The scores stand in RUN/results.json and as a table in RUN/results.md. Texts are written with temperature 0.5 and
    the largest answers that the endpoint takes, unless told otherwise. Given again, the command goes on where it
    stopped.
    """
    if predictions is not None and method is not None:
        raise UsageError("--method and --predictions contradict each other.", "Leave one out.")
    task = EvaluationTask(
        "evaluate",
        run,
        source=benchmark,
        method=method,
        predictions=predictions,
        judge_samples=judge_samples,
        judge_parts=judge_parts,
        redo_judging=redo_judging,
        compare=compare,
        word_count=word_count,
        charts=charts,
        field=field,
        skip_bad_rows=skip_bad_rows,
    )
    return carry_out(task, options)
