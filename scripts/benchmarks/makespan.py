"""The time of a whole run against the lower bound max(all service time / slots, the longest chain).

Simulated: the real planner, writer, pool and run, calls of 0.5 to 1.5 s on a clock that jumps, the limiter open. Over
HTTP: the program as it is, its start and the limiter's slow start included, beside the same program with other orders
of work, all at the same time.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import clock
from programs import HERE, LONGWRITER, Command, Serving, build, instructions, serving
from simulated import makespan_s, simulated
from table import MAKESPAN, Row
from variants import ORDERS

from longwriter_cli.engine.gate import Gate

_VARIANT = (sys.executable, str(HERE / "variants.py"))
_SHOWN = {"first-come": "first come, first served", "static": "split beforehand"}


def rows(*, short: bool) -> list[Row]:
    if short:
        return [*_simulated(500, 64, 1.05)]
    return [
        *_simulated(500, 64, 1.05, orders=True),
        *_simulated(2000, 256, 1.10, orders=True),
        *_over_http(500, 64, 1.05, orders=True),
        *_over_http(2000, 256, 1.10),
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


def _over_http(count: int, slots: int, target: float, *, orders: bool = False) -> list[Row]:
    programs = {"": LONGWRITER} | ({order: (*_VARIANT, order) for order in ORDERS} if orders else {})
    measured = []
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        source = instructions(folder / "instructions.jsonl", count)
        started: list[tuple[str, Serving, Command]] = []
        for order, program in programs.items():
            server = stack.enter_context(serving(service_s=1.0))
            command = build(source, folder / f"run-{order}", server.base_url, slots, program=program)
            started.append((order, server, Command(command)))
        for order, server, command in started:
            seconds, figures = command.spent().wall_s, server.figures()
            bound_s = max(figures["served_s"] / slots, figures["longest_chain_s"])
            if order:
                chart = (MAKESPAN, _SHOWN[order])
                measured.append(Row(f"  {_SHOWN[order]}", "", f"{seconds:.0f} s", seconds / bound_s, chart=chart))
            else:
                what = f"makespan, {count:,} instructions in {slots} slots, over HTTP"
                ours, beside = f"{seconds:.0f} s", f"bound {bound_s:.0f} s"
                chart = (MAKESPAN, f"longwriter, {slots} in flight")
                measured.append(Row(what, ours, beside, seconds / bound_s, target, chart=chart))
    return measured
