"""A run that is killed, anywhere and however often, ends as one that was not, and pays for nothing twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import Program, at, audit, essays, read_rows, run_longwriter, snapshot, texts, write_rows

from longwriter_cli.store.snapshot import SNAPSHOT

INSTRUCTIONS = [
    {"prompt": "Write an essay of 1600 words on the river Elbe."},
    {"prompt": "写一篇1600字的文章，谈谈长江。"},
    {"prompt": "Write an essay of 1600 words on the river Oder."},
]
ROWS = 3 + 3 + 12  # instructions, plans, sections

# Kills the process at its k-th append, after `share` of the row's bytes: 0 is before it, 1 after it. A share of
# None leaves out the newline alone. An append is a write of something that begins like a row.
KILL_AT_APPEND = """
import os, signal
write, appends = os.write, 0
def dying(fd, row):
    global appends
    appends += bytes(row[:1]) == b"{{"
    if appends < {at}:
        return write(fd, row)
    write(fd, row[:-1] if {share} is None else row[: int(len(row) * {share})])
    os.kill(os.getpid(), signal.SIGKILL)
os.write = dying
"""

# A run of a few rows keeps a snapshot of its index too, written anew for every row.
WITH_SNAPSHOT = """
from longwriter_cli.store import snapshot
snapshot.WORTH_ROWS = 1
"""

# Kills the process right before or after its k-th rename, by which whole files come to be.
KILL_AT_RENAME = """
import os, signal
replace, renames = os.replace, 0
def dying(*paths):
    global renames
    renames += 1
    if renames == {at} and not {after}:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
    if renames == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = dying
