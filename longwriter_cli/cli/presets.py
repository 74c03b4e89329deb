"""`--preset NAME`: settings under one name, as if their options were given where nothing else is.

A preset's values lie below argument, environment and config file, and above the defaults. To the manifest of a run
they are given all the same: a run that was begun with other settings stops with what differs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any, Literal

import typer

from longwriter_cli.cli.config import is_from, lay_defaults
from longwriter_cli.cli.expand import Command, expanded
from longwriter_cli.cli.options import METHOD
from longwriter_cli.errors import UsageError

# By preset and command: the options it sets, under the names of the command's parameters.
PRESETS: Mapping[str, Mapping[str, Mapping[str, object]]] = {
    # LongWriter §3: outputs of 2k to 32k words, from plans of at most 50 paragraphs of 200 to 1,000 words; sections are
    # cleaned always, and texts that are short or broken are dropped.
    "longwriter-6k": {
        # English and Chinese prompts that need more than 2,000 words; no toxic ones, none that only scrape data.
        "select": {"languages": "en,zh", "min_words": 2000},
        # `write` takes the plans as they are: no part of the recipe is its own.
        "plan": {"max_steps": 50, "min_section_words": 200, "max_section_words": 1000},
        "build-dataset": {
            "max_steps": 50,
            "min_section_words": 200,
            "max_section_words": 1000,
            "min_words": 2000,
            "max_words": 32000,
            "drop_refusals": True,
            "drop_scaffolding": True,
            "drop_truncated": True,
            "drop_loops": True,
        },
    },
}


@dataclass(frozen=True)
class Preset:
    """A preset as it was applied: `options` holds what it set, without what argument, environment or file said."""

    name: str
    options: Mapping[str, object]

    def shown(self) -> str:
        """The options as they would be typed."""
        return " ".join(
            f"--{name.replace('_', '-')}" + ("" if value is True else f" {value}")
            for name, value in self.options.items()
        )

    def named_in(self, message: str) -> list[str]:
        """The options of the preset that a message names."""
        flags = (f"--{name.replace('_', '-')}" for name in self.options)
        return [flag for flag in flags if re.search(rf"{flag}(?![\w-])", message)]

    def row(self) -> dict[str, object]:
        """What the summary of a `--dry-run` says of it."""
        return {"name": self.name, "options": dict(self.options)}


def preset_option(command: Command) -> Command:
    """Gives a command that takes `preset: Preset | None` the option; it has to stand above `shared_options`.

    So the option is declared behind `--config`, and a preset that the config file names is found.
    """
    info = typer.Option(
        "--preset",
        rich_help_panel=METHOD,
        envvar="LONGWRITER_PRESET",
        show_envvar=False,
        show_default="none",
        is_eager=True,
        callback=_lay_below,
        help="Settings under one name, for what is not given. longwriter-6k: the published recipe. --dry-run shows "
        "what it sets.",
    )
    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("preset", keyword, default=None, annotation=Annotated[Literal["longwriter-6k"] | None, info]),
        inspect.Parameter("context", keyword, annotation=typer.Context),
    ]
    telling = _telling(command)
    return expanded(telling, "preset", parameters, lambda values: _applied(values["context"], values["preset"]))


def _telling(command: Command) -> Command:
    """The command; an error that names options says which of them nobody typed."""

    @wraps(command)
    def wrapper(**values: Any) -> int:
        try:
            return command(**values)
        except UsageError as error:
            preset: Preset | None = values["preset"]
            if preset is not None and (said := preset.named_in(error.message)):
                error.message += f" ({' and '.join(said)} by --preset {preset.name}.)"
            raise

    return wrapper


def _lay_below(context: typer.Context, name: str | None) -> str | None:
    """Callback of `--preset`: makes its values the defaults of this command's options, below a config file's."""
    if name is not None and not context.resilient_parsing:
        lay_defaults(context, "preset", _options_of(context, name))
    return name


def _options_of(context: typer.Context, name: str) -> Mapping[str, object]:
    return PRESETS[name].get(context.command.name or "", {})


def _applied(context: typer.Context, name: str | None) -> Preset | None:
    if name is None:
        return None
    set_ = {option: value for option, value in _options_of(context, name).items() if is_from(context, "preset", option)}
    return Preset(name, set_)
