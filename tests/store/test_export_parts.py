"""Exports in parts: splits and shards in one folder, written as the rows come, there as a whole or not at all."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_rows import contents, python

from longwriter_cli.errors import DiskFailed, UsageError
from longwriter_cli.store.card import is_sealed, is_users, sealed
from longwriter_cli.store.export import Row, Shape, Written, export_parts
from longwriter_cli.store.mark import is_export

SHAPES = [Shape(kind, ("a", "b"), 3_000) for kind in ("jsonl", "parquet", "hf")]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.kind)


def record(n: int) -> tuple[str, Row]:
    turns = [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"{n}! " * 50}]
    return "ab"[n % 2], {"messages": turns}


def failing_after(n: int, error: BaseException) -> Iterator[tuple[str, Row]]:
    yield from map(record, range(n))
    raise error


def card(written: Written) -> str:
    return f"# {dict(written.records)}\n"


def loaded(folder: Path, kind: str) -> dict[str, list[Row]]:
    import datasets

    if kind == "hf":
        return {name: part.to_list() for name, part in datasets.load_from_disk(str(folder)).items()}
    name = "json" if kind == "jsonl" else kind
    files = {split: sorted(map(str, folder.glob(f"{split}-*"))) for split in "ab"}
    parts: Any = datasets.load_dataset(name, data_files=files, cache_dir=str(folder.parent / "cache"))
    return {split: part.to_list() for split, part in parts.items()}


@every_shape
def test_each_split_holds_its_rows_in_order_over_all_its_shards(shape: Shape, tmp_path: Path) -> None:
    written = export_parts(map(record, range(300)), tmp_path / "d", shape, card)
    assert written.records == {"a": 150, "b": 150}
    wanted = {split: [row for n in range(300) for name, row in [record(n)] if name == split] for split in "ab"}
    assert loaded(tmp_path / "d", shape.kind) == wanted
    assert all(len(files) > 5 for files in written.files.values())
    assert written.size_bytes == sum(
        (tmp_path / "d" / file).stat().st_size for files in written.files.values() for file in files
    )
    assert (tmp_path / "d" / "README.md").read_text() == sealed("# {'a': 150, 'b': 150}\n")
    assert os.listdir(tmp_path) in (["d"], ["d", "cache"], ["cache", "d"])


@every_shape
@pytest.mark.parametrize("rows", [0, 1, 300])
def test_an_export_in_parts_that_fails_midway_changes_nothing(rows: int, shape: Shape, tmp_path: Path) -> None:
    path = tmp_path / "d"
    for error in (KeyError("a bug"), KeyboardInterrupt()):
        with pytest.raises(type(error)):
            export_parts(failing_after(rows, error), path, shape, card)
        assert os.listdir(tmp_path) == []
    export_parts(map(record, range(3)), path, shape, card)
    before = contents(tmp_path)
    with pytest.raises(KeyError):
        export_parts(failing_after(rows, KeyError()), path, shape, card)
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["d"]


def test_a_card_that_cannot_be_made_leaves_the_earlier_export(tmp_path: Path) -> None:
    export_parts(map(record, range(3)), tmp_path / "d", SHAPES[0], card)
    before = contents(tmp_path)

    def failing(_: Written) -> str:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        export_parts(map(record, range(5)), tmp_path / "d", SHAPES[0], failing)
    assert contents(tmp_path) == before


KILLED = """
import os, signal
from pathlib import Path
from test_export_parts import SHAPES, record
from longwriter_cli.store.export import export_parts
def rows():
    yield from map(record, range(600))
    os.kill(os.getpid(), signal.SIGKILL)