"""


# A file may grow to 12,000 bytes and no further, as on a disk that is full.
FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, 12_000))
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "instructions.jsonl", INSTRUCTIONS)


@pytest.fixture
def undisturbed(source: Path, tmp_path: Path) -> bytes:
    """The dataset of a run that nobody killed, made at an endpoint of its own."""
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", tmp_path / "undisturbed", "-c", "1", *at(server))
    return (tmp_path / "undisturbed" / "dataset.jsonl").read_bytes()


def kill_until_done(source: Path, run: Path, server: FakeServer, first: str, then: str) -> int:
    """Gives the same command again and again, each time with a patch that kills it; returns how often it died."""
    command = ("build-dataset", source, "-r", run, "-c", "1", *at(server))
    for kills in range(3 * ROWS):
        result = run_longwriter(*command, patch=then if kills else first, code=None)
        if result.code != -signal.SIGKILL:
            assert result.code == 0, result
            return kills
    raise AssertionError("no end")


def test_a_run_killed_after_every_append_ends_the_same_and_never_pays_twice(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    patch = KILL_AT_APPEND.format(at=1, share=1)
    assert kill_until_done(source, run, server, patch, patch) == ROWS
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.calls == 3 + 12
    assert server.stats.repeats_after_success == 0


@pytest.mark.parametrize("share", [1, None, 0.5], ids=["whole", "without its newline", "half"])
def test_a_run_killed_a_row_behind_its_snapshot_goes_on_with_both(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, share: float | None
) -> None:
    patch = WITH_SNAPSHOT + KILL_AT_APPEND.format(at=3, share=share)
    kills = kill_until_done(source, run, server, patch, patch)
    assert kills >= ROWS // 3
    assert (run / SNAPSHOT).exists()
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success == (kills - 1 if share == 0.5 else 0)


def test_a_row_that_lacks_only_its_newline_is_not_paid_again(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    patch = KILL_AT_APPEND.format(at=1, share=None)
    assert kill_until_done(source, run, server, patch, patch) == ROWS
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success == 0


@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.97], ids=["before", "at the head", "in the middle", "near the end"])
def test_a_run_killed_in_every_append_loses_only_the_answer_that_it_held(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, share: float
) -> None:
    # The first append of a process puts right what the one before it tore, so each of them must get through one.
    first, then = (KILL_AT_APPEND.format(at=at, share=share) for at in (1, 2))
    kills = kill_until_done(source, run, server, first, then)
    assert kills >= ROWS - 3  # the three instructions are taken in by one process
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert 12 <= server.stats.repeats_after_success <= kills
    for name in ("instructions", "plans", "sections"):
        rows = read_rows(run / f"{name}.jsonl")
        assert len({(row["id"], row.get("n")) for row in rows}) == len(rows), f"{name}.jsonl holds a row twice"


def test_a_kill_between_manifest_templates_and_export_does_no_harm(
    source: Path, tmp_path: Path, server: FakeServer, undisturbed: bytes
) -> None:
    """Files that are made whole: four templates, the manifest and the dataset, each killed before and after."""
    command = ("build-dataset", source, "-c", "1", *at(server))
    places = [(at, after) for at in range(1, 7) for after in (False, True)]
    doomed = [
        Program(*command, "-r", tmp_path / f"{at}{after}", patch=KILL_AT_RENAME.format(at=at, after=after))
        for at, after in places
    ]
    for (at_rename, after), program in zip(places, doomed, strict=True):
        assert program.wait().code == -signal.SIGKILL
        directory = tmp_path / f"{at_rename}{after}"
        if at_rename <= 5:
            assert not (directory / "plans.jsonl").exists(), "a call was made before the manifest was there"
        run_longwriter(*command, "-r", directory)
        assert (directory / "dataset.jsonl").read_bytes() == undisturbed


def test_eight_calls_in_flight_killed_from_outside_lose_at_most_what_was_in_flight(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(10, 1200))
    command = ("build-dataset", source, "-c", "8", "--json", *at(server))
    with FakeServer() as other:
        undisturbed = ("build-dataset", source, "-c", "3", "-r", tmp_path / "undisturbed", *at(other))
        run_longwriter(*undisturbed)
    server.latency_s, server.latency_jitter = 0.03, 0.9
    rng, kills = random.Random(1), 0
    while True:
        before = server.stats.answered
        program = Program(*command, "-r", run)
        wanted = rng.randint(1, 6)
        while server.stats.answered < before + wanted and not (run / "dataset.jsonl").exists():
            time.sleep(0.002)
        if (run / "dataset.jsonl").exists():
            assert program.wait().code == 0
            break
        os.kill(program.pid, signal.SIGKILL)
        kills += program.wait().code == -signal.SIGKILL
    assert kills >= 5
    assert server.stats.repeats_after_success <= 8 * kills
    assert texts(run) == texts(tmp_path / "undisturbed")
    assert (run / "dataset.jsonl").read_bytes() == (tmp_path / "undisturbed" / "dataset.jsonl").read_bytes()
    assert audit(run) == 10


def test_a_finished_run_given_again_makes_no_call_and_changes_no_file_but_the_export(
    source: Path, run: Path, server: FakeServer
) -> None:
    options = ("-r", run, "--json", *at(server))
    run_longwriter("build-dataset", source, *options)
    calls, before = server.stats.calls, snapshot(run)
    for command in (("build-dataset", source), ("build-dataset",), ("plan", source), ("plan",), ("write",)):
        result = run_longwriter(*command, *options)
        assert (result.summary["calls"], result.summary["records"]) == (0, 3)
        check_untouched(before, snapshot(run))
    assert server.stats.calls == calls


def test_a_finished_run_needs_neither_key_nor_endpoint(source: Path, run: Path) -> None:
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = snapshot(run)
    for command in (("build-dataset", source), ("build-dataset",), ("plan",), ("write",)):
        assert run_longwriter(*command, "-r", run, "--json").summary["calls"] == 0
        check_untouched(before, snapshot(run))


def check_untouched(before: dict[str, tuple[bytes, int]], after: dict[str, tuple[bytes, int]]) -> None:
    """The export may have been written again, with the same bytes; the lock names its last holder."""
    assert after.keys() == before.keys()
    for name in set(before) - {"run.lock", "dataset.jsonl"}:
        assert after[name] == before[name], f"{name} was changed"
    assert after["dataset.jsonl"][0] == before["dataset.jsonl"][0]


def test_what_a_killed_process_left_unfinished_is_cleared_away(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *at(server))
    for rename in (2, 3, 4):
        patch = KILL_AT_RENAME.format(at=rename, after=False)
        run_longwriter(*command, patch=patch, code=-signal.SIGKILL)
    run_longwriter(*command)
    assert [path.name for path in run.rglob("*.tmp")] == []


def test_a_finished_run_is_exported_without_an_endpoint(source: Path, run: Path) -> None:
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = (run / "dataset.jsonl").read_bytes()
    (run / "dataset.jsonl").unlink()
    run_longwriter("build-dataset", "-r", run, "--export-only")
    assert (run / "dataset.jsonl").read_bytes() == before


def test_export_only_gives_what_is_finished_so_far(source: Path, run: Path, server: FakeServer) -> None:
    patch = KILL_AT_APPEND.format(at=3 + 3 + 9, share=1)  # with one slot, the ninth section ends the second text
    run_longwriter("build-dataset", source, "-r", run, "-c", "1", *at(server), patch=patch, code=-signal.SIGKILL)
    calls = server.stats.calls
    result = run_longwriter("build-dataset", "-r", run, "--export-only", "--json")
    assert (result.summary["records"], result.summary["calls"]) == (2, 0)
    assert audit(run) == 2
    assert server.stats.calls == calls


def test_a_full_disk_ends_in_74_and_the_run_goes_on_when_there_is_room(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "1", *at(server))
    result = run_longwriter(*command, "--json", patch=FULL_DISK, code=74)
    assert "sections.jsonl" in result.stderr
    assert "Traceback" not in result.stderr
    assert (result.summary["exit_code"], result.summary["dataset"]) == (74, None)
    run_longwriter(*command)
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success == 1, "only the answer that could not be kept is paid again"


def test_an_export_that_the_disk_cannot_hold_leaves_the_earlier_one(
    source: Path, tmp_path: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    result = run_longwriter("build-dataset", "-r", run, "--export-only", patch=FULL_DISK, code=74)
    assert "Traceback" not in result.stderr
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert list(run.glob(".*")) == []


def test_a_run_directory_that_was_moved_goes_on(source: Path, tmp_path: Path, server: FakeServer) -> None:
    patch = KILL_AT_APPEND.format(at=10, share=1)
    command = ("build-dataset", source, "-c", "1", *at(server))
    run_longwriter(*command, "-r", tmp_path / "here", patch=patch, code=-signal.SIGKILL)
    shutil.move(tmp_path / "here", tmp_path / "there")
    run_longwriter(*command, "-r", tmp_path / "there")
    assert server.stats.repeats_after_success == 0
    assert audit(tmp_path / "there") == 3


def test_the_program_in_a_fresh_interpreter_resumes_like_the_forked_one(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "1", *at(server))
    run_longwriter(*command, patch=KILL_AT_APPEND.format(at=9, share=0.5), code=-signal.SIGKILL)
    run_longwriter(*command, fresh=True)
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success == 1
