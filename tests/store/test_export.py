"""Exports: every format loads and holds the rows in order; one that fails changes nothing."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from made_rows import command, contents, make_read_only, python, small_disk
from pyarrow import parquet

from longwriter_cli.errors import DiskFailed, InputError, UsageError
from longwriter_cli.store.export import Format, Row, check_place, default_path, export

FORMATS: list[Format] = ["jsonl", "parquet", "hf"]
every_format = pytest.mark.parametrize("kind", FORMATS)


def record(n: int, **metadata: Any) -> Row:
    turns = [{"role": "user", "content": f"写 {n}"}, {"role": "assistant", "content": f"长江 🌊\n\n{n}"}]
    return {"messages": turns} | metadata


def metadata(n: int) -> Row:
    """Instructions that name no length come first, by the thousand."""
    known = n >= 600
    return record(
        n,
        id=f"{n:04d}",
        words=1000 + n,
        required_words=3000 if known else None,
        length_score=100 if n == 601 else 99.5 if known else None,
        sections=3,
        model="m",
        language="zh",
        quality=75.0 if known else None,
    )


def load(path: Path, kind: Format) -> Any:
    if kind == "hf":
        return datasets.load_from_disk(str(path))
    name = "json" if kind == "jsonl" else "parquet"
    return datasets.load_dataset(name, data_files=str(path), split="train", cache_dir=str(path.parent / "cache"))


def failing_after(n: int, error: BaseException) -> Iterator[Row]:
    yield from (record(i) for i in range(n))
    raise error


# --- what is exported


@every_format
def test_every_format_loads_and_holds_the_rows_in_order(tmp_path: Path, kind: Format) -> None:
    path = default_path(tmp_path, kind)
    rows = [record(n) for n in range(1000)]
    assert export(iter(rows), path, kind) == 1000
    assert load(path, kind).to_list() == rows


@every_format
def test_metadata_may_begin_with_many_rows_without_a_value(tmp_path: Path, kind: Format) -> None:
    path = default_path(tmp_path, kind)
    rows = [metadata(n) for n in range(900)]
    export(rows, path, kind)
    loaded = load(path, kind)
    assert loaded.to_list() == rows
    assert loaded.features["length_score"].dtype == "float64"


@every_format
def test_an_export_of_nothing_is_one_without_rows(tmp_path: Path, kind: Format) -> None:
    path = default_path(tmp_path, kind)
    assert export([], path, kind) == 0
    if kind == "jsonl":
        assert path.read_bytes() == b""
        return
    loaded = parquet.read_table(path) if kind == "parquet" else load(path, kind)  # `load_dataset` wants a row
    assert loaded.num_rows == 0
    assert loaded.column_names == ["messages"]


def test_a_jsonl_row_is_one_compact_line_of_readable_text(tmp_path: Path) -> None:
    export([record(1)], tmp_path / "d.jsonl", "jsonl")
    line = '{"messages":[{"role":"user","content":"写 1"},{"role":"assistant","content":"长江 🌊\\n\\n1"}]}\n'
    assert (tmp_path / "d.jsonl").read_text(encoding="utf-8") == line


def test_the_same_rows_make_the_same_file(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl"):
        export((metadata(n) for n in range(700)), tmp_path / name, "jsonl")
    assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()


MEMORY = """
import threading, time
from pathlib import Path
import datasets, pyarrow.parquet, jsonlines, orjson
from longwriter_cli.store.export import default_path, export

def heap_mb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024

def watch():
    global most
    while True:
        most = max(most, heap_mb())
        time.sleep(0.002)

def rows():
    for n in range(2000):
        yield {"messages": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "x" * 50_000 + str(n)}]}

