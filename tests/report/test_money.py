"""Costs as they are told: small ones are not nothing, and one price that is missing hides no other."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from longwriter_cli.records import Usage
from longwriter_cli.report.money import cost_shown, dollars, known_cost

PRICES = {"dear": 2.0, "cheap": 0.0001}


def cost_of(usage: Mapping[str, Usage]) -> float | None:
    if any(model not in PRICES for model in usage):
        return None
    return sum(PRICES[model] * spent.completion_tokens for model, spent in usage.items())


@pytest.mark.parametrize(
    ("usd", "shown"),
    [
        (0.0, "$0.00"),
        (1234.5, "$1,234.50"),
        (0.01, "$0.01"),
        (0.0099, "$0.0099"),
        (0.000326, "$0.00033"),
        (0.00999, "$0.0100"),
        (1e-9, "$0.0000000010"),
    ],
)
def test_a_fraction_of_a_cent_is_told(usd: float, shown: str) -> None:
    assert dollars(usd) == shown


def test_a_price_that_is_missing_leaves_the_known_part_and_is_named() -> None:
    usage = {"dear": Usage(10, 0, 3), "mine": Usage(10, 0, 5), "idle": Usage()}
    assert known_cost(usage, cost_of) == (6.0, ["mine"])
    assert cost_shown(usage, cost_of) == "$6.00 without mine, of no known price"


def test_where_no_price_is_known_there_is_no_cost() -> None:
    assert cost_shown({"mine": Usage(10, 0, 5)}, cost_of) == ""
    assert cost_shown({}, cost_of) == "$0.00"
    assert cost_shown({"cheap": Usage(0, 0, 1)}, cost_of) == "$0.00010"
