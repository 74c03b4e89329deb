"""Start-up: what a user waits for before the program does anything."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from programs import LONGWRITER, Spent, build, instructions, serving, spend
from table import Row

from longwriter_cli.errors import BudgetReached


def rows(*, short: bool) -> list[Row]:
    rounds = 5 if short else 9
    return [_help(rounds), _first_call(rounds)]


def _help(rounds: int) -> Row:
    ours, floor = _pairs(rounds, [*LONGWRITER, "--help"], [sys.executable, "-c", "import typer"])
    return Row("start-up: longwriter --help", f"{ours:.2f} s", f"import typer, {floor:.2f} s", ours / floor, target=2.5)


def _first_call(rounds: int) -> Row:
    """From the start of the process to the first call on the wire, with 1,000 instructions to read."""
    ours, floors = [], []
    with tempfile.TemporaryDirectory() as folder:
        source = instructions(Path(folder) / "instructions.jsonl", 1000)
        for number in range(rounds):
            with serving(service_s=0.0) as server:
                spent = spend(
                    build(source, Path(folder) / f"run{number}", server.base_url, 32, "--max-total-tokens", "20000"),
                    code=BudgetReached.exit_code,
                )
                ours.append(server.figures()["first_at"] - spent.started_at)
            floors.append(spend([sys.executable, "-c", "import openai, typer"]).wall_s)
    seconds, floor = statistics.median(ours), statistics.median(floors)
    return Row(
        "start-up: first call of 1,000 instructions",
        f"{seconds:.2f} s",
        f"import openai, typer, {floor:.2f} s",
        seconds / floor,
        target=2.5,
    )


def _pairs(rounds: int, ours: list[str], floor: list[str]) -> tuple[float, float]:
    """Median wall times in seconds of two commands run in turn."""
    pairs: list[tuple[Spent, Spent]] = [(spend(ours), spend(floor)) for _ in range(rounds)]
    return statistics.median(one.wall_s for one, _ in pairs), statistics.median(other.wall_s for _, other in pairs)
