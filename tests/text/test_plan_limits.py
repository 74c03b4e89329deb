"""Plans brought within limits, and steps that say the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.records import Step
from longwriter_cli.text.plan import fit_to_limits, outside, repeated_points

POINTS = "ABCDEFGHIJ"


def steps_of(*words: int) -> list[Step]:
    return [Step(n, POINTS[n % 10], count) for n, count in enumerate(words)]


def fitted(words: list[int], least: int | None, most: int | None) -> list[tuple[str, int]]:
    return [(step.main_point, step.words) for step in fit_to_limits(steps_of(*words), least, most, "en")]


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=30), st.integers(1, 500), st.integers(0, 1000))
def test_all_steps_come_within_the_limits_and_no_word_is_lost(words: list[int], least: int, more: int) -> None:
    most = 2 * least + more
    steps = fit_to_limits(steps_of(*words), least, most, "en")
    assert sum(step.words for step in steps) == sum(words)
    assert [step.n for step in steps] == list(range(1, len(steps) + 1))
    if sum(words) >= least:
        assert outside(steps, least, most) == []
    for point in POINTS[: len(words)]:
        assert any(point in step.main_point for step in steps), "no main point is lost"


@given(st.lists(st.integers(200, 1000), min_size=1, max_size=30))
def test_a_plan_within_the_limits_stays_as_it_is(words: list[int]) -> None:
    assert [step.words for step in fit_to_limits(steps_of(*words), 200, 1000, "en")] == words


@pytest.mark.parametrize(
    ("words", "least", "most", "mended"),
    [
        ([1100, 600], None, 1000, [("A", 1000), ("B", 700)]),
        ([2000], None, 1000, [("A (part 1 of 2)", 1000), ("A (part 2 of 2)", 1000)]),
        ([1100], None, 1000, [("A (part 1 of 2)", 550), ("A (part 2 of 2)", 550)]),
        ([150, 500], 200, None, [("A", 200), ("B", 450)]),
        ([50, 500, 400], 200, None, [("A; B", 550), ("C", 400)]),
        ([50, 980], 200, 1000, [("A", 200), ("B", 830)]),
        ([100, 100, 100, 100], 200, 1000, [("A; B", 200), ("C; D", 200)]),
        ([150], 200, 1000, [("A", 150)]),
    ],
)
def test_a_slight_miss_is_traded_with_a_neighbour_a_large_one_splits_or_joins(
    words: list[int], least: int | None, most: int | None, mended: list[tuple[str, int]]
) -> None:
    assert fitted(words, least, most) == mended


def test_parts_and_joins_are_said_in_chinese() -> None:
    steps = [Step(1, "开头。", 30), Step(2, "河流", 900)]
    mended = fit_to_limits(steps, 100, 500, "zh")
    assert [step.main_point for step in mended] == ["开头；河流（第1部分，共2部分）", "河流（第2部分，共2部分）"]


def test_limits_that_cannot_be_kept_break_nothing() -> None:
    assert sum(words for _, words in fitted([700, 700], 600, 650)) == 1400


@pytest.mark.parametrize(
    ("points", "places"),
    [
        (["The source", "The mouth"], []),
        (["The source", "the source.", "**The  Source**"], [2, 3]),
        (["Chapter 1", "Chapter 2"], []),
        (["源头", "河口", "源头。"], [3]),
        (["!", "?"], []),
    ],
)
def test_a_main_point_that_stands_there_already_is_found(points: list[str], places: list[int]) -> None:
    assert repeated_points([Step(n, point, 400) for n, point in enumerate(points, 1)]) == places
