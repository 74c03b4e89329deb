"""Best-fit decreasing: nothing lost, nothing twice, nothing over the capacity, and next to nothing left empty."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.train.packing import pack

LENGTHS = st.lists(st.integers(min_value=0, max_value=120), max_size=60)
CAPACITY = st.integers(min_value=1, max_value=100)


def filled(lengths: Sequence[int], bins: Sequence[Sequence[int]]) -> list[int]:
    return [sum(lengths[index] for index in items) for items in bins]


@given(LENGTHS, CAPACITY)
def test_each_item_is_in_one_bin(lengths: list[int], capacity: int) -> None:
    assert sorted(index for items in pack(lengths, capacity) for index in items) == list(range(len(lengths)))


@given(LENGTHS, CAPACITY)
def test_no_bin_is_over_the_capacity_but_that_of_an_item_that_is_so_alone(lengths: list[int], capacity: int) -> None:
    for items in pack(lengths, capacity):
        assert sum(lengths[index] for index in items) <= capacity or len(items) == 1


@given(LENGTHS, CAPACITY)
def test_no_two_bins_could_have_been_one(lengths: list[int], capacity: int) -> None:
    """What any fit gives: a new bin is opened only where no other has room."""
    for one, other in combinations(filled(lengths, pack(lengths, capacity)), 2):
        assert one + other > capacity


@given(LENGTHS, CAPACITY)
def test_each_item_went_into_the_fullest_bin_with_room(lengths: list[int], capacity: int) -> None:
    """Against the definition, with a look at every bin for every item."""
    expected: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lambda index: -lengths[index]):
        rooms = [capacity - tokens for tokens in filled(lengths, expected)]
        fitting = [room for room in rooms if room >= lengths[index]]
        if fitting:
            expected[rooms.index(min(fitting))].append(index)
        else:
            expected.append([index])
    # Of two bins with the same room either may be taken, which changes the items of the bins but not their sizes.
    assert sorted(filled(lengths, pack(lengths, capacity))) == sorted(filled(lengths, expected))


def test_items_over_the_capacity_stand_alone() -> None:
    assert pack([7, 3, 11, 4], 10) == [[2], [0, 1], [3]]


def test_nothing_gives_no_bin() -> None:
    assert pack([], 10) == []


@pytest.mark.parametrize(("median_tokens", "sigma"), [(4_000, 0.6), (5_400, 0.7), (8_100, 0.5)])
def test_long_writing_alone_fills_99_per_cent(median_tokens: int, sigma: float) -> None:
    rng = random.Random(7)
    lengths = [min(32_768, int(rng.lognormvariate(0, sigma) * median_tokens)) for _ in range(6_000)]
    assert sum(lengths) / (len(pack(lengths, 32_768)) * 32_768) > 0.99


def test_a_mixture_with_general_data_fills_more_than_99_9_per_cent() -> None:
    rng = random.Random(7)
    general = [max(20, min(32_768, int(rng.lognormvariate(5.8, 1.0)))) for _ in range(29_000)]
    long = [rng.randint(2_500, 32_768) for _ in range(1_000)]
    lengths = general + long
    assert sum(lengths) / (len(pack(lengths, 32_768)) * 32_768) > 0.999
