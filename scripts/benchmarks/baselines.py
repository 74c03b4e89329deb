"""The same bodies sent in other ways, each as it is mostly written. Answers are parsed and dropped.

aiohttp: what no client can do with less. gather: a semaphore, `asyncio.gather`, `AsyncOpenAI`. processes: a fixed pool
of 8 with requests, the bodies split beforehand.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

Body = dict[str, Any]

_IN_FLIGHT = 64
_PROCESSES = 8


async def bare(url: str, bodies: Sequence[Body]) -> None:
    import aiohttp

    left = iter(bodies)

    async def worker(session: aiohttp.ClientSession) -> None:
        for body in left:
            async with session.post(f"{url}/chat/completions", data=orjson.dumps(body), headers=headers) as answer:
                orjson.loads(await answer.read())

    headers = {"content-type": "application/json"}
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=_IN_FLIGHT)) as session:
        await asyncio.gather(*(worker(session) for _ in range(_IN_FLIGHT)))


async def gather(url: str, bodies: Sequence[Body]) -> None:
    import openai

    client = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=600)
    free = asyncio.Semaphore(_IN_FLIGHT)

    async def call(body: Body) -> None:
        async with free:
            await client.chat.completions.create(**body)

    await asyncio.gather(*(call(body) for body in bodies))


def processes(url: str, bodies: Sequence[Body]) -> None:
    shares = [(url, bodies[first::_PROCESSES]) for first in range(_PROCESSES)]
    with multiprocessing.Pool(_PROCESSES) as pool:
        pool.starmap(_send_share, shares)


def _send_share(url: str, bodies: Sequence[Body]) -> None:
    import requests

    for body in bodies:
        requests.post(f"{url}/chat/completions", json=body, timeout=600).json()


def main(kind: str, url: str, file: str, idle: str = "") -> None:
    bodies: list[Body] = [orjson.loads(line) for line in Path(file).read_bytes().splitlines()]
    if idle:
        bodies = []
    if kind == "processes":
        processes(url, bodies)
    else:
        asyncio.run({"aiohttp": bare, "gather": gather}[kind](url, bodies))


if __name__ == "__main__":
    main(*sys.argv[1:])
