"""The config file: TOML with the names of the options, read only when it is named.

A key at the top holds for every command that knows it, a table `[COMMAND]` for that command alone. Values are checked
like arguments, by the option they stand for.
"""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import typer

from longwriter_cli.errors import InputError

# Options that hold several names or numbers in one text, with commas between them; a file may list them.
_WITH_COMMAS = frozenset({"languages", "lengths", "split"})
_LAYERS = "longwriter_cli.defaults"


def load_config(context: typer.Context, path: Path | None) -> Path | None:
    """Callback of `--config`: makes the file's values the defaults of this command's options.

    Raises:
        InputError: the file cannot be read, or holds a key that no command knows.
    """
    if path is None or context.resilient_parsing:
        return path
    values = _read(path)
    command = context.command.name or ""
    tables = _names_by_command()
    everywhere = frozenset().union(*tables.values())
    mine = tables[command]
    defaults: dict[str, Any] = {}
    for key, value in values.items():
        if key in tables:
            if not isinstance(value, dict):
                raise InputError(path, None, f"{key} is a command, and no value of its own", f"A table: [{key}]")
            for inner in value:
                _check_known(path, inner, tables[key], f"[{key}] ")
            continue
        _check_known(path, key, everywhere | set(tables), "")
        if _parameter(key) in mine:
            defaults[_parameter(key)] = _plain(path, key, value)
    for key, value in values.get(command, {}).items():
        defaults[_parameter(key)] = _plain(path, key, value)
    for parameter in context.command.params:
        name = parameter.name or ""
        value = defaults.get(name)
        if getattr(parameter, "multiple", False) and isinstance(value, str):
            defaults[name] = [value]
        elif name in _WITH_COMMAS and isinstance(value, list):
            defaults[name] = ",".join(map(str, value))
    lay_defaults(context, "config", defaults)
    return path


def lay_defaults(context: typer.Context, layer: Literal["preset", "config"], values: Mapping[str, Any]) -> None:
    """Makes values the defaults of a command's options; those of a config file lie above those of a preset."""
    layers = context.meta.setdefault(_LAYERS, {})
    layers[layer] = values
    context.default_map = {**layers.get("preset", {}), **layers.get("config", {})}


def is_from(context: typer.Context, layer: Literal["preset", "config"], parameter: str) -> bool:
    """Whether a parameter has the value of this layer: no argument, variable or layer above says another."""
    source = context.get_parameter_source(parameter)
    if source is None or source.name != "DEFAULT_MAP":
        return False
    layers = context.meta.get(_LAYERS, {})
    return parameter in layers.get(layer, {}) and not (layer == "preset" and parameter in layers.get("config", {}))


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}", "Mend the path after --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(path, None, f"not TOML: {error}", 'As in model = "gpt-4o": texts stand in quotes.') from None


def _names_by_command() -> dict[str, frozenset[str]]:
    from longwriter_cli.cli.app import COMMANDS, load_command

    return {
        name: frozenset(p.name for p in load_command(name).params if p.name not in ("config", "help", None))
        for name in COMMANDS
    }


def _check_known(path: Path, key: str, known: frozenset[str] | set[str], table: str) -> None:
    if _parameter(key) in known:
        return
    near = difflib.get_close_matches(_parameter(key), known, n=1)
    tip = f"Did you mean {near[0].replace('_', '-')}?" if near else "Its keys are the long names of the options."
    raise InputError(path, None, f"{table}unknown key {key!r}", tip)


def _parameter(key: str) -> str:
    return key.replace("-", "_")


def _plain(path: Path, key: str, value: Any) -> Any:
    """A table stands for a JSON object (`extra-body`); numbers may be written for options that take text."""
    if value == "":
        raise InputError(path, None, f"{key} is empty", "Give it a value, or take it out.")
    if isinstance(value, Mapping):
        return json.dumps(value, default=str)
    return value
