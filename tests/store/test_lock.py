"""One process at a time on a run, and no lock that outlives its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from made_rows import command, contents, open_run, python, read_run, small_run

from longwriter_cli.errors import RunBusy, UsageError
from longwriter_cli.store.lock import LOCK_NAME, RunLock
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

HOLD = """
from pathlib import Path
from longwriter_cli.store.lock import RunLock
lock = RunLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""

TRY = """
from pathlib import Path
from longwriter_cli.errors import RunBusy
from longwriter_cli.store.lock import RunLock
try:
    RunLock(Path(sys.argv[1])).release()
    print("free")
except RunBusy as error:
    print(error.exit_code, error.message)
"""


@contextmanager
def held_elsewhere(directory: Path) -> Iterator[subprocess.Popen[str]]:
    """The lock held by another process, which lives until the end of the block or until it is killed."""
    holder = subprocess.Popen(
        command(HOLD, directory), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.communicate("\n")


def test_whoever_comes_second_is_told_which_process_holds_the_run(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder, pytest.raises(RunBusy) as raised:
        RunLock(tmp_path)
    assert f"process {holder.pid} " in raised.value.message
    assert str(tmp_path) in raised.value.message
    assert raised.value.exit_code == 75
    assert raised.value.tip


def test_another_process_is_told_the_same_of_this_one(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    assert python(TRY, tmp_path).stdout.startswith(f"75 {tmp_path} is in use by process {os.getpid()} ")
    lock.release()
    assert python(TRY, tmp_path).stdout == "free\n"


def test_within_one_process_too_the_second_one_is_refused(tmp_path: Path) -> None:
    lock = RunLock(tmp_path)
    with pytest.raises(RunBusy, match=f"process {os.getpid()} "):
        RunLock(tmp_path)
    lock.release()
    RunLock(tmp_path).release()


def test_a_process_that_is_killed_leaves_no_lock_behind(tmp_path: Path) -> None:
    with held_elsewhere(tmp_path) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        lock = RunLock(tmp_path)
    assert json.loads((tmp_path / LOCK_NAME).read_text())["pid"] == os.getpid()
    lock.release()


def test_signing_the_lock_does_not_let_it_go(tmp_path: Path) -> None:
    """The holder writes its name into the very file that is locked."""
    with held_elsewhere(tmp_path):
        for _ in range(3):
            assert python(TRY, tmp_path).stdout.startswith("75 ")


@pytest.mark.parametrize("name", ["", "{", "[]", '{"pid": 1}', "\x00\xff"])
def test_a_holder_that_cannot_be_read_is_another_process(tmp_path: Path, name: str) -> None:
    with held_elsewhere(tmp_path):
        (tmp_path / LOCK_NAME).write_text(name, encoding="latin-1")
        with pytest.raises(RunBusy, match="in use by another process"):
            RunLock(tmp_path)


def test_a_file_in_the_place_of_the_directory_is_an_error_of_usage(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with pytest.raises(UsageError, match="run"):
        RunLock(tmp_path / "run")


def test_a_busy_run_is_not_touched_by_who_is_refused(tmp_path: Path) -> None:
    small_run(tmp_path)
    with (tmp_path / "sections.jsonl").open("ab") as file:
        file.write(b'{"id":"a","n":2,"pl')  # the other process is just writing it
    before = contents(tmp_path)
    with held_elsewhere(tmp_path), pytest.raises(RunBusy):
        Run.open(tmp_path, plan_digest, create=True)
    assert contents(tmp_path) == before


def test_a_run_can_be_looked_at_while_it_is_held(tmp_path: Path) -> None:
    small_run(tmp_path)
    with held_elsewhere(tmp_path), read_run(tmp_path) as run:
        assert run.index.ids == ["a"]


def test_closing_a_run_lets_the_next_one_in(tmp_path: Path) -> None:
    open_run(tmp_path).close()
    open_run(tmp_path).close()


def test_a_run_that_cannot_be_opened_is_not_held(tmp_path: Path) -> None:
    small_run(tmp_path)
    (tmp_path / "plans.jsonl").write_text("no row\n")
    with pytest.raises(UsageError) as raised:  # kept: it holds the frames in which the lock was taken
        open_run(tmp_path)
    assert python(TRY, tmp_path).stdout == "free\n"
    assert raised.value.exit_code == 2


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    small_run(tmp_path)
    run = open_run(tmp_path)
    run.close()
    run.close()
