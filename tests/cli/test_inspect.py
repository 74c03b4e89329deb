"""`longwriter inspect`, on runs that the real program made against a fake endpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, Reply
from program import SUMMARY_KEYS, at, run_longwriter, snapshot, write_rows

ROWS: list[dict[str, Any]] = [
    {"id": "short", "prompt": "Write a note of 300 words on lighthouses."},
    {"id": "story", "prompt": "Write a story of 1200 words on a ferry."},
    {"id": "refused", "prompt": "Write 1500 words that you will refuse."},
    {"id": "broken", "prompt": "Write 1600 words that break the endpoint."},
    {"id": "free", "prompt": "Write a letter to the harbour master, 900 words."},
]


def _answer(body: dict[str, Any]) -> str | Reply | None:
    prompt = body["messages"][-1]["content"]
    if "that you will refuse" in prompt:
        return Reply(text=None, refusal="I will not.")
    if "break the endpoint" in prompt:
        return Reply(status=400, body=b'{"error": {"message": "bad \\u001b[31mrequest [red]x"}}')
    return None


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of five instructions and a bad row: three finished, two failed."""
    directory = tmp_path_factory.mktemp("inspect")
    source = write_rows(directory / "in.jsonl", [*ROWS, {"prompt": ""}])
    with FakeServer(answer=_answer) as server:
        run_longwriter(
            *("build-dataset", source, "-r", directory / "run", *at(server), "--skip-bad-rows", "--metadata"), code=3
        )
    (directory / "own").mkdir()
    write_rows(directory / "own" / "instructions.jsonl", ROWS)
    return directory / "run"


def test_the_figures_of_a_run_are_those_of_its_files(run: Path) -> None:
    seen = run_longwriter("inspect", run, "--json").summary
    assert list(seen)[: len(SUMMARY_KEYS)] == SUMMARY_KEYS
    assert (seen["command"], seen["run"], seen["exit_code"], seen["calls"]) == ("inspect", str(run), 0, 0)
    assert (seen["instructions"], seen["written"], seen["failed"], seen["records"]) == (5, 3, 3, 3)
    assert seen["dataset"] == str(run / "dataset.jsonl")
    sections = [json.loads(line) for line in (run / "sections.jsonl").read_bytes().splitlines()]
    assert seen["sections"] == seen["section_lengths"]["n"] == len(sections)
    assert seen["words"]["total"] == sum(row["words"] for row in sections)
    assert seen["words"]["n"] == sum(part["n"] for part in seen["words"]["histogram"]) == 3
    assert seen["lengths"]["n"] == sum(part["n"] for part in seen["lengths"]["ranges"]) == 3
    assert seen["manifest"]["settings"]["model"] == "fake-writer"


def test_the_summary_agrees_with_that_of_the_command_that_made_the_run(run: Path) -> None:
    made = run_longwriter("build-dataset", "-r", run, "--export-only", "--metadata", "--json", code=3).summary
    seen = run_longwriter("inspect", run, "--json").summary
    own = {"command", "elapsed_s", "exit_code"}
    assert {k: v for k, v in made.items() if k not in own} == {k: seen[k] for k in made if k not in own}


def test_failures_say_what_to_do_and_whether_they_come_back(run: Path) -> None:
    failures = run_longwriter("inspect", run, "--json").summary["failures"]
    assert set(failures) == {"refusal", "bad_request", "bad_row"}
    assert failures["refusal"]["example"]["id"] == "refused"
    assert (failures["bad_row"]["example"]["line"], failures["bad_row"]["n"]) == (6, 1)
    assert all(group["what_to_do"] and group["comes_back"] == 0 for group in failures.values())
    shown = run_longwriter("inspect", run).stdout
    assert "--retry-failed" in shown
    assert "in.jsonl" in "".join(shown.split()), "a long path is folded"


