"""A short form of `scripts/chaos`, and kills at places that it seldom finds."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import chaos
from fake_server import FakeServer
from program import at, audit, essays, run_longwriter, write_rows

KILL_WHILE_TRYING_THE_DISK = """
import os, signal
fsync = os.fsync
def dying(fd):
    if ".room" in os.readlink(f"/proc/self/fd/{fd}"):
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(fd)
os.fsync = dying
"""


def test_whatever_happens_nothing_is_lost_and_nothing_is_paid_for_twice() -> None:
    """In a process of its own: its programs are started by a nursery whose clock is stepped."""
    command = [sys.executable, chaos.__file__, "--minutes", "0.2", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    told = dict(re.findall(r"^(\w[\w ]+?) {2,}(\S+)", done.stdout, re.MULTILINE))
    assert told["losses"] == "0"
    assert int(told["records"]) == int(told["rounds"]) * chaos.INSTRUCTIONS
    assert int(told["kills"].rstrip(":")) > 0, "nothing disturbed it"
    assert int(told["clock steps"]) > 0, "the clock stood right"
    assert len(re.findall(r"\w+ ×", done.stdout.partition("\nfaults ")[2])) > 10, "hardly a fault was met"


def test_a_kill_while_the_disk_is_tried_leaves_no_file_behind(tmp_path: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", write_rows(tmp_path / "in.jsonl", essays(1)), "-r", run, *at(server))
    run_longwriter(*command, patch=KILL_WHILE_TRYING_THE_DISK, code=-signal.SIGKILL)
    run_longwriter(*command)
    assert audit(run) == 1
    assert [path.name for path in run.rglob(".*")] == []
