"""Scales and ticks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.report.html.svg import Scale, log_ticks, meter, short, ticks


@given(st.floats(1e-4, 1e12))
def test_ticks_reach_the_highest_value_in_few_even_steps(high: float) -> None:
    marks = ticks(high)
    assert marks[0] == 0
    assert marks[-1] >= high * (1 - 1e-6)
    assert 2 <= len(marks) <= 7
    assert marks[-1] <= 2.6 * high


@given(st.floats(1, 1e4), st.floats(1.5, 1e5))
def test_log_ticks_stay_inside_and_are_few(low: float, ratio: float) -> None:
    marks = log_ticks(low, low * ratio)
    assert all(low <= mark <= low * ratio for mark in marks)
    assert marks == sorted(marks)
    assert len(marks) <= 8


def test_a_scale_leads_from_its_start_to_its_end() -> None:
    for log in (False, True):
        scale = Scale(10, 1000, 50, 250, log)
        assert (scale.at(10), scale.at(1000)) == (50, 250)
    assert Scale(10, 1000, 50, 250, True).at(100) == 150
    assert Scale(10, 1000, 50, 250, True).at(0) < 50, "0 has no place on it, and lands outside"
    assert Scale(5, 5, 0, 100).at(5) == 0


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (950, "950"), (1500, "1.5k"), (999_900, "1M"), (2_400_000, "2.4M"), (3e9, "3G")]
)
def test_numbers_are_shortened(value: float, shown: str) -> None:
    assert short(value) == shown


def test_a_meter_stays_within_its_rail() -> None:
    assert 'width="100"' in meter(250, "s0").partition("bar")[2]
    assert 'width="0"' in meter(-3, "s0").partition("bar")[2]
