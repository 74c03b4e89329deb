"""One sample and one pack as arrays of tokens.

A sample is one array of int32: a token to be learnt is its id, a token of the context the complement of its id (`~id`,
which is negative). So ids and targets travel together and cannot come apart, and both are read off in one step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Tokens = NDArray[numpy.int32]

Overlong = Literal["drop", "truncate", "split"]
Weighting = Literal["token", "sequence"]

NO_TARGET = -100
"""The label of a token that is not learnt, as PyTorch's cross entropy and transformers have it."""


def sample_of(ids: Sequence[int], is_target: NDArray[numpy.bool_]) -> Tokens:
    """A sample. Its first token is never a target: nothing of its own stands before it to tell it from."""
    import numpy

    tokens: Tokens = numpy.asarray(ids, dtype=numpy.int32)
    return _without_first_target(numpy.where(is_target, tokens, ~tokens))


def cut(sample: Tokens, max_tokens: int, overlong: Overlong) -> list[Tokens]:
    """The sample in pieces of at most `max_tokens`: itself where it fits; else none, its head, or all of it in parts.

    No token of a split sample is lost; the first one of each part is context, so it is seen and not learnt.
    """
    if len(sample) <= max_tokens:
        return [sample]
    match overlong:
        case "drop":
            return []
        case "truncate":
            return [sample[:max_tokens]]
        case "split":
            starts = range(0, len(sample), max_tokens)
            return [_without_first_target(sample[start : start + max_tokens]) for start in starts]


def count_targets(sample: Tokens) -> int:
    return int((sample >= 0).sum())


def joined(samples: Sequence[Tokens]) -> Tokens:
    """The samples one behind the other."""
    import numpy

    return numpy.concatenate(samples) if samples else numpy.empty(0, dtype=numpy.int32)


@dataclass(frozen=True, slots=True)
class Pack:
    """Samples one behind the other. Labels are not shifted: the trainer holds the next token against each.

    `position_ids` begins at 0 for each sample. `loss_weights` is 0 off target; the trainer's loss is the weighted mean
    over all tokens of a step.
    """

    input_ids: Tokens
    labels: Tokens
    position_ids: Tokens
    seq_lengths: Tokens
    loss_weights: NDArray[numpy.float32]


def assemble(samples: Sequence[Tokens], weighting: Weighting) -> Pack:
    """One pack out of samples, in their order.

    `token`: each target weighs 1, so a long output counts by its length (the paper's). `sequence`: a sample's targets
    weigh 1 together.
    """
    import numpy

    tokens = joined(samples)
    return Pack(
        input_ids=numpy.where(tokens < 0, ~tokens, tokens),
        labels=numpy.where(tokens < 0, numpy.int32(NO_TARGET), tokens),
        position_ids=numpy.concatenate([numpy.arange(len(sample), dtype=numpy.int32) for sample in samples]),
        seq_lengths=numpy.array([len(sample) for sample in samples], dtype=numpy.int32),
        loss_weights=numpy.concatenate([_weights(sample, weighting) for sample in samples]),
    )


def _weights(sample: Tokens, weighting: Weighting) -> NDArray[numpy.float32]:
    import numpy

    is_target = sample >= 0
    each = 1.0 if weighting == "token" else 1.0 / max(1, int(is_target.sum()))
    return numpy.where(is_target, numpy.float32(each), numpy.float32(0.0))


def _without_first_target(sample: Tokens) -> Tokens:
    if len(sample) and sample[0] >= 0:
        sample = sample.copy()
        sample[0] = ~sample[0]
    return sample
