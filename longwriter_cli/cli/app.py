"""The program: its commands, each loaded when it is named, and what an error looks like to a user."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from longwriter_cli import __version__
from longwriter_cli.cli.handler import exits

# Names and short helps stand here, so that `longwriter --help` need not load what the commands need.
COMMANDS = {
    "build-dataset": "Instructions in, records out: plan, write and export.",
    "plan": "AgentWrite step I: an outline with word counts for each instruction.",
    "write": "AgentWrite step II: every planned instruction, section by section.",
    "select": "Instructions that need long outputs, out of logs of chats.",
    "evaluate": "LongBench-Write: texts written or read, their lengths and quality scored.",
    "ruler": "LongWrite-Ruler: the longest text that a model gives.",
    "pairs": "Preference pairs for DPO: sample texts, score them, put two together.",
    "pack": "Records as token sequences packed for training, with loss weights.",
    "merge": "One run out of the shards of a run.",
    "check": "Try the endpoint and the machine before a run.",
    "init": "Write a commented config and a sample instruction file.",
    "inspect": "What a run or a dataset holds, how good it is, what it cost, what failed.",
}


def _unwrapped(text: str | None) -> str:
    """A docstring as help: each paragraph on one line, for the terminal to wrap."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


_CONTEXT = {"help_option_names": ["-h", "--help"]}


def load_command(name: str) -> TyperCommand:
    """The command itself, with its options."""
    from longwriter_cli.cli.command import Command
    from longwriter_cli.cli.fitting import fit

    module = importlib.import_module(f"longwriter_cli.cli.{name.replace('-', '_')}")
    app = typer.Typer(add_completion=False, context_settings=_CONTEXT)
    text = _unwrapped(module.command.__doc__)
    app.command(name=name, cls=Command, help=text, short_help=COMMANDS[name])(exits(module.command))
    command = typer.main.get_command(app)
    assert isinstance(command, TyperCommand)
    fit(command)
    return command


class _Commands(TyperGroup):
    """Loads a command when it is named; to list them, their names and short helps do."""

    _listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if self._listing:
            return TyperCommand(cmd_name, help=COMMANDS[cmd_name], short_help=COMMANDS[cmd_name])
        return load_command(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            words = {part: command for command in COMMANDS for part in (*command.split("-"), command)}
            near = difflib.get_close_matches(name, words, n=1)
            tip = f"Did you mean {words[near[0]]!r}?" if near else f"There are {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {name!r}. {tip}")
        return super().resolve_command(ctx, args)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"longwriter {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="longwriter",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # the list of commands needs no panels, and rich would double its time
    context_settings=_CONTEXT,
    help="Long-output training data by AgentWrite: plan a long text, write it by sections, keep every section.",
)


@app.callback()
def program(
    version: bool = typer.Option(False, "--version", callback=_show_version, is_eager=True, help="Show the version."),
) -> None:
    """Options that stand before the command."""
