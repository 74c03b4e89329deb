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
from contextlib import suppress
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import (
    SUMMARY_KEYS,
    Program,
    Result,
    at,
    audit,
    essays,
    read_rows,
    run_longwriter,
    snapshot,
    until,
    write_rows,
)

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(6))


def rows_kept(run: Path) -> int:
    return len(read_rows(run / "plans.jsonl")) + len(read_rows(run / "sections.jsonl"))


def assert_stopped(result: Result, number: signal.Signals) -> None:
    """The right code, the command that goes on, and no traceback."""
    assert result.code == CODES[number], result
    assert f"Stopped by {number.name}" in result.stderr
    assert shlex.join(["longwriter", *result.arguments]) in result.stderr
    assert "Traceback" not in result.stderr


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
    assert 0.4 < time.monotonic() - told < 9, "ten seconds are what is given unasked"


def test_no_grace_stops_at_once(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 60.0
    program = Program("build-dataset", source, "-r", run, "--grace", "0", *at(server))
    until(lambda: server.stats.in_flight == 6)
    told = time.monotonic()
    program.signal(signal.SIGINT)
    assert program.wait().code == 130
    assert time.monotonic() - told < 9, "ten seconds are what is given unasked"


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
    assert time.monotonic() - told < 30
    server.latency_s = 0.0
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert audit(run) == 6


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_wait_for_the_next_try(
    number: signal.Signals, source: Path, run: Path, server: FakeServer
) -> None:
    server.faults, server.fault_kinds, server.retry_after_s = 1.0, ["429_seconds"], 600.0
    program = Program("build-dataset", source, "-r", run, "--grace", "50", *at(server))
    until(lambda: server.stats.calls == 6 and server.stats.in_flight == 0)
    time.sleep(0.1)
    told = time.monotonic()
    program.signal(number)
    result = program.wait()
    assert_stopped(result, number)
    assert time.monotonic() - told < 30


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


# --- where no call is under way ---------------------------------------------------------------------------------------

# Makes the program wait at a place, and say that it is there.
WAIT_AT = """
import time
from pathlib import Path
import longwriter_cli.{module} as module
def waiting(*arguments, **more):
    Path({mark!r}).touch()
    time.sleep(60)
module.{name} = waiting
"""

# Where the program waits, whether the run is open there, and the signal that ends the wait.
PLACES = [
    ("cli.options", "Options.check", False, signal.SIGHUP),
    ("store.lock", "RunLock._sign", False, signal.SIGTERM),
    ("store.run", "GroupSync", False, signal.SIGINT),
    ("store.run", "Run.begin", True, signal.SIGTERM),
    ("store.export", "sync_file", True, signal.SIGHUP),
    ("store.export", "sync_file", True, signal.SIGTERM),
    ("store.export", "sync_file", True, signal.SIGINT),
]


def waiting_at(module: str, name: str, tmp_path: Path, *command: object) -> Program:
    """The program, waiting at that place."""
    mark = tmp_path / "there"
    program = Program(*command, patch=WAIT_AT.format(module=module, name=name, mark=str(mark)))
    until(mark.exists)
    mark.unlink()
    return program


@pytest.mark.parametrize(("module", "name", "is_open", "number"), PLACES)
def test_a_signal_anywhere_stops_in_good_order_and_nothing_is_lost(
    module: str,
    name: str,
    is_open: bool,
    number: signal.Signals,
    source: Path,
    tmp_path: Path,
    run: Path,
    server: FakeServer,
) -> None:
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    run_longwriter(*command, "--limit", "1")
    before = (run / "dataset.jsonl").read_bytes()
    program = waiting_at(module, name, tmp_path, *command)
    program.signal(number)
    result = program.wait(30)
    assert_stopped(result, number)
    assert bool(result.stdout) == is_open
    if is_open:
        assert (result.summary["exit_code"], result.summary["dataset"]) == (CODES[number], None)
    assert (run / "dataset.jsonl").read_bytes() == before, "the earlier export stays as it was"
    assert [path.name for path in run.rglob("*.tmp")] == []
    run_longwriter(*command)
    assert audit(run) == 6
    assert server.stats.repeats == 0


def test_a_closed_terminal_that_says_so_twice_loses_no_summary(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    program = waiting_at("store.run", "Run.begin", tmp_path, "plan", source, "-r", run, "--json", *at(server))
    with suppress(ProcessLookupError):  # it may be gone already
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGHUP):
            program.signal(number)
    result = program.wait(30)
    assert_stopped(result, signal.SIGHUP)
    assert result.summary["exit_code"] == 129


def test_a_later_signal_ends_a_way_out_that_hangs(source: Path, tmp_path: Path, run: Path, server: FakeServer) -> None:
    hanging = tmp_path / "hanging"
    patch = WAIT_AT.format(module="store.run", name="Run.begin", mark=str(tmp_path / "there"))
    patch += f"def hang(self):\n    Path({str(hanging)!r}).touch()\n    time.sleep(60)\nmodule.Run.close = hang"
    program = Program("plan", source, "-r", run, *at(server), patch=patch)
    until((tmp_path / "there").exists)
    program.signal(signal.SIGTERM)
    until(hanging.exists)
    program.signal(signal.SIGINT)  # in the same second: the same word
    time.sleep(1.1)
    program.signal(signal.SIGINT)
    result = program.wait(40)
    assert result.code == 143
    assert "The same command goes on" in result.stderr
    run_longwriter("plan", source, "-r", run, *at(server))


# Takes two seconds between writing the instructions and knowing of them, and says when they begin.
SLOW_TO_KNOW = """
import time
from pathlib import Path
from longwriter_cli.store.index import Index
add = Index.add_instructions
def slowly(*arguments):
    Path({mark!r}).touch()
    ends = time.monotonic() + 2
    while time.monotonic() < ends:
        pass
    add(*arguments)
Index.add_instructions = slowly
"""


def test_a_signal_while_instructions_are_taken_in_waits_until_they_are(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    mark = tmp_path / "there"
    command = ("plan", source, "-r", run, "--json", *at(server))
    program = Program(*command, patch=SLOW_TO_KNOW.format(mark=str(mark)))
    until(mark.exists)
    program.signal(signal.SIGTERM)
    result = program.wait()
    assert_stopped(result, signal.SIGTERM)
    assert result.summary["instructions"] == len(read_rows(run / "instructions.jsonl")) == 6
    assert server.stats.calls == 0


@pytest.mark.parametrize("number", CODES)
def test_a_signal_while_the_first_instruction_is_waited_for_makes_no_run(
    number: signal.Signals, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    pipe = tmp_path / "in.jsonl"
    os.mkfifo(pipe)
    program = Program("build-dataset", pipe, "-r", run, *at(server))
    with pipe.open("wb"):
        program.signal(number)
        assert_stopped(program.wait(30), number)
    assert not run.exists()


def test_a_signal_while_instructions_come_out_of_a_slow_pipe_takes_none_in(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    pipe, rows = tmp_path / "in.jsonl", "".join(json.dumps(row) + "\n" for row in essays(4)).encode()
    os.mkfifo(pipe)
    command = ("build-dataset", pipe, "-r", run, "--json", *at(server))
    program = Program(*command)
    with pipe.open("wb", buffering=0) as writer:
        writer.write(rows[:200])
        until((run / ".instructions.jsonl.tmp").exists)
        program.signal(signal.SIGTERM)
        result = program.wait(30)
    assert_stopped(result, signal.SIGTERM)
    assert (result.summary["exit_code"], result.summary["instructions"]) == (143, 0)
    assert server.stats.calls == 0
    program = Program(*command)
    pipe.write_bytes(rows)
    assert program.wait().code == 0
    assert audit(run) == 4


def test_a_signal_while_standard_input_is_read_is_heeded(run: Path, server: FakeServer) -> None:
    command = ("build-dataset", "-", "-r", str(run), *at(server))
    process = subprocess.Popen(
        [sys.executable, "-m", "longwriter_cli", *command], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(json.dumps(essays(1)[0]) + "\n")
    process.stdin.flush()
    until((run / ".instructions.jsonl.tmp").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    said = process.stderr.read()
    assert shlex.join(["longwriter", *command]) in said
    assert "Traceback" not in said


def test_a_signal_while_a_large_file_is_read_takes_none_in(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(100_000))
    program = Program("build-dataset", source, "-r", run, *at(server))
    until((run / ".instructions.jsonl.tmp").exists)
    program.signal(signal.SIGINT)
    assert_stopped(program.wait(30), signal.SIGINT)
    assert read_rows(run / "instructions.jsonl") == []


# --- signals that are to be ignored -----------------------------------------------------------------------------------

NOHUP = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"


def test_under_nohup_a_closed_terminal_ends_nothing(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 0.1
    program = Program("build-dataset", source, "-r", run, *at(server), patch=NOHUP)
    for answered in (0, 3, 8):
        until(lambda answered=answered: server.stats.calls > answered)
        program.signal(signal.SIGHUP)
    assert program.wait().code == 0
    assert audit(run) == 6


def test_under_nohup_a_closed_terminal_ends_no_reading(source: Path, tmp_path: Path, run: Path) -> None:
    mark = tmp_path / "there"
    patch = NOHUP + WAIT_AT.format(module="cli.options", name="Options.check", mark=str(mark))
    program = Program("build-dataset", source, "-r", run, "-m", "m", patch=patch)
    until(mark.exists)
    program.signal(signal.SIGHUP)
    program.signal(signal.SIGTERM)
    assert_stopped(program.wait(30), signal.SIGTERM)


# --- places that an export never takes --------------------------------------------------------------------------------


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