most = 0
threading.Thread(target=watch, daemon=True).start()
for kind in sys.argv[2:]:
    before = most = heap_mb()
    export(rows(), default_path(Path(sys.argv[1]), kind), kind)
    print(most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_the_rows_are_not_held_in_memory(tmp_path: Path) -> None:
    """Each export holds 100 MB of text. Measured: the heap grows by 0, 36 and 24 MB."""
    result = python(MEMORY, tmp_path, *FORMATS)
    assert all(float(grown_mb) < 70 for grown_mb in result.stdout.split()), result.stdout
    assert len(result.stdout.split()) == len(FORMATS), result.stderr


@every_format
def test_an_export_takes_the_place_of_an_earlier_one(tmp_path: Path, kind: Format) -> None:
    path = default_path(tmp_path, kind)
    for count in (5, 3):
        assert export((record(n) for n in range(count)), path, kind) == count
    assert len(load(path, kind)) == 3
    assert os.listdir(tmp_path) in ([path.name], [path.name, "cache"], ["cache", path.name])


@every_format
def test_the_directories_on_the_way_are_made(tmp_path: Path, kind: Format) -> None:
    path = tmp_path / "a" / "b" / "out"
    export([record(1)], path, kind)
    assert len(load(path, kind)) == 1


def test_an_export_through_a_link_replaces_what_the_link_names(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "d.jsonl"
    link.symlink_to(tmp_path / "elsewhere" / "real.jsonl")
    export([record(1)], link, "jsonl")
    assert link.is_symlink()
    assert json.loads((tmp_path / "elsewhere" / "real.jsonl").read_text(encoding="utf-8")) == record(1)


# --- what goes wrong


@every_format
@pytest.mark.parametrize("rows", [0, 1, 300])
@pytest.mark.parametrize(
    "error", [InputError("sections.jsonl", 3, "is no row"), KeyError("a bug"), KeyboardInterrupt()], ids=repr
)
def test_an_export_that_fails_midway_changes_nothing(
    tmp_path: Path, kind: Format, rows: int, error: BaseException
) -> None:
    path = default_path(tmp_path, kind)
    export([record(1)], path, kind)
    before = contents(tmp_path)
    with pytest.raises(type(error)):
        export(failing_after(rows, error), path, kind)
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == [path.name]


@every_format
def test_an_export_that_fails_where_there_was_none_leaves_none(tmp_path: Path, kind: Format) -> None:
    with pytest.raises(KeyError):
        export(failing_after(3, KeyError()), default_path(tmp_path, kind), kind)
    assert os.listdir(tmp_path) == []


DISK_FULL = """
import resource
from pathlib import Path
import datasets, pyarrow.parquet
from longwriter_cli.errors import DiskFailed
from longwriter_cli.store.export import default_path, export
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
for kind in sys.argv[2:]:
    rows = ({"messages": [{"role": "user", "content": str(hash(str(n)))}]} for n in range(20_000))
    try:
        export(rows, default_path(Path(sys.argv[1]), kind), kind)
    except DiskFailed as error:
        print(error.exit_code)
"""


def test_an_export_for_which_there_is_no_room_changes_nothing(tmp_path: Path) -> None:
    for kind in FORMATS:
        export([record(1)], default_path(tmp_path, kind), kind)
    before, names = contents(tmp_path), os.listdir(tmp_path)
    result = python(DISK_FULL, tmp_path, *FORMATS)
    assert result.stdout == "74\n" * 3, result.stderr
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == names


def test_on_a_read_only_disk_the_earlier_exports_stay(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        for kind in FORMATS:
            export([record(1)], default_path(disk, kind), kind)
        before = contents(disk)
        make_read_only(disk)
        for kind in FORMATS:
            with pytest.raises(DiskFailed, match="read-only"):
                export([record(2)], default_path(disk, kind), kind)
        assert contents(disk) == before


@every_format
def test_a_rename_that_fails_leaves_the_earlier_export_in_its_place(
    tmp_path: Path, kind: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = default_path(tmp_path, kind)
    export([record(1)], path, kind)
    before = contents(tmp_path)
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if source.name == path.name and target == path and source.parent.name.endswith(".tmp"):
            raise OSError(errno.EIO, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DiskFailed):
        export([record(2)], path, kind)
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == [path.name]


@every_format
def test_an_export_that_is_killed_changes_nothing_and_the_next_one_clears_up(tmp_path: Path, kind: Format) -> None:
    path = default_path(tmp_path, kind)
    export([record(1)], path, kind)
    before = contents(path.parent)
    died = python(
        "import os, signal\n"
        "from pathlib import Path\n"
        "from longwriter_cli.store.export import export\n"
        "def rows():\n"
        "    for n in range(600):\n"
        "        yield {'messages': [{'role': 'user', 'content': str(n)}]}\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "export(rows(), Path(sys.argv[1]), sys.argv[2])\n",
        path,
        kind,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr
    left = contents(tmp_path)
    assert before.items() <= left.items()
    assert len(left) > len(before)
    export([record(2)], path, kind)
    assert os.listdir(tmp_path) == [path.name]


def test_what_another_process_is_exporting_to_is_not_cleared_away(tmp_path: Path) -> None:
    other = subprocess.Popen(command("sys.stdin.read()"), stdin=subprocess.PIPE)
    try:
        workshop = tmp_path / f".d.jsonl.{other.pid}.tmp"
        workshop.mkdir()
        own_names = [tmp_path / ".d.jsonl.notes.tmp", tmp_path / ".other.jsonl.999999.tmp"]
        for name in own_names:
            name.mkdir()
        export([record(1)], tmp_path / "d.jsonl", "jsonl")
        assert workshop.is_dir()
        assert all(name.is_dir() for name in own_names)
    finally:
        other.communicate()


# --- the place


def other_things(path: Path) -> Path:
    path.mkdir()
    (path / "thesis.tex").write_text("years of work")
    return path


@every_format
def test_a_directory_that_holds_other_things_is_never_replaced(tmp_path: Path, kind: Format) -> None:
    path = other_things(tmp_path / "home")
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="home") as raised:
        export([record(1)], path, kind)
    assert raised.value.tip
    assert contents(tmp_path) == before


def test_a_file_is_not_replaced_by_a_directory(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("text")
    with pytest.raises(UsageError, match="is a file"):
        export([record(1)], tmp_path / "d", "hf")
    assert (tmp_path / "d").read_text() == "text"


def test_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError, match="regular"):
        export([record(1)], tmp_path / "pipe", "jsonl")
    assert (tmp_path / "pipe").is_fifo()


def test_an_empty_directory_may_become_a_dataset(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    export([record(1)], tmp_path / "d", "hf")
    assert len(load(tmp_path / "d", "hf")) == 1


@every_format
def test_a_place_can_be_checked_before_any_work_is_done(tmp_path: Path, kind: Format) -> None:
    check_place(tmp_path / "new", kind)
    export([record(1)], tmp_path / "new", kind)
    check_place(tmp_path / "new", kind)
    with pytest.raises(UsageError):
        check_place(other_things(tmp_path / "home"), kind)


@every_format
def test_a_place_below_a_file_is_an_error_of_usage(tmp_path: Path, kind: Format) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="file"):
        export([record(1)], tmp_path / "file" / "d", kind)


@pytest.mark.parametrize(
    ("kind", "earlier"), [("jsonl", '{"id": 1}\n'), ("jsonl", "PAR1"), ("parquet", '{"messages": 1}\n')]
)
def test_a_file_that_is_no_earlier_export_is_never_replaced(tmp_path: Path, kind: Format, earlier: str) -> None:
    path = tmp_path / "notes"
    path.write_text(earlier)
    with pytest.raises(UsageError, match="no earlier export"):
        export([record(1)], path, kind)
    assert path.read_text() == earlier
