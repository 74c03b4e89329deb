"""Chaos: runs under every fault, disturbed at random and begun again, held against a run that nothing disturbed.

    scripts/chaos --minutes 10

Each round builds the same dataset in a new run directory, against a fake server that answers 30% of the calls with one
of all its faults, while the wall clock jumps by seconds to hours. The program is killed, told to stop, left without
disk, server or budget, or started twice at once; and given again until it ends with 0. `chaos_audit` says what is
looked at then. Besides, after every single command: its exit code is one that the disturbance explains, and each
answer that the server gave whole is a row, but for those that were in flight when the program was killed, the server
restarted or the disk full. So an answer paid for twice is one that was lost so.

No fault is left out. Those after which something else is asked are met once a question at most: a cut section is asked
for again whole, and a plan that is asked for again with the reason is answered as if that had not been said.

The seed decides what is done to each command, not what comes of it: processes, and this one's sleeps, take the time
that the machine gives them.
"""

from __future__ import annotations

import argparse
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chaos_audit import answers_kept, lost_records, problems, tokens_spent
from chaos_tally import Tally
from fake_model import ScriptedModel, asked_step
from fake_server import FAULT_KINDS, FakeServer
from program import Program, at, nursery, run_longwriter, snapshot, texts, until, write_rows
from stepped_clock import SteppedClock

INSTRUCTIONS = 30
FAULTS = 0.3
MOST_COMMANDS = 200  # in one round; more would mean that it never ends
LONGEST_COMMAND_S = 120.0
TIMEOUT_S = 3.0
CALLS_PER_S = 50
OVER_BUDGET = 1.01  # what an answer holds is known when it is there: the last ones may be longer than expected

# Kills the process at so many calls and returns of functions in these files: each is another place to die at. From
# `until` on it is let live.
KILL_AT_STEP = """
import os, signal, sys
left = {left}
def told(frame, event, argument):
    global left
    if frame.f_code.co_filename.endswith({files}):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    elif frame.f_code.co_name == "{until}":
        sys.setprofile(None)
sys.setprofile(told)
"""
TAKING_IN_STEPS, EXPORTING_STEPS = 1000, 400  # so many there are with 30 instructions
TAKING_IN = (
    "store/run.py",
    "store/load.py",
    "store/jsonl.py",
    "store/sync.py",
    "store/manifest.py",
    "store/lock.py",
    "store/snapshot.py",
)
EXPORTING = ("store/export.py", "stages/build.py")
WITH_SNAPSHOT = "from longwriter_cli.store import snapshot; snapshot.WORTH_ROWS = 5\n"  # else large runs alone have one
FULL_DISK = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, -1))"

_END_OF_INSTRUCTION = re.compile(r"on matter \d+\.|谈谈第\d+件事。")


@dataclass(frozen=True)
class Disturbance:
    """`codes` are the exit codes that it explains, besides 0. `loses`: answers in flight may be lost."""

    codes: tuple[int, ...] = ()
    loses: bool = False


# A signal that comes before the program listens, or after it, ends it in the system's own way: a negative code.
DISTURBANCES = {
    "SIGKILL": Disturbance((-signal.SIGKILL,), loses=True),
    "SIGKILL while taking in": Disturbance((-signal.SIGKILL,)),
    "SIGKILL while exporting": Disturbance((-signal.SIGKILL,)),
    "SIGTERM": Disturbance((143, -signal.SIGTERM)),
    "SIGTERM twice": Disturbance((143, -signal.SIGTERM), loses=True),
    "SIGINT": Disturbance((130, -signal.SIGINT)),
    "SIGHUP": Disturbance((129, -signal.SIGHUP)),
    "disk full": Disturbance((74,), loses=True),
    "server restarted": Disturbance(loses=True),
    "key refused": Disturbance((5,)),
    "budget reached": Disturbance((4,)),
    "second command": Disturbance((75,)),
    "left alone": Disturbance(),
}
# With these the command goes on until all is written, which leaves nothing to disturb: so they are drawn less often.
GOING_ON = ("SIGKILL while exporting", "server restarted", "second command", "left alone")
CUT_SHORT = ("SIGKILL", *(name for name in DISTURBANCES if name not in (*GOING_ON, "SIGKILL while taking in")))


class AuditFailed(Exception):
    """Something is lost, paid for twice, left behind or said wrongly."""


def question(prompt: str) -> str:
    """What a prompt asks. Behind the instruction a planning prompt may say how to answer, and why it is asked again."""
    if asked_step(prompt) is not None:
        return prompt
    instruction = _END_OF_INSTRUCTION.search(prompt)
    assert instruction is not None, prompt
    return prompt[: instruction.end()]


