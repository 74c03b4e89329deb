"""A model on the simulated clock: hours of calls in seconds, through the real planner, writer, pool and run."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import clock
import endpoint

from longwriter_cli.engine.gate import Gate
from longwriter_cli.engine.pool import MakePool, Pool
from longwriter_cli.engine.stop import Stop
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Instruction, Requirement, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import AgentWrite
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.write import Writer
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.text.plan import plan_digest

_WORDS = 30  # of a section: its length costs CPU and changes no schedule


@dataclass
class SimulatedChat:
    """A `Chat` whose calls take 0.5 to 1.5 s on the loop's clock. `steps`: how many each instruction's plan has."""

    steps: dict[str, int]
    rng: random.Random
    gate: Gate | None = None
    served_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    calls: int = 0

    async def complete(self, request: Request) -> Completion:
        async with contextlib.AsyncExitStack() as stack:
            slot = await stack.enter_async_context(self.gate.slot()) if self.gate else None
            seconds = self.rng.uniform(0.5, 1.5)
            if slot is not None:
                slot.sent()
            await asyncio.sleep(seconds)
            if slot is not None:
                slot.succeeded()
        self.calls += 1
        self.served_s[request.affinity] += seconds
        planning = request.kind == "plan"
        text = endpoint.plan(self.steps[request.affinity]) if planning else endpoint.section(_WORDS, self.calls)
        return Completion(text, "stop", request.model, Usage(100, 0, 100))

    async def context_tokens(self, model: str) -> int | None:
        return None

    async def close(self) -> None:
        pass

    def bound_s(self, slots: int) -> float:
        """No schedule is shorter: all the work over all slots, or the longest chain."""
        return max(sum(self.served_s.values()) / slots, max(self.served_s.values()))


def instructions(count: int, seed: int) -> list[Instruction]:
    """Instructions whose plans have 3 to 45 steps; each says its length."""
    rng = random.Random(seed)
    return [
        Instruction(f"{row:07}", row, endpoint.prompt(row, steps), Requirement(steps * 400))
        for row, steps in enumerate(rng.choices(range(3, 46), k=count))
    ]


def makespan_s(work: Iterable[Instruction], chat: Chat, slots: int, pool: MakePool = Pool) -> float:
    """Simulated seconds until all is written, in a run of its own; `chat` then knows what it served."""

    async def main(run: Run) -> float:
        settings, templates, stop = Settings(model="simulated"), load_templates(), Stop()
        planner, writer = Planner(chat, settings, templates), Writer(chat, settings, templates)
        await AgentWrite(run, planner, writer, settings, stop, lambda event: None, pool=pool).work(
            plan=True, write=True, slots=slots
        )
        return clock.now_s()

    with tempfile.TemporaryDirectory() as folder, Run.open(Path(folder), plan_digest, create=True) as run:
        settings = Settings(model="simulated")
        with run.staged(work) as staged:
            run.begin(Manifest(now(), settings.to_row(), settings.fingerprint()))
            run.take_in(staged)
        return clock.run(main(run))


def simulated(count: int, seed: int, gate: Gate | None = None) -> tuple[list[Instruction], SimulatedChat]:
    work = instructions(count, seed)
    steps = {each.id: each.required_words.words // 400 for each in work if each.required_words}
    return work, SimulatedChat(steps, random.Random(seed), gate)


_: type[Chat] = SimulatedChat