def test_a_failure_comes_back_when_what_it_stood_on_has_changed(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", run, copy], check=True)
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["settings"]["temperature"] = 0.9
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert run_longwriter("inspect", copy, "--json").summary["failures"]["refusal"]["comes_back"] == 1


def test_a_look_changes_nothing(run: Path) -> None:
    before = snapshot(run)
    run_longwriter("inspect", run)
    run_longwriter("inspect", run, "--id", "story")
    assert snapshot(run) == before


def test_a_run_under_way_with_a_torn_line_can_be_looked_at(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", run, copy], check=True)
    with (copy / "sections.jsonl").open("ab") as file:
        file.write(b'{"id": "story", "n": 1, "pl')
    from filelock import FileLock

    with FileLock(copy / "run.lock"):
        before = snapshot(copy)
        assert run_longwriter("inspect", copy, "--json").summary["written"] == 3
        assert snapshot(copy) == before


def test_the_cost_is_the_tokens_at_the_prices_given(run: Path) -> None:
    assert run_longwriter("inspect", run, "--json").summary["cost_usd"] is None
    seen = run_longwriter(
        *("inspect", run, "--json", "--price-in", "1", "--price-out", "2", "--price-cached", "0.5")
    ).summary
    fresh = seen["prompt_tokens"] - seen["cached_tokens"]
    expected = (fresh + 2 * seen["completion_tokens"] + 0.5 * seen["cached_tokens"]) / 1e6
    assert seen["cost_usd"] == pytest.approx(expected, abs=1e-6)
    prices = {"LONGWRITER_PRICE_IN": "0", "LONGWRITER_PRICE_OUT": "2"}
    by_environment = run_longwriter("inspect", run, "--json", env=prices).summary
    assert by_environment["cost_usd"] == pytest.approx(2 * seen["completion_tokens"] / 1e6, abs=1e-6)


def test_one_price_that_is_missing_hides_no_other(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", run, copy], check=True)
    sections = copy / "sections.jsonl"
    sections.write_text(sections.read_text().replace('"model":"fake-writer"', '"model":"gpt-4o"'))
    shown = " ".join(run_longwriter("inspect", copy).stdout.split())
    assert "and some that is not known: no price list has fake-writer; --price-in and --price-out say it" in shown
    assert "cost $0.0" in shown
    assert run_longwriter("inspect", copy, "--json").summary["cost_usd"] is None


def test_a_record_shows_its_plan_beside_what_was_written(run: Path) -> None:
    seen = run_longwriter("inspect", run, "--id", "story", "--json").summary
    assert (seen["id"], seen["finished"], seen["required_words"]["words"]) == ("story", True, 1200)
    assert [step["state"] for step in seen["steps"]] == ["written"] * len(seen["steps"])
    assert sum(step["words"] for step in seen["steps"]) == seen["words"]
    shown = run_longwriter("inspect", run, "--id", "story").stdout
    for step in seen["steps"]:
        assert step["section"]["text"] in shown
        assert step["main_point"].split()[0] in shown


def test_a_record_that_failed_says_why_and_harms_no_terminal(run: Path) -> None:
    shown = run_longwriter("inspect", run, "--id", "broken").stdout
    assert "bad_request" in shown
    assert "\x1b" not in shown
    assert "request [red]x" in shown


def test_a_dataset_is_inspected_like_the_run_it_came_from(run: Path) -> None:
    of_run = run_longwriter("inspect", run, "--json").summary
    of_data = run_longwriter("inspect", run / "dataset.jsonl", "--json").summary
    assert of_data["words"] == of_run["words"]
    assert of_data["lengths"] == of_run["lengths"]
    assert (of_data["records"], of_data["models"], of_data["exit_code"]) == (3, {"fake-writer": 3}, 0)
    assert run_longwriter("inspect", run / "dataset.jsonl", "--id", "short", "--json").summary["number"] == 1


@pytest.mark.parametrize(
    ("arguments", "problem", "tip"),
    [
        (["rum"], "no such file", "Did you mean run?"),
        (["run/sections.jsonl"], "is a file of a run", "longwriter inspect run"),
        (["in.jsonl"], "in.jsonl line 1: is no record", "build-dataset"),
        (["own/instructions.jsonl"], "own/instructions.jsonl line 1: is no record", "build-dataset"),
        (["own"], "own/instructions.jsonl line 1: is no record", "build-dataset"),
        (["run", "nothere"], "nothere: there is no such file", "Name a run directory"),
        (["run/prompts"], "neither a run nor a dataset", "Name a run directory"),
        ([""], "no such file", "Name a run directory"),
        (["run", "--id", "stor"], "no instruction with the id 'stor'", "Did you mean story?"),
        (["run/dataset.jsonl", "--id", "stor"], "no record with the id 'stor'", "Did you mean story?"),
        (["a" * 300], "cannot be read", "Mend the path"),
    ],
)
def test_what_cannot_be_shown_is_told_with_what_to_do(run: Path, arguments: list[str], problem: str, tip: str) -> None:
    result = run_longwriter("inspect", *arguments, cwd=run.parent, code=2)
    assert problem in result.stderr
    assert tip in result.stderr
    assert result.stdout == ""


def test_rows_without_a_manifest_are_no_run(run: Path, tmp_path: Path) -> None:
    (tmp_path / "plans.jsonl").write_bytes((run / "plans.jsonl").read_bytes())
    assert "manifest.json: is missing" in run_longwriter("inspect", tmp_path, code=2).stderr


def test_a_closed_pipe_ends_quietly(run: Path, tmp_path: Path) -> None:
    data = write_rows(
        tmp_path / "d.jsonl",
        [{"messages": [{"role": "user", "content": "Go."}, {"role": "assistant", "content": "long " * 100_000}]}],
    )
    for more in ([], ["--json"]):
        command = [sys.executable, "-m", "longwriter_cli", "inspect", data, "--id", "1", *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")
        process.stderr.close()


def test_an_output_that_knows_ascii_alone_is_served(run: Path, tmp_path: Path) -> None:
    row = {"messages": [{"role": "user", "content": "写。"}, {"role": "assistant", "content": "长城"}]}
    data = write_rows(tmp_path / "d.jsonl", [row])
    for more in ([], ["--id", "1"]):
        done = subprocess.run(
            [sys.executable, "-m", "longwriter_cli", "inspect", data, *more],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            check=True,
        )
        assert done.stdout.isascii()
