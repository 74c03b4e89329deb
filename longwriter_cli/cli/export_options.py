"""The options of an export: where it goes, in which form, in how many parts, and to whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from longwriter_cli.cli.expand import Command, expanded
from longwriter_cli.cli.options import parameters_of
from longwriter_cli.cli.sizes import size_in_bytes
from longwriter_cli.errors import UsageError
from longwriter_cli.stages.split import Splits
from longwriter_cli.store.export import Shape

PANEL = "Export"
_SHARE_ERROR = 1e-6


def _option(*flags: str, **more: Any) -> Any:
    return typer.Option(*flags, rich_help_panel=PANEL, **({"show_default": False} | more))


@dataclass(frozen=True)
class ExportOptions:
    """What the user said of the export."""

    output: Annotated[
        Path | None,
        _option(
            "--output",
            "-o",
            metavar="OUT",
            show_default="RUN/dataset.jsonl, RUN/dataset.parquet or the folder RUN/dataset/",
            help="Where the records go.",
        ),
    ] = None
    format: Annotated[
        Literal["jsonl", "parquet", "hf"],
        _option("--format", show_default=True, help="hf: a folder, as `load_from_disk` of datasets reads it."),
    ] = "jsonl"
    record_format: Annotated[
        Literal["messages", "sharegpt", "alpaca"],
        _option(
            "--record-format",
            show_default=True,
            help="What a record is: messages with role and content; conversations with from and value; instruction, "
            "input and output.",
        ),
    ] = "messages"
    metadata: Annotated[bool, _option("--metadata", help="Add id, words, S_l, model and so on to each record.")] = False
    split: Annotated[
        str | None,
        _option(
            "--split",
            metavar="NAME=X,…",
            show_default="one whole",
            help="Splits with their shares, as in train=0.9,test=0.1. Where a record goes is told by its id, "
            "and stays so as the dataset grows.",
        ),
    ] = None
    shard_size: Annotated[
        str | None,
        _option(
            "--shard-size",
            metavar="SIZE",
            show_default="one file",
            help="Files of at most this size before compression, as in 500MB.",
        ),
    ] = None
    card: Annotated[
        bool | None,
        _option(
            "--card/--no-card",
            show_default="for a folder",
            help="A dataset card: OUT/README.md or, for a single file, OUT.md. One that you have edited stays.",
        ),
    ] = None
    license: Annotated[
        str | None,
        _option(
            "--license",
            metavar="NAME",
            show_default="not stated",
            help="The licence that the card states, by the hub's name of it, as in cc-by-4.0.",
        ),
    ] = None
    push_to_hub: Annotated[
        str | None,
        _option(
            "--push-to-hub",
            metavar="NAME",
            help="Send files and card to this dataset of the Hugging Face hub, with HF_TOKEN or your login there.",
        ),
    ] = None
    public: Annotated[
        bool, _option("--public", help="A dataset that is new on the hub is to be public; else it is private.")
    ] = False

    def splits(self) -> Splits | None:
        """The splits.

        Raises:
            UsageError: they are none, or their shares do not add up to 1.
        """
        if self.split is None:
            return None
        example = "As in --split train=0.98,validation=0.02."
        shares = []
        for part in self.split.split(","):
            name, _, share = (piece.strip() for piece in part.partition("="))
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,60}", name) or name == "all":
                raise UsageError(f"--split: {name!r} cannot be the name of a split.", example)
            try:
                shares.append((name, float(share)))
            except ValueError:
                raise UsageError(f"--split: {share!r} is no share of {name}.", example) from None
            if not 0 < shares[-1][1] <= 1:
                raise UsageError(f"--split: a share is above 0 and at most 1, and not {share}.", example)
        if len({name for name, _ in shares}) < len(shares):
            raise UsageError("--split: a split is named twice.", example)
        total = sum(share for _, share in shares)
        if abs(total - 1) > _SHARE_ERROR:
            raise UsageError(f"--split: the shares add up to {total:g}, and not to 1.", example)
        return Splits(tuple(shares))

    def shape(self) -> Shape:
        """The format and the parts.

        Raises:
            UsageError: an option is wrong, or contradicts another.
        """
        splits = self.splits()
        shape = Shape(self.format, splits.names if splits else (), self._shard_bytes())
        if self.push_to_hub is not None and self.format == "hf":
            raise UsageError(
                "--push-to-hub sends files that the hub shows and `load_dataset` reads; --format hf makes none.",
                "Say --format parquet.",
            )
        for name, given in (("--license", self.license), ("--public", self.public)):
            if given and not (self.has_card(shape) if name == "--license" else self.push_to_hub):
                needed = "--card" if name == "--license" else "--push-to-hub"
                raise UsageError(f"{name} says nothing without {needed}.", f"Add {needed}, or leave {name} out.")
        return shape

    def has_card(self, shape: Shape) -> bool:
        if self.card is None:
            return shape.is_folder or self.push_to_hub is not None
        return self.card

    def _shard_bytes(self) -> int | None:
        if self.shard_size is None:
            return None
        return size_in_bytes("--shard-size", self.shard_size, "500MB")


def export_options(command: Command) -> Command:
    """Gives a command that takes `export: ExportOptions` its options."""
    return expanded(command, "export", parameters_of(ExportOptions), lambda values: ExportOptions(**values))
