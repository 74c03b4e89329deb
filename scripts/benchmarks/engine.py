"""A real engine: llama.cpp's server with 4 slots and the embedded model, the program against a bare loop.

The same prompts for both; tokens per second over the whole time, the opening of
the run and its export included.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import orjson
from programs import build, spend
from table import Row

from longwriter_cli.llm.local import LocalServer
from longwriter_cli.llm.weights import find_weights
from longwriter_cli.prompts import load_templates
from longwriter_cli.records import Step
from longwriter_cli.text.plan import format_step, format_steps

_SLOTS = 4
_TEXTS = 12
_MAX_TOKENS = 128
_BODY = {"temperature": 0.3, "repeat_penalty": 1.1, "max_tokens": _MAX_TOKENS}


def rows(*, short: bool) -> list[Row]:
    if short:
        return []
    with LocalServer(find_weights("local"), slots=_SLOTS, context_tokens=2048) as server:
        bare = [asyncio.run(_bare(server))]
        ours = [_run(server)]
        bare.append(asyncio.run(_bare(server)))
        ours.append(_run(server))
    rate, floor = max(ours), max(bare)
    return [
        Row(
            f"llama.cpp with {_SLOTS} slots, tokens/s",
            f"{rate:.0f}",
            f"bare loop, {floor:.0f}",
            rate / floor,
            target=0.9,
            at_least=True,
        )
    ]


def _instruction(number: int) -> tuple[str, Step]:
    return f"Write a few lines about the town of harbour number {number}.", Step(1, f"The harbour {number} at dawn", 60)


def _run(server: LocalServer) -> float:
    """Tokens per second of the program."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "instructions.jsonl"
        with source.open("w") as file:
            for number in range(_TEXTS):
                prompt, step = _instruction(number)
                plan = [{"n": step.n, "main_point": step.main_point, "words": step.words}]
                file.write(json.dumps({"prompt": prompt, "plan": plan}) + "\n")
        more = ["--extra-body", json.dumps(_BODY), "--api-key-env", "BENCH_KEY", "--max-failed", "100%", "--json"]
        command = build(source, Path(name) / "run", f"{server.base_url}/v1", _SLOTS, *more)
        summary = json.loads(spend(command, BENCH_KEY=server.api_key).output)
    return float(summary["completion_tokens"] / summary["elapsed_s"])


async def _bare(server: LocalServer) -> float:
    """Tokens per second of a loop that does nothing but send."""
    import aiohttp

    template = load_templates().get("write", "en")
    tokens, numbers = 0, iter(range(_TEXTS))

    async def worker(session: aiohttp.ClientSession) -> None:
        nonlocal tokens
        for number in numbers:
            prompt, step = _instruction(number)
            text = template.fill(INST=prompt, PLAN=format_steps((step,), "en"), TEXT="", STEP=format_step(step, "en"))
            body = {"model": "bench", "messages": [{"role": "user", "content": text}], **_BODY}
            async with session.post(f"{server.base_url}/v1/chat/completions", data=orjson.dumps(body)) as answer:
                tokens += orjson.loads(await answer.read())["usage"]["completion_tokens"]

    began = time.monotonic()
    headers = {"content-type": "application/json", "authorization": f"Bearer {server.api_key}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        await asyncio.gather(*(worker(session) for _ in range(_SLOTS)))
    return tokens / (time.monotonic() - began)
