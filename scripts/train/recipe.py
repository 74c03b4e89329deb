"""A recipe: what is trained on what, and how, in one TOML file.

::

    model = "meta-llama/Llama-3.1-8B"   # a directory or a name on the hub
    tokenizer = "meta-llama/Llama-3.1-8B-Instruct"  # the one the packs were made with, where the model has none like it
    data = "packed"                     # sft: what `longwriter pack` wrote; dpo: FILE[:WEIGHT], one or several
    output = "tuned"

    [load]                              # as in transformers' from_pretrained
    dtype = "bfloat16"

    [training]                          # as in trl's SFTConfig or DPOConfig
    learning_rate = 1e-5
    max_length = 32768                  # must be said: trl's default of 1,024 would cut long outputs away

Paths in a recipe count from the working directory, but for `deepspeed`, whose file lies beside the recipe.
"""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before anything of Hugging Face is imported: trl reports each training to them unless it is told not to.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from longwriter_cli.errors import InputError, LongwriterError, UsageError

_KEYS = ("model", "tokenizer", "data", "output", "load", "training")
# What the recipes settle themselves; another value would undo what they promise.
_SETTLED = ("output_dir", "model_init_kwargs", "dataset_kwargs", "packing", "padding_free", "remove_unused_columns")
_KEPT = "recipe.json"


@dataclass(frozen=True, slots=True)
class Recipe:
    """`load` goes to `from_pretrained`, `training` to trl's configuration class, whose names are checked here."""

    model: str
    data: tuple[str, ...]
    output: Path
    load: Mapping[str, Any]
    training: Mapping[str, Any]
    tokenizer: str | None = None

    @property
    def max_length_tokens(self) -> int:
        return int(self.training["max_length"])


def parse_arguments(program: str, description: str | None) -> argparse.Namespace:
    """The command line of a recipe: the file, and what of it is another this time."""
    parser = argparse.ArgumentParser(
        prog=program, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipe", type=Path, metavar="RECIPE.toml")
    parser.add_argument("--model", help="instead of the recipe's: a directory or a name on the hub")
    parser.add_argument(
        "--data", action="append", help="instead of the recipe's; repeatable where there may be several"
    )
    parser.add_argument("-o", "--output", help="instead of the recipe's: where checkpoints and the model go")
    return parser.parse_args()


def read(arguments: argparse.Namespace, config_class: type) -> Recipe:
    """The recipe with the arguments put in. Raises UsageError or InputError for what is missing, unknown or settled."""
    path: Path = arguments.recipe
    values = _toml(path)
    _check_names(path, values, _KEYS, "")
    for key in ("model", "data", "output"):
        if (given := getattr(arguments, key)) is not None:
            values[key] = given
        elif not values.get(key):
            raise InputError(path, None, f"`{key}` is missing", f"Name it there, or with --{key}.")
    training = dict(values.get("training", {}))
    for name in _SETTLED:
        if name in training:
            raise InputError(path, None, f"`{name}` is settled by the recipe", "Take it out.")
    _check_names(path, training, [field.name for field in dataclasses.fields(config_class)], "training.")
    if not isinstance(training.get("max_length"), int):
        raise InputError(
            path,
            None,
            "`training.max_length` is missing",
            "Say how many tokens a sequence may have, such as 32768: by default trl cuts all after 1,024 away.",
        )
    if isinstance(training.get("deepspeed"), str):
        training["deepspeed"] = str(path.parent / training["deepspeed"])
    data = values["data"]
    return Recipe(
        model=values["model"],
        data=(data,) if isinstance(data, str) else tuple(data),
        output=Path(values["output"]),
        load=values.get("load", {}),
        training=training,
        tokenizer=values.get("tokenizer"),
    )


def settle(recipe: Recipe, *, is_main_process: bool) -> str | None:
    """The checkpoint to go on from, or None for a new output directory, which then keeps what it was made with.

    Raises UsageError where the directory holds what another recipe made: half a model of each would be neither.
    """
    from transformers.trainer_utils import get_last_checkpoint

    recipe.output.mkdir(parents=True, exist_ok=True)
    checkpoint: str | None = get_last_checkpoint(str(recipe.output))
    kept = recipe.output / _KEPT
    now = json.loads(json.dumps(dataclasses.asdict(recipe), default=str))
    del now["output"]  # the directory may be named otherwise the next time
    if kept.exists():
        before = json.loads(kept.read_text(encoding="utf-8"))
        if differ := sorted(_differing(before, now)):
            raise UsageError(
                f"{recipe.output} was begun with another recipe: {', '.join(differ)} differ",
                "Go on with that one, or give a new --output.",
            )
        return checkpoint
    if checkpoint is not None:
        raise UsageError(f"{recipe.output} holds checkpoints that no recipe made", "Give a new --output.")
    if is_main_process:
        # Whole or not at all: another process may be looking.
        written = kept.with_suffix(".new")
        written.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
        written.replace(kept)
    return None


def run(main: Callable[[], None]) -> None:
    """Runs a script and ends with its exit code: an expected error is told in two lines, any other is shown whole."""
    try:
        main()
    except LongwriterError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"  tip: {error.tip}\n" if error.tip else ""))
        sys.exit(error.exit_code)


def say(message: str) -> None:
    """A line for the user, once however many processes train."""
    if int(os.environ.get("RANK", "0")) == 0:
        sys.stderr.write(message + "\n")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(path, None, f"is no TOML: {error}") from error


def _check_names(path: Path, values: Iterable[str], known: Sequence[str], where: str) -> None:
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            raise InputError(path, None, f"`{where}{name}` is unknown", f"Is `{where}{near[0]}` meant?" if near else "")


def _differing(before: Mapping[str, Any], now: Mapping[str, Any], where: str = "") -> Iterable[str]:
    for key in before.keys() | now.keys():
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differing(one, other, f"{where}{key}.")
        elif one != other:
            yield where + key
