"""Writes docs/reference.md from the commands themselves; `--check` says whether it is what they say now."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from longwriter_cli.cli.app import COMMANDS, load_command
from longwriter_cli.cli.fitting import HELP, IDLE
from longwriter_cli.cli.options import Options

PLACE = Path(__file__).parent.parent / "docs" / "reference.md"

_HEAD = """# Commands and options

Made by `scripts/docs` out of the program; a change by hand is lost.

Every option is also read from the environment as `LONGWRITER_<NAME>` (`LONGWRITER_MAX_COST`) and, without the dashes in
front, from a TOML file named with `--config`. Order: argument, environment, config file, default.

"""
_UNNAMED = "Options"


_SHARED_NAMES = {field.name for field in fields(Options)}
_SHARED_TITLE = "Options of every command that calls a model"


def reference() -> str:
    anchor = _SHARED_TITLE.lower().replace(" ", "-")
    toc = "".join(f"- [`longwriter {name}`](#longwriter-{name}): {short}\n" for name, short in COMMANDS.items())
    shared = [one for one in load_command("build-dataset").params if one.name in _SHARED_NAMES]
    return (
        f"{_HEAD}{toc}- [{_SHARED_TITLE}](#{anchor})\n"
        + "".join(_command(name, f"[the options of every command that calls a model](#{anchor})") for name in COMMANDS)
        + f"\n## {_SHARED_TITLE}\n{_tables(shared)}"
    )


def _command(name: str, shared: str) -> str:
    command = load_command(name)
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    calls = {"model", "concurrency"} <= {one.name for one in options}
    own = [one for one in options if not (calls and one.name in _SHARED_NAMES)]
    usage = " ".join(["longwriter", name, *map(_value, arguments), "[OPTIONS]"])
    text = f"\n## `longwriter {name}`\n\n{command.help}\n\n```\n{usage}\n```\n"
    if arguments:
        text += "\n" + "".join(f"- `{_value(one)}`: {_plain(one.help)}\n" for one in arguments)
    text += _tables(own)
    return text + (f"\nAnd {shared}.\n{_fitted(name)}" if calls else "")


def _fitted(command: str) -> str:
    """What the shared options are in this command, where that is something of its own."""
    said = [(option, text) for (owner, option), text in HELP.items() if owner == command]
    text = "".join(f"\n- `{_flag(option)}` here: {_plain(words)}" for option, words in said)
    idle = ", ".join(f"`{_flag(option)}`" for option in sorted(IDLE.get(command, ())))
    text += f"\n- without a meaning here: {idle}" if idle else ""
    return f"{text}\n" if text else ""


def _flag(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _tables(options: Iterable[Any]) -> str:
    text = ""
    for panel, of_panel in _by_panel(options).items():
        text += f"\n**{panel}**\n\n| option | what it does | default |\n|---|---|---|\n" + "".join(
            map(_option, of_panel)
        )
    return text


def _by_panel(options: Iterable[Any]) -> dict[str, list[Any]]:
    panels: dict[str, list[Any]] = {}
    for one in options:
        panels.setdefault(one.rich_help_panel or _UNNAMED, []).append(one)
    return panels


def _option(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in sorted([*option.opts, *option.secondary_opts], key=len))
    value = "" if option.is_flag else f" `{_value(option)}`".replace("|", "\\|")
    return f"| {names}{value} | {_plain(option.help)} | {_default(option)} |\n"


def _value(parameter: Any) -> str:
    """What stands for its value: the name that the command gives it, or its choices, or its kind."""
    kind = parameter.type_descriptor.annotation
    if parameter.metavar:
        return str(parameter.metavar)
    return "|".join(map(str, get_args(kind))) if get_origin(kind) is Literal else _KINDS.get(kind, "TEXT")


_KINDS: dict[Any, str] = {int: "N", float: "X", Path: "PATH"}


def _default(option: Any) -> str:
    if option.required:
        return "must be given"
    if isinstance(option.show_default, str):
        return _plain(option.show_default)
    if option.is_flag or option.default in (None, (), []) or callable(option.default):
        return ""
    return f"`{option.default}`"


def _plain(text: str | None) -> str:
    """Help as Markdown: no escapes of rich, and none of a table's bars."""
    return re.sub(r"\\(?=\[)", "", " ".join((text or "").split())).replace("|", "\\|")


def main() -> int:
    made = reference()
    if sys.argv[1:] == ["--check"]:
        if not PLACE.exists() or PLACE.read_text("utf-8") != made:
            sys.stderr.write(f"{PLACE} is not what the program says now; make it anew with scripts/docs\n")
            return 1
        return 0
    PLACE.parent.mkdir(exist_ok=True)
    PLACE.write_text(made, encoding="utf-8")
    sys.stdout.write(f"wrote {PLACE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
