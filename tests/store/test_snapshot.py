"""A large run opens from the snapshot of its index, and only where the rows are those that the snapshot was made of."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from made_rows import failure, open_run, plan, read_run, section, small_run

from longwriter_cli.records import Section, Selection, Step, Usage
from longwriter_cli.store import snapshot
from longwriter_cli.store.index import Index
from longwriter_cli.store.indexes import Indexes
from longwriter_cli.store.load import ROWS
from longwriter_cli.text.plan import plan_digest

COUNT = snapshot.WORTH_ROWS


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
    """The same, for a test that changes it: it has its own snapshot, for a copy's is none."""
    directory = tmp_path / "run"
    shutil.copytree(large, directory)
    (directory / snapshot.SNAPSHOT).unlink()
    with open_run(directory) as run:
        run.add_section(section_of(9, 2))
    return directory


def section_of(number: int, n: int) -> Section:
    return section(plan(f"i{number}"), n)


def is_restored(directory: Path) -> bool:
    """Whether a run opens from its snapshot, without a look at the rows."""
    return snapshot.restore(directory, ROWS, Indexes(Index(plan_digest, lambda offset: ())))


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


def test_a_snapshot_knows_all_that_the_rows_say(large: Path, tmp_path: Path) -> None:
    assert is_restored(large)
    copy = tmp_path / "copy"
    shutil.copytree(large, copy)
    assert not is_restored(copy)
    with read_run(large) as run, read_run(copy) as from_rows:
        assert knowledge(run.indexes) == knowledge(from_rows.indexes)
        line = (large / "instructions.jsonl").read_bytes().splitlines(keepends=True)[17]
        assert run.index.same_line(17, line)
        assert not run.index.same_line(16, line)


def test_a_run_opens_from_it_and_goes_on(run_directory: Path) -> None:
    with open_run(run_directory) as run:
        assert run.sections(9).keys() == {1, 2}
        run.add_section(section_of(8, 2))
    with read_run(run_directory) as run:
        assert run.sections(8).keys() == {1, 2}
        assert run.index.is_complete(8)
    assert is_restored(run_directory)


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b'{"id":"new","row":0,"prompt":"Another.","meta":{}}\n')


def edit_in_place(path: Path) -> None:
    """Keeps size and time of change, as an editor does not, but a program may."""
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(path.read_bytes().index(b"Write 0."))
        file.write(b"Wrote")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replace_by_itself(path: Path) -> None:
    shutil.copy2(path, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)


@pytest.mark.parametrize("change", [append, edit_in_place, replace_by_itself, Path.unlink])
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


def test_what_this_process_alone_knows_is_not_written(run_directory: Path) -> None:
    with open_run(run_directory) as run:
        run.index.forget_plans([0])
        assert run.index.plan_at(0) is None
        run.add_section(section_of(1, 2))
    assert not is_restored(run_directory)
    with read_run(run_directory) as run:
        assert run.index.plan_at(0) is not None


def test_rows_of_unknown_instructions_forbid_it(run_directory: Path) -> None:
    """Their instruction may come back, and with it what was paid for."""
    with open_run(run_directory) as run:
        run.add_section(section(plan("gone"), 1))
    assert not is_restored(run_directory)


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


def test_a_disk_that_does_not_take_it_is_no_matter(run_directory: Path) -> None:
    path = run_directory / snapshot.SNAPSHOT
    path.unlink()
    path.mkdir()
    with open_run(run_directory) as run:
        run.add_section(section_of(1, 2))
    assert path.is_dir()
    assert not list(run_directory.glob("*.tmp"))
    assert not list(run_directory.glob(".*.tmp"))
