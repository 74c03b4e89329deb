"""Where errors end: closed pipes, signals that somebody took for something else, and the word that is said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from program import run_longwriter

COMMANDS = [("--help",), ("plan", "--help"), ("build-dataset", "-h"), ("--version",)]


def into_a_closed_pipe(*arguments: str, stderr: bool) -> subprocess.CompletedProcess[bytes]:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [sys.executable, "-m", "longwriter_cli", *arguments],
            stdout=writer,
            stderr=writer if stderr else subprocess.PIPE,
            timeout=30,
            check=False,
        )
    finally:
        os.close(writer)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_help_that_nobody_reads_on_ends_quietly(arguments: tuple[str, ...]) -> None:
    done = into_a_closed_pipe(*arguments, stderr=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_wrong_usage_that_nobody_hears_of_is_still_one() -> None:
    assert into_a_closed_pipe("plan", "--no-such", stderr=True).returncode == 2


def test_a_signal_that_a_library_took_for_a_fault_of_the_file_is_a_signal() -> None:
    patch = """
import os, signal, longwriter_cli.cli.options as options
from longwriter_cli.errors import InputError
def check(self):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
    except Exception:
        raise InputError("in.jsonl", 3, "cannot be read") from None
options.Options.check = check
"""
    result = run_longwriter("plan", "-r", "run", patch=patch, code=143)
    assert "Stopped by SIGTERM" in result.stderr
    assert "in.jsonl" not in result.stderr


def test_a_bug_is_told_without_a_traceback_and_with_one_where_it_is_asked_for() -> None:
    patch = "import longwriter_cli.cli.options as options; options.Options.check = None"
    for more, shown in (((), False), (("-v",), True)):
        result = run_longwriter("plan", "-r", "run", *more, patch=patch, code=1)
        assert "this is a bug in longwriter: TypeError" in result.stderr
        assert ("Traceback" in result.stderr) == shown


def test_a_signal_that_comes_while_signals_begin_to_be_heeded_shows_no_traceback() -> None:
    patch = """
import os, signal
from longwriter_cli.cli import signals
heed = signals.heed
def heed_and_hear():
    heed()
    os.kill(os.getpid(), signal.SIGINT)
signals.heed = heed_and_hear
"""
    result = run_longwriter("inspect", "nothing", patch=patch, code=130)
    assert "Traceback" not in result.stderr
    assert "Stopped by SIGINT" in result.stderr
