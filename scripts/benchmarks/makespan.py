"""The time of a whole run against the lower bound max(all service time / slots, the longest chain).

Simulated: the real planner, writer, pool and run, calls of 0.5 to 1.5 s on a clock that jumps, the limiter open. Over
HTTP, with calls of the same length: the program as it is, its start and the limiter's slow start included, in both
sizes, and the same program that takes instructions as they come, all at the same time.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import clock
from programs import HERE, LONGWRITER, Command, Serving, build, instructions, serving
from simulated import makespan_s, simulated
from table import MAKESPAN, Row
from variants import ORDERS

from longwriter_cli.engine.gate import Gate

_SERVICE_S = 1.0
_SHOWN = {"first-come": "first come, first served", "static": "split beforehand"}


def rows(*, short: bool) -> list[Row]:
    if short:
        return [*_simulated(500, 64, 1.05)]
    return [
        *_simulated(500, 64, 1.05, orders=True),
        *_simulated(2000, 256, 1.10),
        *_over_http(),
    ]


def _simulated(count: int, slots: int, target: float, *, orders: bool = False, seed: int = 1) -> list[Row]:
    work, chat = simulated(count, seed)
    seconds = makespan_s(work, chat, slots)
    bound_s = chat.bound_s(slots)
    beside = f"bound {bound_s:.0f} s"
    name = f"makespan, {count:,} instructions in {slots} slots, simulated"
    measured = [Row(name, f"{seconds:.0f} s", beside, seconds / bound_s, target, exact=True)]
    if orders:
        work, chat = simulated(count, seed, _gate(slots))
        seconds = makespan_s(work, chat, slots)
        measured.append(
            Row("  with the limiter's slow start", f"{seconds:.0f} s", beside, seconds / chat.bound_s(slots))
        )
        for order, pool in ORDERS.items():
            work, chat = simulated(count, seed)
            seconds = makespan_s(work, chat, slots, pool)
            measured.append(Row(f"  {_SHOWN[order]}", "", f"{seconds:.0f} s", seconds / chat.bound_s(slots)))
    return measured


def _gate(slots: int) -> Gate:
    """The limiter, on the clock of the simulation."""
    return Gate(slots, clock=lambda: _now_s())


def _now_s() -> float:
    try:
        return clock.now_s()
    except RuntimeError:  # made before the loop runs
        return 0.0


def _over_http() -> list[Row]:
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)

        def started(count: int, slots: int, program: Sequence[str] = LONGWRITER) -> tuple[Serving, Command]:
            own = Path(tempfile.mkdtemp(dir=folder))
            source = instructions(own / "instructions.jsonl", count)
            server = stack.enter_context(serving(service_s=_SERVICE_S))
            return server, Command(build(source, own / "run", server.base_url, slots, program=program))

        first_come = (sys.executable, str(HERE / "variants.py"), "first-come")
        runs = [(64, *started(500, 64)), (256, *started(2000, 256)), (64, *started(500, 64, first_come))]
        with ThreadPoolExecutor() as waiting:  # each is timed to its own end
            took = list(waiting.map(lambda run: _took(*run), runs))
    return [
        Row(what, f"{seconds:.0f} s", f"bound {bound_s:.0f} s", seconds / bound_s, target, chart=(MAKESPAN, shown))
        for (what, shown, target), (seconds, bound_s) in zip(_OVER_HTTP, took, strict=True)
    ]


_OVER_HTTP = (
    ("makespan, 500 instructions in 64 slots, over HTTP", "longwriter, 64 in flight", 1.05),
    ("makespan, 2,000 instructions in 256 slots, over HTTP", "longwriter, 256 in flight", 1.10),
    ("  500 in 64 slots, first come, first served", "first come, first served, 64 in flight", None),
)


def _took(slots: int, server: Serving, command: Command) -> tuple[float, float]:
    """The time of a command, once it is done, and the lower bound to it: in seconds."""
    seconds, figures = command.spent().wall_s, server.figures()
    return seconds, max(figures["served_s"] / slots, figures["longest_chain_s"])
