"""Conditions on figures: how they are read, what they hold against, what is said of those that name nothing."""

from __future__ import annotations

from typing import Any

import pytest

from longwriter_cli.errors import UsageError
from longwriter_cli.report.conditions import hold_against, read_condition

ROW: dict[str, Any] = {
    "records": 14,
    "cost_usd": None,
    "words": {"n": 14, "p50": 4800, "mean": 4580.4, "histogram": []},
    "lengths": {"n": 14, "score": 98.0},
    "quality": None,
    "failures": {"refusal": {"n": 2}},
    "rejects": {"loops": 1},
    "manifest": {"tool_version": "0.1.0"},
}


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("records>=14", True),
        ("records > 14", False),
        ("records<15", True),
        ("records<=13.5", False),
        ("records==14", True),
        ("records=14", True),
        ("records!=14", False),
        ("words.p50>=4,800", True),
        ("s_l>=98.1", False),
        ("s_l>=9.8e1", True),
        ("median_words>4000", True),
        ("failures.refusal.n<=2", True),
        ("failures.truncated.n==0", True),
        ("rejects.loops<1", False),
        ("rejects.refusal<1", True),
    ],
)
def test_a_figure_is_held_against_a_bound(text: str, met: bool) -> None:
    assert hold_against(read_condition(text), ROW).is_met is met


@pytest.mark.parametrize("text", ["cost_usd<5", "s_q>=0", "quality.score>=0"])
def test_what_is_not_known_is_not_met(text: str) -> None:
    outcome = hold_against(read_condition(text), ROW)
    assert not outcome.is_met
    assert outcome.told() == f"{text}: it is not known"


def test_an_evaluation_has_scores_of_its_own() -> None:
    row = ROW | {"evaluation": {"all": {"s_l": {"mean": 60.0}}}}
    assert hold_against(read_condition("s_l<61"), row).is_met


def test_what_was_found_is_told() -> None:
    assert hold_against(read_condition("records >= 5800"), ROW).told() == "records >= 5800: it is 14"


@pytest.mark.parametrize("text", ["", "records", ">=3", "records>=", "records>=many", "records>=nan", "records=>3"])
def test_what_is_no_condition_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_condition(text)
    assert "records>=5800" in caught.value.tip


def test_a_share_is_refused() -> None:
    with pytest.raises(UsageError, match="no shares"):
        read_condition("s_l>=75%")


@pytest.mark.parametrize(("text", "near"), [("record>=1", "records"), ("words.p5O>=1", "words.p50"), ("s_i>1", "s_l")])
def test_a_figure_that_is_not_there_is_told_with_the_nearest(text: str, near: str) -> None:
    with pytest.raises(UsageError) as caught:
        hold_against(read_condition(text), ROW)
    assert near in caught.value.tip
