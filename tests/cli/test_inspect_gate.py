"""`inspect` as a gate for CI, as Markdown, and as an onlooker of a run that is being written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fake_server import FakeServer
from made_rows import instruction, open_run, plan, section, small_run, take_in
from program import Program, at, essays, run_longwriter, until, write_rows


@pytest.fixture
def built(tmp_path: Path, server: FakeServer) -> Path:
    source = write_rows(tmp_path / "in.jsonl", essays(3))
    run_longwriter("build-dataset", source, "-r", tmp_path / "run", *at(server))
    return tmp_path / "run"


def test_conditions_that_hold_leave_the_exit_code_0(built: Path) -> None:
    conditions = ("--require", "records>=3", "--require", "s_l>=75", "--require", "failures.refusal.n==0")
    result = run_longwriter("inspect", built, *conditions, "--json")
    assert [row["met"] for row in result.summary["required"]] == [True, True, True]
    assert result.stderr == ""


def test_the_condition_that_fails_is_named_and_the_code_is_3(built: Path) -> None:
    result = run_longwriter("inspect", built, "--require", "records>=3", "--require", "records>=5800", code=3)
    assert result.stderr.strip() == "not met: records>=5800: it is 3"
    assert "Instructions" in result.stdout
    assert run_longwriter("inspect", built, "--require", "records>3", "--json", code=3).summary["exit_code"] == 3


def test_a_dataset_can_be_held_to_conditions_too(built: Path) -> None:
    run_longwriter("inspect", built / "dataset.jsonl", "--require", "records>=3")
    run_longwriter("inspect", built / "dataset.jsonl", "--require", "words.p50<10", code=3)


def test_a_figure_that_there_is_none_of_is_told_with_the_nearest(built: Path) -> None:
    assert "records" in run_longwriter("inspect", built, "--require", "recrods>=3", code=2).stderr


def test_markdown_is_a_table_and_tells_what_was_required(built: Path) -> None:
    page = run_longwriter("inspect", built, "--markdown", "--require", "records>=4", code=3).stdout
    assert re.search(r"\| records \| 3 \|", page)
    assert "**not met**" in page
    tables = [block for block in page.split("\n\n") if block.startswith("|")]
    for table in tables:
        assert len({line.replace("\\|", "").count("|") for line in table.splitlines()}) == 1, table


def test_markdown_shows_no_markup_of_others(tmp_path: Path) -> None:
    run = tmp_path / "<img src=x>|run*"
    small_run(run)
    page = run_longwriter("inspect", run, "--markdown").stdout
    assert "<img" not in page
    assert "\\|run\\*" in page


@pytest.mark.parametrize(
    "options",
    [("--json", "--markdown"), ("--id", "a", "--watch"), ("--id", "a", "--require", "records>1"), ("--require", "x")],
)
def test_what_does_not_go_together_is_refused(options: tuple[str, ...], tmp_path: Path) -> None:
    small_run(tmp_path / "run")
    run_longwriter("inspect", tmp_path / "run", *options, code=2)


def test_a_run_that_nobody_writes_is_shown_once(built: Path) -> None:
    assert run_longwriter("inspect", built, "--watch", "--json").summary["records"] == 3


def test_watch_follows_a_run_until_its_writer_has_gone(tmp_path: Path) -> None:
    directory, made = tmp_path / "run", plan("b")
    small_run(directory)
    run = open_run(directory)
    take_in(run, instruction("b", row=1))
    run.add_plan(made)
    # This process stays; its name in the lock's file is taken away when the run is given up.
    watching = Program("inspect", directory, "--watch", "--json")
    until(lambda: watching.stdout.count("\n") >= 1)
    run.add_section(section(made, 1))
    seen = watching.stdout.count("\n")
    until(lambda: watching.stdout.count("\n") > seen)
    run.close()
    (directory / "run.lock").write_text("")
    looks = [json.loads(line)["sections"] for line in watching.wait().stdout.splitlines()]
    assert looks[0] == 1
    assert looks[-1] == 2


def test_what_is_under_way_by_batch_is_told_until_it_has_come_back(tmp_path: Path, server: FakeServer) -> None:
    source, run = write_rows(tmp_path / "in.jsonl", essays(2)), tmp_path / "run"
    command = ("build-dataset", source, "-r", run, "--transport", "batch", "--no-wait", *at(server))
    run_longwriter(*command, code=75)
    assert run_longwriter("inspect", run, "--json").summary["by_batch"] == {"batches": 1, "requests": 2}
    assert "2 requests under way in 1 batch" in run_longwriter("inspect", run).stdout
    while run_longwriter(*command, code=None).code == 75:
        pass
    assert run_longwriter("inspect", run, "--json").summary["by_batch"] == {"batches": 0, "requests": 0}
    assert "by batch" not in run_longwriter("inspect", run).stdout


def test_a_bad_row_is_told_by_the_shortest_path_from_here(tmp_path: Path, server: FakeServer) -> None:
    write_rows(tmp_path / "in.jsonl", [*essays(1), {"text": "no prompt"}])
    command = ("build-dataset", "in.jsonl", "-r", "run", "--skip-bad-rows", *at(server))
    run_longwriter(*command, cwd=tmp_path, code=3)
    assert re.search(r"^ +in\.jsonl line 2 ", run_longwriter("inspect", "run", cwd=tmp_path).stdout, re.MULTILINE)
