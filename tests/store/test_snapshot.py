"""A large run opens from the snapshot of its index and the rows behind it, as long as those before it are unchanged."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count, pairwise
from pathlib import Path
from types import FrameType

import pytest
from made_rows import failure, instruction, open_run, plan, read_run, section, small_run, take_in

from longwriter_cli.errors import DiskFailed, InputError
from longwriter_cli.records import Section, Selection, Step, Usage
from longwriter_cli.store import snapshot
from longwriter_cli.store.index import Index
from longwriter_cli.store.indexes import Indexes
from longwriter_cli.store.load import ROWS
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

COUNT = snapshot.WORTH_ROWS
TAKING_IN = ("store/run.py", "store/load.py", "store/index.py", "store/spending.py", "store/snapshot.py")


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was worked on and closed; its first instructions have plans, sections and answers of every kind."""
    directory = tmp_path_factory.mktemp("large") / "run"
    open_run(directory).close()
    with (directory / "instructions.jsonl").open("w") as file:
        for row in range(COUNT):
            file.write(json.dumps({"id": f"i{row}", "row": COUNT - row, "prompt": f"Write {row}.", "meta": {}}) + "\n")
    with open_run(directory) as run:
        for number in range(10):
            run.add_plan(plan(f"i{number}"))
            run.add_section(section_of(number, 1))
        run.add_plan(plan("i3", steps=(Step(1, "one", 5), Step(7, "seven", 6))))
        run.sample(2).add_plan(plan("i4", 100, 100))
        run.sample(2).add_section(section(plan("i4", 100, 100), 2))
        run.add_answer(Selection("i6", True, "it does", model="judge", usage=Usage(3, 0, 1)))
        run.add_failure(failure("i5", "write", 2, kind="empty", usage=Usage(7, 1, 2, estimated=True)))
    return directory


@pytest.fixture
def run_directory(large: Path, tmp_path: Path) -> Path:
    """A copy, for a test that changes it. Its snapshot is as good as the first one's."""
    return shutil.copytree(large, tmp_path / "run")


def without_snapshot(directory: Path) -> Path:
    """A copy that opens from its rows."""
    copy = shutil.copytree(directory, directory.with_name("from-rows"), dirs_exist_ok=True)
    (copy / snapshot.SNAPSHOT).unlink()
    return copy


def section_of(number: int, n: int) -> Section:
    return section(plan(f"i{number}"), n)


def is_restored(directory: Path) -> bool:
    """Whether a run opens from its snapshot."""
    return bool(covered(directory))


def covered(directory: Path) -> Mapping[str, int]:
    """How many bytes of each file need not be read."""
    return snapshot.Snapshot(Indexes(Index(plan_digest, lambda offset: ()))).restore(directory)


def knowledge(indexes: Indexes) -> list[object]:
    """All that can be asked of the indexes of a run."""
    known: list[object] = []
    for sample, index in indexes.items():
        known += [sample, index.ids, index.order(), index.failures, index.usage, index.answers("select")]
        known.append(list(index.standing_failures()))
        for position in range(len(index)):
            known.append((index.instruction_at(position), index.required_words(position), index.words_left(position)))
            known.append((index.plan_at(position), index.plan_steps(position), index.plan_words(position)))
            known.append(index.sections(position))
    return known


def test_a_snapshot_knows_all_that_the_rows_say(run_directory: Path) -> None:
    sizes = {name: (run_directory / name).stat().st_size for name in ROWS if (run_directory / name).exists()}
    assert covered(run_directory) == sizes
    with read_run(run_directory) as run, read_run(without_snapshot(run_directory)) as from_rows:
        assert knowledge(run.indexes) == knowledge(from_rows.indexes)
        line = (run_directory / "instructions.jsonl").read_bytes().splitlines(keepends=True)[17]
        assert run.index.same_line(17, line)
        assert not run.index.same_line(16, line)


def test_a_run_opens_from_it_and_goes_on(run_directory: Path) -> None:
    earlier = covered(run_directory)["sections.jsonl"]
    with open_run(run_directory) as run:
        assert run.sections(8).keys() == {1}
        run.add_section(section_of(8, 2))
    with read_run(run_directory) as run:
        assert run.sections(8).keys() == {1, 2}
        assert run.index.is_complete(8)
    assert covered(run_directory)["sections.jsonl"] > earlier


def test_one_that_a_kill_left_behind_serves_with_the_rows_behind_it(run_directory: Path) -> None:
    old = (run_directory / snapshot.SNAPSHOT).read_bytes()
    with open_run(run_directory) as run:
        run.add_section(section_of(8, 2))
        run.add_plan(plan("i9", 700))
        run.add_failure(failure("i5", "write", 1, kind="empty", usage=Usage(1, 0, 1)))
    (run_directory / snapshot.SNAPSHOT).write_bytes(old)
    with (run_directory / "sections.jsonl").open("ab") as sections:
        sections.write(b'{"id":"i9","n":2,"plan":"7')
    with read_run(run_directory) as run, read_run(without_snapshot(run_directory)) as from_rows:
        assert knowledge(run.indexes) == knowledge(from_rows.indexes)
    with open_run(run_directory) as run:
        assert run.sections(8).keys() == {1, 2}
        assert [failure.n for failure in run.index.standing_failures()] == [2]


