"""Evaluations as tables and remarks."""

from __future__ import annotations

from typing import Any

import pytest

from longwriter_cli.evals.longbench_write import ScoredText
from longwriter_cli.evals.scores import DIMENSIONS
from longwriter_cli.report.evaluation import (
    comparison_of,
    comparison_table,
    markdown,
    remarks,
    results_row,
    table_of,
    texts_of,
)


def texts(n: int, s_l: float, s_q: float | None = None) -> list[ScoredText]:
    scores = None if s_q is None else dict.fromkeys(DIMENSIONS, s_q)
    return [ScoredText(str(i), "a|b", "en", 1000, 900, s_l + i % 2, scores) for i in range(n)]


def results(n: int, s_l: float, s_q: float | None = None, **about: Any) -> dict[str, Any]:
    known = {"model": "m", "method": "direct", "benchmark": "b", "judge": None if s_q is None else "j"}
    return results_row(texts(n, s_l, s_q), known | about)


def test_rows_come_back_as_they_were() -> None:
    assert texts_of(results(3, 50, 75)) == texts(3, 50, 75)


def test_a_table_shows_scores_of_a_judge_only_where_there_is_one() -> None:
    head, rows = table_of(results(4, 50))
    assert head == ["texts", "n", "S_l"]
    assert rows[0] == ["all", "4", "50.5 (50.0–51.0)"]
    head, rows = table_of(results(4, 50, 75))
    assert rows[0][:6] == ["all", "4", "4", "62.8 (62.5–63.0)", "50.5 (50.0–51.0)", "75.0 (75.0–75.0)"]
    assert len(head) == len(rows[0]) == 6 + len(DIMENSIONS)
    assert "| a\\|b | 4 |" in markdown((head, rows)), "a bar in a name does not end its cell"


@pytest.mark.parametrize(("n", "star"), [(9, ""), (10, "*")])
def test_a_difference_is_marked_where_there_are_pairs_enough_to_believe_it(n: int, star: str) -> None:
    _, rows = comparison_table(comparison_of([("one", results(n, 50)), ("other", results(n, 60))]))
    assert rows[0][-3:] == ["", "", ""]
    assert rows[1][-3:] == ["–", f"+10.0{star} (+10.0 to +10.0)", "–"]


def test_what_a_mean_hides_is_told() -> None:
    rows = [
        *texts(2, 50, 75),
        ScoredText("x", "t", "en", 100, 50, 50, None),
        ScoredText("y", "t", "en", 9, None, None, None),
    ]
    told = remarks(results_row(rows, {"judge": "j"}))
    assert told[0].startswith("1 of 4 instructions have no text")
    assert "1 of 3 texts are not judged" in told[1]
    assert "from 50.0 to 83.3" in told[1]
    assert remarks(results(2, 50, 75)) == []
