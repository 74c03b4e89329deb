"""The figures behind the charts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_page import row

from longwriter_cli.report.html.rows import Row
from longwriter_cli.report.html.tally import EDGES, LAST_STEP, OTHERS, UNNAMED, Tally, cell, words_at


def tally(*rows: Row) -> Tally:
    made = Tally()
    for one in rows:
        made.add(one)
    return made


@given(st.lists(st.integers(0, 10**6), max_size=50))
def test_every_finished_text_falls_into_one_bin(lengths: list[int]) -> None:
    made = tally(*(row(str(i), words=words) for i, words in enumerate(lengths)))
    assert sum(made.histogram()) == len(lengths)
    assert made.in_band() == sum(2000 <= words <= 32_000 for words in lengths)


def test_the_band_begins_and_ends_at_edges() -> None:
    assert {2000, 32_000} <= set(EDGES)
    assert tally(row(words=1999)).histogram() != tally(row(words=2000)).histogram()
    assert [tally(row(words=words)).in_band() for words in (1999, 2000, 32_000, 32_001)] == [0, 1, 1, 0]


def test_means_are_of_finished_texts_dropped_ones_among_them() -> None:
    made = tally(
        row("a", s_l=80.0, s_q=50.0),
        row("b", s_l=60.0, outcome="rejected", reason="loops"),
        row("c", s_l=None, outcome="unfinished", words=100),
        row("d", outcome="failed", words=None, s_l=None),
    )
    assert (made.rows, made.all.n, made.all.mean_s_l, made.all.mean_s_q) == (4, 2, 70.0, 50.0)
    assert dict(made.outcomes) == {"finished": 1, "rejected": 1, "unfinished": 1, "failed": 1}
    assert made.steps[1].n == 3, "sections count wherever they are"


def test_groups_are_told_by_range_type_and_language() -> None:
    made = tally(row("a", required=499), row("b", required=500, type="News", language="zh"), row("c", required=None))
    assert {place: sums.n for place, sums in made.ranges.items()} == {0: 1, 1: 1}
    assert {name: sums.n for name, sums in made.typed().items()} == {UNNAMED: 2, "News": 1}
    assert {name: sums.n for name, sums in made.spoken().items()} == {"English": 2, "Chinese": 1}


def test_types_are_not_shown_where_no_row_has_one() -> None:
    assert tally(row("a"), row("b")).typed() == {}


@pytest.mark.parametrize("kinds", [13, 30, 3000])
def test_many_types_are_put_together_and_none_is_lost(kinds: int) -> None:
    made = tally(*(row(str(i), type=f"kind {i}") for i in range(kinds)), row("x", type="kind 0"))
    shown = made.typed()
    assert len(shown) == 13
    assert next(iter(shown)) == "kind 0"
    assert sum(sums.n for sums in shown.values()) == kinds + 1
    assert shown[OTHERS].n == kinds + 1 - 2 - 11
    assert sum(sums.n for sums in made.typed().values()) == kinds + 1, "asking twice adds nothing"


def test_steps_beyond_the_last_shown_place_stand_with_it() -> None:
    made = tally(row(sections=((LAST_STEP, 100, 90), (LAST_STEP + 9, 100, 80), (1, 100, None))))
    assert list(made.steps) == [LAST_STEP]
    assert (made.steps[LAST_STEP].n, made.steps[LAST_STEP].words) == (2, 170)


@given(st.integers(1, 10**7))
def test_a_place_of_the_scatter_is_within_two_percent_of_the_length(words: int) -> None:
    assert words_at(cell(words)) == pytest.approx(words, rel=0.02)
