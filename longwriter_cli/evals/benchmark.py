"""The built-in benchmark: instructions written for this project, over the types and ranges of LongBench-Write.

64 of them, half in Chinese: each of the seven types in each of the four ranges of length, and one more for each range.
Every prompt states its length. The published rows can be had as `hf:` or as a file; these need no download, and their
scores are not those of the published ones.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from longwriter_cli.records import Instruction, Requirement

BUILTIN = "builtin"
_FILE = Path(__file__).with_name("benchmark.jsonl")


@cache
def builtin_rows() -> tuple[Instruction, ...]:
    """The instructions, English first, the shorter ones before the longer; their type stands in `meta`."""
    rows = [json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines()]
    return tuple(
        Instruction(row["id"], place, row["prompt"], Requirement(row["length"]), {"type": row["type"]})
        for place, row in enumerate(rows)
    )
