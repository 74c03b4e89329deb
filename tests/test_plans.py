"""Plans and lengths through the whole program: forms, limits, plans made again, shown, edited; later sections that
make up for earlier ones."""

from __future__ import annotations

import json
import signal
from collections import Counter
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
from fake_model import prompt_text
from fake_server import FakeServer
from program import (
    Program,
    at,
    audit,
    essays,
    read_rows,
    rows_so_far,
    run_longwriter,
    snapshot,
    texts,
    until,
    write_rows,
)

from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Step
from longwriter_cli.text.plan import format_step, format_steps, parse_plan
from longwriter_cli.text.words import count_words


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", [{"id": f"river-{n}", **row} for n, row in enumerate(essays(3, 2000))])


def steps_of(run: Path) -> dict[str, tuple[Step, ...]]:
    """The current steps of each instruction, by id."""
    return {row["id"]: tuple(Step(**step) for step in row["steps"]) for row in read_rows(run / "plans.jsonl")}


def sections_of(run: Path, id: str) -> list[dict[str, Any]]:  # noqa: A002 - the rows' word
    return sorted((row for row in read_rows(run / "sections.jsonl") if row["id"] == id), key=lambda row: row["n"])


def in_json(request: dict[str, Any]) -> str | None:
    if "response_format" not in request:
        return None
    steps = [{"main_point": f"Bend {n}", "words": 500} for n in range(1, 5)]
    return json.dumps({"steps": steps})


# --- the form


def test_plans_are_asked_for_along_a_schema_where_the_endpoint_takes_it(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.answer = in_json
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server)).summary
    assert (summary["records"], summary["calls"]) == (3, 15)
    assert [step.main_point for step in steps_of(run)["river-0"]] == ["Bend 1", "Bend 2", "Bend 3", "Bend 4"]
    assert "Paragraph 1 - Main Point: Bend 1 - Word Count: 500 words" in prompt_text(server.requests[-1])
    assert audit(run) == 3


def test_an_endpoint_that_refuses_the_schema_is_tried_once_and_gives_plans_as_lines(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.refuse_param = ("response_format",)
    command = ("build-dataset", source, "-r", run, "-c", "1", "--json", *at(server))
    assert run_longwriter(*command).summary["records"] == 3
    assert sum("response_format" in request for request in server.requests) == 1
    assert [row["attempts"] for row in read_rows(run / "plans.jsonl")] == [1, 1, 1]
    assert not (run / "failures.jsonl").exists()
    assert audit(run) == 3


def test_a_schema_that_was_asked_for_and_is_refused_stops_the_run(source: Path, run: Path, server: FakeServer) -> None:
    server.refuse_param = ("response_format",)
    result = run_longwriter("plan", source, "-r", run, "--plan-format", "json", *at(server), code=5)
    assert "--plan-format" in result.stderr


# --- limits


def test_limits_of_a_section_are_kept_by_every_plan(source: Path, run: Path, server: FakeServer) -> None:
    limits = ("--min-section-words", "100", "--max-section-words", "300")
    run_longwriter("build-dataset", source, "-r", run, *limits, *at(server))
    for steps in steps_of(run).values():
        assert sum(step.words for step in steps) == 2000
        assert all(100 <= step.words <= 300 for step in steps)
    assert all(row["attempts"] == 2 and "flag" not in row for row in read_rows(run / "plans.jsonl"))
    assert audit(run) == 3


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--min-section-words", "500", "--max-section-words", "300"), "--max-section-words 300"),
        (("--length-control", "carry", "--mode", "parallel"), "--mode parallel"),
        (("--min-section-words", "0"), "--min-section-words"),
    ],
)
def test_settings_that_contradict_each_other_are_told_before_anything_is_written(
    options: tuple[str, ...], word: str, source: Path, run: Path, server: FakeServer
) -> None:
    assert word in run_longwriter("plan", source, "-r", run, *options, *at(server), code=2).stderr
    assert not (run / "manifest.json").exists()
    assert server.stats.calls == 0


# --- made again, shown


