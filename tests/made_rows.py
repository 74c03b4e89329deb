"""Made-up rows of a run, for tests of the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from longwriter_cli.records import Failure, Instruction, Plan, Section, Step, Usage
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

AT = "2026-01-02T03:04:05Z"
USAGE = Usage(100, 40, 20)
MANIFEST = Manifest(AT, {"model": "m"}, "0123456789abcdef")


def steps(*words: int, start: int = 1, point: str = "the river") -> tuple[Step, ...]:
    return tuple(Step(n, f"{point}, part {n}", count) for n, count in enumerate(words, start))


def instruction(id: str = "a", row: int = 0, prompt: str = "", **more: Any) -> Instruction:  # noqa: A002
    return Instruction(id, row, prompt or f"Write about {id}.", **more)


def plan(id: str = "a", *words: int, **more: Any) -> Plan:  # noqa: A002
    made = more.pop("steps", None) or steps(*(words or (400, 300)))
    return Plan(id, made, **({"text": "the plan", "model": "m", "usage": USAGE, "attempts": 1, "at": AT} | more))


def section(of: Plan, n: int, text: str = "", **more: Any) -> Section:
    target_words = next((step.words for step in of.steps if step.n == n), 100)
    known: dict[str, Any] = {
        "words": 350,
        "target_words": target_words,
        "finish_reason": "stop",
        "model": "m",
        "usage": USAGE,
        "attempts": 1,
        "at": AT,
        "text": text or f"Section {n} of {of.id}: déjà vu 长江.",
    }
    return Section(id=of.id, n=n, plan=plan_digest(of.steps), **(known | more))


def failure(id: str | None = "a", stage: str = "plan", n: int | None = None, **more: Any) -> Failure:  # noqa: A002
    known: dict[str, Any] = {"kind": "bad_plan", "message": "no lines", "at": AT}
    return Failure(id, stage, n, **(known | more))


def open_run(directory: Path) -> Run:
    """The run in a directory, open for work; one that is not there yet is begun."""
    run = Run.open(directory, plan_digest, create=True)
    if run.manifest is None:
        run.begin(MANIFEST)
    return run


def read_run(directory: Path) -> Run:
    return Run.read(directory, plan_digest)


def take_in(run: Run, *instructions: Instruction) -> None:
    with run.staged(instructions) as staged:
        run.take_in(staged)


def small_run(directory: Path) -> Plan:
    """A run of one instruction, `a`, that is planned in two steps and has its first section. Gives the plan."""
    made = plan("a")
    with open_run(directory) as run:
        take_in(run, instruction("a"))
        run.add_plan(made)
        run.add_section(section(made, 1))
    return made


def contents(directory: Path) -> dict[str, bytes]:
    """All files under a directory, byte by byte, but for the lock that every opener signs."""
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != "run.lock")
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs code in a process of its own, where `sys.argv[1:]` are the arguments."""
    return subprocess.run(command(code, *arguments), capture_output=True, text=True, timeout=60, check=False)


def command(code: str, *arguments: object) -> Sequence[str]:
    setup = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    return [sys.executable, "-c", setup + code, *map(str, arguments)]


@contextmanager
def small_disk(directory: Path, options: str = "size=256k") -> Iterator[Path]:
    """A file system of its own, where this user may mount one; else the test is skipped."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def make_read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