export_parts(rows(), Path(sys.argv[1]), SHAPES[int(sys.argv[2])])
"""


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_a_killed_export_in_parts_changes_nothing_and_the_next_one_clears_up(number: int, tmp_path: Path) -> None:
    path = tmp_path / "d"
    export_parts(map(record, range(3)), path, SHAPES[number], card)
    before = contents(path)
    here = f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    died = python(here + KILLED, path, number)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert contents(path) == before
    assert len(os.listdir(tmp_path)) == 2
    export_parts(map(record, range(4)), path, SHAPES[number], card)
    assert os.listdir(tmp_path) == ["d"]


DISK_FULL = """
import resource
from pathlib import Path
import datasets, pyarrow.parquet
from test_export_parts import SHAPES, record
from longwriter_cli.errors import DiskFailed
from longwriter_cli.store.export import Shape, export_parts
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
def rows():
    for n in range(20_000):
        yield "ab"[n % 2], {"messages": [{"role": "user", "content": str(hash(str(n)))}]}
for shape in SHAPES:
    try:
        export_parts(rows(), Path(sys.argv[1]), Shape(shape.kind, shape.splits))
    except DiskFailed as error:
        print(error.exit_code)
"""


def test_an_export_in_parts_for_which_there_is_no_room_changes_nothing(tmp_path: Path) -> None:
    export_parts(map(record, range(3)), tmp_path / "d", SHAPES[0], card)
    before = contents(tmp_path)
    here = f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    result = python(here + DISK_FULL, tmp_path / "d")
    assert result.stdout == "74\n" * 3, result.stderr
    assert contents(tmp_path) == before
    assert os.listdir(tmp_path) == ["d"]


MEMORY = """
import threading, time
from pathlib import Path
import datasets, pyarrow.parquet, jsonlines, orjson
from longwriter_cli.store.export import Shape, export_parts

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
        turns = [{"role": "user", "content": "p"}, {"role": "assistant", "content": "x" * 50_000 + str(n)}]
        yield "ab"[n % 2], {"messages": turns}

most = 0
threading.Thread(target=watch, daemon=True).start()
for kind in ("jsonl", "parquet", "hf"):
    before = most = heap_mb()
    export_parts(rows(), Path(sys.argv[1]) / kind, Shape(kind, ("a", "b"), 10_000_000))
    print(most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_the_rows_of_no_part_are_held_in_memory(tmp_path: Path) -> None:
    """Each export holds 100 MB of text in two splits of five shards."""
    result = python(MEMORY, tmp_path)
    grown = [float(mb) for mb in result.stdout.split()]
    assert len(grown) == 3, result.stderr
    assert all(mb < 90 for mb in grown), grown


# --- whose a file is --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["# A card\n", "", "\n", "长江\n\n"])
def test_a_seal_holds_for_the_text_that_was_sealed_alone(text: str) -> None:
    card_ = sealed(text)
    assert is_sealed(card_)
    for edited in ("x" + card_, card_ + "x", card_ + "\n", card_.replace("longwriter", "Longwriter"), text):
        assert not is_sealed(edited)


def test_what_cannot_be_read_as_a_card_is_the_user_s(tmp_path: Path) -> None:
    assert not is_users(tmp_path / "none")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    assert is_users(tmp_path / "bytes")
    assert is_users(tmp_path)


@pytest.mark.parametrize("mark", ["", "{", "[]", '{"files": 3}', '{"files": [3]}', "\x00"])
def test_a_broken_mark_makes_no_export_of_a_folder(mark: str, tmp_path: Path) -> None:
    (tmp_path / ".export.json").write_text(mark)
    assert not is_export(tmp_path)
    with pytest.raises(UsageError, match="other things"):
        export_parts(map(record, range(1)), tmp_path, SHAPES[0])


def test_a_mark_that_names_files_elsewhere_takes_none_of_them_away(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("years of work")
    export_parts(map(record, range(1)), tmp_path / "d", SHAPES[0])
    (tmp_path / "d" / ".export.json").write_text('{"files": ["../mine", "/etc/hostname", "."]}')
    with pytest.raises((UsageError, DiskFailed)):  # for the earlier files are nobody's now, and in the way
        export_parts(map(record, range(1)), tmp_path / "d", SHAPES[0])
    assert (tmp_path / "mine").read_text() == "years of work"
