"""An endpoint that fails: what is tried again, what ends an instruction, what ends the run, and what that costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_model import prompt_text
from fake_server import RETRYABLE_FAULTS, FakeServer, Reply
from program import at, audit, essays, read_rows, run_longwriter, texts, write_rows

PLAN = "\n".join(f"Paragraph {n} - Main Point: Part {n} - Word Count: 250 words" for n in (1, 2))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(3))


def is_plan(request: dict[str, Any]) -> bool:
    return "due now" not in prompt_text(request)


def failures(run: Path) -> list[dict[str, Any]]:
    return read_rows(run / "failures.jsonl")


# --- faults that pass -------------------------------------------------------------------------------------------


def test_two_hundred_instructions_at_a_server_that_fails_three_calls_in_ten(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    server.faults, server.stall_s, server.slow_s, server.retry_after_s = 0.3, 0.2, 0.1, 0.05
    source = write_rows(tmp_path / "in.jsonl", essays(200))
    result = run_longwriter("build-dataset", source, "-r", run, "-c", "32", "--json", *at(server))
    summary, stats = result.summary, server.stats
    assert (summary["records"], summary["failed"], audit(run)) == (200, 0, 200)
    assert list(texts(run)) == [row["prompt"] for row in essays(200)], "records stand in instruction order"
    assert set(stats.faults) == set(RETRYABLE_FAULTS), "not every kind of fault was met"
    assert stats.repeats_after_success == 0, "something finished was paid twice"
    assert stats.max_in_flight <= 32
    assert summary["calls"] == stats.calls


# A cut answer is asked for with more room, which is another request: it has tests of its own.
@pytest.mark.parametrize("kind", [kind for kind in RETRYABLE_FAULTS if kind != "length"])
def test_every_fault_alone_is_overcome(kind: str, source: Path, run: Path, server: FakeServer) -> None:
    server.faults, server.fault_kinds, server.max_faults = 1.0, [kind], 1
    server.stall_s, server.slow_s, server.retry_after_s = 0.1, 0.1, 0.01
    result = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server))
    assert (result.summary["records"], audit(run)) == (3, 3)
    assert server.stats.faults[kind] >= 3
    assert server.stats.repeats_after_success == 0
    assert failures(run) == []


def test_a_call_that_takes_longer_than_the_timeout_is_made_again(source: Path, run: Path, server: FakeServer) -> None:
    server.faults, server.fault_kinds, server.max_faults, server.stall_s = 1.0, ["stall", "stall_middle"], 1, 20.0
    result = run_longwriter("build-dataset", source, "-r", run, "--timeout", "0.4", "--json", *at(server))
    assert result.summary["retries"] >= 3
    assert result.summary["elapsed_s"] < 15
    assert audit(run) == 3


def test_what_thrown_away_answers_cost_is_counted(source: Path, run: Path, server: FakeServer) -> None:
    server.faults, server.fault_kinds = 0.5, ["empty_content", "length", "empty_choices"]
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server), code=None).summary
    assert summary["prompt_tokens"] == server.stats.prompt_tokens
    assert summary["cached_tokens"] == server.stats.cached_tokens
    assert summary["completion_tokens"] == server.stats.completion_tokens
    rows = read_rows(run / "plans.jsonl") + read_rows(run / "sections.jsonl") + failures(run)
    assert sum(row["attempts"] for row in rows) == server.stats.calls == summary["calls"]
    assert sum(row["usage"]["prompt_tokens"] for row in rows) == server.stats.prompt_tokens


def test_tokens_are_estimated_where_the_endpoint_reports_none(source: Path, run: Path, server: FakeServer) -> None:
    server.usage = False
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server)).summary
    rows = read_rows(run / "plans.jsonl") + read_rows(run / "sections.jsonl")
    assert all(row["usage_estimated"] is True for row in rows)
    assert summary["prompt_tokens"] == pytest.approx(server.stats.prompt_tokens, rel=0.02)
    assert summary["completion_tokens"] == pytest.approx(server.stats.completion_tokens, rel=0.02)


def test_a_section_cut_at_the_limit_is_kept_to_its_last_sentence_where_that_is_enough(
    source: Path, run: Path, server: FakeServer
) -> None:
    """A word of the scripted model has about 6.5 bytes: 450 words would need 730 tokens, 560 hold 75% of them."""
    run_longwriter("build-dataset", source, "-r", run, "--max-tokens", "560", "--no-filters", *at(server))
    sections = read_rows(run / "sections.jsonl")
    cut = [row for row in sections if row["finish_reason"] == "length"]
    assert cut, "no section was cut"
    for row in cut:
        assert row["text"].endswith(".")
        assert 0.6 <= row["words"] / row["target_words"] <= 1.5
        assert row["raw"].startswith(row["text"])
    assert audit(run) == 3


def test_a_section_cut_too_short_is_asked_again_whole_with_twice_the_room(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("build-dataset", source, "-r", run, "--max-tokens", "250", "--no-filters", *at(server))
    rooms = [request["max_tokens"] for request in server.requests]
    assert {250, 500} <= set(rooms) <= {250, 500, 1000}
    by_prompt: dict[str, list[int]] = {}
    for request in server.requests:
        by_prompt.setdefault(prompt_text(request), []).append(request["max_tokens"])
    assert all(asked == [250, 500, 1000][: len(asked)] for asked in by_prompt.values())
    assert audit(run) == 3


# --- faults that stop the run -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "words"),
    [("bad_key", "key"), ("no_model", "no model 'fake-writer'"), ("no_quota", "quota"), ("forbidden", "permission")],
)
def test_an_endpoint_that_refuses_for_good_ends_in_5_and_the_run_goes_on_later(
    mode: str, words: str, source: Path, run: Path, server: FakeServer
) -> None:
    server.mode = mode
    command = ("build-dataset", source, "-r", run, "-c", "2", "--json", *at(server))
    result = run_longwriter(*command, code=5)
    assert words in result.stderr
    assert "tip:" in result.stderr
    assert result.summary["exit_code"] == 5
    assert server.stats.calls <= 2, "what is refused for good was tried again"
    assert failures(run) == [], "an instruction was blamed for the endpoint's refusal"
    assert not (run / "dataset.jsonl").exists()
    server.mode = "ok"
    run_longwriter(*command)
    assert audit(run) == 3


def test_a_refusal_in_the_middle_of_a_run_keeps_what_is_written_and_the_earlier_export(
    source: Path, run: Path, server: FakeServer
) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "1", "--json", *at(server))
    run_longwriter(*command, "--limit", "1")
    before = (run / "dataset.jsonl").read_bytes()
    server.answer = lambda request: None if server.stats.calls < 7 else Reply(body=b"{}", status=401)
    summary = run_longwriter(*command, code=5).summary
    assert (summary["instructions"], summary["dataset"]) == (3, None)
    assert (run / "dataset.jsonl").read_bytes() == before
    server.answer = None
    run_longwriter(*command)
    assert server.stats.repeats_after_success == 0
    assert audit(run) == 3


def test_an_endpoint_that_is_down_ends_in_75(source: Path, run: Path, server: FakeServer) -> None:
    server.mode = "down"
    command = ("build-dataset", source, "-r", run, "--give-up-after", "0.3", "--max-attempts", "1000", "--json")
    result = run_longwriter(*command, *at(server), code=75)
    assert result.summary["exit_code"] == 75
    assert "no answer for" in result.stderr
    assert failures(run) == []
    server.mode = "ok"
    run_longwriter(*command, *at(server))
    assert audit(run) == 3


def test_an_outage_uses_up_the_chances_of_no_instruction(source: Path, run: Path, server: FakeServer) -> None:
    """The command is given again and again, as cron does, while the endpoint is away; then it is back."""
    command = ("build-dataset", source, "-r", run, "--give-up-after", "5", "--json", *at(server))
    server.stop()
    for _ in range(4):
        assert run_longwriter(*command, code=None).code in (3, 75)
    server.start()
    summary = run_longwriter(*command, code=None).summary
    assert (summary["records"], summary["failed"]) == (3, 0)


def test_a_refused_parameter_ends_in_5_and_is_named(source: Path, run: Path, server: FakeServer) -> None:
    server.refuse_param = ["temperature"]
    command = ("build-dataset", source, "-r", run, "--temperature", "0.7", "-c", "2", "--json", *at(server))
    result = run_longwriter(*command, code=5)
    assert "'temperature'" in result.stderr
    assert "--temperature" in result.stderr
    assert failures(run) == []


def test_max_tokens_becomes_max_completion_tokens_where_the_endpoint_asks_for_it(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.needs_max_completion_tokens = True
    run_longwriter("build-dataset", source, "-r", run, "--max-tokens", "4000", "-c", "1", *at(server))
    assert [request for request in server.requests if "max_tokens" in request] == server.requests[:1]
    assert all(request["max_completion_tokens"] == 4000 for request in server.requests[1:])
    assert audit(run) == 3


# --- faults that end an instruction -----------------------------------------------------------------------------

ENDINGS: dict[str, tuple[str, Any, str, int]] = {
    # what the model does: (kind, its answer to a section or a plan, stage, most calls)
    "refuses": ("refusal", "I'm sorry, but I can't assist with that request.", "write", 3),
    "refuses by flag": ("refusal", Reply(text=None, refusal="I cannot help with that."), "write", 3),
    "refuses to plan": ("refusal", "I'm sorry, but I can't assist with that request.", "plan", 3),
    "is filtered": ("content_filter", Reply("The", "content_filter"), "write", 3),
    "says nothing": ("empty", "", "write", 3),
    "says nothing but a label": ("empty", "Paragraph 1:", "write", 3),
    "thinks and says nothing": ("empty", "<think>What shall I write?</think>", "write", 3),
    "is cut": ("truncated", Reply("Only a few words here. And then", "length"), "write", 3),
    "plans nothing": ("bad_plan", "I would rather write a poem about it.", "plan", 3),
    "plans too much": (
        "bad_plan",
        "\n".join(f"Paragraph {n} - Main Point: Part {n} - Word Count: 250 words" for n in range(1, 60)),
        "plan",
        3,
    ),
    "is not understood": ("bad_request", Reply(status=400, body=b'{"error": {"message": "What?"}}'), "write", 1),
    "never answers": ("retries_exhausted", Reply(status=500, body=b"{}"), "write", 6),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_instruction_that_cannot_be_finished_is_a_row_of_its_kind(
    ending: str, source: Path, run: Path, server: FakeServer
) -> None:
    kind, answer, stage, calls = ENDINGS[ending]

    def spoil(request: dict[str, Any]) -> Any:
        hit = "river number 1" in prompt_text(request) and is_plan(request) == (stage == "plan")
        return answer if hit else None

    server.answer = spoil
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    summary = run_longwriter(*command, code=3).summary
    assert (summary["failed"], summary["records"], summary["exit_code"]) == (1, 2, 3)
    assert audit(run) == 2, "the others are exported all the same"
    (row,) = failures(run)
    asked = [request for request in server.requests if spoil(request) is not None]
    assert (row["kind"], row["stage"], row["attempts"]) == (kind, stage, len(asked))
    assert len(asked) <= calls
    assert row["n"] == (1 if stage == "write" else None)
    assert row["message"]
    assert row["id"] == read_rows(run / "instructions.jsonl")[1]["id"]
    run_longwriter(*command, "--max-failed", "1", "--keep-failures")
    run_longwriter(*command, "--max-failed", "34%", "--keep-failures")
    run_longwriter(*command, "--max-failed", "33%", "--keep-failures", code=3)


@pytest.mark.parametrize(
    ("ending", "commands"),
    [
        ("never answers", 3),
        ("is cut", 3),
        ("says nothing", 3),
        ("plans nothing", 3),
        ("refuses", 1),
        ("refuses to plan", 1),
        ("is filtered", 1),
        ("is not understood", 1),
    ],
)
def test_passing_kinds_are_tried_in_three_commands_and_others_in_one(
    ending: str, commands: int, source: Path, run: Path, server: FakeServer
) -> None:
    _, answer, stage, _ = ENDINGS[ending]
    server.answer = lambda request: answer if is_plan(request) == (stage == "plan") else None
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    for number in range(1, 6):
        before = server.stats.calls
        summary = run_longwriter(*command, code=3).summary
        assert (server.stats.calls > before) == (number <= commands), f"command {number}"
        assert summary["failed"] == 3
    assert len(failures(run)) == 3 * commands
    before = server.stats.calls
    run_longwriter(*command, "--retry-failed", code=3)
    assert server.stats.calls > before
    server.answer = None
    before = server.stats.calls
    run_longwriter(*command, "--keep-failures", code=3)
    assert server.stats.calls == before
    assert run_longwriter(*command, "--retry-failed").summary["failed"] == 0
    assert audit(run) == 3


def test_changed_settings_make_a_failed_instruction_worth_another_try(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.answer = lambda request: None if "temperature" in request else ENDINGS["refuses"][1]
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    run_longwriter(*command, code=3)
    assert {row["kind"] for row in failures(run)} == {"refusal"}
    run_longwriter(*command, "--temperature", "0.5", code=2)
    assert run_longwriter(*command, "--temperature", "0.5", "--new-settings").summary["failed"] == 0
    assert audit(run) == 3


def test_a_changed_plan_makes_a_failed_section_worth_another_try(source: Path, run: Path, server: FakeServer) -> None:
    server.answer = lambda request: (
        "I'm sorry, but I can't assist with that request." if "secret" in prompt_text(request) else None
    )
    step = {"n": 1, "main_point": "The secret of the river", "words": 250}
    source = write_rows(source, [{"prompt": "An essay of 250 words on a river.", "plan": [step]}])
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    run_longwriter(*command, code=3)
    calls = server.stats.calls
    run_longwriter(*command, code=3)
    assert server.stats.calls == calls
    (plan,) = read_rows(run / "plans.jsonl")
    plan["steps"][0]["main_point"] = "The length of the river"
    write_rows(run / "plans.jsonl", [plan])
    summary = run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary
    assert (summary["failed"], summary["records"]) == (0, 1)


def test_a_text_that_cannot_fit_fails_as_context_length_before_a_section_is_paid(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    """The endpoint tells its context: 2,500 tokens. 900 words fit (1,350 tokens and the prompts), 3,200 do not."""
    server.max_model_len = server.max_context_tokens = 2500
    source = write_rows(tmp_path / "in.jsonl", essays(2) + essays(2, 3200))
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server), code=3).summary
    assert (summary["records"], summary["failed"]) == (2, 2)
    assert [row["kind"] for row in failures(run)] == ["context_length"] * 2
    for row in failures(run):
        assert "--history-words" in row["message"]
    assert server.stats.rejected == {}, "a call was made that could not succeed"
    assert len(read_rows(run / "sections.jsonl")) == sum(
        len(row["steps"]) for row in read_rows(run / "plans.jsonl") if len(row["steps"]) < 5
    )
    # Given the newest words only, the long ones fit too.
    command = ("build-dataset", source, "-r", run, "--history-words", "300", "--new-settings", "--json", *at(server))
    assert run_longwriter(*command).summary["records"] == 4
    assert server.stats.repeats_after_success == 0


def test_a_context_that_only_an_error_tells_is_learned_from_it(tmp_path: Path, run: Path, server: FakeServer) -> None:
    server.max_context_tokens = 2500
    source = write_rows(tmp_path / "in.jsonl", essays(3, 3200))
    command = ("build-dataset", source, "-r", run, "-c", "1", "--json", *at(server))
    summary = run_longwriter(*command, code=3).summary
    assert (summary["records"], summary["failed"]) == (0, 3)
    assert {row["kind"] for row in failures(run)} == {"context_length"}
    assert sum(server.stats.rejected.values()) == 1, "the first refusal tells what fits"
    assert run_longwriter(*command, "--history-words", "300", "--new-settings").summary["records"] == 3


def test_a_failed_instruction_and_the_answer_that_came_after_it_count_once(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.answer = lambda request: ENDINGS["never answers"][1] if not is_plan(request) else None
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    assert run_longwriter(*command, code=3).summary["failed"] == 3
    server.answer = None
    summary = run_longwriter(*command).summary
    assert (summary["failed"], summary["written"], summary["records"]) == (0, 3, 3)
    assert summary["prompt_tokens"] == server.stats.prompt_tokens


def test_broken_answers_of_an_endpoint_are_never_a_bug(source: Path, run: Path, server: FakeServer) -> None:
    bodies = [
        b"null",
        b"[]",
        b'"text"',
        b'{"choices": null}',
        b'{"choices": [null]}',
        b'{"choices": [{"message": null}]}',
        b'{"choices": [{"message": {"content": 7}}]}',
        b'{"choices": [{"message": {"content": ["a"]}}], "usage": []}',
        b'{"error": "a string"}',
        b'{"error": {"code": 500}}',
        b'{"error": null, "choices": []}',
        b"\xff\xfe",
        b"",
    ]
    server.answer = lambda request: Reply(body=bodies[server.stats.calls]) if server.stats.calls < len(bodies) else None
    run_longwriter("build-dataset", source, "-r", run, "-c", "1", "--max-attempts", "20", *at(server))
    assert audit(run) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None, "usage": None},
        {"model": 7, "usage": {"prompt_tokens": None}},
        {"model": "fake-writer-2", "usage": {"prompt_tokens": 5, "completion_tokens": None}},
        {"usage": {"prompt_tokens": 5, "completion_tokens": 7, "prompt_tokens_details": None}},
        {"usage": {"prompt_tokens": 5, "completion_tokens": "7", "prompt_tokens_details": {"cached_tokens": None}}},
        {"usage": {"prompt_tokens": 5.0, "completion_tokens": 7.0}},
    ],
)
def test_odd_envelopes_are_taken_and_can_be_read_again(
    fields: dict[str, Any], run: Path, tmp_path: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1))

    def envelope(request: dict[str, Any]) -> Reply:
        text = PLAN if is_plan(request) else f"River {len(prompt_text(request))} is long and wide. " * 40
        message = {"role": "assistant", "content": text}
        return Reply(body=json.dumps({"choices": [{"message": message}], **fields}).encode())

    server.answer = envelope
    command = ("build-dataset", source, "-r", run, "--no-filters", "--json", *at(server))
    assert run_longwriter(*command).summary["records"] == 1
    summary = run_longwriter(*command).summary
    assert (summary["records"], summary["calls"]) == (1, 0)
