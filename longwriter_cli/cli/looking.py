"""What `inspect` shows of a run, of a dataset, of one record, of several evaluations; and the page that it writes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

import orjson

from longwriter_cli.cli.output import say, show
from longwriter_cli.errors import EXIT_FAILURES, EXIT_OK, InputError
from longwriter_cli.records import ANSWER_STAGES, Failure
from longwriter_cli.report.conditions import Condition, hold_against
from longwriter_cli.report.dataset import dataset_figures, dataset_record
from longwriter_cli.report.evaluation import comparison_of, without_rows
from longwriter_cli.report.failures import ComesBack
from longwriter_cli.report.json_form import dataset_row, encodable, entry_row, record_row, run_row
from longwriter_cli.report.layout import console, paged
from longwriter_cli.report.markdown import markdown as as_markdown
from longwriter_cli.report.money import CostOf
from longwriter_cli.report.near import near_ids
from longwriter_cli.report.record import run_record
from longwriter_cli.report.run_figures import run_figures
from longwriter_cli.report.tables import show_comparison, show_evaluation
from longwriter_cli.report.terminal import show_dataset, show_run
from longwriter_cli.report.terminal_record import show_entry, show_record
from longwriter_cli.settings import Settings
from longwriter_cli.stages.failures import may_try, plan_basis, write_basis
from longwriter_cli.store.manifest import MANIFEST_NAME
from longwriter_cli.store.place import check_directory
from longwriter_cli.store.results import RESULTS, read_results
from longwriter_cli.store.run import FAILURES, INSTRUCTIONS, PLANS, SECTIONS, Run
from longwriter_cli.text.plan import plan_digest

_FILES_OF_A_RUN = (MANIFEST_NAME, INSTRUCTIONS, PLANS, SECTIONS)

_HUB = "hf:"


Form = Literal["terminal", "json", "markdown"]


def is_run(path: Path) -> bool:
    try:
        return path.is_dir() and any((path / name).exists() for name in _FILES_OF_A_RUN if name != INSTRUCTIONS)
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}", "Mend the path or its permissions.") from None


def look(path: str, cost_of: CostOf, conditions: Sequence[Condition], form: Form) -> int:
    """Shows the figures of a run or a dataset, and holds them against the conditions; returns the exit code."""
    started = time.monotonic()
    results: dict[str, Any] | None = None
    with ExitStack() as opened:
        if is_run(Path(path)):
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


def look_at_record(path: str, id: str, *, json: bool) -> None:  # noqa: A002
    if not is_run(Path(path)):
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


def write_page(file: Path, size: str, paths: Sequence[str], cost_of: CostOf, *, json: bool) -> None:
    """All of it as one web page. What makes it is loaded for those alone who ask for one."""
    from longwriter_cli.cli.html_report import told, write_report
    from longwriter_cli.report.html.subject import Subject, subject_of_dataset, subject_of_run

    def subject(path: str, opened: ExitStack) -> Subject:
        if not is_run(Path(path)):
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


def compare(directories: Sequence[Path], *, json: bool) -> None:
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
