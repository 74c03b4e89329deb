"""One argument of a command made out of many options: typer sees each option, the command takes the value."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Command = Callable[..., int]


def expanded(
    command: Command, argument: str, options: Iterable[inspect.Parameter], make: Callable[[Mapping[str, Any]], Any]
) -> Command:
    """The command with `options` in place of `argument`, whose value `make` makes out of theirs, by name."""
    added = list(options)

    def wrapper(**values: Any) -> int:
        given = {option.name: values.pop(option.name) for option in added}
        return command(**values, **{argument: make(given)})

    own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != argument]
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in [*own, *added]]
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    wrapper.__doc__ = command.__doc__
    wrapper.__name__ = command.__name__
    return wrapper
