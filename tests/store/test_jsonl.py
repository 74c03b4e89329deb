"""JSON Lines that survive: what is appended is there, what is torn is mended in bytes, what is no row is named."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import python, small_disk

from longwriter_cli.errors import DiskFailed, InputError, UsageError
from longwriter_cli.store.jsonl import BOM, Appender, RowReader, disk_error, line_number, read_line
from longwriter_cli.store.sync import GroupSync


class Row(msgspec.Struct):
    id: str
    words: int
    text: str = ""


READER = RowReader(Row)
FIRST = b'{"id":"a","words":1,"text":"one"}\n'
LAST = '{"id":"b","words":2,"text":"déjà vu, 长江 🌊"}\n'.encode()


@contextmanager
def appender(path: Path) -> Iterator[Appender]:
    sync = GroupSync()
    made = Appender(path, sync, READER.is_row)
    try:
        yield made
    finally:
        with suppress(OSError):  # what the disk failed with is told by the append
            sync.close()
        made.close()


def append_often(file: Appender) -> None:
    for _ in range(10_000):
        file.append_line(LAST)


def mended(path: Path) -> bytes:
    with appender(path):
        return path.read_bytes()


# --- appending


def test_another_process_sees_a_row_as_soon_as_the_append_returns(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with appender(path) as file:
        for line in (FIRST, LAST):
            file.append_line(line)
            seen = subprocess.run(["cat", path], capture_output=True, check=True).stdout
            assert seen.endswith(line)


def test_a_process_that_is_killed_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    died = python(
        "import os, signal\n"
        "from pathlib import Path\n"
        "from longwriter_cli.store.jsonl import Appender\n"
        "from longwriter_cli.store.sync import GroupSync\n"
        "file = Appender(Path(sys.argv[1]), GroupSync(), bool)\n"
        "for n in range(100):\n"
        '    file.append_line(b\'{"id":"%d","words":1}\\n\' % n)\n'
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        path,
    )
    assert died.returncode == -signal.SIGKILL
    assert [row.id for _, _, row in READER.scan(path)] == [str(n) for n in range(100)]


def test_an_append_gives_the_offset_at_which_the_row_is_read_again(tmp_path: Path) -> None:
    with appender(tmp_path / "rows.jsonl") as file:
        offsets = [file.append_line(line) for line in (FIRST, LAST, FIRST)]
        assert [file.read(offset) for offset in offsets] == [FIRST, LAST, FIRST]
        assert file.size == len(FIRST + LAST + FIRST)


@pytest.mark.parametrize("size", [1, (1 << 13) - 1, 1 << 13, (1 << 13) + 1, 1 << 18])
def test_a_line_of_any_length_is_read_whole(tmp_path: Path, size: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"x\n" + b"y" * size + b"\nz\n")
    with path.open("rb") as file:
        assert read_line(file.fileno(), 2) == b"y" * size + b"\n"


def test_rows_are_synced_in_the_background_and_once_for_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = threading.Event()
    syncs: list[int] = []

    def fdatasync(fd: int) -> None:
        syncs.append(fd)
        synced.set()

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    with appender(tmp_path / "rows.jsonl") as file:
        for _ in range(1000):
            file.append_line(FIRST)
        assert synced.wait(5)
    assert 1 <= len(syncs) < 100


def test_closing_brings_the_last_rows_to_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(os, "fdatasync", syncs.append)
    sync = GroupSync(interval_s=3600)
    file = Appender(tmp_path / "rows.jsonl", sync, READER.is_row)
    file.append_line(FIRST)
    assert syncs == []
    sync.close()
    file.close()
    assert len(syncs) == 1


def test_an_append_does_not_wait_for_a_sync_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    syncing, appended = threading.Event(), threading.Event()
    in_time: list[bool] = []

    def slow(fd: int) -> None:
        syncing.set()
        in_time.append(appended.wait(2))

    monkeypatch.setattr(os, "fdatasync", slow)
    with appender(tmp_path / "rows.jsonl") as file:
        file.append_line(FIRST)
        assert syncing.wait(5)
        file.append_line(LAST)
        appended.set()
    assert all(in_time)


def test_a_sync_that_fails_stops_the_next_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(fd: int) -> None:
        failed.set()
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    with appender(tmp_path / "rows.jsonl") as file:
        file.append_line(FIRST)
        assert failed.wait(5)
        with pytest.raises(DiskFailed, match="reports an error"):
            append_often(file)


# --- torn tails


@pytest.mark.parametrize("cut", range(len(LAST)))
def test_a_last_line_cut_at_any_byte_is_cut_off_and_a_whole_one_is_completed(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + LAST[:cut])
    whole = cut == len(LAST) - 1
    assert mended(path) == (FIRST + LAST if whole else FIRST)


def test_a_cut_inside_a_character_is_among_them() -> None:
    undecodable = 0
    for cut in range(len(LAST)):
        try:
            LAST[:cut].decode()
        except UnicodeDecodeError:
            undecodable += 1
    assert undecodable >= 5


@pytest.mark.parametrize(
    "tail",
    [
        b"null",
        b"[]",
        b"   ",
        b"\x00\x00\x00\x00",
        b'{"id":"\xff","words":1}',
        b"[" * 100_000,
        b'{"id":"b","words":1,"more":' + b"[" * 100_000,
        BOM,
    ],
    ids=lambda tail: repr(tail[:24]),
)
def test_a_last_line_that_is_no_object_is_cut_off(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + tail)
    assert mended(path) == FIRST


@pytest.mark.parametrize("tail", [b'{"id":"b"}', b'{"id":"b","words":"two"}'])
def test_a_last_line_that_somebody_edited_is_named_and_not_thrown_away(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + tail)
    with pytest.raises(InputError, match=r"rows\.jsonl line 2: the last line is no such row"):
        mended(path)
    assert path.read_bytes() == FIRST + tail


def test_a_row_that_goes_on_is_appended_behind_the_mended_tail(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + LAST[:-9])
    with appender(path) as file:
        assert file.append_line(LAST) == len(FIRST)
    assert path.read_bytes() == FIRST + LAST


@pytest.mark.parametrize("whole", [True, False])
def test_the_only_line_of_a_file_with_a_mark_at_its_head_is_mended_too(tmp_path: Path, whole: bool) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(BOM + FIRST[: -1 if whole else -2])
    assert mended(path) == (BOM + FIRST if whole else b"")


def test_a_torn_line_longer_than_a_block_is_found_whole(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    long = b'{"id":"b","words":1,"text":"' + b"x" * 300_000 + b'"}'
    path.write_bytes(FIRST + long)
    assert mended(path) == FIRST + long + b"\n"
    path.write_bytes(FIRST + long[:-1])
    assert mended(path) == FIRST


def test_a_file_that_ends_well_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + b"no row at all\n")
    assert mended(path) == FIRST + b"no row at all\n"


@settings(max_examples=100, deadline=None)
@given(
    texts=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=5),
    cut=st.integers(0, 500),
)
def test_whatever_is_cut_off_all_whole_rows_stay(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], cut: int
) -> None:
    path = tmp_path_factory.mktemp("torn") / "rows.jsonl"
    lines = [msgspec.json.encode(Row(str(n), n, text)) + b"\n" for n, text in enumerate(texts)]
    data = b"".join(lines)[:cut]
    path.write_bytes(data)
    left = mended(path)
    assert left.count(b"\n") == data.count(b"\n") + (left > data)
    assert [row.text for _, _, row in READER.scan(path)] == texts[: left.count(b"\n")]


# --- reading


def scan(path: Path) -> list[tuple[int, str]]:
    return [(offset, row.id) for offset, _, row in READER.scan(path, "Mend it.")]


def test_a_file_that_is_not_there_holds_no_rows(tmp_path: Path) -> None:
    assert scan(tmp_path / "rows.jsonl") == []


def test_a_reader_passes_over_an_unfinished_last_line_and_leaves_it_there(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + LAST[:-1])
    assert scan(path) == [(0, "a")]
    assert path.read_bytes() == FIRST + LAST[:-1]


def test_a_reader_that_meets_a_torn_line_stops_there_though_the_rest_is_written_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + LAST[:20])
    batches = READER.batches(path)
    offsets, _, _ = next(batches)
    with path.open("ab") as file:
        file.write(LAST[20:] + FIRST)
    assert (offsets, list(batches)) == ([0], [])


def test_batches_hold_all_rows_in_order_with_their_offsets(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [msgspec.json.encode(Row(str(n), n, "x" * (n % 700))) + b"\n" * (1 + n % 3) for n in range(5000)]
    path.write_bytes(BOM + b"".join(lines))
    found = list(READER.scan(path))
    assert [row.words for _, _, row in found] == list(range(5000))
    data = path.read_bytes()
    assert all(data.startswith(line, offset) for offset, line, _ in found)


def test_what_editors_add_is_read_past(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    crlf = LAST.replace(b"\n", b"\r\n")
    path.write_bytes(BOM + FIRST + b"\n   \r\n" + crlf)
    offset = len(BOM + FIRST + b"\n   \r\n")
    assert scan(path) == [(0, "a"), (offset, "b")]


def test_a_file_of_a_mark_and_blank_lines_holds_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(BOM + b"\n\n")
    assert scan(path) == []


MEMORY = """
import resource
from pathlib import Path
import msgspec
from longwriter_cli.store.jsonl import RowReader
class Row(msgspec.Struct):
    id: str