def test_redo_plans_again_says_what_is_given_up_and_leaves_the_others(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before, plans = texts(run), steps_of(run)
    words = sum(row["words"] for row in sections_of(run, "river-1"))
    server.seed = 2  # the same call gives another plan
    result = run_longwriter("plan", "-r", run, "--redo", "river-1", "--json", *at(server))
    assert (result.summary["calls"], result.summary["planned"], result.summary["written"]) == (1, 3, 2)
    assert f"'river-1' is planned anew. {words:,} words in 5 sections were written" in result.stderr
    after = steps_of(run)
    assert [id_ for id_ in plans if plans[id_] != after[id_]] == ["river-1"]
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["records"] == 3
    changed = [prompt for prompt, text in texts(run).items() if before[prompt] != text]
    assert changed == ["Write an essay of 2000 words on river number 1."]
    assert audit(run) == 3


def test_redo_may_be_given_several_times_and_for_rows_that_are_new(source: Path, run: Path, server: FakeServer) -> None:
    command = ("plan", source, "-r", run, "--redo", "river-0", "--redo", "river-2", "--redo", "river-0", "--json")
    assert run_longwriter(*command, *at(server)).summary["calls"] == 3
    assert run_longwriter(*command, *at(server)).summary["calls"] == 2


def test_a_plan_that_cannot_be_made_again_leaves_the_one_that_is_there(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = texts(run)
    server.answer = lambda request: "I shall write about bends."
    result = run_longwriter("plan", "-r", run, "--redo", "river-1", *at(server), code=3)
    assert "'river-1' was not planned anew" in result.stderr
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["calls"] == 0
    assert texts(run) == before


@pytest.mark.parametrize("option", ["--redo", "--show"])
def test_a_wrong_id_is_told_with_the_one_that_was_meant(
    option: str, source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    before = read_rows(run / "plans.jsonl")
    result = run_longwriter("plan", "-r", run, option, "rivr-1", *at(server), code=2)
    assert "Did you mean river-1" in result.stderr
    assert read_rows(run / "plans.jsonl") == before
    assert server.stats.calls == 3


def test_show_prints_the_plan_in_its_format_with_totals_and_makes_no_call(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before, calls, steps = snapshot(run), server.stats.calls, steps_of(run)["river-1"]
    shown = run_longwriter("plan", "-r", run, "--show", "river-1").stdout
    assert shown.startswith(format_steps(steps, "en") + "\n")
    assert "Total: 2,000 words in 5 steps; 2,000 required; 2,000 words in 5 of them written" in shown
    assert parse_plan(shown) == list(steps), "what is shown is a plan"
    both = run_longwriter("plan", "-r", run, "--show", "river-1", "--show", "river-2").stdout
    assert [line for line in both.splitlines() if line.startswith("#")] == ["# river-1", "# river-2"]
    plans = run_longwriter("plan", "-r", run, "--show", "river-1", "--json").summary["plans"]
    assert [(row["id"], row["words"], row["required_words"]) for row in plans] == [("river-1", 2000, 2000)]
    assert plans[0]["steps"] == [{"n": s.n, "main_point": s.main_point, "words": s.words} for s in steps]
    assert snapshot(run) == before
    assert server.stats.calls == calls


def test_show_of_what_is_not_planned_and_show_with_work_to_do_end_in_2(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.answer = lambda request: "No."
    run_longwriter("plan", source, "-r", run, *at(server), code=3)
    assert "no plan yet" in run_longwriter("plan", "-r", run, "--show", "river-1", code=2).stderr
    assert "--show only looks" in run_longwriter("plan", source, "-r", run, "--show", "river-1", code=2).stderr


# --- edited by hand


def test_plans_edited_and_added_between_plan_and_write_are_what_is_written_and_shown(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("plan", source, "-r", run, "--limit", "2", *at(server))
    run_longwriter("plan", source, "-r", run, *at(server))
    rows = read_rows(run / "plans.jsonl")
    edited = rows[0] | {"steps": [{"n": 3, "main_point": "The spring", "words": 300}, *rows[0]["steps"][3:]]}
    own = {"id": "river-1", "steps": [{"n": 1, "main_point": "All of it", "words": 250}]}
    write_rows(run / "plans.jsonl", [edited, *rows[1:], own])
    assert "The spring - Word Count: 300 words" in run_longwriter("plan", "-r", run, "--show", rows[0]["id"]).stdout
    summary = run_longwriter("write", "-r", run, "--json", "--new-settings", *at(server)).summary
    assert (summary["written"], summary["failed"]) == (3, 0)
    written = steps_of(run)
    assert len(sections_of(run, "river-1")) == 1
    for id_, steps in written.items():
        assert [(row["n"], row["target_words"]) for row in sections_of(run, id_)] == [(s.n, s.words) for s in steps]


# --- length control


def build(source: Path, run: Path, server: FakeServer) -> list[float]:
    """The length scores of a run with carry."""
    run_longwriter("build-dataset", source, "-r", run, "-c", "1", "--length-control", "carry", *at(server))
    return [length_score(2000, count_words(text)) for text in texts(run).values()]


@pytest.mark.parametrize("bias", [0.7, 1.4])
def test_carry_brings_texts_to_their_length_and_changes_the_line_of_the_step_alone(
    bias: float, source: Path, run: Path, server: FakeServer
) -> None:
    server.bias = bias
    scores = build(source, run, server)
    assert sum(scores) / 3 > 95
    prompts = [prompt_text(request) for request in server.requests]
    for id_, steps in steps_of(run).items():
        plan, targets = format_steps(steps, "en"), [row["target_words"] for row in sections_of(run, id_)]
        mine = [prompt for prompt in prompts if plan in prompt]
        assert len(mine) == len(steps), "$PLAN$ stays as it is"
        assert targets[0] == steps[0].words
        assert all((target - step.words) * (1 - bias) > 0 for target, step in zip(targets[1:], steps[1:], strict=True))
        for prompt, step, target in zip(mine, steps, targets, strict=True):
            line = format_step(Step(step.n, step.main_point, target), "en")
            assert prompt.count(line) == (2 if target == step.words else 1), "what is asked for is what is on disk"
            assert prompt.index(plan) < prompt.rindex(line)
    assert audit(run) == 3


def test_inspect_holds_sections_against_their_plan_and_not_against_what_carry_asked_for(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.bias = 0.5
    run_longwriter("build-dataset", source, "-r", run, "-c", "1", "--length-control", "carry", *at(server))
    seen = run_longwriter("inspect", run, "--json").summary
    planned = sum(step.words for steps in steps_of(run).values() for step in steps)
    assert seen["section_lengths"]["target_words"] == seen["plans"]["words"] == planned
    assert sum(row["target_words"] for row in read_rows(run / "sections.jsonl")) > 1.5 * planned
    assert seen["section_lengths"]["mean_ratio"] > 0.85


def test_carry_leaves_a_model_that_keeps_to_its_targets_alone(source: Path, run: Path, server: FakeServer) -> None:
    assert build(source, run, server) == [100.0] * 3
    for id_, steps in steps_of(run).items():
        assert [row["target_words"] for row in sections_of(run, id_)] == [step.words for step in steps]


def test_a_run_that_was_stopped_asks_for_the_same_lengths(tmp_path: Path, source: Path, server: FakeServer) -> None:
    server.bias = 0.7
    build(source, tmp_path / "whole", server)
    run, server.latency_s = tmp_path / "stopped", 0.03
    options = ("-c", "1", "--length-control", "carry", "--grace", "0")
    for sections in accumulate((2, 3, 4)):
        program = Program("build-dataset", source, "-r", run, *options, *at(server))
        until(lambda least=sections: len(rows_so_far(run / "sections.jsonl")) >= least)  # type: ignore[misc]
        program.signal(signal.SIGKILL)
        program.wait()
    server.latency_s = 0.0
    run_longwriter("build-dataset", "-r", run, *at(server))
    assert texts(run) == texts(tmp_path / "whole")
    for id_ in steps_of(run):
        assert [row["target_words"] for row in sections_of(run, id_)] == [
            row["target_words"] for row in sections_of(tmp_path / "whole", id_)
        ]


def test_a_section_far_off_its_target_is_asked_for_again_once_and_both_answers_are_paid(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.bias = 0.5
    command = ("build-dataset", source, "-r", run, "--section-tolerance", "0.3", "--json", *at(server))
    summary = run_longwriter(*command).summary
    sections = read_rows(run / "sections.jsonl")
    assert Counter(row["attempts"] for row in sections) == {2: len(sections)}
    assert summary["calls"] == 3 + 2 * len(sections)
    assert summary["completion_tokens"] == server.stats.completion_tokens
    assert run_longwriter(*command).summary["calls"] == 0