def test_a_bad_row_behind_it_is_told_with_its_line(run_directory: Path) -> None:
    plans = run_directory / "plans.jsonl"
    lines = plans.read_bytes().count(b"\n")
    with plans.open("ab") as file:
        file.write(b'{"id":"i1","steps":[]}\n')
    with pytest.raises(InputError, match=f"plans.jsonl.* line {lines + 1}"):
        read_run(run_directory)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_was_done_and_wherever_it_was_killed(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot is written every fifth row, the directory copied at any moment, as a kill would leave it."""
    monkeypatch.setattr(snapshot, "WORTH_ROWS", 5)
    chance = random.Random(seed)
    directory, moments = tmp_path / "run", []
    for session in range(3):
        with open_run(directory) as run:
            take_in(run, *(instruction(f"i{row}", row=row) for row in range(4 * (session + 1))))
            for _ in range(20):
                something(run, chance)
                if chance.random() < 0.2:
                    killed = tmp_path / f"killed-{len(moments)}"
                    moments.append(shutil.copytree(directory, killed))
    restored = 0
    for killed in [*moments, directory]:
        restored += is_restored(killed)
        with read_run(killed) as run:
            known = knowledge(run.indexes)
        (killed / snapshot.SNAPSHOT).unlink(missing_ok=True)
        with read_run(killed) as run:
            assert knowledge(run.indexes) == known
    assert restored > len(moments) // 2


def something(run: Run, chance: random.Random) -> None:
    """Adds a row, of any kind."""
    number, sample = chance.randrange(len(run.index)), chance.choice((0, 0, 0, 2))
    made = plan(f"i{number}", *(100 * chance.randint(1, 3) for _ in range(2)))
    view = run.sample(sample)
    match chance.randrange(6):
        case 0 | 1:
            view.add_plan(made)
        case 2 | 3:
            view.add_section(section(view.plan(number) or made, chance.randint(1, 2)))
        case 4:
            view.add_failure(failure(f"i{number}", "write", 2, kind="empty", usage=Usage(7, 1, 2)))
        case _:
            run.add_answer(Selection(f"i{number}", True, "it does", model="judge", usage=Usage(3, 0, 1)))


class Interrupted(Exception):
    """What a signal's handler raises, wherever the program is."""


@contextmanager
def interrupted(line: int) -> Iterator[None]:
    """Raises before so many lines of the store that follow."""

    def look(frame: FrameType, event: str, _: object) -> Callable[..., object]:
        nonlocal line
        if event == "line" and frame.f_code.co_filename.endswith(TAKING_IN):
            line -= 1
            if line == 0:
                sys.settrace(None)
                raise Interrupted
        return look

    sys.settrace(look)
    try:
        yield
    finally:
        sys.settrace(None)


@pytest.mark.parametrize(
    "take",
    [
        lambda run: run.add_section(section_of(3, 2)),
        lambda run: run.add_plan(plan("i4", 700)),
        lambda run: take_in(run, *(instruction(f"new{row}", row=100 + row) for row in range(3))),
    ],
    ids=["a section", "a plan", "instructions"],
)
def test_a_signal_at_any_line_of_taking_in_leaves_nothing_untrue(
    take: Callable[[Run], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "WORTH_ROWS", 5)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    monkeypatch.setattr(os, "fdatasync", lambda fd: None)
    with open_run(tmp_path / "begun") as run:
        take_in(run, *(instruction(f"i{row}", row=row) for row in range(10)))
        for number in range(5):
            run.add_plan(plan(f"i{number}"))
            run.add_section(section_of(number, 1))
    for line in count(1):
        directory = shutil.copytree(tmp_path / "begun", tmp_path / "run", dirs_exist_ok=True)
        is_over = True
        with suppress(Interrupted), open_run(directory) as run:
            run.add_section(section_of(1, 2))
            is_over = False
            with interrupted(line):
                take(run)
            is_over = True
        with read_run(directory) as run, read_run(without_snapshot(directory)) as from_rows:
            assert knowledge(run.indexes) == knowledge(from_rows.indexes), f"line {line}"
        shutil.rmtree(directory)
        if is_over:
            break
    assert line > 20


def test_a_file_that_is_replaced_while_the_run_is_open_is_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "WORTH_ROWS", 5)
    plans = tmp_path / "plans.jsonl"
    with open_run(tmp_path) as run:
        take_in(run, *(instruction(f"i{row}", row=row) for row in range(10)))
        for number in range(2):
            run.add_plan(plan(f"i{number}"))
        run.sync()
        edited = plans.read_text().replace("the river, part 1", "the river and its mouth", 1)
        plans.with_suffix(".new").write_text(edited)
        plans.with_suffix(".new").replace(plans)
        run.add_section(section_of(1, 1))
    with read_run(tmp_path) as run:
        found = [run.plan(position) for position in range(2)]
    assert [made.steps[0].main_point for made in found if made] == ["the river and its mouth", "the river, part 1"]


def edit_in_place(path: Path) -> None:
    """Keeps size and time of change, as an editor does not, but a program may."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(b"Write 0."))
        file.write(b"Wrote")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def cut_off_the_last_row(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))


@pytest.mark.parametrize("change", [edit_in_place, cut_off_the_last_row, Path.unlink])
def test_it_counts_for_no_other_rows(run_directory: Path, change: Callable[[Path], None]) -> None:
    assert is_restored(run_directory)
    change(run_directory / "instructions.jsonl")
    assert not is_restored(run_directory)


def test_an_edited_plan_is_seen(run_directory: Path) -> None:
    plans = run_directory / "plans.jsonl"
    plans.write_text(plans.read_text().replace("the river, part 2", "the crews"))
    with read_run(run_directory) as run:
        plan = run.plan(0)
        assert plan is not None
        assert plan.steps[1].main_point == "the crews"
        assert run.sections(0) == {}


@pytest.mark.parametrize(
    "damage",
    [lambda content: content[:-9], lambda content: b"", lambda content: content[:99] + b"x" + content[100:]],
    ids=["cut", "empty", "another byte"],
)
def test_a_damaged_one_is_none(run_directory: Path, damage: Callable[[bytes], bytes]) -> None:
    path = run_directory / snapshot.SNAPSHOT
    path.write_bytes(damage(path.read_bytes()))
    assert not is_restored(run_directory)
    with read_run(run_directory) as run:
        assert len(run.index) == COUNT


def test_it_is_written_anew_for_a_tenth_more_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "WORTH_ROWS", 5)
    sizes = []
    with open_run(tmp_path) as run:
        take_in(run, *(instruction(f"i{row}", row=row) for row in range(100)))
        for number in range(30):
            run.add_section(section_of(number, 1))
            sizes.append(covered(tmp_path).get("sections.jsonl", 0))
    changes = [n for n, (before, after) in enumerate(pairwise(sizes), 2) if before != after]
    assert changes == [10, 21], "a tenth of 100 rows, then of 110"


def test_what_this_process_alone_knows_is_not_written(run_directory: Path) -> None:
    before = covered(run_directory)
    with open_run(run_directory) as run:
        run.index.forget_plans([0])
        assert run.index.plan_at(0) is None
        run.add_section(section_of(1, 2))
    assert covered(run_directory) == before
    with read_run(run_directory) as run:
        assert run.index.plan_at(0) is not None


def test_rows_of_unknown_instructions_forbid_it(run_directory: Path) -> None:
    """Their instruction may come back, and with it what was paid for."""
    before = covered(run_directory)
    with open_run(run_directory) as run:
        run.add_section(section(plan("gone"), 1))
    assert covered(run_directory) == before
    with open_run(run_directory) as run:
        take_in(run, instruction("gone", row=COUNT))
        run.add_plan(plan("gone"))
    assert covered(run_directory) == before, "the section was passed over when the rows were read"
    with read_run(run_directory) as run:
        assert run.sections(COUNT).keys() == {1}


def test_a_command_that_adds_nothing_leaves_it_as_it_is(run_directory: Path) -> None:
    path = run_directory / snapshot.SNAPSHOT
    before = path.stat().st_mtime_ns
    with open_run(run_directory):
        pass
    assert path.stat().st_mtime_ns == before
    path.unlink()
    with open_run(run_directory):
        pass
    assert not path.exists()


def test_a_small_run_has_none(tmp_path: Path) -> None:
    small_run(tmp_path)
    assert not (tmp_path / snapshot.SNAPSHOT).exists()


def test_instructions_that_were_half_taken_in_are_not_known_to_it(
    run_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, rows = os.write, 0

    def full(fd: int, data: bytes) -> int:
        nonlocal rows
        rows += b'"late' in bytes(data)
        if rows > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data)

    with open_run(run_directory) as run:
        run.add_section(section_of(1, 2))
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(DiskFailed):
            take_in(run, *(instruction(f"late{row}", row=COUNT + row) for row in range(4)))
        monkeypatch.undo()
    with read_run(run_directory) as run:
        assert run.sections(1).keys() == {1, 2}
        assert run.index.ids[COUNT:] == ["late0", "late1"]


def test_a_disk_that_does_not_take_it_is_no_matter(run_directory: Path) -> None:
    path = run_directory / snapshot.SNAPSHOT
    path.unlink()
    path.mkdir()
    with open_run(run_directory) as run:
        run.add_section(section_of(1, 2))
    assert path.is_dir()
    assert not list(run_directory.glob("*.tmp"))
    assert not list(run_directory.glob(".*.tmp"))