rows, before = 0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in RowReader(Row).scan(Path(sys.argv[1])):
    rows += 1
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("line_mb", "lines", "most_mb"), [(50, 1, 200), (0.02, 5000, 10)])
def test_memory_grows_with_the_longest_line_and_not_with_the_file(
    tmp_path: Path, line_mb: float, lines: int, most_mb: int
) -> None:
    path = tmp_path / "rows.jsonl"
    line = b'{"id":"a","text":"' + b"x" * int(line_mb * 2**20) + b'"}\n'
    with path.open("wb") as file:
        file.writelines([b"\n", *[line] * lines])  # with a blank line, the first batch is read one by one
    rows, grown_mb = map(int, python(MEMORY, path).stdout.split())
    assert rows == lines
    assert grown_mb < most_mb


def test_unknown_fields_are_no_error(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"note":{"by":["me",null]},"id":"a","words":1,"n":2}\n')
    assert scan(path) == [(0, "a")]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"no JSON",
        b'{"id":"b"}',
        b'{"id":5,"words":1}',
        b'{"id":"b","words":1.5}',
        b'{"id":"\xff","words":1}',
        b'{"id":"b","words":1,"more":' + b"[" * 100_000,
        BOM + FIRST.strip(),
        "{“id”: “b”}".encode(),
        '{"id":"b","words":1}'.encode("utf-16"),
    ],
    ids=lambda line: repr(line[:24]),
)
def test_a_line_that_is_no_row_is_named_with_what_to_do(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + b"\n" + LAST + line + b"\n" + FIRST)
    with pytest.raises(InputError) as raised:
        scan(path)
    assert raised.value.line == 4
    assert str(path) in raised.value.message
    assert raised.value.tip == "Mend it."


