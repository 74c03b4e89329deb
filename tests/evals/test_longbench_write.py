"""The figures of an evaluation: means over what there is, intervals, groups, differences in pairs."""

from __future__ import annotations

import random
import statistics

import pytest

from longwriter_cli.evals.longbench_write import ScoredText, by_group, differences, figures, range_name
from longwriter_cli.evals.scores import DIMENSIONS


def text(id: str, s_l: float | None, s_q: float | None = None, required: int = 1000, **more: str) -> ScoredText:  # noqa: A002
    known = {"type": "News Report", "language": "en"} | more
    scores = None if s_q is None else dict.fromkeys(DIMENSIONS, s_q)
    return ScoredText(id, known["type"], known["language"], required, None if s_l is None else 900, s_l, scores)


def test_means_are_over_the_texts_that_have_the_figure() -> None:
    found = figures([text("a", 100, 40), text("b", 50), text("c", 0, 60), text("d", None)])
    assert (found.n, found.predicted, found.judged) == (4, 3, 2)
    assert found.s_l is not None
    assert found.s_q is not None
    assert found.overall is not None
    assert (found.s_l.n, found.s_l.mean) == (3, 50)
    assert (found.s_q.n, found.s_q.mean) == (2, 50)
    assert found.overall.mean == 50
    assert found.s_q_bounds == (33.33, 66.67)
    assert figures([text("a", None)]).s_l is None
    assert figures([text("a", 70)]).overall is None


def test_the_interval_is_as_wide_as_theory_says_and_always_the_same() -> None:
    rng = random.Random(3)
    texts = [text(str(n), rng.gauss(60, 15)) for n in range(120)]
    found = figures(texts).s_l
    assert found is not None
    expected = 1.96 * statistics.stdev(row.s_l or 0.0 for row in texts) / 120**0.5
    assert found.high - found.mean == pytest.approx(expected, rel=0.2)
    assert found.mean - found.low == pytest.approx(expected, rel=0.2)
    assert figures(texts).s_l == found


@pytest.mark.parametrize(
    ("required", "name"),
    [(1, "[0,500)"), (499, "[0,500)"), (500, "[500,2k)"), (2000, "[2k,4k)"), (4000, "[4k,∞)"), (20_000, "[4k,∞)")],
)
def test_ranges_are_the_published_ones(required: int, name: str) -> None:
    assert range_name(required) == name


def test_groups_stand_in_the_order_of_their_lengths() -> None:
    texts = [text("a", 10, required=5000), text("b", 20, required=100), text("c", 30, language="zh")]
    groups = by_group(texts)
    assert list(groups["range"]) == ["[0,500)", "[500,2k)", "[4k,∞)"]
    assert {name: part.n for name, part in groups["language"].items()} == {"en": 2, "zh": 1}


def test_differences_are_taken_in_pairs() -> None:
    rng = random.Random(5)
    ones = [text(str(n), rng.uniform(0, 90), rng.uniform(0, 90)) for n in range(60)]
    others = [text(one.id, (one.s_l or 0) + 3, None if n < 20 else one.s_q) for n, one in enumerate(ones)]
    found = differences(ones, [*others, text("only here", 0)])
    assert found["s_l"] is not None
    assert (found["s_l"].n, found["s_l"].mean, found["s_l"].low, found["s_l"].high) == (60, 3, 3, 3)
    assert found["s_q"] is not None
    assert (found["s_q"].n, found["s_q"].mean) == (40, 0)
    assert found["overall"] is not None
    assert found["overall"].mean == 1.5
    assert differences(ones, [text("stranger", 1)])["s_l"] is None
    assert differences(ones, [text("1", 1, required=300)])["s_l"] is None, "a number, and another benchmark's row"
    noisy = [text(one.id, rng.uniform(0, 90)) for one in ones]
    difference = differences(ones, noisy)["s_l"]
    assert difference is not None
    each = [(after.s_l or 0) - (before.s_l or 0) for before, after in zip(ones, noisy, strict=True)]
    assert difference.mean == pytest.approx(statistics.fmean(each), abs=0.01)
    assert difference.high - difference.low == pytest.approx(2 * 1.96 * statistics.stdev(each) / 60**0.5, rel=0.2)
