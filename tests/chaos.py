"""Chaos: runs under every fault, killed at random and resumed, held against a run that nothing disturbed.

    scripts/chaos --minutes 10

Each round builds the same dataset in a new run directory, against a fake server with 30% faults. The program is killed,
told to stop, left without disk or without a server at random moments, and given again until it ends with 0. Then every
record's chain of contexts is audited, the dataset must be byte-identical to the undisturbed one, and no answer may have
been paid for twice but those that were in flight at a kill.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fake_model import audit_record
from fake_server import RETRYABLE_FAULTS, FakeServer
from program import Program, at, run_longwriter, texts, write_rows

INSTRUCTIONS = 30
FAULTS = 0.3
# The first two ask for waits of a second and more. The others change what is asked next, and so the text: a cut
# section is asked for with more room, an empty plan with the reason.
LEFT_OUT = ("429_seconds", "429_date", "length", "null_content", "empty_content")
MOST_COMMANDS = 200  # in one round; more would mean that it never ends


@dataclass
class Tally:
    """What happened. `allowed` counts the calls in flight at kills: so many answers may be paid for twice."""

    events: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    commands: int = 0
    faults: int = 0
    calls: int = 0
    records: int = 0
    losses: int = 0
    paid_twice: int = 0
    allowed: int = 0

    def table(self) -> str:
        rows = [
            ("rounds", self.rounds),
            ("commands", self.commands),
            *sorted(self.events.items()),
            ("calls", self.calls),
            ("faults", self.faults),
            ("records", self.records),
            ("losses", self.losses),
            ("paid twice", self.paid_twice),
            ("in flight at kills", self.allowed),
        ]
        return "\n".join(f"{name:>20}  {value:,}" for name, value in rows)

    @property
    def is_sound(self) -> bool:
        return self.losses == 0 and self.paid_twice <= self.allowed


def chaos(minutes: float, seed: int) -> Tally:
    """Rounds of chaos until the time is up; at least one."""
    tally, chance, end = Tally(), random.Random(seed), time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        lengths = [chance.randrange(150, 6000) for _ in range(INSTRUCTIONS)]
        rows = [{"prompt": f"Write a {words}-word text about matter {n}."} for n, words in enumerate(lengths)]
        source = write_rows(directory / "in.jsonl", rows)
        with FakeServer() as calm:
            run_longwriter("build-dataset", source, "-r", directory / "calm", *at(calm))
        expected = (directory / "calm" / "dataset.jsonl").read_bytes()
        while not tally.rounds or time.monotonic() < end:
            tally.rounds += 1
            _round(source, directory / f"run{tally.rounds}", expected, chance, tally)
    return tally


def _round(source: Path, run: Path, expected: bytes, chance: random.Random, tally: Tally) -> None:
    kinds = [kind for kind in RETRYABLE_FAULTS if kind not in LEFT_OUT]
    latency_s = chance.uniform(0.005, 0.05)
    with FakeServer(faults=FAULTS, fault_kinds=kinds, stall_s=0.5, latency_s=latency_s) as server:
        for _ in range(MOST_COMMANDS):
            tally.commands += 1
            if _command(source, run, server, chance, tally) == 0:
                break
        tally.calls += server.stats.calls
        tally.faults += server.stats.faults.total()
        tally.paid_twice += server.stats.repeats_after_success
    dataset = run / "dataset.jsonl"
    found = dataset.read_bytes() if dataset.exists() else b""
    sound = [audit_record(record) == [] for record in texts(run).values()] if found else []
    tally.records += len(sound)
    tally.losses += (found != expected) + (len(sound) - sum(sound)) + (INSTRUCTIONS - len(sound))


def _command(source: Path, run: Path, server: FakeServer, chance: random.Random, tally: Tally) -> int:
    """Gives the command once, disturbs it in some way, and returns its exit code."""
    event = chance.choice(["SIGKILL", "SIGKILL", "SIGTERM", "SIGINT", "server restarted", "disk full", "left alone"])
    tally.events[event] += 1
    concurrency = chance.choice([1, 4, 16])
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({chance.randrange(20_000, 400_000)}, -1))"
    options = ("-c", concurrency, "--max-attempts", 50, "--timeout", 1, "--give-up-after", 30, "--grace", 1)
    program = Program(
        "build-dataset", source, "-r", run, *options, *at(server), patch=limit if event == "disk full" else ""
    )
    if event in ("SIGKILL", "SIGTERM", "SIGINT", "server restarted"):
        time.sleep(chance.uniform(0.02, 1.5))
    if event == "SIGKILL":
        tally.allowed += concurrency
    if event.startswith("SIG"):
        with suppress(ProcessLookupError):  # it may have ended by itself
            program.signal(signal.Signals[event])
    if event == "server restarted":
        server.stop()
        time.sleep(chance.uniform(0.05, 0.5))
        tally.allowed += concurrency  # an answer under way when the server goes is lost on the way
        server.start()
    return program.wait().code


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=None)
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    tally = chaos(arguments.minutes, seed)
    print(f"{'seed':>20}  {seed}\n{tally.table()}\n{json.dumps({'sound': tally.is_sound})}")  # noqa: T201
    return 0 if tally.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
