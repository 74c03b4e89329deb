"""Do packed samples stay apart? Asked of the model itself, for no name or version of an attention tells.

In a pack several samples stand in one row, and only their position ids, which begin again at 0, say where one ends.
An attention implementation that does not look at them, a state that runs on (Mamba, short convolutions), a mask of ones
or a cache lets a sample see those before it: nothing fails, the loss looks fine, and the model learns from strangers.

So the model is shown a pack of two samples, and then the same with another first one. What the second one's logits
change by is the leak, as a share of what they change by where both are one sample and may see each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from packed import collate

from longwriter_cli.errors import UsageError

_SAMPLE_TOKENS = 24
# The same kernels on the same shapes give the same bits; a router that batches experts may round otherwise.
_MAX_LEAK = 0.02
# Alone, a sample has another shape, so half precision rounds otherwise; positions that run on are worth 1 and more.
_MAX_SHIFT = 0.2


@dataclass(frozen=True, slots=True)
class Isolation:
    """`leak`: how much of the sample before is seen, 0 (nothing) to about 1 (all). `shift`: how far the logits of a
    packed sample are from those of the same sample alone, in the same unit; positions that run on show here."""

    leak: float
    shift: float

    @property
    def holds(self) -> bool:
        # Written so that NaN does not hold.
        return self.leak <= _MAX_LEAK and self.shift <= _MAX_SHIFT


@torch.no_grad()
def measure(model: Any, vocabulary: int, device: torch.device) -> Isolation:
    """Five forward passes of at most 48 tokens, the same ones in each process, so that shards can be gathered."""
    generator = torch.Generator().manual_seed(0)
    one, other, second = torch.randint(vocabulary, (3, _SAMPLE_TOKENS), generator=generator).tolist()

    def last_logits(*samples: list[int]) -> torch.Tensor:
        tokens = [token for sample in samples for token in sample]
        row = {"input_ids": tokens, "labels": tokens, "seq_lengths": [len(sample) for sample in samples]}
        inputs = {
            name: value.to(device) if isinstance(value, torch.Tensor) else value
            for name, value in collate([row]).items()
            if name != "labels"
        }
        logits = model(**inputs, use_cache=False).logits
        return logits[0, -_SAMPLE_TOKENS:].double()

    was_training = model.training
    model.eval()  # dropout would look like a leak
    apart = last_logits(one, second)
    leak = _rms(apart - last_logits(other, second))
    shift = _rms(apart - last_logits(second))
    joined = _rms(last_logits(one + second) - last_logits(other + second))
    model.train(was_training)
    return Isolation(leak / joined, shift / joined)


def check(model: Any, vocabulary: int, device: torch.device) -> None:
    """Raises UsageError where packed samples do not stay apart."""
    found = measure(model, vocabulary, device)
    if not found.holds:
        raise UsageError(
            f"packed samples do not stay apart in this model: leak {found.leak:.3g} (at most {_MAX_LEAK}), "
            f"shift {found.shift:.3g} (at most {_MAX_SHIFT})",
            'Set load.attn_implementation to "flash_attention_2", "sdpa" or "eager", or pack one sample a row.',
        )


def _rms(difference: torch.Tensor) -> float:
    return float(difference.square().mean().sqrt())
