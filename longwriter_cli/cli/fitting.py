"""What a shared option is in one command: said in other words there, or without a meaning.

All commands that call a model take the shared options, so that one environment and one config file serve them all. In a
command that has no use for one it is left out of the help, and a user who types it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longwriter_cli.cli.output import say

_OF_PLANS = frozenset(
    {"plan_model", "plan_extra_body", "max_steps", "plan_tolerance", "plan_format", "min_section_words"}
    | {"max_section_words"}
)
_OF_TEXTS = frozenset({"mode", "length_control", "section_tolerance", "history_words", "context_tokens", "language"})
_OF_JUDGES = frozenset({"judge_model", "judge_extra_body"})

# `plan` begins runs, and a run keeps what it is begun with for the commands that come after.
IDLE: Mapping[str, frozenset[str]] = {
    "write": frozenset({"plan_model", "plan_extra_body"}) | _OF_JUDGES,
    "select": _OF_PLANS | _OF_TEXTS | _OF_JUDGES,
}
HELP: Mapping[tuple[str, str], str] = {
    ("select", "limit"): "Stop reading at the Nth prompt that the rules keep.",
    ("select", "max_failed"): "More failed prompts and bad rows than this end in exit code 3; P% is of all rows read.",
    ("select", "new_settings"): "Accept other settings for what has no verdict yet.",
    ("pack", "skip_bad_rows"): "Leave out rows that are no chats, and count them, instead of stopping.",
    ("plan", "judge_model"): "A model that is to rate the finished texts later, in build-dataset.",
    ("plan", "retry_failed"): "Try every failed plan again.",
}


def fit(command: Any) -> None:
    """Lets the help of a command say what its options are there."""
    for parameter in command.params:
        make_narrow(parameter)
        if parameter.name in IDLE.get(command.name, ()):
            parameter.hidden = True
        if (text := HELP.get((command.name, parameter.name))) is not None:
            parameter.help = text


def make_narrow(parameter: Any) -> None:
    """Leaves out of the help what a type says that no user types: that a flag is one, and ranges, which errors name.

    On 80 columns they would take the room of the options' names, which would be cut off and could not be typed.
    """
    parameter._get_number_range_help_str = lambda: None
    if getattr(parameter, "is_flag", False):
        parameter.display_type_rich = lambda ctx: None


def tell_idle(context: Any) -> None:
    """Says which options were typed for nothing."""
    for parameter in context.command.params:
        if parameter.name in IDLE.get(context.command.name, ()):
            source = context.get_parameter_source(parameter.name)
            if source is not None and source.name == "COMMANDLINE":
                say(f"note: {parameter.opts[0]} changes nothing in {context.command.name}.")
