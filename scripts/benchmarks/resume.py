"""A run of a million instructions and a million sections on disk: how soon it goes on, and how much memory it takes.

Three times: after a kill at the worst moment, when a tenth of the rows stands behind the snapshot of the index; after a
stop; and after an edit, which leaves no snapshot, so that all rows are read.

Beside it a scan of the same files that reads the heads of the rows with msgspec and keeps nothing. What each takes for
a run of one row, which is its start, is taken off.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import endpoint
from programs import LONGWRITER, spend, spend_memory
from table import Row

from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Failure, Step
from longwriter_cli.settings import Settings
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.store.snapshot import SNAPSHOT
from longwriter_cli.text.plan import plan_digest

_SECTION_BYTES = 3000
_STEPS = 3  # of each plan; one is written
_BEYOND = 1 / 11  # of all rows: a tenth more than the snapshot knows, when it would be written anew

_OPEN = """
import sys
from pathlib import Path
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest
with Run.open(Path(sys.argv[1]), plan_digest, create=False) as run:
    assert len(run.index) == int(sys.argv[2])
"""
_SCAN = """
import sys
from pathlib import Path
import msgspec
class Head(msgspec.Struct):
    id: str
decode = msgspec.json.Decoder(Head).decode
for name in ("instructions", "plans", "sections"):
    with (Path(sys.argv[1]) / f"{name}.jsonl").open("rb", buffering=1 << 20) as file:
        for line in file:
            decode(line)
"""


def rows(*, short: bool) -> list[Row]:
    count = 100_000 if short else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        run, one = Path(name) / "run", Path(name) / "one"
        _make_run(run, known := round(count * (1 - _BEYOND)))
        _stop(run)
        _add_rows(run, range(known, count))
        _make_run(one, 1)
        scan_s = _beyond_start(run, one, lambda run, _: [sys.executable, "-c", _SCAN, str(run)], count)
        opened = lambda run, n: [sys.executable, "-c", _OPEN, str(run), str(n)]  # noqa: E731
        killed_s = _beyond_start(run, one, opened, count)
        memory = [spend_memory(opened(run, count))[1]]
        _stop(run)
        resume_s = _beyond_start(run, one, opened, count)
        memory.append(spend_memory(opened(run, count))[1])
        look_s = _beyond_start(run, one, lambda run, _: [*LONGWRITER, "inspect", str(run), "--json"], count)
        size = sum(path.stat().st_size for path in run.iterdir() if path.is_file())
        (run / SNAPSHOT).unlink()
        edited_s = spend(opened(run, count)).wall_s - _fastest_s(opened(one, 1))
        memory.append(spend_memory(opened(run, count))[1])
    what, beside = f"{count:,} sections, {size / 1e9:.1f} GB", f"msgspec scan, {scan_s:.1f} s"
    memory_mb = max(memory) / 1e6
    return [
        Row(f"resume, {what}", f"{resume_s:.1f} s", beside, resume_s / scan_s, 1.5),
        Row("  after a kill", f"{killed_s:.1f} s", beside, killed_s / scan_s, 1.5),
        Row("  after an edit", f"{edited_s:.1f} s", beside, edited_s / scan_s),
        Row("  memory, MB", f"{memory_mb:.0f} MB", "", memory_mb, 600),
        Row("  inspect", f"{look_s:.1f} s", beside, look_s / scan_s, 3),
    ]


def _beyond_start(run: Path, one: Path, command: Callable[[Path, int], list[str]], count: int) -> float:
    """The wall time of a command for the run, in seconds beyond that for a run of one row."""
    return _fastest_s(command(run, count)) - _fastest_s(command(one, 1))


def _fastest_s(command: list[str]) -> float:
    """Of two: the first one may find cold pages."""
    return min(spend(command).wall_s for _ in range(2))


def _stop(directory: Path) -> None:
    """Goes on with the run, brings one row more, and ends as a command does that is stopped."""
    with Run.open(directory, plan_digest, create=False) as run:
        run.add_failure(Failure(run.index.ids[0], "write", 2, "empty", "an empty answer"))


def _make_run(directory: Path, count: int) -> None:
    settings = Settings(model="bench")
    with Run.open(directory, plan_digest, create=True) as run:
        run.begin(Manifest("2026-01-01T00:00:00Z", settings.to_row(), settings.fingerprint()), load_templates().files())
    _add_rows(directory, range(count))


def _add_rows(directory: Path, numbers: range) -> None:
    """Rows as the program writes them, made by hand: a million through the program would take the time of the bench."""
    steps = [{"n": n, "main_point": f"what the harbour was in year {n}", "words": 400} for n in range(1, _STEPS + 1)]
    plan = plan_digest([Step(**step) for step in steps])
    usage = {"prompt_tokens": 900, "cached_tokens": 0, "completion_tokens": 700}
    paid = {"model": "bench", "usage": usage, "attempts": 1, "at": "2026-01-01T00:00:00Z"}
    length = {"words": _STEPS * 400, "kind": "about", "low": None, "high": None}
    instruction = {"row": "@", "prompt": endpoint.prompt(1, _STEPS), "required_words": length, "meta": {}}
    section = {"n": 1, "plan": plan, "words": 500, "target_words": 400, "finish_reason": "stop"} | paid
    _write(directory / "instructions.jsonl", instruction, numbers)
    _write(directory / "plans.jsonl", {"steps": steps} | paid | {"text": endpoint.plan(_STEPS)}, numbers)
    _write(directory / "sections.jsonl", section | {"text": "A boat left. " * (_SECTION_BYTES // 13)}, numbers)


def _write(path: Path, row: dict[str, object], numbers: range) -> None:
    before, _, after = json.dumps(row).replace('"@"', "@@").partition("@@")
    with path.open("a", buffering=1 << 20) as file:
        for number in numbers:
            place = number if after else ""
            file.write(f'{{"id": "{number:016x}", {before[1:]}{place}{after}\n')
