"""Variables of the environment that look like options and are none: a limit that was mistyped must not be missed."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection
from typing import Any

from longwriter_cli.cli.output import say
from longwriter_cli.text.display import printable

PREFIX = "LONGWRITER_"
_OTHERS = frozenset({"LONGWRITER_CACHE"})
"""Variables that are no option: where the embedded model's weights are kept."""


def tell_unknown(command: Any) -> None:
    """Names the variables that no command reads, each with the nearest that one does."""
    unknown = [name for name in sorted(os.environ) if name.startswith(PREFIX) and name not in _OTHERS]
    unknown = [name for name in unknown if name not in _read_by(command)]
    if not unknown:  # nearly always: then no other command is loaded
        return
    from longwriter_cli.cli.app import COMMANDS, load_command

    known = _OTHERS.union(*(_read_by(load_command(name)) for name in COMMANDS))
    for name in unknown:
        if name not in known:
            say(f"note: {printable(name)} is no variable of longwriter and is not read.{_nearest(name, known)}")


def _read_by(command: Any) -> set[str]:
    return {parameter.envvar for parameter in command.params if isinstance(parameter.envvar, str)}


def _nearest(name: str, known: Collection[str]) -> str:
    options = [each.removeprefix(PREFIX) for each in known]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), options, n=1)
    return f" Did you mean {PREFIX}{near[0]}?" if near else ""
