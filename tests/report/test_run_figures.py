"""The figures of a run, out of files written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from longwriter_cli.errors import UsageError
from longwriter_cli.records import Failure, Step
from longwriter_cli.report.record import run_record
from longwriter_cli.report.run_figures import RejectGroup, RunFigures, run_figures
from longwriter_cli.report.summary import count
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

USAGE = {"prompt_tokens": 10, "cached_tokens": 4, "completion_tokens": 5}


class Files:
    """Writes a run directory row by row."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        manifest = {
            "format": 1,
            "tool_version": "0",
            "created_at": "2026-01-01T00:00:00Z",
            "settings": {"model": "m"},
            "fingerprint": "f",
        }
        (directory / "manifest.json").write_text(json.dumps(manifest))
        self.digests: dict[str, str] = {}

    def add(self, name: str, **row: Any) -> None:
        with (self.directory / f"{name}.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")

    def instruction(self, id: str, words: int | None = None) -> None:  # noqa: A002
        required = {"words": words, "kind": "about", "low": None, "high": None} if words else None
        self.add("instructions", id=id, row=0, prompt=f"Write {id}.", required_words=required, meta={})

    def plan(self, id: str, *targets: int, flag: str = "") -> None:  # noqa: A002
        steps = [Step(n, f"point {n}", words) for n, words in enumerate(targets, 1)]
        self.digests[id] = plan_digest(steps)
        rows = [{"n": step.n, "main_point": step.main_point, "words": step.words} for step in steps]
        self.add("plans", id=id, steps=rows, model="m", usage=USAGE, text="", **({"flag": flag} if flag else {}))

    def section(self, id: str, n: int, words: int, target: int, *, plan: str | None = None) -> None:  # noqa: A002
        self.add(
            "sections",
            id=id,
            n=n,
            plan=plan or self.digests[id],
            words=words,
            target_words=target,
            finish_reason="stop",
            model="m",
            usage=USAGE,
            attempts=1,
            at="",
            text=f"text {n}",
        )

    def failure(self, id: str | None, stage: str, n: int | None, kind: str, **more: Any) -> None:  # noqa: A002
        self.add("failures", id=id, stage=stage, n=n, kind=kind, message="why", **more)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Four instructions: finished, half written, not planned, and failed at planning; and one bad row."""
    files = Files(tmp_path / "run")
    for id_, words in (("done", 1000), ("half", 2000), ("new", None), ("lost", 3000)):
        files.instruction(id_, words)
    files.plan("done", 400, 600)
    files.section("done", 1, 400, 400)
    files.section("done", 2, 300, 600)
    files.plan("half", 1000, 1000, flag="5 words planned, 2000 required")
    files.section("half", 1, 1500, 1000)
    files.failure("half", "write", 2, "truncated")
    files.failure("lost", "plan", None, "bad_plan")
    files.failure(None, "read", None, "bad_row", file="in.jsonl", line=7)
    return files


def figures_of(files: Files, comes_back: Callable[[Failure], bool] = lambda _: True) -> RunFigures:
    with Run.read(files.directory, plan_digest) as run:
        return run_figures(run, comes_back)


def test_every_instruction_is_counted_once(files: Files) -> None:
    figures = figures_of(files)
    counts = figures.counts
    assert (counts.instructions, counts.planned, counts.written, counts.failed) == (4, 2, 1, 3)
    assert (figures.to_do, figures.records, figures.rejected) == (1, 1, 0)


def test_counting_with_a_look_counts_the_same(files: Files) -> None:
    with Run.read(files.directory, plan_digest) as run:
        assert count(run) == count(run, lambda position, entries: None)


def test_words_and_scores_are_of_finished_texts_alone(files: Files) -> None:
    figures = figures_of(files)
    assert (figures.words.n, figures.words.total) == (1, 700)
    assert (figures.lengths.all.n, figures.lengths.all.required_words) == (1, 1000)
    assert figures.lengths.all.score == pytest.approx(100 * (1 - (1000 / 700 - 1) / 2), abs=0.01)


def test_sections_are_held_against_their_targets(files: Files) -> None:
    sections = figures_of(files).sections
    assert (sections.n, sections.words, sections.target_words) == (3, 2200, 2000)
    assert sections.mean_ratio == pytest.approx((1 + 0.5 + 1.5) / 3)


def test_sections_of_another_plan_are_not_seen(files: Files) -> None:
    files.section("half", 2, 9999, 1000, plan="00000000")
    assert figures_of(files).sections.n == 3


def test_a_flag_is_gone_with_the_plan_it_stood_on(files: Files) -> None:
    assert figures_of(files).plans.flags == {"half": "5 words planned, 2000 required"}
    files.plan("half", 1000, 1000)
    assert figures_of(files).plans.flags == {}


def test_failures_are_grouped_and_asked_whether_they_come_back(files: Files) -> None:
    groups = figures_of(files, lambda failure: failure.kind == "truncated").failures
    assert {group.kind: (group.n, group.comes_back) for group in groups} == {
        "truncated": (1, 1),
        "bad_plan": (1, 0),
        "bad_row": (1, 0),
    }


def test_a_failure_whose_row_has_come_is_no_failure(files: Files) -> None:
    files.section("half", 2, 500, 1000)
    figures = figures_of(files)
    assert "truncated" not in {group.kind for group in figures.failures}
    assert (figures.counts.written, figures.counts.failed) == (2, 2)


def test_rejects_are_counted_by_reason_and_are_no_records(files: Files) -> None:
    files.add("rejects", id="done", reason="too_short", detail="700 of 1000")
    files.add("rejects", id="done", reason="repetition", detail="the newest row counts")
    figures = figures_of(files)
    assert dict(figures.rejects) == {"repetition": RejectGroup(1, (("done", "the newest row counts"),))}
    assert (figures.rejected, figures.records) == (1, 0)


def test_a_run_without_rows_has_figures(tmp_path: Path) -> None:
    figures = figures_of(Files(tmp_path / "run"))
    assert (figures.counts.instructions, figures.words.n, figures.sections.mean_ratio) == (0, 0, None)


def test_a_record_shows_each_step_and_what_became_of_it(files: Files) -> None:
    with Run.read(files.directory, plan_digest) as run:
        half, done, lost = (run_record(run, id_) for id_ in ("half", "done", "lost"))
    assert [step.state for step in half.steps] == ["written", "failed"]
    assert (half.finished, half.words, half.length_score) == (False, 1500, None)
    assert (done.finished, done.words) == (True, 700)
    assert done.length_score == pytest.approx(78.57)
    assert lost.plan is None
    assert lost.plan_failure is not None
    assert lost.plan_failure.kind == "bad_plan"


def test_a_step_that_nobody_tried_is_missing(files: Files) -> None:
    files.plan("new", 200)
    with Run.read(files.directory, plan_digest) as run:
        assert [step.state for step in run_record(run, "new").steps] == ["missing"]


def test_an_unknown_id_names_the_near_ones(files: Files) -> None:
    with Run.read(files.directory, plan_digest) as run, pytest.raises(UsageError) as caught:
        run_record(run, "don")
    assert "done" in caught.value.tip
