"""CPU per call, everything included: prompt, client, parse, clean, checkpoint, export. The filters, which read all of a
text once more when it is exported, are a row of their own.

Beside it a bare aiohttp loop with orjson that sends the same bodies, and two ways that such programs are mostly
written: `asyncio.gather` over AsyncOpenAI, and a fixed pool of processes with requests, how the method was first
published. What starting up takes is measured by itself and taken off.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from programs import HERE, build, instructions, serving, spend
from table import CPU, Row

_CONCURRENCY = 64
_CHAINS = 50
_ROUNDS = 3
_STEPS = 20  # sections of 3 KB: prompts from 1 to 60 KB, 15 KB on average with those of the plans
_WORDS = 300
_SERVICE_S = 0.1


def rows(*, short: bool) -> list[Row]:
    calls = _CHAINS * (_STEPS + 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = instructions(folder / "instructions.jsonl", _CHAINS, fewest=_STEPS, most=_STEPS)
        bodies = folder / "bodies"
        # The first run is for the bodies, and warms what the others find warm.
        _run(build(source, folder / "first", "{url}", _CONCURRENCY), keep=calls, keep_in=bodies)
        size = bodies.stat().st_size / calls
        commands = {
            "ours": lambda run: build(source, folder / f"run{run}", "{url}", _CONCURRENCY, "--no-filters"),
            "filters": lambda run: build(source, folder / f"sifted{run}", "{url}", _CONCURRENCY),
            "aiohttp": lambda _: _baseline("aiohttp", bodies),
            "AsyncOpenAI": lambda _: _baseline("gather", bodies),
            "requests": lambda _: _baseline("processes", bodies),
        }
        idle = {
            "ours": lambda run: build(source, folder / f"idle{run}", "{url}", _CONCURRENCY, "--limit", "1"),
            "filters": lambda run: build(source, folder / f"sifted-idle{run}", "{url}", _CONCURRENCY, "--limit", "1"),
            **{name: lambda _, kind=kind: [*_baseline(kind, bodies), "idle"] for name, kind in _KINDS.items()},
        }
        spent: dict[str, list[float]] = {name: [] for name in commands}
        started: dict[str, list[float]] = {name: [] for name in commands}
        for run in range(_ROUNDS):
            for name in commands:
                spent[name].append(_run(commands[name](run)))
                started[name].append(_run(idle[name](run)))
        # The least of several: whatever else runs on the machine only adds to it.
        cpu_s = {name: (min(spent[name]) - min(started[name])) / calls for name in commands}
    floor = cpu_s["aiohttp"]
    beside = f"bare aiohttp and orjson, {floor * 1e3:.2f} ms ({size / 1e3:.0f} KB a prompt)"
    ours, sifted = cpu_s.pop("ours"), cpu_s.pop("filters")
    measured = [
        Row("CPU of a call, 64 in flight", f"{ours * 1e3:.2f} ms", beside, ours / floor, 4, chart=(CPU, "longwriter")),
        Row("  with the filters of the export", f"{sifted * 1e3:.2f} ms", "", sifted / floor),
    ]
    for name in ("AsyncOpenAI", "requests"):
        shown, ms = _SHOWN[name], f"{cpu_s[name] * 1e3:.2f} ms"
        measured.append(Row(f"  the same calls by {shown}", "", ms, cpu_s[name] / floor, chart=(CPU, shown)))
    return measured


_KINDS = {"aiohttp": "aiohttp", "AsyncOpenAI": "gather", "requests": "processes"}
_SHOWN = {"AsyncOpenAI": "asyncio.gather and AsyncOpenAI", "requests": "8 processes with requests"}


def _baseline(kind: str, bodies: Path) -> list[str]:
    return [sys.executable, str(HERE / "baselines.py"), kind, "{url}", str(bodies)]


def _run(command: Sequence[str], **options: object) -> float:
    """CPU seconds of a command against an endpoint of its own, whose address takes the place of `{url}`."""
    with serving(service_s=_SERVICE_S, words=_WORDS, **options) as server:
        return spend([part.replace("{url}", server.base_url) for part in command]).cpu_s
