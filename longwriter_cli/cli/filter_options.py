"""The options of the filters, made out of their table."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from longwriter_cli.cli.expand import Command, expanded
from longwriter_cli.errors import UsageError
from longwriter_cli.text.filters import FILTERS, NO_FILTERS, Filter, Sieve

PANEL = "Filters"
_MOST = {"0 to 100": 100.0, "0 to 1": 1.0, "words": None}

Given = Mapping[str, bool | float | None]


def filter_options(command: Command) -> Command:
    """Gives a command that takes `filters`, what `Sieve` is given, an option for each filter."""
    return expanded(command, "filters", [*map(_parameter, FILTERS), _no_filters()], _given)


def _given(values: Mapping[str, Any]) -> Given:
    if values["no_filters"]:
        return NO_FILTERS
    given = {each.name: values[_name(each)] for each in FILTERS}
    least, most = given["too_short"], given["too_long"]
    if least is not None and most is not None and least > most:
        raise UsageError(f"--min-words {least:g} is more than --max-words {most:g}: no text is both.", "Change one.")
    try:
        Sieve(given)
    except ValueError as error:
        raise UsageError(f"{error}.", "Give another value, or leave the filter out.") from None
    return given


def _name(each: Filter) -> str:
    return each.option.replace("-", "_")


def _parameter(each: Filter) -> inspect.Parameter:
    common: dict[str, Any] = {
        "rich_help_panel": PANEL,
        "envvar": f"LONGWRITER_{_name(each).upper()}",
        "show_envvar": False,
        "help": f"Drop {each.drops}.",
    }
    if each.unit is None:
        info = typer.Option(f"--{each.option}/--{each.keep}", show_default="drop", **common)
        return _keyword(_name(each), Annotated[bool | None, info], None)
    info = typer.Option(f"--{each.option}", min=0.0, max=_MOST[each.unit], metavar="X", show_default="none", **common)
    return _keyword(_name(each), Annotated[float | None, info], None)


def _no_filters() -> inspect.Parameter:
    info = typer.Option(
        "--no-filters",
        rich_help_panel=PANEL,
        envvar="LONGWRITER_NO_FILTERS",
        show_envvar=False,
        help="Drop nothing, whatever else is said.",
    )
    return _keyword("no_filters", Annotated[bool, info], False)


def _keyword(name: str, annotation: Any, default: object) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
