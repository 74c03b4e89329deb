"""What a killed export leaves beside its place: the user's files in it are never cleared away."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from made_dataset import KILL_BETWEEN_THE_RENAMES, OWN, loaded, make_dataset, record
from made_rows import contents, python

from longwriter_cli.errors import UsageError
from longwriter_cli.store.export import Shape, check_place, export, export_parts


@pytest.fixture
def alive() -> Iterator[int]:
    """The id of a process that has nothing to do with any of this."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process.pid
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset")


def killed_leftover(dataset: Path) -> Path:
    """Kills an export between its two renames; gives what it left behind."""
    assert python(KILL_BETWEEN_THE_RENAMES, dataset).returncode == -signal.SIGKILL
    (leftover,) = dataset.parent.glob(".dataset.*.tmp")
    return leftover


def test_an_earlier_export_is_put_back_also_where_its_process_id_is_another_s_by_now(dataset: Path, alive: int) -> None:
    leftover = killed_leftover(dataset)
    leftover.rename(leftover.with_name(f".dataset.{alive}.tmp"))
    export([record(0)], dataset, "hf")
    assert loaded(dataset) == 1
    assert set(os.listdir(dataset)) >= OWN
    assert (dataset / "scripts" / "look.py").read_text() == "print()"


def test_files_of_the_user_in_a_leftover_are_brought_to_the_export_that_came_since(dataset: Path) -> None:
    leftover = killed_leftover(dataset)
    away = leftover.rename(dataset.parent / "away")
    export([record(0)], dataset, "hf")
    away.rename(leftover)
    (leftover / "old" / "scripts" / "more").mkdir()
    (leftover / "old" / "scripts" / "more" / "deep.py").write_text("1")
    export([record(0), record(1)], dataset, "hf")
    assert loaded(dataset) == 2
    assert set(os.listdir(dataset)) >= OWN
    assert (dataset / "scripts" / "more" / "deep.py").read_text() == "1"
    assert os.listdir(dataset.parent) == ["dataset"]


def test_a_leftover_whose_file_stands_otherwise_in_the_export_is_kept(dataset: Path) -> None:
    leftover = killed_leftover(dataset)
    away = leftover.rename(dataset.parent / "away")
    export([record(0)], dataset, "hf")
    (dataset / "scripts").mkdir()
    (dataset / "scripts" / "look.py").write_text("print(2)")
    away.rename(leftover)
    export([record(0), record(1)], dataset, "hf")
    assert (dataset / "scripts" / "look.py").read_text() == "print(2)"
    assert (leftover / "old" / "scripts" / "look.py").read_text() == "print()"


# --- what cannot be taken along, or stood in


@pytest.mark.parametrize("place", ["", "scripts"])
@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_a_pipe_in_an_export_is_named_and_no_fault_of_the_disk(dataset: Path, place: str, kind: str) -> None:
    special = dataset / place / "special"
    if kind == "pipe":
        os.mkfifo(special)
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(special))
    before = contents(dataset)
    with pytest.raises(UsageError, match="special is a pipe, a socket or a device"):
        export([record(0)], dataset, "hf")
    assert contents(dataset) == before


def test_folders_of_the_user_go_along_with_their_empty_folders_and_their_modes(dataset: Path) -> None:
    (dataset / "scripts" / "empty").mkdir()
    (dataset / "scripts" / "look.py").chmod(0o700)
    (dataset / "scripts" / "here").symlink_to("look.py")
    (dataset / "scripts").chmod(0o750)
    export([record(0)], dataset, "hf")
    assert (dataset / "scripts" / "empty").is_dir()
    assert os.readlink(dataset / "scripts" / "here") == "look.py"
    assert (dataset / "scripts" / "look.py").stat().st_mode & 0o777 == 0o700
    assert (dataset / "scripts").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", [".", "..", "../data", "below/.."])
def test_the_directory_that_the_user_is_in_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    data = tmp_path / "data"
    export_parts([("train", record(0))], data, Shape(splits=("train",)))
    (data / "below").mkdir()
    before = contents(data)
    monkeypatch.chdir(data if name != ".." else data / "below")
    for kind in ("jsonl", "hf"):
        with pytest.raises(UsageError, match="the directory you are in"):
            check_place(Path(name), kind, folder=True)
    assert contents(data) == before
    check_place(Path("new"), "hf")
