"""The embedded model: a 135-million-parameter model on this machine, so that the tool can be tried without a key.

A model of this size cannot follow a page of rules: given the shipped templates, 8 of 12 sections spoke about the
task in place of doing it. So its calls are reworded. A plan's form is enforced by a grammar, which leaves only the
main points to the model. A section is asked for in two lines, as the next turn of a conversation whose last answer
is the text so far. Templates of the user's own are sent as they are, and so is everything to `local:FILE.gguf`, which
may be a model of any size.

Measured with 2 slots on 2 cores that had other work too: ready in 1 to 2 s, 30 to 36 tokens/s in all, 18 to 26 s for a
record of 600 words, 1.15 tokens for an English word. Its sections miss their length: 76 to 419 words for 300.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import re
import secrets
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from longwriter_cli.errors import EndpointDown, UsageError
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.llm.weights import Notify, find_weights
from longwriter_cli.prompts import Template, TemplateName, load_templates
from longwriter_cli.records import Language

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
        raise UsageError("The embedded model needs xllamacpp.", "pip install 'longwriter-cli[local]'")


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
        except BaseException:
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


# --- what the model is asked


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


PLAN_SAMPLING: Mapping[str, Any] = {"temperature": 0.3, "repeat_penalty": 1.1, "repeat_last_n": 128, "min_p": 0.05}
TEXT_SAMPLING: Mapping[str, Any] = {
    "temperature": 0.7,
    "min_p": 0.05,
    # Without this penalty, 72% of all runs of four words repeat an earlier one; with it 4 to 17%, mostly sentences
    # that a later section copies from an earlier one. DRY, which looks back farther, leaves 2%.
    "repeat_penalty": 1.1,
    "dry_multiplier": 0.8,
    "dry_base": 1.75,
    "dry_allowed_length": 4,
    "dry_penalty_last_n": 4096,
    # Left alone, the model likes to end after 100 words.
    "logit_bias": [["<|im_end|>", -2.0]],
}

ROOM = 1.25
"""A section may take this many times its target; what is cut is trimmed to its last sentence by the caller."""
TOKENS_PER_WORD: Mapping[Language, float] = {"en": 1.2, "zh": 2.0}
SEEN_CHARACTERS = 4000
"""The newest part of the text so far that a call gets: with more, this model copies what it reads."""


@dataclass(frozen=True, slots=True)
class Wording:
    """How the embedded model is spoken to in one language. `line` is a regular expression for a line of a plan."""

    begin: str
    go_on: str
    line: re.Pattern[str]
    form: tuple[str, str, str]
    point: str
    examples: tuple[tuple[str, str], ...]


WORDINGS: Mapping[Language, Wording] = {
    "en": Wording(
        begin="{instruction}\n\nBegin with this part, in about {words} words: {point}.",
        go_on="Go on with the next part, in about {words} words: {point}.",
        line=re.compile(r"Paragraph \d+ - Main Point: (.+) - Word Count: (\d+) words"),
        form=("Paragraph {n} - Main Point: ", " - Word Count: ", " words"),
        # One sentence of 30 to 200 characters that can hold nothing to be mistaken for the rest of the line. Past
        # the limit the word may be ended, no new one begun.
        point=r"[A-Z] body{29,183} [a-z]{0,16}" + "\n" + r"body ::= [A-Za-z0-9 ,;'’é]",
        examples=(
            (
                "Write a 750-word article about how bread is made.",
                "Paragraph 1 - Main Point: Where bread comes from, which grains people first ground, and why wheat "
                "became the grain of bakers - Word Count: 250 words\n"
                "Paragraph 2 - Main Point: How flour, water, salt and yeast become a dough, with the work of kneading "
                "and the hours of rising - Word Count: 250 words\n"
                "Paragraph 3 - Main Point: What happens in the oven, how the crust gets its colour, and how a baker "
                "knows that the loaf is done - Word Count: 250 words",
            ),
            (
                "Write a story of 600 words about a girl who repairs a clock tower.",
                "Paragraph 1 - Main Point: Mina climbs the silent tower of her village, finds the broken wheel, and "
                "promises the mayor to mend it - Word Count: 300 words\n"
                "Paragraph 2 - Main Point: The night of work by candlelight, the wheel that does not fit, and the "
                "morning when the bell rings again - Word Count: 300 words",
            ),
        ),
    ),
    "zh": Wording(
        begin="{instruction}\n\n请先写这一部分，约{words}字：{point}。",
        go_on="请接着写下一部分，约{words}字：{point}。",
        line=re.compile(r"第\d+段 - 主要内容：(.+) - 字数要求：(\d+)字"),
        form=("第{n}段 - 主要内容：", " - 字数要求：", "字"),
        point="han body{9,48} han\nbody ::= han | [，、]\nhan ::= [一-鿿]",
        examples=(
            (
                "请写一篇600字的文章，介绍面包是怎样做成的。",
                "第1段 - 主要内容：面包的来历，人们最早磨的是哪些谷物，小麦为什么成了面包师的首选 - 字数要求：300字\n"
                "第2段 - 主要内容：面粉、水、盐和酵母怎样变成面团，烤炉里又发生了什么 - 字数要求：300字",
            ),
        ),
    ),
}

MOST_LINES = 40  # the plan's own limit is 50 steps
_LINE_WORDS = 300


def line_words(required_words: int) -> list[int]:
    """The word counts of a plan's lines: about 300 each, 200 to 1000, adding up to what is required where that can be.

    Few words for each line, because this model has nothing more to say after 300.
    """
    lines = min(MOST_LINES, max(1, round(required_words / _LINE_WORDS)))
    each = min(1000, max(200, round(required_words / lines / 10) * 10))
    last = min(1000, max(200, required_words - each * (lines - 1)))
    return [each] * (lines - 1) + [last]


def plan_grammar(language: Language, required_words: int | None) -> str:
    """A grammar (GBNF, llama.cpp's `grammars/README.md`) of plans.

    Where the required length is known, number and lengths of the lines are fixed; else 2 to 8 lines of 200 to 1000.
    """
    wording = WORDINGS[language]
    head, middle, tail = wording.form
    counts = [f'"{words}"' for words in line_words(required_words)] if required_words else []
    lines = [
        f'"{head.format(n=n)}" point "{middle}" {count} "{tail}"' for n, count in enumerate(counts or ["words"] * 8, 1)
    ]
    if counts:
        root = ' "\\n" '.join(lines)
    else:
        root = f'{lines[0]} "\\n" {lines[1]}'
        root += "".join(f' ("\\n" {line}' for line in lines[2:]) + ")?" * len(lines[2:])
    free = '"1000" | [2-9] [0-9] "0"'
    return f"root ::= {root}\npoint ::= {wording.point}\nwords ::= {free}\n"


class Shaper:
    """Turns a request into what the embedded model can do.

    The values that filled a template are read back out of the prompt; a prompt that no shipped template makes goes
    out with its wording untouched, only sampled, shaped and capped.
    """

    def __init__(self) -> None:
        templates = load_templates().by_key
        self._patterns = {key: unfilling(template) for key, template in templates.items()}

    def __call__(self, request: Request) -> Request:
        if request.kind == "plan":
            return self._plan(request)
        if request.kind == "section":
            return self._section(request)
        return replace(request, params={**TEXT_SAMPLING, **request.params})

    def _plan(self, request: Request) -> Request:
        language, values = self._read_back("plan", request.prompt)
        grammar = plan_grammar(language, request.target_words)
        return replace(
            request,
            prompt=values.get("INST", request.prompt),
            examples=WORDINGS[language].examples,
            params={"cache_prompt": True, "grammar": grammar, **PLAN_SAMPLING, **request.params},
        )

    def _section(self, request: Request) -> Request:
        language, values = self._read_back("write", request.prompt)
        wording = WORDINGS[language]
        most = request.max_tokens
        if most is None and request.target_words is not None:
            most = round(ROOM * TOKENS_PER_WORD[language] * request.target_words)
        params = {"cache_prompt": True, **TEXT_SAMPLING, **request.params}
        shaped = replace(request, max_tokens=most, params=params)
        line = wording.line.fullmatch(values.get("STEP", "").strip())
        if line is None:
            return shaped
        turn = {"instruction": values.get("INST", ""), "point": line[1].rstrip(".。"), "words": line[2]}
        if text := values.get("TEXT", ""):
            earlier = (values.get("INST", ""), newest(text))
            return replace(shaped, examples=(earlier,), prompt=wording.go_on.format(**turn))
        return replace(shaped, prompt=wording.begin.format(**turn))

    def _read_back(self, name: TemplateName, prompt: str) -> tuple[Language, Mapping[str, str]]:
        for (language, template), pattern in self._patterns.items():
            if template == name and (match := pattern.fullmatch(prompt.rstrip())):
                return language, match.groupdict()
        return "zh" if len(re.findall(r"[一-鿿]", prompt)) > len(prompt) / 4 else "en", {}


def unfilling(template: Template) -> re.Pattern[str]:
    """The inverse of `Template.fill`: matches what the template makes, with a group for each placeholder."""
    pieces, seen = [], set()
    for place, part in enumerate(template.parts):
        if place % 2 == 0:
            pieces.append(re.escape(part.rstrip() if place == len(template.parts) - 1 else part))
        else:
            pieces.append(f"(?P={part})" if part in seen else f"(?P<{part}>.*?)")
            seen.add(part)
    return re.compile("".join(pieces), re.DOTALL)


def newest(text: str) -> str:
    """The last `SEEN_CHARACTERS` of the text or less, from the start of a sentence on."""
    if len(text) <= SEEN_CHARACTERS:
        return text
    tail = text[-SEEN_CHARACTERS:]
    start = re.search(r"[.!?。！？][\"”’]?\s*", tail)
    return tail[start.end() :] if start else tail
