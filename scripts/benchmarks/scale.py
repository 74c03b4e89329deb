"""A hundred thousand instructions over eight endpoints that fail: hours on a simulated clock, in minutes.

The real planner, writer, pool, retries, endpoints, limiter, budget and run; simulated are the endpoints alone. Each
serves so many calls at once and refuses what is more (429 with Retry-After); 2% of the calls end in a 500 half-way, 1%
in an empty answer; one endpoint goes away for ten minutes. Beside it, on fewer instructions, ones that refuse none:
the difference is what the limiter gives away to find out how many are too many. Sections have 30 words, which changes
no schedule; what texts of full length cost in CPU is measured on fewer of them.
"""

from __future__ import annotations

import asyncio
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import clock
import endpoint
from table import Row

from longwriter_cli.engine.budget import Budget
from longwriter_cli.engine.gate import Gate
from longwriter_cli.engine.limits import Allowance, Line
from longwriter_cli.engine.stop import Stop
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.endpoints import Endpoints
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.retry import Retrying
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Instruction, Requirement, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import AgentWrite
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.limited import Limited
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.write import Writer
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

ENDPOINTS = 8
STEPS = 12
SERVICE_S = 20.0  # on average: a section of 400 words
TOKENS_PER_S = 27.0  # of an answer: what the limiter holds its growth against
SPREAD = 0.5  # of a service time, either way
AWAY_S = (900.0, 1500.0)  # when the first endpoint cannot be reached
_TEXTS = 1024  # prepared ones: to make prose would cost more than to handle it


