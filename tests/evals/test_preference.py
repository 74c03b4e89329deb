"""Which of two texts is better: the verdicts read, and what two orders of them come to."""

from __future__ import annotations

import pytest

from longwriter_cli.evals.preference import Better, read_better, tally


@pytest.mark.parametrize(
    ("answer", "better"),
    [
        ('{"analysis": "The first is better: \\"second\\" is not.", "better": "second"}', "second"),
        ('Sure:\n```json\n{"analysis": "x", "better": "first"}\n```', "first"),
        ("{'better': 'tie'}", "tie"),
        ("I weighed both.\n\n**Better**: second.", "second"),
        ('{"better": "First"}', "first"),
        ('<think>{"better": "first"}? No.</think>{"analysis": "x", "better": "second"}', "second"),
        ('```json\n{"analysis": "For plot, better: first.", "better": "second"}\n```', "second"),
        ('{"better": "first", "better": "second"}', None),
        ('{"better": "third"}', None),
        ('{"better": null}', None),
        ('{"better": "first"} or {"better": "second"}', None),
        ("The first one is better.", None),
        ("", None),
    ],
)
def test_a_verdict_is_read_where_there_is_just_one(answer: str, better: str | None) -> None:
    assert read_better(answer) == better


@pytest.mark.parametrize(
    ("verdicts", "counts"),
    [
        ([("first", "second")], (1, 1, 0, 0, 0)),
        ([("second", "first")], (1, 0, 1, 0, 0)),
        ([("first", "first"), ("second", "second")], (2, 0, 0, 2, 2)),
        ([("tie", "tie"), ("first", "tie"), ("tie", "first")], (3, 0, 0, 3, 0)),
        ([], (0, 0, 0, 0, 0)),
    ],
)
def test_a_text_wins_only_where_both_orders_say_so(
    verdicts: list[tuple[Better, Better]], counts: tuple[int, int, int, int, int]
) -> None:
    found = tally(verdicts)
    assert (found.n, found.wins, found.losses, found.ties, found.turned) == counts
