"""Samples cut and packed: no token is lost, is there twice, or is learnt from another sample."""

from __future__ import annotations

from collections import Counter

import numpy
import numpy.typing
import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.train.packing import pack
from longwriter_cli.train.samples import NO_TARGET, Weighting, assemble, count_targets, cut, sample_of

Tokens = numpy.typing.NDArray[numpy.int32]
TOKEN = st.tuples(st.integers(0, 40), st.booleans())
SAMPLE = st.lists(TOKEN, min_size=1, max_size=40).map(
    lambda tokens: sample_of([token for token, _ in tokens], numpy.array([target for _, target in tokens]))
)
WEIGHTINGS: list[Weighting] = ["token", "sequence"]


def ids(sample: Tokens) -> list[int]:
    return [int(token) if token >= 0 else ~int(token) for token in sample]


@given(SAMPLE)
def test_the_first_token_is_never_learnt(sample: Tokens) -> None:
    assert sample[0] < 0


def test_targets_are_those_that_were_named() -> None:
    sample = sample_of([5, 0, 7], numpy.array([False, True, False]))
    assert ids(sample) == [5, 0, 7]
    assert count_targets(sample) == 1
    assert sample[1] == 0  # an id of 0 is told from its complement


@given(SAMPLE, st.integers(2, 12))
def test_a_split_sample_loses_no_token_and_learns_none_twice(sample: Tokens, max_tokens: int) -> None:
    parts = cut(sample, max_tokens, "split")
    assert [token for part in parts for token in ids(part)] == ids(sample)
    assert all(len(part) <= max_tokens for part in parts)
    # Only the first token of a part is no longer learnt.
    starts = set(range(0, len(sample), max_tokens))
    learnt = [token >= 0 for part in parts for token in part]
    assert learnt == [bool(token >= 0) and place not in starts for place, token in enumerate(sample)]


@given(SAMPLE, st.integers(2, 12))
def test_what_fits_is_left_as_it_is_and_what_does_not_is_dropped_or_keeps_its_head(
    sample: Tokens, max_tokens: int
) -> None:
    dropped, truncated = cut(sample, max_tokens, "drop"), cut(sample, max_tokens, "truncate")
    if len(sample) <= max_tokens:
        assert [part.tolist() for part in (*dropped, *truncated)] == [sample.tolist()] * 2
    else:
        assert dropped == []
        assert [part.tolist() for part in truncated] == [sample[:max_tokens].tolist()]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@given(samples=st.lists(SAMPLE, min_size=1, max_size=12), capacity=st.integers(40, 90))
def test_packs_hold_each_sample_once_whole_and_apart(
    weighting: Weighting, samples: list[Tokens], capacity: int
) -> None:
    """From lengths to packs and back: what is read out of the packs is what went in."""
    found: Counter[tuple[tuple[int, ...], tuple[int, ...]]] = Counter()
    for numbers in pack([len(sample) for sample in samples], capacity):
        packed = assemble([samples[number] for number in numbers], weighting)
        assert len(packed.input_ids) == packed.seq_lengths.sum() <= capacity
        start = 0
        for length in packed.seq_lengths.tolist():
            here = slice(start, start + length)
            assert packed.position_ids[here].tolist() == list(range(length))
            assert packed.labels[start] == NO_TARGET  # nothing of a sample is told from the one before it
            found[tuple(packed.input_ids[here].tolist()), tuple(packed.labels[here].tolist())] += 1
            start += length
    labels = ([int(token) if token >= 0 else NO_TARGET for token in sample] for sample in samples)
    assert found == Counter((tuple(ids(sample)), tuple(label)) for sample, label in zip(samples, labels, strict=True))


@given(st.lists(SAMPLE, min_size=1, max_size=8))
def test_loss_weights_are_as_defined(samples: list[Tokens]) -> None:
    by_token, by_sequence = assemble(samples, "token"), assemble(samples, "sequence")
    assert by_token.loss_weights.dtype == by_sequence.loss_weights.dtype == numpy.float32
    is_target = by_token.labels != NO_TARGET
    assert by_token.loss_weights.tolist() == is_target.astype(float).tolist()
    ends = numpy.cumsum(by_sequence.seq_lengths)[:-1]
    for weights, sample in zip(numpy.split(by_sequence.loss_weights, ends), samples, strict=True):
        targets = count_targets(sample)
        expected = [numpy.float32(1 / targets) if token >= 0 else numpy.float32(0) for token in sample]
        assert weights.tolist() == [float(weight) for weight in expected]
