"""A thousand calls in flight: what the program adds to each, and the memory that it takes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from programs import build, instructions, serving, spend_memory
from table import Row

_IN_FLIGHT = 1000
_STEPS = 8


def rows(*, short: bool) -> list[Row]:
    """Latency added to a call: from one section's answer to the call for the next, once all slots have been in use."""
    if short:
        return []
    with tempfile.TemporaryDirectory() as name, serving(service_s=2.0, warm=_IN_FLIGHT) as server:
        folder = Path(name)
        source = instructions(folder / "instructions.jsonl", _IN_FLIGHT + 100, fewest=_STEPS, most=_STEPS)
        output, memory = spend_memory([*build(source, folder / "run", server.base_url, _IN_FLIGHT), "--json"])
        figures, summary = server.figures(), json.loads(output)
    added_s, median_s = figures["gap_p99_s"], figures["gap_p50_s"]
    memory_mb = memory / 1e6
    calls = f"{summary['calls']:,} calls, {summary['retries']} again"
    return [
        Row(
            "1,000 in flight: 99% add less than",
            f"{added_s * 1e3:.0f} ms",
            f"half {median_s * 1e3:.0f} ms",
            added_s,
            0.2,
        ),
        Row("  memory, MB", f"{memory_mb:.0f} MB", calls, memory_mb, 300),
    ]
