"""The draw that keeps what fits."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.report.html.sample import Sample


def drawn(sizes: list[int], room: int, weight: float = 1.0) -> Sample[int]:
    sample: Sample[int] = Sample(room)
    for place, size in enumerate(sizes):
        sample.offer(f"k{place}", lambda place=place, size=size: (place, size), weight)  # type: ignore[misc]
    return sample


@given(st.lists(st.integers(1, 100), max_size=200), st.integers(100, 3000), st.integers(0, 3000))
def test_no_more_is_kept_than_fits_and_less_room_keeps_a_part_of_it(sizes: list[int], room: int, less: int) -> None:
    sample = drawn(sizes, room)
    whole = sample.best(room)
    part = sample.best(less)
    assert sum(sizes[place] for place in whole) <= room
    assert sum(sizes[place] for place in part) <= less
    assert less > room or set(part) <= set(whole)
    assert list(whole) == sorted(whole) == list(whole.values())
    assert sample.offered == len(sizes)


@given(st.lists(st.integers(1, 100), max_size=30))
def test_all_is_kept_where_there_is_room(sizes: list[int]) -> None:
    assert list(drawn(sizes, 4 * max([1, *sizes]) + sum(sizes)).best(10_000)) == list(range(len(sizes)))


def test_the_room_is_used_and_the_draw_is_even() -> None:
    kept = drawn([10] * 3000, 3000).best(3000)
    assert len(kept) == 300
    thirds = Counter(place // 1000 for place in kept)
    assert all(70 <= thirds[third] <= 130 for third in range(3))


def test_the_same_stream_gives_the_same_draw() -> None:
    assert drawn([7] * 500, 700).best(700) == drawn([7] * 500, 700).best(700)


def test_a_weight_of_four_is_drawn_about_four_times_as_often() -> None:
    sample: Sample[bool] = Sample(8000)
    for place in range(20_000):
        heavy = place % 10 == 0
        sample.offer(f"k{place}", lambda heavy=heavy: (heavy, 10), 4.0 if heavy else 1.0)  # type: ignore[misc]
    kept = list(sample.best(8000).values())
    light_share, heavy_share = kept.count(False) / 18_000, kept.count(True) / 2000
    assert 3 < heavy_share / light_share < 5


def test_one_that_would_crowd_out_all_others_is_passed_over() -> None:
    assert list(drawn([10, 900, 10], 1000).best(1000)) == [0, 2]


def test_what_can_no_longer_be_kept_is_not_made() -> None:
    made = []
    sample: Sample[int] = Sample(100)
    for place in range(2000):
        sample.offer(str(place), lambda place=place: (made.append(place) or place, 10))  # type: ignore[misc,func-returns-value]
    assert len(made) < 200
