"""A command as typer makes it, with what typer leaves unsaid about a wrong value: where it was set."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from longwriter_cli.cli.environment import tell_unknown
from longwriter_cli.cli.fitting import make_narrow, tell_idle
from longwriter_cli.errors import UsageError
from longwriter_cli.store.manifest import MANIFEST_NAME
from longwriter_cli.store.place import check_directory


class Command(TyperCommand):
    """Refuses empty options (`-r "$UNSET"`, which would be the current directory), and looks at the run's directory."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        typed = list(args)  # parsing empties what it is given
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        parameters: list[Any] = list(self.params)
        for parameter in parameters:
            if parameter.param_type_name == "option" and given.get(parameter.name) in ("", [""]):
                raise typer.BadParameter("it is empty; was a variable of the shell not set?", ctx, parameter)
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if error.param is not None and error.param.name == "run" and "run" not in given:
                raise _no_run(typed) from None
            error.message = error.message.removeprefix("Value error, ")  # a library's, and nothing to a user
            if origin := _origin(ctx, error.param):
                error.message += origin
            raise

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)
        make_narrow(option)
        return option

    def invoke(self, ctx: Any) -> Any:
        if isinstance(run := ctx.params.get("run"), Path):
            check_directory(run)
        tell_unknown(self)
        tell_idle(ctx)
        return super().invoke(ctx)


def _no_run(arguments: list[str]) -> UsageError:
    """The error of a command without a run directory; an argument that is one was meant to be it."""
    for argument in arguments:
        if not argument.startswith("-") and (Path(argument) / MANIFEST_NAME).is_file():
            return UsageError("No run directory is named.", f"{argument} is one: -r {shlex.quote(argument)}")
    return UsageError("No run directory is named.", "Say -r RUN: one that is there is gone on with, else it is begun.")


def _origin(ctx: Any, parameter: Any) -> str:
    """Which variable or file a value came from, where it was no argument."""
    source = ctx.get_parameter_source(parameter.name) if parameter is not None else None
    if source is None:
        return ""
    match source.name:
        case "ENVIRONMENT":
            return f" (in the environment variable {parameter.envvar})"
        case "DEFAULT_MAP":
            return f" (in the config file {ctx.params['config']})"
        case _:
            return ""
