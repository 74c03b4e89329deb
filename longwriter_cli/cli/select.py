"""`longwriter select`: instructions that need long outputs, out of logs of chats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from longwriter_cli.cli.arguments import Field, SkipBadRows
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.presets import Preset, preset_option
from longwriter_cli.cli.select_task import SelectTask
from longwriter_cli.cli.selecting import carry_out
from longwriter_cli.errors import UsageError
from longwriter_cli.text.selecting import Rules
from longwriter_cli.text.selecting.language import UNTOLD, language_code

_RULES = "Rules"
_ALL = "all"
_DEFAULT = Rules()


def _rule(name: str, **more: Any) -> Any:
    envvar = f"LONGWRITER_{name.removeprefix('--').replace('-', '_').upper()}"
    return typer.Option(name, rich_help_panel=_RULES, envvar=envvar, show_envvar=False, **more)


@preset_option
@shared_options
def command(
    options: Options,
    preset: Preset | None,
    logs: Annotated[
        list[str],
        typer.Argument(
            metavar="LOGS...",
            show_default=False,
            help="Logs of chats: rows with conversation (WildChat, LMSYS), conversations (ShareGPT), messages or "
            "prompt. JSON Lines, JSON, CSV, TSV, Parquet, text (one prompt a line), hf:NAME\\[@CONFIG]\\[:SPLIT], or "
            "- for standard input; .gz and .zst too.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="INSTRUCTIONS",
            envvar="LONGWRITER_OUTPUT",
            show_envvar=False,
            help="Where the instructions go, as JSON Lines.",
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "--run",
            "-r",
            metavar="RUN",
            envvar="LONGWRITER_RUN",
            show_envvar=False,
            show_default="INSTRUCTIONS.run",
            help="The directory of the checkpoint; rejects.jsonl in it says what was dropped and why.",
        ),
    ] = None,
    min_words: Annotated[
        int | None,
        _rule(
            "--min-words",
            min=1,
            metavar="N",
            show_default="2000",
            help="Drop prompts that ask for fewer words. The model is asked whether a prompt needs more than this.",
        ),
    ] = None,
    unstated: Annotated[
        Literal["auto", "keep", "drop"],
        _rule(
            "--unstated", help="Prompts that state no length. auto: the model decides; without one they are dropped."
        ),
    ] = "auto",
    languages: Annotated[
        str, _rule("--languages", metavar="CODES", help="Drop prompts in other languages; all: drop none.")
    ] = ",".join(sorted(_DEFAULT.languages)),
    min_prompt_words: Annotated[
        int, _rule("--min-prompt-words", min=0, metavar="N", help="Drop prompts of fewer words.")
    ] = _DEFAULT.min_prompt_words,
    max_prompt_words: Annotated[
        int, _rule("--max-prompt-words", min=1, metavar="N", help="Drop prompts of more words.")
    ] = _DEFAULT.max_prompt_words,
    keep_toxic: Annotated[bool, _rule("--keep-toxic", help="Keep chats that the log marks as toxic.")] = False,
    keep_redacted: Annotated[
        bool, _rule("--keep-redacted", help="Keep prompts that the log marks as redacted.")
    ] = False,
    keep_dumps: Annotated[
        bool, _rule("--keep-dumps", help="Keep prompts that only ask to scrape or dump data.")
    ] = False,
    max_similarity: Annotated[
        float,
        _rule(
            "--max-similarity",
            min=0.0,
            max=1.0,
            metavar="X",
            help="Drop prompts at least this much like an earlier one that was kept; 1: equal ones alone.",
        ),
    ] = _DEFAULT.max_similarity,
    field: Field = None,
    skip_bad_rows: SkipBadRows = False,
) -> int:
    """Selects instructions that need long outputs: by rules, then, with a model, one call for each prompt that is left.

    Without -m no call is made: what a prompt says of its length decides. With -m every prompt that passes the rules is
    asked about, also those that state their length; --dry-run says how many. Given again with the same arguments the
    command goes on where it stopped, and pays for no verdict again.
    """
    if max_similarity == 0:
        raise UsageError("--max-similarity 0: every prompt is that much like the first.", "Take 0.5 to 1.")
    task = SelectTask(
        logs=tuple(logs),
        output=output,
        directory=run or output.with_name(f"{output.name}.run"),
        rules=Rules(
            languages=_codes(languages),
            min_prompt_words=min_prompt_words,
            max_prompt_words=max_prompt_words,
            keep_toxic=keep_toxic,
            keep_redacted=keep_redacted,
            keep_dumps=keep_dumps,
            max_similarity=max_similarity,
        ),
        min_words=min_words,
        unstated=unstated,
        field=field,
        skip_bad_rows=skip_bad_rows,
        preset=preset,
    )
    return carry_out(task, options)


def _codes(given: str) -> frozenset[str]:
    """The codes in `en,zh`, none for `all`."""
    names = [name.strip() for name in given.split(",") if name.strip()]
    if [name.lower() for name in names] == [_ALL]:
        return frozenset()
    codes = {name: name if name == UNTOLD else language_code(name) for name in names}
    if unknown := [name for name, code in codes.items() if not code]:
        raise UsageError(
            f"--languages {given}: {unknown[0]!r} is no known language.", "As in --languages en,zh or all."
        )
    if not codes:
        raise UsageError("--languages names none.", "As in --languages en,zh or all.")
    return frozenset(codes.values())
