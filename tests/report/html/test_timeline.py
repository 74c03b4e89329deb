"""When tokens were spent."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from made_rows import failure, instruction, open_run, plan, read_run, section, take_in

from longwriter_cli.records import Judgement, Usage
from longwriter_cli.report.html import timeline as module
from longwriter_cli.report.html.timeline import timeline


def cost_of(usage: Mapping[str, Usage]) -> float | None:
    return sum(spent.total_tokens for spent in usage.values()) / 1000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A plan, two sections, a failure and a judgement within two hours; one row has a time that is none."""
    made = plan("a", at="2026-01-02T03:00:00Z", usage=Usage(100, 40, 20))
    with open_run(tmp_path / "run") as run:
        take_in(run, instruction("a"))
        run.add_plan(made)
        run.add_section(section(made, 1, at="2026-01-02T04:00:00Z", usage=Usage(200, 0, 30)))
        run.add_section(section(made, 2, at="2026-01-02T05:00:00Z", usage=Usage(300, 100, 40), model="other"))
        run.add_section(section(made, 2, at="yesterday", usage=Usage(1, 1, 1)))
        run.add_failure(failure("a", "write", 2, at="2026-01-02T03:30:01Z", usage=Usage(50, 0, 5), model="m"))
        scores = {"Relevance": 5}
        run.add_answer(Judgement("a", 1, 0, "j", scores, model="j", usage=Usage(10, 0, 1), at="2026-01-02T04:30:00Z"))
    return tmp_path / "run"


def test_what_was_spent_adds_up_to_what_the_rows_say(directory: Path) -> None:
    with read_run(directory) as run:
        found = timeline(run, cost_of)
    assert found is not None
    assert f"{found.begun:%H:%M}" == "03:00"
    first, last = found.points[0], found.points[-1]
    assert (first.after_s, first.usage, first.cost_usd) == (0, Usage(100, 40, 20), 0.12)
    assert (last.after_s, last.usage) == (7200, Usage(660, 140, 96))
    assert len(found.points) == 61
    totals = [point.usage.total_tokens for point in found.points]
    assert totals == sorted(totals)
    steps = {point.after_s: point.usage.completion_tokens for point in found.points}
    assert (steps[1800], steps[1920], steps[3600], steps[5400]) == (20, 25, 55, 56)


def test_a_run_of_one_moment_is_one_point(tmp_path: Path) -> None:
    with open_run(tmp_path / "run") as run:
        take_in(run, instruction("a"))
        run.add_plan(plan("a"))
        found = timeline(run, cost_of)
    assert found is not None
    assert [point.after_s for point in found.points] == [0]


def test_a_run_without_calls_has_none(tmp_path: Path) -> None:
    with open_run(tmp_path / "run") as run:
        take_in(run, instruction("a"))
        assert timeline(run, cost_of) is None


def test_a_long_run_is_told_more_coarsely_and_loses_no_token(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_TIMES", 3)
    made = plan("a")
    with open_run(directory) as run:
        for second in range(10, 30):
            run.add_section(section(made, 1, at=f"2026-01-02T03:00:{second}Z", usage=Usage(10, 5, 1)))
        found = timeline(run, cost_of)
    assert found is not None
    assert found.points[-1].usage == Usage(860, 240, 116)
