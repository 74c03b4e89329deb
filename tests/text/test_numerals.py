"""Numbers in every form that people and models write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.text.numerals import NUMBER, fold, parse_number


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("400", 400),
        ("1,000", 1000),
        ("1 000", 1000),
        ("1\u202f000", 1000),
        ("1，000", 1000),
        ("1.000", 1000),
        ("12,345,678", 12_345_678),
        ("１２００", 1200),
        ("1.5k", 1500),
        ("2 thousand", 2000),
        ("1千", 1000),
        ("1.5千", 1500),
        ("1万5千", 15_000),
        ("三百", 300),
        ("十五", 15),
        ("二十", 20),
        ("一千二百", 1200),
        ("一千五", 1500),
        ("一千零五", 1005),
        ("两千", 2000),
        ("两万五", 25_000),
        ("三千五百二十一", 3521),
        ("一二〇〇", 1200),
    ],
)
def test_a_number_has_its_value_in_every_form(text: str, value: int) -> None:
    assert parse_number(text) == value
    assert re.fullmatch(NUMBER, fold(text), re.IGNORECASE)


@pytest.mark.parametrize("text", ["", "words", "1,00", "三四百", "4 5", "1-2", "9" * 50, "-4"])
def test_what_is_not_one_number_has_no_value(text: str) -> None:
    assert parse_number(text) is None


@given(st.integers(0, 10**12), st.sampled_from(["", ",", ".", " ", "，"]))
def test_separators_do_not_change_a_number(value: int, separator: str) -> None:
    assert parse_number(f"{value:,}".replace(",", separator)) == value


@given(st.text())
def test_folding_keeps_every_position_and_no_text_raises(text: str) -> None:
    assert len(fold(text)) == len(text)
    parse_number(text)
