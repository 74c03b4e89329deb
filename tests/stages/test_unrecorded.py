"""What answers cost that no row holds, however the work on them ends."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from fake_model import ScriptedModel
from fake_server import FakeServer, Reply
from hypothesis import given
from hypothesis import strategies as st
from program import Program, at, audit, essays, read_rows, run_longwriter, until, write_rows

from longwriter_cli.engine.events import Failed, Planned, SectionWritten
from longwriter_cli.llm.base import Request
from longwriter_cli.records import Failure, Plan, Section, Usage
from longwriter_cli.stages.unrecorded import Unrecorded

# What became of an answer's row: a section, a failure, or nothing.
ANSWERS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.sampled_from(["plan", "section"]),
        st.lists(st.integers(1, 1000), min_size=1, max_size=3),
        st.sampled_from(["row", "failure", "nothing"]),
    ),
    max_size=20,
)


@given(ANSWERS)
def test_rows_and_what_is_left_are_together_what_was_paid(answers: list[tuple[str, Any, list[int], str]]) -> None:
    unrecorded, paid, held = Unrecorded(), 0, 0
    for id, kind, tries, end in answers:  # noqa: A001 - the rows' word
        for tokens in tries:
            unrecorded.pay(Request(kind, id, "m", "Write."), Usage(tokens, tokens // 2, tokens), "m-2026")
        usage = Usage(sum(tries), sum(tokens // 2 for tokens in tries), sum(tries))
        paid += usage.total_tokens
        if end == "nothing":
            continue
        held += usage.total_tokens
        if end == "failure":
            stage = "plan" if kind == "plan" else "write"
            unrecorded.listen(Failed(Failure(id, stage, None, "empty", "nothing", usage=usage)))
        elif kind == "plan":
            unrecorded.listen(Planned(Plan(id, (), usage=usage)))
        else:
            unrecorded.listen(SectionWritten(Section(id, 1, "", 1, 1, "stop", "m", usage, 1, "", "")))
    rows = list(unrecorded.rows())
    assert held + sum(row.usage.total_tokens for row in rows) == paid
    assert all(row.n == 0 and row.model == "m-2026" and row.attempts > 0 for row in rows)


# --- the whole program


def spent_at(server: FakeServer) -> int:
    return server.stats.prompt_tokens + server.stats.completion_tokens


def spent_by(summary: dict[str, Any]) -> int:
    return int(summary["prompt_tokens"] + summary["completion_tokens"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(2))


def is_plan(asked: dict[str, Any]) -> bool:
    return "Word Count" in (ScriptedModel().answer(asked) or "")


def test_answers_thrown_away_before_a_signal_are_counted_and_the_instruction_goes_on(
    source: Path, run: Path, server: FakeServer
) -> None:
    """An empty section, and then a call that does not come back in time."""
    answered = 0

    def empty_then_slow(asked: dict[str, Any]) -> Reply | None:
        nonlocal answered
        if is_plan(asked):
            return None
        answered += 1
        if answered > 1:
            server.latency_s = 60.0
        return Reply("")

    server.answer = empty_then_slow
    command = ("build-dataset", source, "-r", run, "-c", "1", "--json", *at(server))
    program = Program(*command, "--grace", "0")
    until(lambda: server.stats.in_flight == 1 and answered == 2)
    program.signal(signal.SIGTERM)
    stopped = program.wait()
    assert stopped.code == 143
    plans, rows = read_rows(run / "plans.jsonl"), read_rows(run / "failures.jsonl")
    assert [(row["stage"], row["n"], row["kind"], row["attempts"]) for row in rows] == [
        ("write", 0, "retries_exhausted", 1)
    ]
    on_disk = sum(sum(row["usage"][name] for name in ("prompt_tokens", "completion_tokens")) for row in plans + rows)
    assert spent_by(stopped.summary) == on_disk == spent_at(server) - rows[0]["usage"]["prompt_tokens"]
    assert stopped.summary["failed"] == 0, "it stands for no step"

    server.answer, server.latency_s, before = None, 0.0, spent_at(server)
    last = run_longwriter(*command, "--keep-failures").summary
    assert (last["written"], last["failed"]) == (2, 0)
    assert spent_by(last) - on_disk == spent_at(server) - before
    assert audit(run) == 2


def test_answers_thrown_away_before_a_budget_is_reached_are_spent_for_later_commands_too(
    source: Path, run: Path, server: FakeServer
) -> None:
    planned = spent_by(run_longwriter("plan", source, "-r", run, "--json", *at(server)).summary)
    server.answer = lambda asked: Reply("")
    # Room for one section as it is expected, and none for a second one after the first was paid and came to nothing.
    cap = planned + 1500
    command = ("build-dataset", "-r", run, "-c", "1", "--max-total-tokens", cap, "--json", *at(server))
    first = run_longwriter(*command, code=4).summary
    assert planned < spent_by(first) == spent_at(server) <= cap
    assert [row["n"] for row in read_rows(run / "failures.jsonl")] == [0]
    again = run_longwriter(*command, code=4).summary
    assert spent_by(again) == spent_at(server) <= cap


def test_a_run_that_is_not_disturbed_has_no_such_row(source: Path, run: Path, server: FakeServer) -> None:
    server.faults, server.fault_kinds = 0.5, ("empty_content", "refusal_text", "500", "length")
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server)).summary
    assert spent_by(summary) == spent_at(server)
    assert not (run / "failures.jsonl").exists()
