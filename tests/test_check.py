"""`longwriter check`: what is well is said, what is not has a way to mend it, and the exit code is that of a run."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer, Reply
from program import MODEL, Result, at, run_longwriter


def findings(result: Result) -> dict[str, tuple[str, str]]:
    """State and detail of each finding, by name."""
    return {row["name"]: (row["state"], row["detail"] + " " + row["tip"]) for row in result.summary["findings"]}


def test_an_endpoint_that_can_do_all_is_said_to_be_well(server: FakeServer) -> None:
    server.max_model_len = 32_768
    server.clock_off_s = 0.0
    server.latency_s = 0.01
    result = run_longwriter("check", *at(server), "--price-in", 1, "--price-out", 2)
    lines = [line for line in result.stdout.splitlines() if " disk " not in line]  # that is the machine's, not ours
    for name in ("files", "price", "endpoint", "clock", "answer", "tokens", "context", "cache", "plan", "section"):
        assert any(line.startswith(f"  ok  {name}") for line in lines), name
    assert "32,768 tokens" in result.stdout
    assert "by JSON schema" in result.stdout
    assert "longwriter build-dataset" in result.stdout


def test_it_takes_few_calls_and_leaves_nothing_behind(server: FakeServer, tmp_path: Path) -> None:
    server.max_model_len = 32_768
    run_longwriter("check", *at(server), cwd=tmp_path)
    assert server.stats.calls == 4  # a word, the same again, a plan, a section
    assert list(tmp_path.iterdir()) == []


def test_what_an_endpoint_lacks_is_a_note_and_no_obstacle(server: FakeServer) -> None:
    server.usage = False
    server.refuse_param = ["response_format"]
    server.clock_off_s = -3600.0
    server.prefix_cache = False
    found = findings(run_longwriter("check", *at(server), "--json"))
    assert found["tokens"][0] == "note"
    assert "as lines of text" in found["plan"][1]
    assert found["clock"][0] == "note"
    assert "ahead of" in found["clock"][1]
    assert found["price"][0] == "note"
    assert "--price-in" in found["price"][1]
    assert found["context"][0] == "note"
    assert "--context-tokens" in found["context"][1]
    assert found["cache"][0] == "note"


def test_the_context_is_learned_from_a_refusal(server: FakeServer) -> None:
    server.max_context_tokens = 8_192
    found = findings(run_longwriter("check", *at(server), "--json"))
    assert found["context"] == ("ok", "8,192 tokens ")


def test_every_endpoint_is_tried(server: FakeServer) -> None:
    with FakeServer() as other:
        run_longwriter("check", *at(server), "--base-url", other.base_url)
        assert other.stats.calls > 0
    assert server.stats.calls > 0


@pytest.mark.parametrize(("mode", "code"), [("bad_key", 5), ("no_quota", 5)])
def test_a_refusal_ends_in_its_code_and_in_the_report(mode: str, code: int, server: FakeServer) -> None:
    server.mode = mode
    result = run_longwriter("check", *at(server), "--json", code=code)
    assert result.summary["exit_code"] == code
    assert result.summary["findings"][-1]["state"] == "fail"
    assert "error: " in result.stderr


def test_a_model_that_is_not_served_is_told_with_those_that_are(server: FakeServer) -> None:
    server.mode = "no_model"
    result = run_longwriter("check", "-m", "fake-writter", "--base-url", server.base_url, code=5)
    assert MODEL in result.stderr


def test_an_endpoint_that_is_not_there_ends_in_75() -> None:
    with FakeServer() as gone:
        address = gone.base_url
    result = run_longwriter("check", "-m", MODEL, "--base-url", address, code=75)
    assert "--base-url" in result.stderr


def test_an_endpoint_that_is_not_there_is_not_said_to_lack_a_list_of_models() -> None:
    with FakeServer() as gone:
        address = gone.base_url
    assert "list of models" not in run_longwriter("check", "-m", MODEL, "--base-url", address, code=75).stdout


def test_the_way_out_of_a_refusal_is_that_of_its_kind(server: FakeServer) -> None:
    server.mode = "no_quota"
    told = run_longwriter("check", "-m", "my-model", "--base-url", server.base_url, code=5).stderr
    assert "Top it up" in told
    assert MODEL not in told


def test_a_model_that_the_endpoint_does_not_list_is_a_note_with_those_it_lists(server: FakeServer) -> None:
    found = findings(run_longwriter("check", "-m", "my-model", "--base-url", server.base_url, "--json"))
    assert found["endpoint"][0] == "note"
    assert "my-model is not among them" in found["endpoint"][1]
    assert MODEL in found["endpoint"][1]


def test_a_server_that_is_overloaded_is_no_reason_for_another_model(server: FakeServer) -> None:
    server.mode = "down"
    told = run_longwriter("check", *at(server), code=3).stdout
    assert "Look at the server" in told
    assert "Try another model" not in told


def test_a_model_that_cannot_plan_ends_in_3_with_what_to_do(server: FakeServer) -> None:
    server.answer = lambda body: Reply("I like boats.")
    result = run_longwriter("check", *at(server), code=3)
    assert "fail  plan" in result.stdout
    assert "--plan-model" in result.stdout
    assert "All is well" not in result.stdout


def test_no_model_is_a_clear_error() -> None:
    assert "-m local" in run_longwriter("check", code=2).stderr
