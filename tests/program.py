"""Runs the real program in a process of its own, and tells what came of it::

    result = run_longwriter("plan", file, "-r", run, *at(server))
    assert result.summary["planned"] == 3

Importing what the program needs takes a second of CPU, and these tests run it hundreds of times. So each process is
forked from one that has imported everything and done nothing else, the *nursery*. From there on it is a process like
any other: its arguments, environment, directory, streams, signals and exit code are its own. `fresh=True` starts an
interpreter from nothing instead.

In forked processes the waits between tries are a hundredth of what they are (waits that the endpoint asks for are as
long as it asks), and `patch` may hold Python code to run before the program: to kill it at a place of one's choice.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import resource
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fake_model import audit_record
from fake_server import FakeServer

MODEL = "fake-writer"
TIMEOUT_S = 60.0

SUMMARY_KEYS = [
    "command",
    "run",
    "instructions",
    "planned",
    "written",
    "failed",
    "rejected",
    "records",
    "sections",
    "calls",
    "retries",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "cost_usd",
    "elapsed_s",
    "dataset",
    "exit_code",
]


def at(server: FakeServer) -> tuple[str, ...]:
    """The options that every run against the fake server needs."""
    return "-m", MODEL, "--base-url", server.base_url


class Result:
    """What a process left behind. `code` is negative where a signal ended it, as in `subprocess`."""

    def __init__(self, arguments: tuple[str, ...], code: int, stdout: str, stderr: str) -> None:
        self.arguments = arguments
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def summary(self) -> dict[str, Any]:
        """The object that `--json` prints; fails where anything else stands on standard output."""
        lines = self.stdout.splitlines()
        assert len(lines) == 1, f"standard output should hold one line:\n{self.stdout}\n{self.stderr}"
        summary: dict[str, Any] = json.loads(lines[0])
        return summary

    def __repr__(self) -> str:
        return f"longwriter {' '.join(self.arguments)}\nexit code {self.code}\n{self.stdout}\n{self.stderr}"


class Program:
    """A process under way."""

    def __init__(
        self,
        *arguments: object,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: bytes = b"",
        patch: str = "",
        fresh: bool = False,
        warm: tuple[str, ...] = (),
    ) -> None:
        assert not (patch and fresh), "a fresh interpreter takes no patch"
        self.arguments = tuple(map(str, arguments))
        self._stdin, self._stdout, self._stderr = (tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115 - closed in wait
        self._stdin.write(stdin)
        self._stdin.flush()
        os.lseek(self._stdin.fileno(), 0, os.SEEK_SET)
        order = {
            "arguments": self.arguments,
            "env": {**os.environ, **(env or {})},
            "cwd": str(cwd or Path.cwd()),
            "patch": patch,
            "fresh": fresh,
        }
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(nursery(*warm))
        fds = [file.fileno() for file in (self._stdin, self._stdout, self._stderr)]
        socket.send_fds(self._socket, [b"!"], fds)
        self._socket.sendall(json.dumps(order).encode() + b"\n")
        self._answers = self._socket.makefile()
        self.pid = int(self._answers.readline())

    @property
    def stdout(self) -> str:
        """What it has shown so far."""
        return _text(self._stdout.fileno())

    @property
    def stderr(self) -> str:
        """What it has said so far."""
        return _text(self._stderr.fileno())

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout_s: float = TIMEOUT_S) -> Result:
        """Waits for its end; a process that takes longer is killed, and the test fails."""
        self._socket.settimeout(timeout_s)
        try:
            code = int(self._answers.readline())
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            raise AssertionError(f"still running after {timeout_s:g} s: {self.arguments}\n{self.stderr}") from None
        result = Result(self.arguments, code, self.stdout, self.stderr)
        for closing in (self._answers, self._socket, self._stdin, self._stdout, self._stderr):
            closing.close()
        return result


def run_longwriter(*arguments: object, code: int | None = 0, timeout_s: float = TIMEOUT_S, **options: Any) -> Result:
    """Runs the program to its end and holds its exit code against `code`; None takes any. Options are `Program`'s."""
    result = Program(*arguments, **options).wait(timeout_s)
    assert code is None or result.code == code, f"exit code {code} was expected\n{result!r}"
    return result


def until(condition: Any, timeout_s: float = 20.0) -> None:
    """Waits until `condition()` holds."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, "waited in vain"
        time.sleep(0.005)


def _text(fd: int) -> str:
    return os.pread(fd, os.fstat(fd).st_size, 0).decode()


# --- files of a run ---------------------------------------------------------------------------------------------


def write_rows(path: Path, rows: Any) -> Path:
    """Writes JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Reads JSON Lines; a missing file has no rows."""
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def rows_so_far(path: Path) -> list[dict[str, Any]]:
    """Reads JSON Lines that a command writes at this moment, or wrote as it was killed: half a last line is no row."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]] if path.exists() else []


