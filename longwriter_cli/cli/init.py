"""`longwriter init`: a commented config file and a sample of instructions, to begin with."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Annotated

import typer

import longwriter_cli
from longwriter_cli.cli.output import show
from longwriter_cli.errors import EXIT_OK, UsageError
from longwriter_cli.store.jsonl import disk_error

_CONFIG, _INSTRUCTIONS = "longwriter.toml", "instructions.jsonl"
_MODEL = re.compile(r"^model = .*$", re.MULTILINE)
_BASE_URL = re.compile(r"^base-url = .*$", re.MULTILINE)


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIRECTORY]", show_default=False, help="Where to; this one if none is named.")
    ] = Path(),
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", metavar="NAME", show_default=False, help="The model that the config names."),
    ] = None,
    base_url: Annotated[
        list[str] | None,
        typer.Option("--base-url", metavar="URL", show_default=False, help="The endpoint that it names. Repeatable."),
    ] = None,
) -> int:
    """Writes longwriter.toml, every line explained, and instructions.jsonl, a sample in English and Chinese.

    Files that are there already are left alone.
    """
    texts = {
        _CONFIG: _config((_starter() / _CONFIG).read_text("utf-8"), model, base_url),
        _INSTRUCTIONS: (_starter() / _INSTRUCTIONS).read_text("utf-8"),
    }
    there = [str(directory / name) for name in texts if (directory / name).exists()]
    if there:
        raise UsageError(
            f"{' and '.join(there)}: there already; nothing was written.",
            "Name another directory: longwriter init DIRECTORY",
        )
    for name, text in texts.items():
        path = directory / name
        try:
            directory.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise disk_error(error, path) from None
        show(f"wrote {path}")
    config, instructions = shlex.quote(str(directory / _CONFIG)), shlex.quote(str(directory / _INSTRUCTIONS))
    run = shlex.quote(str(directory / "run"))
    show("Then:" if model is not None else f"Put your model and endpoint into {config}, then:")
    show(f"  longwriter check --config {config}")
    show(f"  longwriter build-dataset {instructions} -r {run} --config {config} --dry-run")
    return EXIT_OK


def _starter() -> Path:
    """The files as they are given away: in `examples/` of a checkout, in `longwriter_cli/_starter` of a wheel."""
    package = Path(longwriter_cli.__file__).resolve().parent
    in_wheel = package / "_starter"
    return in_wheel if in_wheel.is_dir() else package.parent / "examples"


def _config(text: str, model: str | None, base_urls: list[str] | None) -> str:
    """The config with this model and these endpoints in it; with a model alone, that of OpenAI or of this machine."""
    if model is not None:
        text = _MODEL.sub(lambda _: f"model = {json.dumps(model, ensure_ascii=False)}", text, count=1)
    if base_urls:
        text = _BASE_URL.sub(lambda _: f"base-url = {json.dumps(base_urls, ensure_ascii=False)}", text, count=1)
    elif model is not None:
        text = _BASE_URL.sub(lambda line: f"# {line[0]}", text, count=1)
    return text
