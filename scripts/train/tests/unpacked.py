"""What the loss of packs is held against: the samples one by one, through the model's ordinary logits."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import packed
import tiny
import torch
from trainer import PackedTrainer
from trl import SFTConfig


def reference(model: torch.nn.Module, samples: Sequence[tiny.Sample], weighting: str) -> torch.Tensor:
    """`token`: the mean over all target tokens; `sequence`: the mean of the samples' means."""
    losses = []
    for tokens, labels in samples:
        logits = model(torch.tensor([tokens])).logits[0, :-1]
        losses.append(
            torch.nn.functional.cross_entropy(logits, torch.tensor(labels[1:]), reduction="none", ignore_index=-100)
        )
    if weighting == "sequence":
        targets = [sum(label != -100 for label in labels) for _, labels in samples]
        return torch.stack([loss.sum() / count for loss, count in zip(losses, targets, strict=True)]).mean()
    flat = torch.cat(losses)
    return flat.sum() / sum(label != -100 for _, labels in samples for label in labels)


def trainer_of(model: torch.nn.Module, packs: Any, folder: Path, **settings: Any) -> PackedTrainer:
    config = SFTConfig(
        output_dir=str(folder),
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        disable_tqdm=True,
        **settings,
    )
    return PackedTrainer(
        model,
        config,
        data_collator=packed.collate,
        train_dataset=packs.with_format("numpy"),
        processing_class=tiny.tokenizer(),
    )