def essays(count: int, words: int = 900) -> list[dict[str, Any]]:
    """Instructions that the scripted model plans in about `words` / 400 steps."""
    return [{"prompt": f"Write an essay of {words} words on river number {i}."} for i in range(count)]


def texts(run: Path) -> dict[str, str]:
    """The dataset of a run: the text for each prompt. Fails where a record is not exactly what it should be."""
    found = {}
    for record in read_rows(run / "dataset.jsonl"):
        assert list(record) == ["messages"]
        user, assistant = record["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        assert set(user) == set(assistant) == {"role", "content"}
        found[user["content"]] = assistant["content"]
    return found


def audit(run: Path) -> int:
    """Audits the contexts that each record was written in; returns how many records there are."""
    found = texts(run)
    for prompt, text in found.items():
        assert audit_record(text) == [], prompt
    return len(found)


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of change (ns) of each file."""
    files = (path for path in sorted(directory.rglob("*")) if path.is_file())
    return {str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


# --- the nursery ------------------------------------------------------------------------------------------------


@cache
def nursery(*warm: str) -> str:
    """Starts the nursery, once a session, and gives the address of its socket. It ends with this process.

    There is another one for each set of further modules, `warm`, that a nursery is to have imported: those that take
    seconds and that few tests need.
    """
    directory = tempfile.TemporaryDirectory()
    atexit.register(directory.cleanup)
    address = f"{directory.name}/nursery"
    process = subprocess.Popen(
        [sys.executable, __file__, address, *warm], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    atexit.register(process.wait)
    atexit.register(process.stdin.close)  # the sign to end
    assert process.stdout.readline() == b"ready\n"
    return address


# What the program imports on its way, most of it inside functions.
_WANTED = [
    "aiohttp",
    "anyio.streams.tls",
    "encodings.idna",
    "encodings.utf_8_sig",
    "filelock",
    "httpcore2",
    "httpx2",
    "openai",
    "tenacity",
    "truststore",
    "longwriter_cli.cli.app",
    "longwriter_cli.cli.build_dataset",
    "longwriter_cli.cli.handler",
    "longwriter_cli.cli.plan",
    "longwriter_cli.cli.write",
    "longwriter_cli.llm.endpoints",
    "longwriter_cli.llm.openai",
    "longwriter_cli.llm.prices",
]


def _tend(address: str, *warm: str) -> None:
    """The nursery's own process: for each connection it forks an attendant, until standard input ends."""
    import select

    from genai_prices.data_snapshot import get_snapshot

    from longwriter_cli.llm import retry
    from longwriter_cli.stages import waves

    for name in (*_WANTED, *warm):
        importlib.import_module(name)
    get_snapshot()
    gc.freeze()  # so that no collection in a child copies what it shares with this process
    retry.FIRST_WAIT_S /= 100
    retry.LONGEST_WAIT_S /= 100
    waves.FIRST_POLL_S /= 500
    waves.LONGEST_POLL_S /= 500
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # attendants are nobody's to wait for
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(128)
        print("ready", flush=True)  # noqa: T201 - the sign for the parent
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                return
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                _attend(connection)
                return
            connection.close()


def _attend(connection: socket.socket) -> None:
    """Forks one program, tells its process id, waits for its end and tells its exit code. Returns in the program."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, fds, _, _ = socket.recv_fds(connection, 1, 3)
    order = json.loads(connection.makefile().readline())
    pid = os.fork()
    if pid == 0:
        connection.close()
        # The tests may run under nohup or in the background of a script, where these are ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        for place, fd in enumerate(fds):
            os.dup2(fd, place)
            os.close(fd)
        _become(**order)
        return
    for fd in fds:
        os.close(fd)
    connection.sendall(b"%d\n" % pid)
    _, status = os.waitpid(pid, 0)
    connection.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _become(arguments: list[str], env: dict[str, str], cwd: str, patch: str, fresh: bool) -> None:
    """Turns this process into the program."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(cwd)
    if fresh:
        os.execve(sys.executable, [sys.executable, "-m", "longwriter_cli", *arguments], env)
    os.environ.clear()
    os.environ.update(env)
    tempfile.tempdir = None
    sys.argv = ["longwriter", *arguments]
    exec(patch, {})
    runpy.run_module("longwriter_cli", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _tend(*sys.argv[1:])
