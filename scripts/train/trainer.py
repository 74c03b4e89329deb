"""trl's SFT trainer with the loss of LongWriter: averaged over the target tokens of a whole step.

A step is all micro-batches of all processes. Its loss is the sum of weight times negative log-likelihood over its
tokens, divided by the sum of the weights. With weights of 1 (`longwriter pack --loss-weighting token`) each target
token counts the same, whatever the length of its sample; with 1 / target tokens of its sample (`sequence`) each sample
does. A mean of the means of micro-batches, as trainers used to take it, is neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import isolation
import torch
from trl import SFTTrainer


class PackedTrainer(SFTTrainer):
    """For rows as `packed.load` gives them and `packed.collate` joins them. Before the first step it makes sure that
    the model keeps packed samples apart, and raises UsageError where it does not."""

    loss_is_scaled_for_ga = True  # divided by the weight of the whole step, not by the number of micro-batches

    _are_samples_apart = False

    def get_batch_samples(
        self, epoch_iterator: Iterator[dict[str, Any]], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], torch.Tensor]:
        """The micro-batches of a step, and the sum of its weights over all processes."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        weight = sum((batch["loss_weights"].sum() for batch in batches), torch.zeros((), device=device))
        return batches, self.accelerator.gather(weight).sum()

    def training_step(self, model: torch.nn.Module, *args: Any, **kwargs: Any) -> torch.Tensor:
        # Here and not before: sharded models (DeepSpeed, FSDP) can be asked only once they are wrapped.
        if not self._are_samples_apart:
            isolation.check(model, self.model.config.get_text_config().vocab_size, self.accelerator.device)
            self._are_samples_apart = True
        return super().training_step(model, *args, **kwargs)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """`num_items_in_batch` is the weight of the step, from `get_batch_samples`; None outside of training."""
        inputs = dict(inputs)
        weights = inputs.pop("loss_weights")[:, 1:]
        # trl's fused head gives log-probabilities of the labels that follow, 0 where there is none, and no logits:
        # those of 32k tokens and a vocabulary of 128k would fill 16 GB.
        outputs = model(**inputs, use_cache=False, fused_lm_head=True)
        weighted = -(outputs.log_probs * weights).sum()
        total = weights.sum() if num_items_in_batch is None else num_items_in_batch
        loss = weighted / total.clamp(min=torch.finfo(torch.float32).tiny)  # 0, not NaN, where no token is a target
        if num_items_in_batch is not None:
            # Gradients are averaged over processes, so each one's share is multiplied by their number.
            loss = loss * self.accelerator.num_processes
        return (loss, outputs) if return_outputs else loss
