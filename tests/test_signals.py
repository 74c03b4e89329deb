"""A run that is told to stop: it keeps what it has paid for, says how to go on, and is gone in time."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import SUMMARY_KEYS, Program, at, audit, essays, read_rows, run_longwriter, snapshot, until, write_rows

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(6))


def rows_kept(run: Path) -> int:
    return len(read_rows(run / "plans.jsonl")) + len(read_rows(run / "sections.jsonl"))


@pytest.mark.parametrize("number", CODES)
def test_a_signal_keeps_the_answers_in_flight_and_names_the_command_that_goes_on(
    number: signal.Signals, source: Path, run: Path, server: FakeServer
) -> None:
    server.latency_s = 0.3
    program = Program("build-dataset", source, "-r", run, "-c", "3", "--json", *at(server))
    until(lambda: server.stats.answered >= 6 and server.stats.in_flight == 3)
    program.signal(number)
    result = program.wait()
    assert result.code == CODES[number]
    assert list(result.summary) == SUMMARY_KEYS
    assert (result.summary["exit_code"], result.summary["dataset"]) == (CODES[number], None)
    assert server.stats.abandoned == 0
    assert rows_kept(run) == server.stats.calls >= 9, "an answer that was in flight is lost"
    assert not (run / "dataset.jsonl").exists()
    server.latency_s = 0.0
    (line,) = re.findall(r"longwriter build-dataset.*", result.stderr)
    run_longwriter(*shlex.split(line)[1:])
    assert server.stats.repeats == 0
    assert audit(run) == 6


def test_answers_that_take_longer_than_the_grace_are_given_up(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 60.0
    program = Program("build-dataset", source, "-r", run, "--grace", "0.5", *at(server))
    until(lambda: server.stats.in_flight == 6)
    told = time.monotonic()
    program.signal(signal.SIGTERM)
    assert program.wait().code == 143
    assert 0.4 < time.monotonic() - told < 3


def test_no_grace_stops_at_once(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 60.0
    program = Program("build-dataset", source, "-r", run, "--grace", "0", *at(server))
    until(lambda: server.stats.in_flight == 6)
    told = time.monotonic()
    program.signal(signal.SIGINT)
    assert program.wait().code == 130
    assert time.monotonic() - told < 2


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_at_once(second: signal.Signals, source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 60.0
    program = Program("build-dataset", source, "-r", run, "--grace", "50", *at(server))
    until(lambda: server.stats.in_flight == 6)
    program.signal(signal.SIGINT)
    until(lambda: "SIGINT" in program.stderr)
    told = time.monotonic()
    program.signal(second)
    assert program.wait().code == 130
    assert time.monotonic() - told < 2
    server.latency_s = 0.0
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert audit(run) == 6


def test_a_signal_ends_a_wait_for_the_next_try(source: Path, run: Path, server: FakeServer) -> None:
    server.faults, server.fault_kinds, server.retry_after_s = 1.0, ["429_seconds"], 600.0
    program = Program("build-dataset", source, "-r", run, "--grace", "50", *at(server))
    until(lambda: server.stats.calls == 6 and server.stats.in_flight == 0)
    time.sleep(0.1)
    told = time.monotonic()
    program.signal(signal.SIGINT)
    assert program.wait().code == 130
    assert time.monotonic() - told < 2


def test_a_stop_leaves_an_earlier_export_as_it_was(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, "--limit", "1", *at(server))
    before = (run / "dataset.jsonl").read_bytes()
    server.latency_s = 0.2
    program = Program("build-dataset", source, "-r", run, "-c", "2", *at(server))
    until(lambda: server.stats.calls >= 8)
    program.signal(signal.SIGTERM)
    assert program.wait().code == 143
    assert (run / "dataset.jsonl").read_bytes() == before


def test_a_stop_of_parallel_sections_keeps_what_was_answered(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "4", "--mode", "parallel", *at(server))
    server.latency_s = 0.2
    program = Program(*command)
    until(lambda: server.stats.answered >= 8 and server.stats.in_flight > 0)
    program.signal(signal.SIGINT)
    assert program.wait().code == 130
    assert rows_kept(run) == server.stats.calls
    run_longwriter(*command)
    assert server.stats.repeats == 0


def test_the_program_in_a_fresh_interpreter_heeds_signals_too(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 0.3
    program = Program("build-dataset", source, "-r", run, "-c", "2", "--json", *at(server), fresh=True)
    until(lambda: server.stats.answered >= 2)
    program.signal(signal.SIGTERM)
    result = program.wait()
    assert result.code == 143
    assert json.loads(result.stdout)["exit_code"] == 143
    assert "Traceback" not in result.stderr
    server.latency_s = 0.0
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert server.stats.repeats_after_success == 0
    assert audit(run) == 6


def test_a_run_whose_terminal_is_gone_still_stops_when_told(source: Path, run: Path, server: FakeServer) -> None:
    """Nobody reads what it says any more: neither that nor the signal may be lost on it."""
    server.latency_s = 0.2
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "longwriter_cli", "build-dataset", str(source), "-r", str(run), *at(server)]
    process = subprocess.Popen([*command, "-c", "1"], stdout=writer, stderr=writer)
    os.close(writer)
    until(lambda: server.stats.answered >= 2)
    os.close(reader)
    until(lambda: server.stats.answered >= 4)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    assert rows_kept(run) >= 4


def test_a_broken_pipe_ends_no_run(source: Path, run: Path, server: FakeServer) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "longwriter_cli", "build-dataset", str(source), "-r", str(run), *at(server)]
    assert subprocess.run(command, stdout=writer, stderr=writer, timeout=60).returncode == 0
    os.close(writer)
    assert audit(run) == 6


@pytest.mark.parametrize("place", ["plans.jsonl", "sections.jsonl", "manifest.json", "prompts/en/plan.txt", "run.lock"])
def test_an_export_never_takes_the_place_of_a_file_of_the_run(
    place: str, source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = snapshot(run)
    result = run_longwriter("build-dataset", "-r", run, "-o", run / place, *at(server), code=2)
    assert "a file of the run itself" in result.stderr
    assert snapshot(run) == before


def test_an_export_never_takes_the_place_of_its_instructions(source: Path, run: Path, server: FakeServer) -> None:
    before = source.read_bytes()
    run_longwriter("build-dataset", source, "-r", run, "-o", source, *at(server), code=2)
    assert source.read_bytes() == before
    assert server.stats.calls == 0


def test_a_password_in_the_address_is_nowhere_to_be_found(source: Path, run: Path, server: FakeServer) -> None:
    url = server.base_url.replace("http://", "http://ann:pa55-of-ann@")
    server.latency_s = 0.2
    program = Program("build-dataset", source, "-r", run, "-m", "m", "--base-url", url, "-c", "1")
    until(lambda: server.stats.answered >= 2)
    busy = run_longwriter("build-dataset", "-r", run, "--base-url", url, code=75)
    program.signal(signal.SIGTERM)
    result = program.wait()
    assert result.code == 143
    said = result.stdout + result.stderr + busy.stderr
    files = b"".join(path.read_bytes() for path in run.rglob("*") if path.is_file())
    assert "pa55-of-ann" not in said
    assert b"pa55-of-ann" not in files
