"""`longwriter inspect`: a look at a run or a dataset. Takes no lock, makes no call, changes no file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from longwriter_cli.cli import watching
from longwriter_cli.cli.arguments import ConfigFile, Json, Verbose
from longwriter_cli.cli.looking import Form, compare, is_run, look, look_at_record, write_page
from longwriter_cli.cli.options import PriceCached, PriceIn, PriceOut
from longwriter_cli.errors import EXIT_OK, UsageError
from longwriter_cli.llm.prices import Prices
from longwriter_cli.records import Usage
from longwriter_cli.report.conditions import Condition, read_condition
from longwriter_cli.report.money import CostOf


def command(
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="PATH...",
            show_default=False,
            help="A run directory, or a dataset: .jsonl, .parquet, a Hugging Face dataset directory, a folder of data "
            "files. Several evaluations are compared with the first one.",
        ),
    ],
    id: Annotated[  # noqa: A002 - the option's name
        str | None,
        typer.Option(
            "--id",
            metavar="ID",
            envvar="LONGWRITER_ID",
            show_envvar=False,
            show_default=False,
            help="Show one record, its plan beside what was written. A dataset without ids takes a number from 1.",
        ),
    ] = None,
    json: Json = False,
    markdown: Annotated[
        bool,
        typer.Option(
            "--markdown",
            envvar="LONGWRITER_MARKDOWN",
            show_envvar=False,
            help="The summary in Markdown, for the page that a CI job shows.",
        ),
    ] = False,
    require: Annotated[
        list[str] | None,
        typer.Option(
            "--require",
            metavar="CONDITION",
            envvar="LONGWRITER_REQUIRE",
            show_envvar=False,
            show_default=False,
            help="End in exit code 3 unless this holds, as in 'records>=5800' or 's_l>=75'. Repeatable; a figure is a "
            "key of --json, its parts joined by dots.",
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            envvar="LONGWRITER_WATCH",
            show_envvar=False,
            help="Look again every few seconds while another process writes the run, until that has ended.",
        ),
    ] = False,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html",
            metavar="FILE",
            envvar="LONGWRITER_HTML",
            show_envvar=False,
            show_default=False,
            help="Write it all as one web page that needs no network: charts, failures, and the texts to search and "
            "read. Several runs or datasets are set side by side.",
        ),
    ] = None,
    html_size: Annotated[
        str,
        typer.Option(
            "--html-size",
            metavar="SIZE",
            envvar="LONGWRITER_HTML_SIZE",
            show_envvar=False,
            help="The most that the page may have; a larger one holds more texts in full.",
        ),
    ] = "3MB",
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    price_cached: PriceCached = None,
    config: ConfigFile = None,
    verbose: Verbose = False,
) -> int:
    """What a run or a dataset holds, how good it is, what it cost, what failed and why.

    A run that another process is writing can be looked at: no lock is taken, nothing is changed.
    """
    cost_of = _cost_of(Prices(price_in, price_out, price_cached))
    conditions = [read_condition(text) for text in require or ()]
    form: Form = "markdown" if markdown else "json" if json else "terminal"
    _check_together(paths, id=id, html=html, watched=watch, conditions=conditions, json=json, markdown=markdown)
    if html is not None:
        write_page(html, html_size, paths, cost_of, json=json)
    elif len(paths) > 1:
        compare([Path(path) for path in paths], json=json)
    elif id is not None:
        look_at_record(paths[0], id, json=json)
    else:
        look_once = partial(look, paths[0], cost_of, conditions, form)
        return watching.watch(Path(paths[0]), look_once) if watch else look_once()
    return EXIT_OK


def _check_together(
    paths: Sequence[str],
    *,
    id: str | None,  # noqa: A002 - the option's name
    html: Path | None,
    watched: bool,
    conditions: Sequence[Condition],
    json: bool,
    markdown: bool,
) -> None:
    """Raises UsageError where options do not go together."""
    figures_alone = {"--require": bool(conditions), "--markdown": markdown, "--watch": watched}
    if html is not None and id is not None:
        raise UsageError("--id shows one record in the terminal, --html all of them.", "Leave one of them out.")
    if json and markdown:
        raise UsageError("--json and --markdown are two forms of one thing.", "Leave one of them out.")
    if len(paths) > 1 and id is not None:
        raise UsageError("--id shows one record of one run.", "Name one PATH.")
    for option in (name for name, given in figures_alone.items() if given):
        if id is not None or html is not None or len(paths) > 1:
            raise UsageError(f"{option} is for the figures of one run or dataset.", "Name one PATH, without the rest.")
    if watched and not is_run(Path(paths[0])):
        raise UsageError(f"--watch follows a run, and {paths[0]} is none.", "Name its directory.")


def _cost_of(prices: Prices) -> CostOf:
    """A run does not say which endpoint its tokens were paid to; the one in the environment is the likely one."""

    def cost_of(usage: Mapping[str, Usage]) -> float | None:
        return prices.cost_usd(usage, os.environ.get("OPENAI_BASE_URL") or None)

    return cost_of
