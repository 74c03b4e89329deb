"""The wait that an endpoint names by a date, where the clocks of the two sides differ."""

from __future__ import annotations

from email.utils import formatdate

import pytest

from longwriter_cli.llm.waits import retry_after_s

THEIRS = 1_700_000_000


def dated(wait_s: float, date: str | None) -> dict[str, str]:
    headers = {"retry-after": formatdate(THEIRS + wait_s, usegmt=True)}
    return headers if date is None else headers | {"date": date}


@pytest.mark.parametrize("off_s", [-86_400, -3600, -1, 0, 1, 3600, 86_400])
def test_a_clock_of_ours_that_is_wrong_changes_no_wait(off_s: float) -> None:
    assert retry_after_s(dated(20, formatdate(THEIRS, usegmt=True)), THEIRS + off_s) == 20


def test_a_date_before_the_answers_own_is_no_wait() -> None:
    assert retry_after_s(dated(-20, formatdate(THEIRS, usegmt=True)), THEIRS - 3600) == 0


@pytest.mark.parametrize("date", [None, "", "soon"])
def test_without_the_answers_own_date_our_clock_is_what_there_is(date: str | None) -> None:
    assert retry_after_s(dated(20, date), THEIRS + 5) == 15


def test_seconds_need_no_clock() -> None:
    assert retry_after_s({"retry-after": "20", "date": formatdate(THEIRS - 3600, usegmt=True)}, THEIRS) == 20
