"""What `longwriter pack` wrote, as batches of one row.

All packs of a batch are laid in one row behind each other, without padding and without an attention mask: position ids
that begin again at 0 are what keeps samples apart, and flash attention looks at them in a batch of one row only, and
not at all where there is a mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

from longwriter_cli.errors import InputError

COLUMNS = ("input_ids", "labels", "position_ids", "seq_lengths", "loss_weights")

# Nothing is padded, so the padding token is never used.
_flatten = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)


def load(directory: str, max_length_tokens: int | None = None) -> datasets.Dataset:
    """The packs in a directory. Raises InputError for what is no such directory, or holds a pack over the maximum."""
    path = Path(directory)
    try:
        packs = datasets.load_from_disk(directory)
    except FileNotFoundError as error:
        raise InputError(
            path, None, "is no dataset", "Make it with `longwriter pack DATASET -o OUT --tokenizer NAME`."
        ) from error
    if not isinstance(packs, datasets.Dataset):
        raise InputError(path, None, "holds several datasets", "Name the folder of one of them.")
    if missing := [name for name in COLUMNS if name not in packs.column_names]:
        raise InputError(
            path,
            None,
            f"has no column {missing[0]}",
            "Make it with `longwriter pack`, which writes all that is needed.",
        )
    packs = packs.select_columns(list(COLUMNS)).with_format("numpy")
    if max_length_tokens is not None and (longest := _longest(packs)) > max_length_tokens:
        raise InputError(
            path,
            None,
            f"holds a pack of {longest:,} tokens, more than the {max_length_tokens:,} of training.max_length",
            f"Pack again with --max-tokens {max_length_tokens}, or raise training.max_length.",
        )
    return packs


def collate(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One row of all samples, with what attention kernels want to know of their bounds.

    `loss_weights` is aligned with `labels`, and 0 where a label is out of the loss: also at the first token of a
    sample, which only the sample before it could predict.
    """
    for row in rows:
        _check(row)
    batch: dict[str, Any] = _flatten(list(rows))
    if "loss_weights" in rows[0]:
        weights = torch.cat([torch.tensor(row["loss_weights"], dtype=torch.float32) for row in rows])[None]
        batch["loss_weights"] = weights.masked_fill(batch["labels"] == -100, 0.0)
    return batch


def _check(row: Mapping[str, Any]) -> None:
    lengths = np.asarray(row["seq_lengths"])
    tokens = len(row["input_ids"])
    wrong = [name for name in COLUMNS if name in row and name != "seq_lengths" and len(row[name]) != tokens]
    if lengths.sum() != tokens:
        wrong.append("seq_lengths")
    if "position_ids" in row and not wrong:
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        if not np.array_equal(np.arange(len(starts)) - starts, np.asarray(row["position_ids"])):
            wrong = ["position_ids"]
    if wrong:
        raise InputError("a pack", None, f"{wrong[0]} does not fit its {tokens:,} tokens", "Pack the data again.")


def _longest(packs: datasets.Dataset) -> int:
    """In tokens; read from the Arrow table, without its tokens."""
    import pyarrow.compute

    lengths = pyarrow.compute.list_value_length(packs.data.column("input_ids"))
    return int(pyarrow.compute.max(lengths).as_py() or 0)
