"""`longwriter inspect`: a look at a run or a dataset. Takes no lock, makes no call, changes no file."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
import typer

from longwriter_cli.cli import watching
from longwriter_cli.cli.arguments import ConfigFile, Json, Verbose
from longwriter_cli.cli.options import PriceCached, PriceIn, PriceOut
from longwriter_cli.cli.output import say, show
from longwriter_cli.errors import EXIT_FAILURES, EXIT_OK, InputError, UsageError
from longwriter_cli.llm.prices import Prices
from longwriter_cli.records import ANSWER_STAGES, Failure, Usage
from longwriter_cli.report.conditions import Condition, hold_against, read_condition
from longwriter_cli.report.dataset import dataset_figures, dataset_record
from longwriter_cli.report.evaluation import comparison_of, without_rows
from longwriter_cli.report.failures import ComesBack
from longwriter_cli.report.json_form import dataset_row, encodable, entry_row, record_row, run_row
from longwriter_cli.report.markdown import markdown as as_markdown
from longwriter_cli.report.money import CostOf
from longwriter_cli.report.near import near_ids
from longwriter_cli.report.record import run_record
from longwriter_cli.report.run_figures import run_figures
from longwriter_cli.report.tables import show_comparison, show_evaluation
from longwriter_cli.report.terminal import console, paged, show_dataset, show_entry, show_record, show_run
from longwriter_cli.settings import Settings
from longwriter_cli.stages.failures import may_try, plan_basis, write_basis
from longwriter_cli.store.manifest import MANIFEST_NAME
from longwriter_cli.store.place import check_directory
from longwriter_cli.store.results import RESULTS, read_results
from longwriter_cli.store.run import FAILURES, INSTRUCTIONS, PLANS, SECTIONS, Run
from longwriter_cli.text.plan import plan_digest

_FILES_OF_A_RUN = (MANIFEST_NAME, INSTRUCTIONS, PLANS, SECTIONS)

_HUB = "hf:"


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
        _write_page(html, html_size, paths, cost_of, json=json)
    elif len(paths) > 1:
        _compare([Path(path) for path in paths], json=json)
    elif id is not None:
        _look_at_record(paths[0], id, json=json)
    else:
        look = partial(_look, paths[0], cost_of, conditions, form)
        return watching.watch(Path(paths[0]), look) if watch else look()
    return EXIT_OK


Form = Literal["terminal", "json", "markdown"]


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
    if watched and not _is_run(Path(paths[0])):
        raise UsageError(f"--watch follows a run, and {paths[0]} is none.", "Name its directory.")


def _is_run(path: Path) -> bool:
    try:
        return path.is_dir() and any((path / name).exists() for name in _FILES_OF_A_RUN if name != INSTRUCTIONS)
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}", "Mend the path or its permissions.") from None


def _look(path: str, cost_of: CostOf, conditions: Sequence[Condition], form: Form) -> int:
    """Shows the figures of a run or a dataset, and holds them against the conditions; returns the exit code."""
    started = time.monotonic()
    results: dict[str, Any] | None = None
    with ExitStack() as opened:
        if _is_run(Path(path)):
            check_directory(Path(path))
            run = opened.enter_context(Run.read(Path(path), plan_digest))
            figures, results = run_figures(run, _comes_back(run)), read_results(Path(path))
            row = run_row(run, figures, cost_of, time.monotonic() - started)
            row |= {"evaluation": without_rows(results)} if results else {}
            show_it = partial(show_run, run=run, figures=figures, cost_of=cost_of)
        else:
            _check_path(path)
            of_dataset = dataset_figures(path)
            row = dataset_row(path, of_dataset, time.monotonic() - started)
            show_it = partial(show_dataset, source=path, figures=of_dataset)
        outcomes = [hold_against(condition, row) for condition in conditions]
        code = EXIT_OK if all(outcome.is_met for outcome in outcomes) else EXIT_FAILURES
        if form == "json":
            required = [{"require": o.condition.text, "value": o.value, "met": o.is_met} for o in outcomes]
            _print_json(row | {"exit_code": code} | ({"required": required} if required else {}))
        elif form == "markdown":
            show(as_markdown(row, outcomes))
        else:
            show_it(console())
            if results:
                show_evaluation(console(), results)
    for outcome in outcomes:
        if not outcome.is_met:
            say(f"not met: {outcome.told()}")
    return code


def _look_at_record(path: str, id: str, *, json: bool) -> None:  # noqa: A002
    if not _is_run(Path(path)):
        _check_path(path)
        entry = dataset_record(path, id)
        _print_json(entry_row(path, entry)) if json else show_entry(console(), entry)
        return
    check_directory(Path(path))
    with Run.read(Path(path), plan_digest) as run:
        view = run_record(run, id)
        if json:
            _print_json(record_row(run, view))
            return
        with paged(console()) as out:
            show_record(out, view)


def _write_page(file: Path, size: str, paths: Sequence[str], cost_of: CostOf, *, json: bool) -> None:
    """All of it as one web page. What makes it is loaded for those alone who ask for one."""
    from longwriter_cli.cli.html_report import told, write_report
    from longwriter_cli.report.html.subject import Subject, subject_of_dataset, subject_of_run

    def subject(path: str, opened: ExitStack) -> Subject:
        if not _is_run(Path(path)):
            _check_path(path)
            return subject_of_dataset(path)
        check_directory(Path(path))
        run = opened.enter_context(Run.read(Path(path), plan_digest))
        return subject_of_run(run, _comes_back(run), cost_of)

    made = write_report(file, size, [partial(subject, path) for path in paths])
    if json:
        _print_json(made | {"exit_code": EXIT_OK})
    else:
        say(told(made))


def _compare(directories: Sequence[Path], *, json: bool) -> None:
    """Evaluations side by side, each held against the first one."""
    named = []
    for directory in directories:
        _check_path(str(directory))
    for directory in directories:
        results = read_results(directory)
        if results is None:
            raise InputError(
                directory,
                None,
                "holds no results of an evaluation",
                "Make it with longwriter evaluate; several paths are compared by their results.",
            )
        named.append((encodable(str(directory)), results))
    try:
        rows = comparison_of(named)
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(RESULTS, None, f"lacks something: {error}", "Give the evaluation again.") from None
    if json:
        _print_json({"command": "inspect", "runs": rows, "exit_code": EXIT_OK})
    else:
        show_comparison(console(), rows)


def _check_path(source: str) -> None:
    """Finds what can be told of a wrong path before anything is read.

    Raises:
        InputError: says what to name instead.
    """
    path = Path(source)
    if source.startswith(_HUB) or source == "-":
        return
    if not source or not path.exists():
        raise InputError(source or "PATH", None, "there is no such file or directory", _near_path(path))
    # Whether it is one, the manifest tells: a user's own file may be called instructions.jsonl.
    if path.name in (*_FILES_OF_A_RUN, FAILURES) and (path.parent / MANIFEST_NAME).exists():
        raise InputError(
            source,
            None,
            "is a file of a run",
            f"Name its directory: longwriter inspect {shlex.quote(str(path.parent))}",
        )


def _near_path(path: Path) -> str:
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = os.listdir(path.parent)
    near = [str(path.parent / name) for name in near_ids(path.name, names)] if path.name else []
    return f"Did you mean {' or '.join(near)}?" if near else "Name a run directory or a dataset."


def _print_json(row: dict[str, Any]) -> None:
    try:
        show(orjson.dumps(row).decode())
    except TypeError:  # orjson stops at 64 bits, and a setting may be any number
        show(json.dumps(row, ensure_ascii=False))


def _cost_of(prices: Prices) -> CostOf:
    """A run does not say which endpoint its tokens were paid to; the one in the environment is the likely one."""

    def cost_of(usage: Mapping[str, Usage]) -> float | None:
        return prices.cost_usd(usage, os.environ.get("OPENAI_BASE_URL") or None)

    return cost_of


def _comes_back(run: Run) -> ComesBack:
    """Holds a failure against the prompt, plan and settings of now, as the next command will."""
    assert run.manifest is not None, "a run without one cannot be opened"
    settings = Settings.from_row(run.manifest.settings)

    def comes_back(failure: Failure) -> bool:
        position = None if failure.id is None else run.index.position(failure.id)
        if position is None:
            return False
        if failure.stage in ANSWER_STAGES:  # whether its texts have changed is known when it is asked again
            return may_try(run.index.failures[failure.id, failure.stage, failure.n], failure.basis, "by_kind")
        instruction, plan = run.instruction(position), run.plan(position)
        if failure.stage == "plan":
            basis = plan_basis(instruction, settings)
        elif plan is not None:
            basis = write_basis(instruction, plan, settings)
        else:
            return True  # its plan has been taken out, so it is planned and written anew
        return may_try(run.index.failures[failure.id, failure.stage, failure.n], basis, "by_kind")

    return comes_back
