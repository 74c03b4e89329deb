"""Weights are shares of the records; no record is taken twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.errors import UsageError
from longwriter_cli.train.mixture import chosen_rows, records_taken


def test_without_weights_all_is_taken() -> None:
    assert records_taken([5, 7], [None, None]) == [5, 7]


@pytest.mark.parametrize(
    ("counts", "weights", "taken"),
    [
        ([9_700, 600], [0.97, 0.03], [9_700, 300]),  # the first is used up
        ([97_000, 300], [0.97, 0.03], [9_700, 300]),  # the second is
        ([97_000, 300], [97, 3], [9_700, 300]),  # only their proportion counts
        ([180_000, 6_000], [0.5, None], [6_000, 6_000]),
        ([300_000, 6_000], [0.97, None], [194_000, 6_000]),
        ([180_000, 6_000], [0.97, None], [180_000, 6_000]),  # there are no more
        ([10, 10, 10], [0.25, 0.25, None], [5, 5, 10]),
    ],
)
def test_weights_are_shares_of_the_largest_mixture(
    counts: list[int], weights: list[float | None], taken: list[int]
) -> None:
    assert records_taken(counts, weights) == taken


@given(st.lists(st.tuples(st.integers(1, 100_000), st.floats(0.001, 1_000)), min_size=1, max_size=5))
def test_no_more_is_taken_than_there_is_and_one_dataset_is_used_up(datasets: list[tuple[int, float]]) -> None:
    counts, weights = [count for count, _ in datasets], [weight for _, weight in datasets]
    taken = records_taken(counts, list(weights))
    assert all(0 <= some <= count for some, count in zip(taken, counts, strict=True))
    assert any(some == count for some, count in zip(taken, counts, strict=True))
    for some, weight in zip(taken, weights, strict=True):
        assert abs(some / sum(taken) - weight / sum(weights)) <= len(datasets) / sum(taken)


def test_weights_that_leave_no_room_for_what_is_whole_are_told() -> None:
    with pytest.raises(UsageError, match=r"add up to 1\.2"):
        records_taken([5, 7, 9], [0.6, 0.6, None])


@given(st.integers(0, 200), st.data(), st.integers(0, 5))
def test_the_choice_takes_just_so_many_and_the_seed_draws_them(count: int, data: st.DataObject, seed: int) -> None:
    taken = data.draw(st.integers(0, count))
    chosen = chosen_rows(count, taken, seed, "long.jsonl")
    assert len(chosen) == count
    assert sum(chosen) == taken
    assert chosen == chosen_rows(count, taken, seed, "long.jsonl")


def test_another_seed_or_dataset_draws_others() -> None:
    chosen = {bytes(chosen_rows(1_000, 100, seed, source)) for seed in (0, 1) for source in ("a.jsonl", "b.jsonl")}
    assert len(chosen) == 4
