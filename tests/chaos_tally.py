"""What happened in a run of chaos, counted, and the table that tells it."""

from __future__ import annotations

import textwrap
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Tally:
    """What happened. `in_flight` counts the calls that may have been under way when answers could be lost."""

    done: Counter[str] = field(default_factory=Counter)  # disturbances that showed in the exit code
    codes: Counter[int] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    minutes: float = 0.0
    rounds: int = 0
    commands: int = 0
    clock_steps: int = 0
    calls: int = 0
    records: int = 0
    losses: int = 0
    paid_twice: int = 0
    in_flight: int = 0

    def table(self, seed: int) -> str:
        kills = Counter({name: times for name, times in self.done.items() if name.startswith("SIG") and times})
        rows = {
            "minutes": f"{self.minutes:.1f}",
            "rounds": f"{self.rounds:,}",
            "commands": f"{self.commands:,}",
            "exit codes": _counts(self.codes),
            "kills": f"{kills.total():,}: {_counts(kills)}",
            "disks full": f"{self.done['disk full']:,}",
            "server restarts": f"{self.done['server restarted']:,}",
            "keys refused": f"{self.done['key refused']:,}",
            "budgets reached": f"{self.done['budget reached']:,}",
            "second commands": f"{self.done['second command']:,}",
            "clock steps": f"{self.clock_steps:,}",
            "calls": f"{self.calls:,}",
            "faults": f"{self.faults.total():,} of {len(self.faults)} kinds: {_counts(self.faults)}",
            "records": f"{self.records:,}",
            "losses": f"{self.losses:,}",
            "paid twice": f"{self.paid_twice:,} of {self.in_flight:,} possibly in flight",
            "seed": f"{seed}",
        }
        return "\n".join(
            textwrap.fill(value, 100, initial_indent=f"{name:<17}", subsequent_indent=" " * 17)
            for name, value in rows.items()
        )


def _counts(counted: Counter[Any]) -> str:
    return ", ".join(f"{name} ×{times:,}" for name, times in sorted(counted.items()))
