from __future__ import annotations

from fractions import Fraction

import pytest

from longwriter_cli.evals.length import length_score


def published(x: int, y: int) -> Fraction:
    """S_l as the paper prints it, in exact arithmetic: x words required, y words produced."""
    if y == 0:
        return Fraction(0)
    if y > x:
        return 100 * max(Fraction(0), 1 - (Fraction(y, x) - 1) / 3)
    return 100 * max(Fraction(0), 1 - (Fraction(x, y) - 1) / 2)


def test_the_score_is_the_published_one_over_a_grid() -> None:
    lengths = [1, 2, 3, 7, 99, 100, 101, 333, 400, 401, 999, 2000, 8001, 10_000, 32_768, 1_000_000]
    for required in lengths:
        for actual in [0, *lengths]:
            assert length_score(required, actual) == pytest.approx(float(published(required, actual)), abs=1e-9)


@pytest.mark.parametrize(
    ("required", "actual", "score"),
    [
        (1000, 1000, 100.0),
        (1000, 2500, 50.0),
        (1000, 500, 50.0),
        (1000, 4000, 0.0),
        (999, 333, 0.0),
        (1000, 250, 0.0),
    ],
)
def test_known_points(required: int, actual: int, score: float) -> None:
    assert length_score(required, actual) == pytest.approx(score)


@pytest.mark.parametrize(("required", "actual"), [(1000, 0), (0, 1000), (0, 0), (-5, 10), (1000, -1)])
def test_nothing_written_or_nothing_required_scores_zero(required: int, actual: int) -> None:
    assert length_score(required, actual) == 0.0


def test_the_score_stays_in_range_and_falls_with_the_distance() -> None:
    short = [length_score(1000, actual) for actual in range(1001)]
    long = [length_score(1000, actual) for actual in range(1000, 5000)]
    assert short == sorted(short)
    assert long == sorted(long, reverse=True)
    assert min(short + long) == 0.0
    assert max(short + long) == 100.0
