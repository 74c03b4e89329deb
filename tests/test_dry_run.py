"""`--dry-run`: what it counts is what the command would do, for plans made again and for exports too."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, essays, read_rows, run_longwriter, snapshot, write_rows


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", [{"id": f"river-{n}", **row} for n, row in enumerate(essays(3, 2000))])


def test_plans_that_are_made_again_are_counted(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    command = ("plan", "-r", run, *at(server), "--json")
    before, calls = snapshot(run), server.stats.calls
    expected = run_longwriter(*command, "--redo", "river-1", "--dry-run").summary
    assert (expected["instructions"], expected["calls"]) == (1, 1)
    assert expected["completion_tokens"] > 0
    assert snapshot(run) == before
    assert server.stats.calls == calls
    assert run_longwriter(*command, "--redo", "river-1").summary["calls"] == 1


def test_a_plan_that_is_there_is_nothing_to_do_for_plan(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    expected = run_longwriter("plan", "-r", run, *at(server), "--json", "--dry-run").summary
    assert (expected["instructions"], expected["calls"]) == (0, 0)


def test_an_unknown_id_to_plan_again_is_told(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    result = run_longwriter("plan", "-r", run, *at(server), "--redo", "river-11", "--dry-run", code=2)
    assert "Did you mean river-1" in result.stderr


def test_a_directory_without_a_run_is_told(run: Path, server: FakeServer) -> None:
    assert "holds no run" in run_longwriter("write", "-r", run, *at(server), "--dry-run", code=2).stderr


def test_an_export_alone_says_what_it_would_hold(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = snapshot(run)
    least = sorted(
        sum(row["words"] for row in read_rows(run / "sections.jsonl") if row["id"] == f"river-{n}") for n in range(3)
    )[1]
    command = ("build-dataset", "-r", run, "--export-only", "--min-words", least + 1, "--split", "train=0.5,test=0.5")
    expected = run_longwriter(*command, "--dry-run", "--json").summary
    shown = run_longwriter(*command, "--dry-run").stdout
    assert snapshot(run) == before
    done = run_longwriter(*command, "--json").summary
    for name in ("records", "rejected", "instructions", "written", "dataset", "calls"):
        assert expected[name] == done[name], name
    assert expected["rejects"] == {"too_short": expected["rejected"]}
    assert "by the filters: too_short" in shown
    assert str(run / "dataset") in shown
