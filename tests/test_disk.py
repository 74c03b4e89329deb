"""A disk that is full or read-only: 74 before another call is paid, and with room again nothing is missing.

The disks are real ones of a few hundred kilobytes, where this process may mount; `test_resume` and `test_exit_codes`
say the same of a limit on the size of a file, which needs no permission.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from made_rows import make_read_only, small_disk
from program import Result, at, audit, essays, read_rows, run_longwriter, write_rows

ESSAYS = essays(4, 1600)
CALLS = 4 + 4 * 4  # plans and sections


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", ESSAYS)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "size=800k") as disk:
        yield disk


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The dataset that a disk with room enough holds in the end."""
    directory = tmp_path_factory.mktemp("calm")
    with FakeServer() as server:
        source = write_rows(directory / "in.jsonl", ESSAYS)
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server))
    return (directory / "run" / "dataset.jsonl").read_bytes()


def fill(disk: Path) -> None:
    """Leaves no byte of room."""
    with (disk / "filler").open("ab", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def assert_told(result: Result, where: Path, problem: str) -> None:
    """The right words, and the summary where the run was open."""
    assert result.code == 74, result
    assert str(where) in result.stderr
    assert problem in result.stderr
    assert "the same command" in result.stderr
    assert "Traceback" not in result.stderr
    if result.stdout:
        assert (result.summary["exit_code"], result.summary["dataset"]) == (74, None)


def rows_kept(run: Path) -> int:
    """Answers that are whole rows; the last line may be torn."""
    paths = (run / "plans.jsonl", run / "sections.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())


def test_a_disk_that_is_full_before_the_run_costs_no_call(
    source: Path, disk: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", disk / "run", "--json", *at(server))
    fill(disk)
    assert_told(run_longwriter(*command, code=74), disk / "run", "the disk is full")
    assert server.stats.calls == 0
    (disk / "filler").unlink()
    run_longwriter(*command)
    assert (disk / "run" / "dataset.jsonl").read_bytes() == undisturbed


def test_a_disk_without_room_for_the_answers_in_flight_costs_no_call(
    source: Path, disk: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", disk / "run", "--json", *at(server))
    (disk / "filler").write_bytes(bytes(700_000))
    assert_told(run_longwriter(*command, code=74), disk / "run", "the disk is full")
    assert server.stats.calls == 0
    (disk / "filler").unlink()
    run_longwriter(*command)
    assert (disk / "run" / "dataset.jsonl").read_bytes() == undisturbed


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("full_at", [2, 9, CALLS])
def test_a_disk_that_fills_up_stops_before_another_call_is_paid(
    full_at: int, concurrency: int, source: Path, disk: Path, server: FakeServer, undisturbed: bytes
) -> None:
    def answer(_: dict[str, Any]) -> None:
        if server.stats.calls == full_at:
            fill(disk)

    server.answer = answer
    server.latency_s = 0.0 if concurrency == 1 else 0.05
    command = ("build-dataset", source, "-r", disk / "run", "-c", concurrency, "--json", *at(server))
    assert_told(run_longwriter(*command, code=74), disk / "run", "the disk is full")
    kept = rows_kept(disk / "run")
    assert server.stats.calls - kept <= concurrency, "a call was made after the disk had refused a row"
    server.answer = None
    (disk / "filler").unlink()
    run_longwriter(*command)
    assert (disk / "run" / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success <= concurrency
    assert server.stats.calls - server.stats.repeats == CALLS
    assert audit(disk / "run") == 4


def test_a_read_only_disk_costs_no_call_and_can_be_looked_at(
    source: Path, disk: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", disk / "run", "--json", *at(server))
    run_longwriter(*command, "--limit", "1")
    calls, before = server.stats.calls, (disk / "run" / "dataset.jsonl").read_bytes()
    make_read_only(disk)
    assert_told(run_longwriter(*command, code=74), disk / "run", "the file system is read-only")
    assert_told(
        run_longwriter("build-dataset", source, "-r", disk / "new", *at(server), code=74),
        disk / "new",
        "the file system is read-only",
    )
    assert run_longwriter("inspect", disk / "run").stdout
    assert (server.stats.calls, (disk / "run" / "dataset.jsonl").read_bytes()) == (calls, before)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    run_longwriter(*command)
    assert (disk / "run" / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats == 0


# As when a disk with errors is remounted: from its k-th append on, a row of the run meets a read-only disk.
READ_ONLY_FROM = """
import errno, os
write, appends = os.write, 0
def refusing(fd, row):
    global appends
    appends += bytes(row[:1]) == b"{{"
    if appends >= {at}:
        raise OSError(errno.{name}, os.strerror(errno.{name}))
    return write(fd, row)
os.write = refusing
"""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("EROFS", "read-only"),
        ("EIO", "the disk reports an error"),
        ("ESTALE", "Stale file handle"),
        ("EDQUOT", "quota"),
    ],
)
def test_a_disk_that_fails_under_way_stops_before_another_call_is_paid(
    name: str, problem: str, source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "1", "--json", *at(server))
    patch = READ_ONLY_FROM.format(at=4 + 7, name=name)  # four instructions, then the answers
    assert_told(run_longwriter(*command, patch=patch, code=74), run, problem)
    assert (server.stats.calls, rows_kept(run)) == (7, 6)
    run_longwriter(*command)
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert server.stats.repeats_after_success == 1, "only the answer that could not be kept is paid again"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_full_disk_under_the_export_alone_loses_nothing_that_was_paid(
    kind: str, source: Path, disk: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    out = disk / f"out.{kind}"
    command = ("build-dataset", source, "-r", run, "-o", out, "--format", kind, "--json", *at(server))
    run_longwriter(*command, "--limit", "1")
    before = out.read_bytes()
    fill(disk)
    assert_told(run_longwriter(*command, code=74), out, "the disk is full")
    assert out.read_bytes() == before
    assert sorted(os.listdir(disk)) == ["filler", out.name]
    (disk / "filler").unlink()
    assert run_longwriter(*command).summary["calls"] == 0
    run_longwriter("build-dataset", "-r", run, "--export-only")
    assert (run / "dataset.jsonl").read_bytes() == undisturbed
    assert len(read_rows(run / "sections.jsonl")) == CALLS - 4