def test_a_first_line_that_is_no_row_is_line_1(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(BOM + b"{}\n")
    with pytest.raises(InputError, match="line 1"):
        scan(path)


def test_lines_are_numbered_from_1_by_where_they_start(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(FIRST + b"\n" + LAST)
    assert [line_number(path, at) for at in (0, len(FIRST), len(FIRST) + 1)] == [1, 2, 3]


def test_a_directory_in_the_place_of_a_file_is_an_error_of_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="directory"):
        scan(tmp_path)
    with pytest.raises(UsageError, match="directory"), appender(tmp_path):
        pass


# --- the disk


FULL_AFTER = """
import resource, signal
from pathlib import Path
from longwriter_cli.errors import DiskFailed
from longwriter_cli.store.jsonl import Appender
from longwriter_cli.store.sync import GroupSync
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sync = GroupSync()
file = Appender(Path(sys.argv[1]), sync, lambda line: line.endswith(b"}"))
rows = 0
try:
    while True:
        file.append_line(b'{"id":"%06d","words":1,"text":"0123456789"}\\n' % rows)
        rows += 1
except DiskFailed as error:
    print(error.exit_code, rows)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)  # as if somebody made room meanwhile
try:
    file.append_line(b'{"id":"late","words":1}\\n')
except DiskFailed as error:
    print("still", error.exit_code)
"""


ROW_SIZE = len(b'{"id":"000000","words":1,"text":"0123456789"}\n')


@pytest.mark.parametrize("more", [0, 1, 20, ROW_SIZE - 2, ROW_SIZE - 1])
def test_on_a_full_disk_nothing_is_lost_and_nothing_follows_a_torn_row(tmp_path: Path, more: int) -> None:
    path = tmp_path / "rows.jsonl"
    limit = 50 * ROW_SIZE + more
    result = python(FULL_AFTER, path, limit)
    assert result.stdout.splitlines() == [f"{DiskFailed.exit_code} 50", f"still {DiskFailed.exit_code}"]
    assert len(path.read_bytes()) == limit
    with appender(path) as file:
        file.append_line(LAST)
    kept = 51 if more == ROW_SIZE - 1 else 50  # a row that lacks its newline alone is kept: it is paid for
    assert [row.id for _, _, row in READER.scan(path)] == [f"{n:06d}" for n in range(kept)] + ["b"]


def test_a_disk_without_room_is_told_as_such(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k") as disk, appender(disk / "rows.jsonl") as file:
        with pytest.raises(DiskFailed, match="full") as raised:
            append_often(file)
        assert "same command again" in raised.value.tip


def test_a_read_only_disk_is_told_as_such(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "size=64k,ro") as disk, pytest.raises(DiskFailed, match="read-only"):
        Appender(disk / "rows.jsonl", GroupSync(), READER.is_row)


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ETIMEDOUT]
)
def test_an_error_of_the_disk_ends_in_74(number: int) -> None:
    assert disk_error(OSError(number, os.strerror(number)), Path("rows.jsonl")).exit_code == 74


def test_an_error_without_a_number_is_one_of_the_disk_and_keeps_its_words() -> None:
    error = disk_error(OSError("the writer is closed"), Path("rows.jsonl"))
    assert error.exit_code == 74
    assert "the writer is closed" in error.message


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG])
def test_a_path_that_cannot_be_used_is_an_error_of_usage(number: int) -> None:
    error = disk_error(OSError(number, os.strerror(number)), Path("rows.jsonl"))
    assert isinstance(error, UsageError)
    assert error.message == f"rows.jsonl: {os.strerror(number)}."


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_another_encoding_keeps_its_last_byte(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "a"}\n', encoding=encoding)
    before = path.read_bytes()
    Appender(path, GroupSync(), lambda line: False).close()
    assert path.read_bytes() == before


def test_a_signal_before_the_background_work_has_started_is_no_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    sync = GroupSync()
    with monkeypatch.context() as patched, (tmp_path / "rows").open("wb") as file:
        patched.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            sync.mark(file.fileno())
        sync.close()