def model(request: dict[str, Any]) -> str:
    """The scripted model, which answers the same question with the same text."""
    message = request["messages"][-1]
    return ScriptedModel().answer(request | {"messages": [message | {"content": question(message["content"])}]})


class Chaos:
    """Rounds of it, in a directory, until the time is up; at least one."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.tally = Tally()
        self._chance = random.Random(seed)
        self._directory = directory
        self._clock = SteppedClock(directory, random.Random(seed + 1))
        lengths = [self._chance.randrange(150, 3600) for _ in range(INSTRUCTIONS)]
        rows = [
            {
                "prompt": f"写一篇{words}字的文章，谈谈第{n}件事。"
                if n % 3 == 0
                else f"Write {words} words on matter {n}."
            }
            for n, words in enumerate(lengths)
        ]
        self._source = write_rows(directory / "in.jsonl", rows)
        self._calm = directory / "calm"
        with FakeServer(answer=model) as server:
            run_longwriter("build-dataset", self._source, "-r", self._calm, *at(server))
        assert len(texts(self._calm)) == INSTRUCTIONS

    def go_on(self, minutes: float) -> None:
        """Goes through rounds until the time is up.

        Raises:
            AuditFailed: at once, so that what there is to look at is what the last command left.
        """
        begun = time.monotonic()
        try:
            with self._clock:
                nursery.cache_clear()  # programs get their clock from the nursery
                while not self.tally.rounds or time.monotonic() < begun + 60 * minutes:
                    self.tally.rounds += 1
                    run = self._directory / f"run{self.tally.rounds}"
                    Round(self._source, run, self._calm, self._chance, self.tally).go_through()
                    shutil.rmtree(run)
        finally:
            nursery.cache_clear()
            self.tally.minutes = (time.monotonic() - begun) / 60
            self.tally.clock_steps = self._clock.steps


class Round:
    """One run, from nothing to its end."""

    def __init__(self, source: Path, run: Path, calm: Path, chance: random.Random, tally: Tally) -> None:
        self._source, self._run, self._calm, self._chance, self._tally = source, run, calm, chance, tally
        self._lost = 0
        self._server = FakeServer(
            seed=chance.randrange(2**31),
            answer=model,
            faults=FAULTS,
            fault_kinds=FAULT_KINDS,
            spoil_once=question,
            stall_s=chance.choice([0.3, 0.3, 0.3, TIMEOUT_S + 1]),
            latency_s=chance.uniform(0.005, 0.03),
        )

    def go_through(self) -> None:
        with self._server:
            for _ in range(MOST_COMMANDS):
                if self._command() == 0:
                    break
            else:
                raise AuditFailed(f"{self._run} has not ended after {MOST_COMMANDS} commands")
        stats = self._server.stats
        self._tally.calls += stats.calls
        self._tally.faults += stats.faults
        self._tally.paid_twice += self._lost
        self._tally.records += len(texts(self._run))
        self._tally.losses += lost_records(self._run, self._calm)
        if found := problems(self._run, self._calm):
            raise AuditFailed("\n".join(found))

    def _command(self) -> int:
        """Gives the command once, disturbs it, looks at what it has done, and returns its exit code."""
        name = self._draw()
        disturbance = DISTURBANCES[name]
        concurrency = 32 if name in GOING_ON else self._chance.choice([4, 8, 32])
        in_flight = concurrency if disturbance.loses else 0
        command = [*("build-dataset", self._source, "-r", self._run, "-c", concurrency, *at(self._server))]
        command += ["--max-attempts", 50, "--timeout", TIMEOUT_S, "--give-up-after", 30, "--grace", 2]
        most_tokens = tokens_spent(self._run) + self._chance.randrange(300_000)
        if name == "budget reached":
            command += ["--max-total-tokens", max(1, most_tokens)]
        is_rated = self._chance.random() < 0.25
        if is_rated:
            command += ["--rpm", 60 * CALLS_PER_S]
        calls_before, begun = self._server.stats.calls, time.monotonic()
        program = Program(*command, patch=self._patch(name))
        self._disturb(name, program, command)
        result = program.wait(LONGEST_COMMAND_S)
        self._server.mode = "ok"
        took_s = time.monotonic() - begun
        until(lambda: self._server.stats.in_flight == 0)  # what is still to be sent has nobody to read it
        calls = self._server.stats.calls - calls_before
        lost = self._server.stats.answered - answers_kept(self._run)

        tally = self._tally
        tally.commands += 1
        tally.codes[result.code] += 1
        tally.done[name] += result.code in disturbance.codes or name == "server restarted"
        tally.in_flight += in_flight
        said = f"round {tally.rounds}, {name}, -c {concurrency}: exit code {result.code} after {took_s:.2f} s"
        with (self._run.parent / "commands.log").open("a") as log:
            log.write(f"{said}, {calls} calls\n")
        said += f"\n{result!r}"
        if result.code not in (0, *disturbance.codes):
            raise AuditFailed(f"an exit code that nothing explains: {said}")
        if not 0 <= lost - self._lost <= in_flight:
            raise AuditFailed(
                f"{lost - self._lost} answers are no rows, and {in_flight} may have been in flight: {said}"
            )
        if is_rated and calls > CALLS_PER_S * (took_s + 1) + 1:
            raise AuditFailed(f"{calls} calls, at {CALLS_PER_S} a second: {said}")
        if name == "budget reached" and tokens_spent(self._run) > OVER_BUDGET * most_tokens:
            raise AuditFailed(f"{tokens_spent(self._run)} tokens, of {most_tokens} that may be spent: {said}")
        self._lost = lost
        return result.code

    def _draw(self) -> str:
        if not (self._run / "plans.jsonl").exists() and self._chance.random() < 0.4:
            return "SIGKILL while taking in"
        return self._chance.choice(GOING_ON if self._chance.random() < 0.25 else CUT_SHORT)

    def _patch(self, name: str) -> str:
        return (WITH_SNAPSHOT if self._chance.random() < 0.5 else "") + self._deadly_patch(name)

    def _deadly_patch(self, name: str) -> str:
        match name:
            case "SIGKILL while taking in":
                left = self._chance.randint(1, TAKING_IN_STEPS)
                return KILL_AT_STEP.format(left=left, files=TAKING_IN, until="call_model")
            case "SIGKILL while exporting":
                left = self._chance.randint(1, EXPORTING_STEPS)
                return KILL_AT_STEP.format(left=left, files=EXPORTING, until="")
            case "disk full":
                return FULL_DISK.format(size=self._chance.randrange(20_000, 400_000))
        return ""

    def _disturb(self, name: str, program: Program, command: list[Any]) -> None:
        if name in ("left alone", "budget reached", "disk full") or name.startswith("SIGKILL while"):
            return
        is_at_once = name == "second command" and self._chance.random() < 0.5
        time.sleep(0 if is_at_once else self._chance.uniform(0.02, 1.5))
        match name:
            case "second command":
                self._give_twice(program, command, is_frozen=not is_at_once)
            case "server restarted":
                self._server.stop()
                time.sleep(self._chance.uniform(0.05, 0.5))
                self._server.start()
            case "key refused":
                self._server.mode = self._chance.choice(["bad_key", "forbidden", "no_model", "no_quota"])
            case "SIGTERM twice":
                _signal(program, signal.SIGTERM)
                time.sleep(self._chance.uniform(0, 0.2))
                _signal(program, signal.SIGTERM)
            case _:
                _signal(program, signal.Signals[name])

    def _give_twice(self, first: Program, command: list[Any], *, is_frozen: bool) -> None:
        """The same command beside the first, which may be frozen meanwhile: then all that changes is the second's."""
        if is_frozen:
            _signal(first, signal.SIGSTOP)
        before = snapshot(self._run)
        second = Program(*command).wait(LONGEST_COMMAND_S)
        changed = [path for path, found in snapshot(self._run).items() if before.get(path) != found]
        if is_frozen:
            _signal(first, signal.SIGCONT)
        if second.code not in (0, 75) or (second.code == 75 and "is in use by" not in second.stderr):
            raise AuditFailed(f"a second command on one run: {second!r}")
        if is_frozen and second.code == 75 and changed:
            raise AuditFailed(f"a second command that was turned away changed {changed}: {second!r}")
        self._tally.done["second command"] += second.code == 75


def _signal(program: Program, number: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended by itself
        program.signal(number)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=1.0, help="rounds begin for so long; the last one is ended")
    parser.add_argument("--seed", type=int, default=None, help="default: a random one, which is told")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    directory = Path(tempfile.mkdtemp(prefix="chaos-"))
    chaos = Chaos(directory, seed)
    failed: Exception | None = None
    try:
        chaos.go_on(arguments.minutes)
    except (AuditFailed, AssertionError) as error:
        failed = error
    print(chaos.tally.table(seed))  # noqa: T201
    if not chaos.tally.clock_steps:
        print("The clock was left alone: libfaketime is missing, or does not load here.")  # noqa: T201
    if failed is None:
        shutil.rmtree(directory)
        return 0
    again = f"scripts/chaos --seed {seed} --minutes {arguments.minutes:g}"
    kept = f"The run and commands.log are kept in {directory}. To see it again: {again}"
    print(f"\nAUDIT FAILED: {failed}\n\n{kept}")  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
