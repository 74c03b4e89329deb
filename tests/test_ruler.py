"""`ruler` through the whole program: the longest text of a model, asked directly and by AgentWrite."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_model import prompt_text, stops_at
from fake_server import FakeServer
from program import at, read_rows, run_longwriter, write_rows

from longwriter_cli.evals.longbench_write import ScoredText
from longwriter_cli.evals.ruler import LENGTHS, measured, ruler_rows
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.requirement import required_words


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def test_the_prompts_state_their_lengths_in_both_languages() -> None:
    rows = ruler_rows(LENGTHS)
    assert len(rows) == 48
    for row in rows:
        stated = required_words(row.prompt)
        assert stated is not None, row.prompt
        assert row.required_words is not None
        assert stated.words == row.required_words.words, row.prompt
        assert f"-{detect_language(row.prompt)}-" in row.id


def test_it_tells_the_longest_text_and_how_far_lengths_are_kept(run: Path, server: FakeServer) -> None:
    server.answer = partial(stops_at, 2000)
    result = run_longwriter("ruler", "-r", run, *at(server), "--lengths", "2k,500,3000,8k", "--json")
    assert (result.summary["predicted"], result.summary["longest"], result.summary["reached"]) == (32, 2000, 2000)
    notches = {notch["required"]: notch for notch in results(run)["ruler"]["notches"]}
    assert list(notches) == [500, 2000, 3000, 8000]
    assert [notch["mean_length"] for notch in notches.values()] == [500, 2000, 2000, 2000]
    assert [notch["s_l"] for notch in notches.values()] == [100, 100, 75, 0]
    assert all(request["temperature"] == 0.5 and request["max_tokens"] == 32_768 for request in server.requests)
    shown = run_longwriter("ruler", "-r", run).stdout
    assert "up to 2,000 words S_l stays above 80" in shown
    assert server.stats.calls == 32
    assert "| 8,000 | 8 | 2,000 | 2,000 | 0.0 |" in (run / "results.md").read_text()


def test_agentwrite_shows_what_it_adds(run: Path, server: FakeServer) -> None:
    server.answer = partial(stops_at, 2000)
    options = ("--lengths", "2000,6000", "--language", "en", "--method", "agentwrite")
    run_longwriter("ruler", "-r", run, *at(server), *options)
    assert results(run)["ruler"]["reached"] == 6000
    assert results(run)["ruler"]["longest"] > 5500
    assert len(results(run)["rows"]) == 8


def test_prompts_of_ones_own_are_asked_at_every_length(run: Path, tmp_path: Path, server: FakeServer) -> None:
    server.answer = partial(stops_at, 2000)
    rows = [{"id": "a", "prompt": "Write {words} words on tea."}, {"id": "b", "prompt": "Write 700 words on salt."}]
    file = write_rows(tmp_path / "own.jsonl", rows)
    run_longwriter("ruler", "-r", run, *at(server), "--prompts-file", file, "--lengths", "500,1k")
    assert [row["id"] for row in results(run)["rows"]] == ["a-500", "a-1000", "b"]
    assert {prompt_text(request) for request in server.requests} == {
        "Write 500 words on tea.",
        "Write 1000 words on tea.",
        "Write 700 words on salt.",
    }
    assert len(read_rows(run / "instructions.jsonl")) == 3


@pytest.mark.parametrize("lengths", ["", "many", "1k,,2k", "0", "2m"])
def test_lengths_that_are_none_are_wrong_usage(lengths: str, run: Path) -> None:
    result = run_longwriter("ruler", "-r", run, "-m", "m", "--lengths", lengths, code=2)
    assert "--lengths" in result.stderr
    assert not run.exists()


def test_a_length_counts_as_reached_only_where_all_below_it_are() -> None:
    def text(required: int, s_l: float) -> ScoredText:
        return ScoredText(str(required), "novel", "en", required, 10, s_l, None)

    assert measured([text(1000, 90), text(2000, 79), text(5000, 95)]).reached == 1000
    assert measured([text(1000, 80)]).reached == 0
    assert measured([text(5000, 95), text(1000, 90), text(1000, 75)]).reached == 5000
    assert measured([]).longest == 0


def test_the_same_command_without_its_limit_takes_the_rest(run: Path, server: FakeServer) -> None:
    options = ("ruler", "-r", run, *at(server), "--language", "en", "--json")
    assert run_longwriter(*options, "--limit", "3").summary["calls"] == 3
    assert len(results(run)["rows"]) == 3
    assert run_longwriter(*options).summary["calls"] == 24 - 3
    assert len(results(run)["rows"]) == 24


def test_a_run_killed_behind_its_manifest_is_begun_again_with_all_rows(run: Path, server: FakeServer) -> None:
    options = ("ruler", "-r", run, *at(server), "--language", "en", "--json")
    run_longwriter(*options, "--limit", "1")
    for name in ("instructions.jsonl", "predictions.jsonl"):
        (run / name).unlink()
    assert run_longwriter(*options).summary["calls"] == 24
