"""Processes under measurement: the endpoint, and the commands that talk to it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import endpoint

HERE = Path(__file__).parent
LONGWRITER = (sys.executable, "-m", "longwriter_cli")
# Settings of the user's own would be measured along.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("LONGWRITER_", "OPENAI_"))}


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took: wall time and CPU (user and system, its children too) in seconds."""

    wall_s: float
    cpu_s: float
    started_at: float
    output: str


def spend(command: Sequence[str], code: int = 0, **env: str) -> Spent:
    """Runs a command to its end. Raises CalledProcessError where it ends with another exit code."""
    return Command(command, **env).spent(code)


# Runs a command, hands its output on, and says the most memory that it took, in KB, behind it.
_WITH_MEMORY = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
sys.exit(code)
"""


def spend_memory(command: Sequence[str]) -> tuple[str, int]:
    """Runs a command to its end. Gives its output and the most memory that it took, in bytes.

    A process has at least the memory of the one that started it to its name, so a small one does that here.
    """
    output, _, kilobytes = spend([sys.executable, "-c", _WITH_MEMORY, *command]).output.rstrip().rpartition("\n")
    return output, int(kilobytes) * 1024


class Command:
    """A process under way."""

    def __init__(self, command: Sequence[str], **env: str) -> None:
        self._command = command
        self._started_at = time.monotonic()
        self._output = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed in spent
        self._process = subprocess.Popen(command, stdout=self._output, stderr=subprocess.PIPE, env=_ENVIRONMENT | env)

    def spent(self, code: int = 0) -> Spent:
        """Waits for its end."""
        assert self._process.stderr is not None
        said = self._process.stderr.read()
        _, status, usage = os.wait4(self._process.pid, 0)
        wall_s = time.monotonic() - self._started_at
        self._process.returncode = os.waitstatus_to_exitcode(status)
        if self._process.returncode != code:
            raise subprocess.CalledProcessError(self._process.returncode, self._command, stderr=said.decode())
        with self._output as file:
            file.seek(0)
            output = file.read()
        return Spent(wall_s, usage.ru_utime + usage.ru_stime, self._started_at, output)


class Serving:
    """An endpoint under way."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def figures(self) -> dict[str, float]:
        with urllib.request.urlopen(f"{self.base_url}/stats") as answer:
            figures: dict[str, float] = json.load(answer)
        return figures


@contextmanager
def serving(**options: object) -> Iterator[Serving]:
    """An endpoint in a process of its own; options are those of `endpoint.py`."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    process = subprocess.Popen([sys.executable, HERE / "endpoint.py", *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Serving(process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait()


def instructions(path: Path, count: int, *, seed: int = 1, fewest: int = 3, most: int = 45) -> Path:
    """An instruction file for the endpoint, with plans of `fewest` to `most` steps."""
    rng = random.Random(seed)
    with path.open("w") as file:
        for number in range(count):
            file.write(json.dumps({"prompt": endpoint.prompt(number, rng.randint(fewest, most))}) + "\n")
    return path


def build(
    source: Path, run: Path, base_url: str, concurrency: int, *more: str, program: Sequence[str] = LONGWRITER
) -> list[str]:
    """The command that builds a dataset from the endpoint."""
    fixed = ["-m", "bench", "--base-url", base_url, "-c", str(concurrency), "--progress", "none"]
    return [*program, "build-dataset", str(source), "-r", str(run), *fixed, *more]
