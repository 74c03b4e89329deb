"""`longwriter ruler`: LongWrite-Ruler, the longest text that a model gives."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from longwriter_cli.cli.arguments import RunDirectory
from longwriter_cli.cli.evaluate import ChartsOption, MethodOption, WordCountOption
from longwriter_cli.cli.evaluating import carry_out
from longwriter_cli.cli.evaluation_task import EvaluationTask
from longwriter_cli.cli.options import Options, shared_options
from longwriter_cli.cli.task import read_source
from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.evals.ruler import LENGTHS, at_lengths, ruler_rows
from longwriter_cli.records import Instruction, Language
from longwriter_cli.store.load import INSTRUCTIONS
from longwriter_cli.store.manifest import read_manifest

_LENGTH = re.compile(r"(\d{1,7}(?:\.\d)?)(k?)", re.IGNORECASE)
_MOST_WORDS = 1_000_000


@shared_options
def command(
    run: RunDirectory,
    options: Options,
    method: MethodOption = None,
    lengths: Annotated[
        str | None,
        typer.Option(
            "--lengths",
            metavar="N,N…",
            envvar="LONGWRITER_LENGTHS",
            show_envvar=False,
            show_default="1k, 2k, 5k, 10k, 20k, 30k",
            help="The lengths to ask for, in words.",
        ),
    ] = None,
    prompts_file: Annotated[
        str | None,
        typer.Option(
            "--prompts-file",
            metavar="FILE",
            envvar="LONGWRITER_PROMPTS_FILE",
            show_envvar=False,
            show_default="four kinds of text, English and Chinese",
            help="Prompts of your own, in a file as for INSTRUCTIONS; {words} in one stands for each of the lengths.",
        ),
    ] = None,
    word_count: WordCountOption = "longbench",
    charts: ChartsOption = None,
) -> int:
    """LongWrite-Ruler: asks for longer and longer texts, and measures what comes.

    Tells the length of each text, the longest one, and the length up to which S_l stays above 80. --language en or zh
    asks in that language alone. Given again, the command goes on where it stopped.
    """
    begun = lengths is None and prompts_file is None and read_manifest(run) is not None and _holds_rows(run)
    task = EvaluationTask(
        "ruler",
        run,
        source=None if begun else prompts_file or "ruler",
        rows=None if begun else _rows(_lengths(lengths), prompts_file, options),
        method=method,
        word_count=word_count,
        charts=charts,
    )
    return carry_out(task, options)


def _holds_rows(directory: Path) -> bool:
    """Whether a run has its rows. One that was killed just after its manifest has none, and is begun again."""
    with suppress(OSError):
        return (directory / INSTRUCTIONS).stat().st_size > 0
    return False


def _rows(lengths: tuple[int, ...], prompts_file: str | None, options: Options) -> tuple[Instruction, ...]:
    if prompts_file is None:
        languages: tuple[Language, ...] = ("en", "zh")
        if options.language == "en" or options.language == "zh":
            languages = (options.language,)
        return ruler_rows(lengths, languages)
    rows = at_lengths(read_source(prompts_file, None, None), lengths)
    for row in rows:
        if row.required_words is None:
            problem = f"row {row.row + 1} neither holds {{words}} nor states a length: {row.prompt[:60]!r}"
            raise InputError(prompts_file, None, problem, "Put {words} where the number belongs.")
    return rows


def _lengths(given: str | None) -> tuple[int, ...]:
    """`1000,2k` as numbers, each once, the smallest first."""
    if given is None:
        return LENGTHS
    found = set()
    for part in given.split(","):
        number = _LENGTH.fullmatch(part.strip())
        words = round(float(number[1]) * (1000 if number[2] else 1)) if number else 0
        if not 1 <= words <= _MOST_WORDS:
            raise UsageError(f"--lengths {given}: {part!r} is no number of words.", "As in --lengths 1000,2k,5k.")
        found.add(words)
    return tuple(sorted(found))
