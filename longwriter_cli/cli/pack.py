"""`longwriter pack`: records in, token sequences packed for training out. Makes no call."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Annotated, Literal

import orjson
import typer

from longwriter_cli.cli.arguments import ConfigFile, Json, SkipBadRows, Verbose
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.steps import StepDisplay, step_display
from longwriter_cli.errors import EXIT_OK, InputError, UsageError
from longwriter_cli.report.layout import console
from longwriter_cli.report.packs import pack_row, show_packs
from longwriter_cli.stages.mixing import Dataset
from longwriter_cli.stages.pack import PackTask, pack_datasets
from longwriter_cli.text.display import printable
from longwriter_cli.train.tokenize import TokenizerName

DEFAULT_MAX_TOKENS = 32_768
"""As the paper packs."""
MOST_TOKENS = 10_000_000
"""More than any model reads: beyond it is a slip, which `--format longalign` would answer with terabytes of zeros."""


def command(
    datasets: Annotated[
        list[str],
        typer.Argument(
            metavar="DATASET...",
            show_default=False,
            help="Records: .jsonl, .parquet, a folder of such files, a Hugging Face dataset directory, or "
            "hf:NAME\\[@CONFIG]\\[:SPLIT]. With a weight behind a colon (general.jsonl:0.97 long.jsonl:0.03) a share "
            "of the mixture, else whole.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", metavar="OUT", envvar="LONGWRITER_OUT", show_envvar=False, help="The folder of the packs."
        ),
    ],
    tokenizer: Annotated[
        str,
        typer.Option(
            "--tokenizer",
            metavar="NAME_OR_DIR",
            envvar="LONGWRITER_TOKENIZER",
            show_envvar=False,
            help="The tokenizer of the model to be trained: a folder, or a name on the hub.",
        ),
    ],
    max_tokens: Annotated[
        int,
        typer.Option(
            "--max-tokens",
            min=2,
            max=MOST_TOKENS,
            metavar="N",
            envvar="LONGWRITER_MAX_TOKENS",
            show_envvar=False,
            help="Room of a pack, in tokens.",
        ),
    ] = DEFAULT_MAX_TOKENS,
    overlong: Annotated[
        Literal["drop", "truncate", "split"],
        typer.Option(
            "--overlong",
            envvar="LONGWRITER_OVERLONG",
            show_envvar=False,
            help="What becomes of a record that is longer: left out, cut off at the end, or cut into parts. All are "
            "reported.",
        ),
    ] = "drop",
    loss_weighting: Annotated[
        Literal["token", "sequence"],
        typer.Option(
            "--loss-weighting",
            envvar="LONGWRITER_LOSS_WEIGHTING",
            show_envvar=False,
            help="token: each token to be learnt weighs the same, as in the paper; sequence: each record does.",
        ),
    ] = "token",
    answers: Annotated[
        Literal["all", "last"],
        typer.Option(
            "--answers",
            envvar="LONGWRITER_ANSWERS",
            show_envvar=False,
            help="Which answers of a chat are learnt. Some templates show earlier ones otherwise than the last.",
        ),
    ] = "all",
    chat_template: Annotated[
        Path | None,
        typer.Option(
            "--chat-template",
            metavar="FILE",
            envvar="LONGWRITER_CHAT_TEMPLATE",
            show_envvar=False,
            show_default=False,
            help="A Jinja template in place of the tokenizer's own, or where it has none.",
        ),
    ] = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["hf", "longalign"],
        typer.Option(
            "--format",
            envvar="LONGWRITER_FORMAT",
            show_envvar=False,
            help="hf: a Hugging Face dataset; longalign: the dense arrays that the paper's training code reads.",
        ),
    ] = "hf",
    seed: Annotated[
        int,
        typer.Option(
            "--seed",
            envvar="LONGWRITER_SEED",
            show_envvar=False,
            help="Draws the records of a weighted dataset, and the order of the packs.",
        ),
    ] = 0,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes",
            min=1,
            metavar="N",
            envvar="LONGWRITER_PROCESSES",
            show_envvar=False,
            show_default="one for each core",
            help="Processes that tokenize.",
        ),
    ] = None,
    skip_bad_rows: SkipBadRows = False,
    config: ConfigFile = None,
    json: Json = False,
    progress: Annotated[
        Literal["auto", "rich", "plain", "json", "none"],
        typer.Option("--progress", envvar="LONGWRITER_PROGRESS", show_envvar=False, help="On standard error."),
    ] = "auto",
    verbose: Verbose = False,
) -> int:
    """Token sequences packed for supervised fine-tuning: whole records side by side, each token with its loss weight.

    Needs the extra `pack`. Only what the assistant says is learnt. A command that was stopped goes on where it was.
    """
    started = time.monotonic()
    task = PackTask(
        datasets=tuple(map(dataset_of, datasets)),
        out=out,
        tokenizer=TokenizerName(tokenizer, _template(chat_template), answers),
        max_tokens=max_tokens,
        overlong=overlong,
        weighting=loss_weighting,
        kind=format,
        seed=seed,
        skip_bad_rows=skip_bad_rows,
        processes=processes,
    )
    display: StepDisplay = step_display(progress)
    try:
        packed = pack_datasets(task, display.update, display.note)
    finally:
        display.close()
    if json:
        row = pack_row(packed.figures, task.out, time.monotonic() - started, EXIT_OK)
        show(orjson.dumps(row).decode())
    else:
        show_packs(console(), packed.figures, task.out, overlong)
        if not packed.is_new:
            say(f"note: {printable(str(out))} was there already, of the same data and options; nothing was done.")
    return EXIT_OK


def dataset_of(given: str) -> Dataset:
    """A dataset as it is named on the command line: `SOURCE` or `SOURCE:WEIGHT`. A file of the whole name goes first.

    Raises:
        UsageError: it is no name, or its weight no number above 0.
    """
    if given == "-":
        raise UsageError("Records cannot come from standard input: they are read twice.", "Name a file.")
    if printable(given) != given or plain(given) != given:
        raise UsageError(f"{plain(given)}: the name holds what cannot be shown.", "Rename it.")
    source, colon, weight_text = given.rpartition(":")
    if not colon or Path(given).exists():
        return Dataset(given)
    try:
        weight = float(weight_text)
    except ValueError:
        return Dataset(given)  # hf:NAME:SPLIT
    if not source or not (math.isfinite(weight) and weight > 0):
        raise UsageError(f"{given}: a weight is a number above 0.", "As in general.jsonl:0.97 long.jsonl:0.03.")
    return Dataset(source, weight)


def _template(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}", "Mend the path.") from None
    except UnicodeDecodeError:
        raise InputError(path, None, "is not valid UTF-8", "A chat template is a text file.") from None