@dataclass
class Server:
    """One endpoint. `served_s` counts the time that its places were taken, failed calls included."""

    name: str
    places: int
    words: int
    rng: random.Random
    answers: Counter[str]  # of all endpoints, by instruction
    is_away: bool = False
    refuses: bool = True
    in_flight: int = 0
    served_s: float = 0.0
    chains_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    tries: int = 0
    put_off: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self._plan = endpoint.plan(STEPS)
        self._texts = [endpoint.section(self.words, variant) for variant in range(_TEXTS)]

    async def complete(self, request: Request) -> Completion:
        self.tries += 1
        if self.is_away and AWAY_S[0] <= _now_s() < AWAY_S[1]:
            raise CallFailed(f"{self.name}: connection refused", unreachable=True)
        fate = self.rng.random()
        if self.refuses and self.in_flight >= self.places:
            self.put_off += 1
            raise CallFailed(f"{self.name}: 429", retry_after_s=2.0, costs_attempt=False, throttled=True)
        seconds = SERVICE_S * self.rng.uniform(1 - SPREAD, 1 + SPREAD)
        fails = fate < 0.02
        self.in_flight += 1
        try:
            await asyncio.sleep(seconds / 2 if fails else seconds)
        finally:
            self.in_flight -= 1
        self.served_s += seconds / 2 if fails else seconds
        self.chains_s[request.affinity] += seconds
        if fails:
            self.failed += 1
            raise CallFailed(f"{self.name}: 500")
        is_empty = fate < 0.03
        self.failed += is_empty
        # No text comes twice in a chain: it would be taken for a copy.
        self.answers[request.affinity] += 1
        place = int(request.affinity) * 31 + self.answers[request.affinity]
        text = self._plan if request.kind == "plan" else self._texts[place % _TEXTS]
        usage = Usage(len(request.prompt) // 4, 0, round(seconds * TOKENS_PER_S))
        return Completion("" if is_empty else text, "stop", request.model, usage)

    async def context_tokens(self, model: str) -> int | None:
        return None

    async def close(self) -> None:
        pass


_: type[Chat] = Server


def _now_s() -> float:
    try:
        return clock.now_s()
    except RuntimeError:  # before the loop runs
        return 0.0


def _instructions(count: int) -> Iterator[Instruction]:
    for row in range(count):
        yield Instruction(f"{row:07}", row, endpoint.prompt(row, STEPS), Requirement(STEPS * 400))


def measure(count: int, places: int, words: int, refuses: int = 1) -> dict[str, Any]:
    """Runs it and tells what came of it. Times of the simulation are in its seconds, CPU and memory are real."""
    rng = random.Random(1)
    answers: Counter[str] = Counter()
    servers = [
        Server(f"server-{n}", places, words, rng, answers, is_away=n == 0, refuses=bool(refuses))
        for n in range(ENDPOINTS)
    ]
    slots = ENDPOINTS * places

    async def main(run: Run) -> float:
        settings, templates, stop = Settings(model="simulated"), load_templates(), Stop()
        budget = Budget(max_tokens=10**12)

        def limited(server: Server) -> Limited:
            left = Line(Allowance(clock=_now_s), Allowance(clock=_now_s), sleep=stop.sleep)
            return Limited(server, Gate(slots, clock=_now_s), budget, stop.check, left=left, clock=_now_s)

        chats = [(server.name, limited(server)) for server in servers]
        chat = Retrying(Endpoints(chats, clock=_now_s), sleep=stop.sleep, clock=_now_s, jitter=rng.random)
        planner, writer = Planner(chat, settings, templates), Writer(chat, settings, templates)
        await AgentWrite(run, planner, writer, settings, stop, lambda event: None).work(
            plan=True, write=True, slots=slots
        )
        return _now_s()

    with (
        tempfile.TemporaryDirectory() as folder,
        Run.open(Path(folder), plan_digest, create=True) as run,
    ):
        settings = Settings(model="simulated")
        with run.staged(_instructions(count)) as staged:
            run.begin(Manifest(now(), settings.to_row(), settings.fingerprint()))
            run.take_in(staged)
        before = resource.getrusage(resource.RUSAGE_SELF)
        seconds = clock.run(main(run))
        after = resource.getrusage(resource.RUSAGE_SELF)
        written = sum(run.index.is_complete(position) for position in range(len(run.index)))
        sizes = sum(path.stat().st_size for path in Path(folder).glob("*.jsonl"))
    chains_s: defaultdict[str, float] = defaultdict(float)
    for server in servers:
        for chain, served_s in server.chains_s.items():
            chains_s[chain] += served_s
    return {
        "written": written,
        "elapsed_s": seconds,
        "bound_s": max(sum(server.served_s for server in servers) / slots, max(chains_s.values())),
        "tries": sum(server.tries for server in servers),
        "put_off": sum(server.put_off for server in servers),
        "failed": sum(server.failed for server in servers),
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "memory_mb": after.ru_maxrss / (1 << 10 if sys.platform != "darwin" else 1 << 20),
        "megabytes": sizes / 1e6,
    }


def rows(*, short: bool) -> list[Row]:
    """Each in a process of its own, whose memory is that of the run alone."""
    count, places, target, free_target = (2_000, 32, 1.35, None) if short else (100_000, 500, 1.3, 1.1)
    fewer, fewer_places = count // 10, max(4, places // 10)
    done = _in_a_process(count, places, 30)
    free = _in_a_process(fewer, fewer_places, 30, refuses=False)
    long = _in_a_process(fewer // 5, max(4, fewer_places // 5), 400)
    assert done["written"] > 0.9999 * count - 1, done  # three empty answers in a row, by chance, end an instruction
    calls = count * (STEPS + 1)
    call_ms = 1e3 * done["cpu_s"] / calls
    long_ms = 1e3 * long["cpu_s"] / (fewer // 5 * (STEPS + 1))
    pace = calls / done["elapsed_s"]
    hours = done["elapsed_s"] / 3600
    name = f"{count:,} instructions of {STEPS} sections, {ENDPOINTS} endpoints of {places} places"
    tries = f"{done['tries']:,} tries, {done['put_off']:,} put off, {done['failed']:,} failed"
    return [
        _makespan(name, done, target),
        Row("  instructions an hour", f"{count / hours:,.0f}", tries, count / hours),
        _makespan(f"  {fewer:,}, endpoints that refuse none", free, free_target),
        Row("  memory, MB", f"{done['memory_mb']:.0f} MB", f"{done['megabytes']:,.0f} MB of rows", done["memory_mb"]),
        Row("  CPU of a call, sections of 30 words, ms", f"{call_ms:.2f} ms", "without the client", call_ms),
        Row("  CPU of a call, sections of 400 words, ms", f"{long_ms:.2f} ms", "without the client", long_ms),
        Row(
            "  share of a core, sections of 400 words",
            f"{pace * long_ms / 1e3:.0%}",
            f"{pace:.0f} calls a second; full at {1e3 / long_ms:,.0f}",
            pace * long_ms / 1e3,
        ),
    ]


def _makespan(name: str, done: dict[str, Any], target: float | None) -> Row:
    ours, bound = (f"{done[which] / 3600:.2f} h" for which in ("elapsed_s", "bound_s"))
    return Row(name, ours, f"bound {bound}", done["elapsed_s"] / done["bound_s"], target, exact=True)


def _in_a_process(count: int, places: int, words: int, *, refuses: bool = True) -> dict[str, Any]:
    command = [sys.executable, __file__, *map(str, (count, places, words, int(refuses)))]
    figures: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(*map(int, sys.argv[1:]))) + "\n")
