"""Judging once more, by the same judge or another one: stopped, gone on with, and what earlier scores come to."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from fake_model import is_judging, prompt_text
from fake_server import FakeServer
from program import Program, at, essays, read_rows, rows_so_far, run_longwriter, until, write_rows

JUDGE = ("--judge-model", "fake-judge")


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    rows = [{"id": f"r{n}", "type": "Essay", "length": 300, **row} for n, row in enumerate(essays(8, 300))]
    return write_rows(tmp_path / "bench.jsonl", rows)


def judgements(run: Path) -> list[dict[str, Any]]:
    return read_rows(run / "judgements.jsonl")


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_a_judging_anew_that_was_stopped_goes_on_with_what_was_judged_anew(
    benchmark: Path, run: Path, server: FakeServer, end: int
) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    command = ("evaluate", "-r", run, "--base-url", server.base_url, "--redo-judging", "-c", "1", "--grace", "0")
    done, earlier = 3, len(server.requests)

    def slow_from_the_fourth(request: dict[str, Any]) -> None:
        server.latency_s = 60 if len(server.requests) > earlier + done else 0

    server.answer = slow_from_the_fourth
    program = Program(*command)
    until(lambda: len(server.requests) > earlier + done)
    program.signal(end)
    program.wait()
    assert len(rows_so_far(run / "judgements.jsonl")) == 8 + done
    server.answer, server.latency_s = None, 0
    assert run_longwriter(*command, "--dry-run", "--json").summary["calls"] == 8 - done
    result = run_longwriter(*command, "--json")
    assert result.summary["calls"] == 8 - done
    assert f"{done} judgements of it stand" in result.stderr
    assert sorted(row["id"] for row in judgements(run)) == sorted(f"r{n}" for n in range(8) for _ in range(2))
    assert run_longwriter(*command, "--json").summary["calls"] == 8, "it was done: once more is from the start"
    assert len(judgements(run)) == 24


def test_the_mark_of_a_judging_anew_that_is_no_mark_is_told(benchmark: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    (run / "judging-anew.json").write_text("{}")
    said = run_longwriter("evaluate", "-r", run, *at(server), "--redo-judging", code=2).stderr
    assert "judging-anew.json" in said
    assert "Delete it" in said


# --- another judge


@pytest.fixture
def judged(tmp_path: Path, run: Path, server: FakeServer) -> Path:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    run_longwriter("build-dataset", source, "-r", run, *at(server), *JUDGE)
    return run


def test_an_export_by_another_judge_says_that_the_earlier_scores_are_not_used(judged: Path, server: FakeServer) -> None:
    other = ("build-dataset", "-r", judged, "--metadata", "--judge-model", "other", "--new-settings", "--export-only")
    said = run_longwriter(*other).stderr
    assert "other has judged no text of this run yet" in said
    assert "fake-judge" in said
    assert [row["quality"] for row in read_rows(judged / "dataset.jsonl")] == [None, None]
    again = run_longwriter("build-dataset", "-r", judged, "--metadata", *at(server), "--json")
    assert again.summary["calls"] == 2
    assert "has judged no text" not in again.stderr
    assert all(row["quality"] is not None for row in read_rows(judged / "dataset.jsonl"))


def test_what_another_judge_has_judged_is_still_to_be_judged(judged: Path, server: FakeServer) -> None:
    command = ("build-dataset", "-r", judged, "--judge-model", "other", "--new-settings", "--json")
    assert run_longwriter(*command, *at(server), "--dry-run").summary["calls"] == 2
    # Before the first call it is told that there is no key.
    assert "OPENAI_API_KEY" in run_longwriter(*command, code=2).stderr
    assert json.loads((judged / "manifest.json").read_text())["settings"]["judge_model"] == "fake-judge"


def test_what_another_judge_has_judged_is_counted_by_the_dry_run_of_an_evaluation(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    other = ("evaluate", "-r", run, *at(server), "--judge-model", "other", "--new-settings", "--json")
    assert run_longwriter(*other, "--dry-run").summary["calls"] == 8
    calls = server.stats.calls
    assert run_longwriter(*other).summary["calls"] == 8
    assert server.stats.calls == calls + 8
    assert all(is_judging(prompt_text(request)) for request in server.requests[-8:])
