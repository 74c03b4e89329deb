"""Percentiles, histogram bins and length scores of many texts."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from longwriter_cli.evals.length import length_score
from longwriter_cli.report.measures import BIN_EDGES, LengthTally, distribution


def test_no_text_gives_zeros_and_empty_bins() -> None:
    figures = distribution({})
    assert (figures.n, figures.total, figures.mean, figures.p5, figures.p50, figures.p95, figures.max) == (0,) * 7
    assert [bin_.n for bin_ in figures.histogram] == [0] * (len(BIN_EDGES) + 1)


def test_one_text_is_every_percentile() -> None:
    figures = distribution({1234: 1})
    assert (figures.p5, figures.p50, figures.p95, figures.max) == (1234,) * 4


@pytest.mark.parametrize("n", [1, 2, 19, 20, 21, 100, 999])
def test_a_percentile_is_the_least_length_that_so_many_texts_do_not_exceed(n: int) -> None:
    lengths = sorted(random.Random(n).choices(range(300), k=n))
    figures = distribution(Counter(lengths))
    for percent, found in ((5, figures.p5), (50, figures.p50), (95, figures.p95)):
        assert found == next(x for x in lengths if sum(y <= x for y in lengths) * 100 >= percent * n)
    assert (figures.n, figures.total, figures.max) == (n, sum(lengths), lengths[-1])


def test_a_bin_holds_its_lower_edge_and_not_its_upper_one() -> None:
    figures = distribution({0: 1, 499: 1, 500: 1, 999: 1, 1000: 1, 31_999: 1, 32_000: 2})
    found = {(bin_.low, bin_.high): bin_.n for bin_ in figures.histogram if bin_.n}
    assert found == {(0, 500): 2, (500, 1000): 2, (1000, 2000): 1, (16_000, 32_000): 1, (32_000, None): 2}


def test_lengths_are_scored_in_the_range_that_was_required() -> None:
    tally = LengthTally()
    pairs = [(499, 499), (500, 250), (1999, 4000), (2000, 2000), (4000, 0), (20_000, 19_000)]
    for required, actual in pairs:
        tally.add(required, actual)
    figures = tally.figures()
    assert [(part.low, part.high, part.n) for part in figures.ranges] == [
        (0, 500, 1),
        (500, 2000, 2),
        (2000, 4000, 1),
        (4000, None, 2),
    ]
    scores = [length_score(*pair) for pair in pairs]
    assert figures.all.score == pytest.approx(sum(scores) / len(scores), abs=0.01)
    assert figures.ranges[1].score == pytest.approx((scores[1] + scores[2]) / 2, abs=0.01)
    assert (figures.ranges[3].required_words, figures.ranges[3].words) == (12_000, 9_500)


def test_a_range_without_texts_has_no_mean() -> None:
    part = LengthTally().figures().all
    assert (part.n, part.required_words, part.words, part.score) == (0, None, None, None)
