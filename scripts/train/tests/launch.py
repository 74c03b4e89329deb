"""Runs a script of the recipes as a user does, in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
TRAIN = ROOT / "scripts" / "train"
CONFIGS = TRAIN / "configs"


def run(script: str, *arguments: object, processes: int = 1, code: int = 0) -> subprocess.CompletedProcess[str]:
    """What it printed; fails where it ends with another exit code."""
    launcher = [sys.executable]
    if processes > 1:
        launcher += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command = [*launcher, str(TRAIN / script), *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT)
    assert result.returncode == code, result.stdout + result.stderr
    return result


def history(output: Path) -> list[dict[str, Any]]:
    """What the trainer logged, from the last checkpoint."""
    last = max(output.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    entries: list[dict[str, Any]] = json.loads((last / "trainer_state.json").read_text())["log_history"]
    return entries


def recipe_with(path: Path, base: str, **training: object) -> Path:
    """The recipe `base` with other values under [training], which stands last in it."""
    lines = (CONFIGS / base).read_text().splitlines()
    kept = [line for line in lines if line.partition(" ")[0] not in training]
    path.write_text("\n".join([*kept, *(f"{name} = {json.dumps(value)}" for name, value in training.items())]) + "\n")
    return path
