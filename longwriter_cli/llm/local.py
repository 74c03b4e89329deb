"""The embedded model: a 135-million-parameter model on this machine, so that the tool can be tried without a key.

`local` is SmolLM2-135M, asked in words of its own (`local_wording`); `local:FILE.gguf`, a model of any size, gets the
prompts as they are.

Measured with 2 slots on 2 cores: ready in 1 s, 29 to 68 tokens/s in all, 18 to 26 s for a record of 600 words, which
miss their length: 171 to 832 words.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from longwriter_cli.errors import EndpointDown, UsageError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.local_wording import Shaper
from longwriter_cli.llm.weights import Notify, find_weights

SLOTS = 2
CONTEXT_TOKENS = 8192
"""Of each slot: all that SmolLM2 was trained on."""


def banner() -> str:
    """What this model is, in one sentence for the terminal and the manifest."""
    return (
        "The embedded model (SmolLM2-135M) is tiny: its text is fluent and often false, good for trying the tool "
        "and not for data to train on."
    )


async def start(model: str, *, notify: Notify = lambda message: None) -> Chat:
    """Serves `local` or `local:FILE.gguf` from a child process; closing the `Chat` ends it.

    Raises:
        UsageError: the extra [local] is not installed, or the weights are missing or damaged.
    """
    from longwriter_cli.llm.openai import OpenAIChat

    def ready() -> LocalServer:
        check_installed()
        return LocalServer(find_weights(model, notify=notify)).start()

    server = await asyncio.to_thread(ready)
    inner = OpenAIChat(
        f"{server.base_url}/v1", server.api_key, connections=server.slots, context_tokens=server.context_tokens
    )
    return LocalChat(inner, server, tiny=model == "local")


def check_installed() -> None:
    """Raises UsageError where llama.cpp is not installed."""
    if importlib.util.find_spec("xllamacpp") is None:
        raise UsageError(
            "The embedded model needs the package xllamacpp.",
            f"{sys.executable} -m pip install xllamacpp (the extra [local] brings it too: pip install '.[local]')",
        )


# --- the server


class LocalServer:
    """llama.cpp's server in a child process, on 127.0.0.1 alone, with a key that only this object knows.

    The child ends with `close`, and when this process ends in any way. `context_tokens` is per slot.
    """

    def __init__(
        self, weights: Path, *, slots: int = SLOTS, context_tokens: int = CONTEXT_TOKENS, timeout_s: float = 120.0
    ) -> None:
        self.weights = weights
        self.slots = slots
        self.context_tokens = context_tokens
        self.api_key = secrets.token_urlsafe(24)
        self.base_url = ""
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the child writes to it

    def start(self) -> Self:
        """Returns when the server answers.

        Raises:
            UsageError: the child ended, as it does for a damaged file, or was not ready in time; has its last words.
        """
        options = ["--slots", str(self.slots), "--context", str(self.context_tokens)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "longwriter_cli.llm.local_server", str(self.weights), *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        deadline = time.monotonic() + self._timeout_s
        try:
            self.base_url = self._announced(self._process)
            self._wait_for_health(deadline)
        except BaseException:  # Ctrl-C too: the child must not outlive a start that failed
            self.close()
            raise
        return self

    def _announced(self, process: subprocess.Popen[str]) -> str:
        """The address in the child's READY line. A thread reads it: a pipe knows no time-out on every system."""
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(f"{self.api_key}\n")
            process.stdin.flush()
        lines: list[str] = []
        stdout = process.stdout
        reader = threading.Thread(target=lambda: lines.append(stdout.readline()), daemon=True)
        reader.start()
        reader.join(self._timeout_s)
        if not lines:
            raise UsageError(f"The embedded server was not ready after {self._timeout_s:g} s.{self.last_words()}")
        word, _, base_url = lines[0].strip().partition(" ")
        if word != "READY":
            process.wait()
            raise UsageError(
                f"llama.cpp cannot serve {self.weights}.{self.last_words()}",
                "The file may be damaged, or made for a newer llama.cpp: pip install -U xllamacpp",
            )
        return base_url

    def _wait_for_health(self, deadline: float) -> None:
        # A proxy that is set for the outside world must not be asked for this machine.
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while self.alive and time.monotonic() < deadline:
            with contextlib.suppress(OSError), direct.open(f"{self.base_url}/health", timeout=5) as response:
                if response.status == 200:
                    return
            time.sleep(0.05)
        raise UsageError(f"The embedded server does not answer at {self.base_url}.{self.last_words()}")

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def last_words(self, lines: int = 6) -> str:
        """The end of the child's log, indented, or nothing where it is empty."""
        self._log.seek(0)
        log = self._log.read().decode("utf-8", "replace").strip().splitlines()
        return "".join(f"\n  {line}" for line in log[-lines:])

    def close(self) -> None:
        """Ends the child: by closing its standard input, or by force where that takes longer than 2 s."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.stdin is not None
        assert process.stdout is not None
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()  # last: closing waits for the thread that may be reading from it

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()


class LocalChat:
    """A `Chat` over a `LocalServer`. What the request sets itself (`params`, `max_tokens`) wins over what is set here.

    Args:
        inner: an OpenAI-compatible client of the server; closed with this.
        tiny: reword the calls for the embedded model.
    """

    def __init__(self, inner: Chat, server: LocalServer, *, tiny: bool = True) -> None:
        self._inner = inner
        self._server = server
        self._shape = Shaper() if tiny else None

    async def complete(self, request: Request) -> Completion:
        """As `Chat.complete`.

        Raises:
            EndpointDown: the child has ended; at once, for trying again cannot bring it back.
        """
        call = asyncio.ensure_future(self._inner.complete(self._shape(request) if self._shape else request))
        try:
            while not (await asyncio.wait({call}, timeout=1.0))[0]:
                self._check_alive()
            if call.exception() is not None:
                self._check_alive()
            return call.result()
        finally:
            call.cancel()

    def _check_alive(self) -> None:
        if not self._server.alive:
            raise EndpointDown(
                f"The embedded server has ended.{self._server.last_words()}",
                "Everything written is kept. Give the same command again.",
            )

    async def context_tokens(self, model: str) -> int | None:
        return self._server.context_tokens

    async def close(self) -> None:
        await self._inner.close()
        await asyncio.to_thread(self._server.close)
