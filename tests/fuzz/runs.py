"""The run loader as a target: a run directory in one input, which is opened, read, exported, inspected, gone on with.

The promise: it works and no row is lost, or an error says which file and which line; and no file is changed but for a
last line without its newline.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from made_rows import (
    AT,
    contents,
    failure,
    instruction,
    open_run,
    plan,
    read_run,
    section,
    steps,
    take_in,
)

from longwriter_cli.cli import inspect
from longwriter_cli.errors import InputError, LongwriterError
from longwriter_cli.records import Requirement, Step, Usage
from longwriter_cli.stages.build import Wanted, build_dataset
from longwriter_cli.store.manifest import MANIFEST_NAME
from longwriter_cli.store.run import FAILURES, INSTRUCTIONS, PLANS, REJECTS, SECTIONS, Run
from longwriter_cli.text.plan import plan_digest

_ROW_FILES = (INSTRUCTIONS, PLANS, SECTIONS, FAILURES)
FILES = (MANIFEST_NAME, *_ROW_FILES, "rejects.jsonl")
_MARK = re.compile(rb"\x1e== (\S+) ==\n")
_BOM = b"\xef\xbb\xbf"

Rows = dict[str, list[dict[str, Any]]]


# --- a run in one input


def pack(directory: Path) -> bytes:
    """All files of a run in one, each behind a line that names it."""
    return b"".join(
        b"\x1e== %s ==\n%s" % (name.encode(), path.read_bytes())
        for name in FILES
        if (path := directory / name).exists()
    )


def unpack(data: bytes, directory: Path) -> None:
    pieces = _MARK.split(data)
    for name, content in zip(pieces[1::2], pieces[2::2], strict=True):
        if name.decode("ascii", "replace") in FILES:
            (directory / name.decode()).write_bytes(content)


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A directory in memory, where there is one: a fuzzer opens thousands of runs."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@cache
def packed_runs() -> tuple[bytes, ...]:
    """An empty run, a small one, and one with everything that a row can hold."""
    with workplace() as place:
        for make in (_make_empty, _make_small, _make_full):
            make(place / make.__name__)
        return tuple(pack(place / make.__name__) for make in (_make_full, _make_small, _make_empty))


def _make_empty(directory: Path) -> None:
    open_run(directory).close()


def _make_small(directory: Path) -> None:
    made = plan("a")
    with open_run(directory) as run:
        take_in(run, instruction("a"))
        run.add_plan(made)
        run.add_section(section(made, 1))


def _make_full(directory: Path) -> None:
    finished, edited, gaps = plan("a", 40, 30), plan("长", 90), plan("c", steps=(Step(5, "end", 10), Step(2, "go", 20)))
    asked = Requirement(3000, "range", 2500, 3500)
    with open_run(directory) as run:
        take_in(
            run,
            instruction("a", prompt="写一篇。\n\u2028 🌊", required_words=asked, meta={"k": [None, 1.5, {"x": "y"}]}),
            instruction("长", 1, plan=steps(90)),
            instruction("c", 2),
            instruction("d", 3),
        )
        for made in (finished, plan("长", 80, flag="total 80 words"), edited, gaps):
            run.add_plan(made)
        for of, n in ((finished, 1), (finished, 2), (finished, 1), (gaps, 5), (plan("长", 80), 1)):
            run.add_section(section(of, n, raw="<think>", usage=Usage(7, 0, 9, estimated=n == 2)))
        run.add_failure(failure("c", "write", 2, kind="truncated", basis="ab", attempts=3, model="m"))
        run.add_failure(failure("d"))
        run.add_failure(failure(None, "read", kind="bad_row", file="in.jsonl", line=3))
    (directory / "rejects.jsonl").write_text('{"id":"a","reason":"too_short","detail":"70 of 3000 words"}\n')


# --- the promise


def check_run(data: bytes) -> None:
    """Raises whatever breaks the promise."""
    with workplace() as place:
        run = place / "run"
        run.mkdir()
        unpack(data, run)
        before = contents(run)
        for look in (_look, _show):
            _refuses_or(run, look)
            assert contents(run) == before, "a look changed a file"
        _refuses_or(run, lambda directory: open_run(directory).close())
        opened = contents(run)
        assert all(opened[name] in _mended(name, earlier) for name, earlier in before.items()), "opening changed a file"
        _refuses_or(run, _work)
        worked = contents(run)
        changed = [name for name, earlier in opened.items() if name != REJECTS and not worked[name].startswith(earlier)]
        assert not changed, f"work changed {changed}"


def _refuses_or(run: Path, act: Callable[[Path], None]) -> None:
    """Does it; where it ends in an error, that must say where and not be a bug."""
    try:
        act(run)
    except LongwriterError as error:
        _check_error(error, run)


def _check_error(error: LongwriterError, run: Path) -> None:
    assert error.exit_code in (2, 74), error.message
    if not isinstance(error, InputError):
        assert any(name in error.message for name in (*FILES, "no instruction with the id")), error.message
        return
    path = Path(error.file)
    assert path.parent == run, error.message
    if error.line is None:
        assert path.name in (MANIFEST_NAME, INSTRUCTIONS), error.message
    else:
        assert 1 <= error.line <= path.read_bytes().count(b"\n") + 1, error.message


def _look(directory: Path) -> None:
    with read_run(directory) as run:
        _check_nothing_is_lost(run)
        _read_all(run)


def _show(directory: Path) -> None:
    """What `inspect` does, in all its forms."""
    if not any((directory / name).exists() for name in (MANIFEST_NAME, INSTRUCTIONS, PLANS, SECTIONS)):
        return
    for json_form in (True, False):
        for id in (None, "a"):  # noqa: A001 - the option's name
            with contextlib.redirect_stdout(io.StringIO()) as shown:
                inspect.command([str(directory)], id=id, json=json_form)
            if json_form:
                assert json.loads(shown.getvalue())["command"] == "inspect"


def _work(directory: Path) -> None:
    """Goes on with the run: adds a row to each file, exports it, and finds it all again."""
    made = plan("new", 50)
    with open_run(directory) as run:
        _check_nothing_is_lost(run)
        take_in(run, instruction("new", 10**6, prompt="Write on."))
        run.add_plan(made)
        run.add_section(section(made, 1, "The end."))
        run.add_failure(failure("new", at=AT))
        known = _known(run)
        _read_all(run)
    with open_run(directory) as run:
        assert _known(run) == known
        _check_nothing_is_lost(run)
        position = run.index.position("new")
        assert position is not None
        assert run.sections(position)[1].text == "The end."
        assert run.plan(position) == made
        export = directory / "dataset.jsonl"
        made = build_dataset(run, export, Wanted(metadata=True))
        assert len(export.read_bytes().splitlines()) == made.records
        assert made.records + made.rejected == sum(map(run.index.is_complete, range(len(run.index))))


def _read_all(run: Run) -> None:
    for position in run.index.order():
        run.instruction(position)
        made = run.plan(position)
        assert made is None or len(made.steps) == run.index.plan_steps(position)
        for n, written in run.sections(position).items():
            assert written.n == n


def _known(run: Run) -> Any:
    index = run.index
    of_each = [
        (name, index.plan_steps(at), index.plan_words(at), index.sections(at), index.is_complete(at))
        for at, name in enumerate(index.ids)
    ]
    return of_each, run.usage(), index.failures, index.order()


def _check_nothing_is_lost(run: Run) -> None:
    """Holds what the run knows against its rows as the standard library reads them."""
    rows: Rows = {name: _rows(run.directory / name) for name in _ROW_FILES}
    assert run.index.ids == list(dict.fromkeys(row["id"] for row in rows[INSTRUCTIONS]))
    steps_of = {row["id"]: [Step(s["n"], s["main_point"], s["words"]) for s in row["steps"]] for row in rows[PLANS]}
    lengths = {(row["id"], row["plan"], row["n"]): row["words"] for row in rows[SECTIONS]}
    for at, name in enumerate(run.index.ids):
        planned = steps_of.get(name, [])
        found = {n: entry.words for n, entry in run.index.sections(at).items()}
        keys = {step.n: (name, plan_digest(planned), step.n) for step in planned}
        assert run.index.plan_steps(at) == len(planned)
        assert run.index.plan_words(at) == sum(step.words for step in planned)
        assert found == {n: lengths[key] for n, key in keys.items() if key in lengths}
    assert sum(map(len, run.index.failures.values())) == len(rows[FAILURES])
    spent = [row.get("usage") or {} for name in (PLANS, SECTIONS, FAILURES) for row in rows[name]]
    for field in ("prompt_tokens", "completion_tokens"):
        total = sum(getattr(usage, field) for usage in run.usage().values())
        assert total == sum(usage.get(field, 0) for usage in spent), field


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    lines = path.read_bytes().removeprefix(_BOM).split(b"\n")[:-1]
    return [json.loads(line.decode("utf-8", "replace")) for line in lines if line.strip()]


def _mended(name: str, data: bytes) -> list[bytes]:
    """What opening a run for work may make of a file: a torn last line is cut off, a whole one gets its newline."""
    whole = data[: data.rfind(b"\n") + 1]
    return [data] if data == whole or name not in _ROW_FILES else [data, whole, data + b"\n"]
