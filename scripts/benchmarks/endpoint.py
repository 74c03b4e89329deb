"""A chat endpoint that costs next to nothing: it waits as long as a model would, and answers from a few prepared texts.

The fake server of the tests checks and scripts each answer, which takes as much CPU as the client under test. This one
takes a tenth of that, and writes down what a benchmark asks for: how long each chain was served, how long after an
answer the next call of its instruction came, and the bodies themselves.

An instruction says its number and the steps of its plan: `No. 17 of 24 steps.`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import time
import zlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import orjson

_ABOUT = re.compile(rb"No\. (\d+) of (\d+) steps\.")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_WORDS_OF_A_STEP = 400
# Half of the words are common and half are rare, as in prose: what looks for copies has as much to do as with prose.
_COMMON = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "was",
    "that",
    "his",
    "it",
    "with",
    "as",
    "had",
    "for",
    "at",
    "on",
    "but",
    "from",
    "they",
    "by",
    "were",
    "which",
    "this",
    "when",
]
_SYLLABLES = [first + vowel for first in "bcdfghlmnprst" for vowel in "aeiou"]
_SENTENCE_WORDS = 16


def prompt(number: int, steps: int) -> str:
    """An instruction that this endpoint understands."""
    return f"Write a report of {steps * _WORDS_OF_A_STEP} words on the harbour. No. {number} of {steps} steps."


def plan(steps: int) -> str:
    """The plan that it answers with."""
    return "\n".join(
        f"Paragraph {n} - Main Point: what the harbour was in year {n} - Word Count: {_WORDS_OF_A_STEP} words"
        for n in range(1, steps + 1)
    )


def section(words: int, variant: int) -> str:
    """Prose of so many words, or a few more, in whole sentences; no two variants are alike."""
    rng = random.Random(variant)
    sentences = []
    for _ in range(0, words, _SENTENCE_WORDS):
        rare = ["".join(rng.choices(_SYLLABLES, k=rng.randint(2, 4))) for _ in range(_SENTENCE_WORDS // 2)]
        common = rng.choices(_COMMON, k=len(rare))
        sentences.append(" ".join(word for pair in zip(common, rare, strict=True) for word in pair).capitalize() + ".")
    return " ".join(sentences)


@dataclass
class Record:
    """What was asked, in seconds of the monotonic clock; chains by the number of their instruction."""

    calls: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    served_s: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))
    asked: Counter[int] = field(default_factory=Counter)
    answered_at: dict[int, float] = field(default_factory=dict)
    gaps_s: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """Sums in seconds. A gap is the time from a section to the call for the next one of the same text."""
        gaps = sorted(self.gaps_s or [0.0])
        return {
            "calls": self.calls,
            "most_in_flight": self.most_in_flight,
            "first_at": self.first_at,
            "span_s": self.last_at - self.first_at,
            "served_s": sum(self.served_s.values()),
            "longest_chain_s": max(self.served_s.values(), default=0.0),
            "gap_p50_s": gaps[len(gaps) // 2],
            "gap_p99_s": gaps[int(len(gaps) * 0.99)],
        }


class Endpoint(asyncio.Protocol):
    """One connection. Requests on it come one after the other."""

    def __init__(self, record: Record, args: argparse.Namespace, answers: list[bytes]) -> None:
        self._record = record
        self._args = args
        self._answers = answers
        self._received = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        end = head + 4 + (int(length[1]) if length else 0)
        if len(self._received) >= end:
            path = bytes(self._received[: self._received.find(b"\r\n")]).split()[1]
            body = bytes(self._received[head + 4 : end])
            del self._received[:end]
            self._asked(path, body)

    def _asked(self, path: bytes, body: bytes) -> None:
        if path.endswith(b"/stats"):
            return self._send(json.dumps(self._record.figures()).encode())
        if path.endswith(b"/models"):
            return self._send(b'{"object": "list", "data": []}')
        record, now = self._record, time.monotonic()
        about = _ABOUT.search(body)
        number, steps = (int(about[1]), int(about[2])) if about else (-1, 1)
        record.calls += 1
        record.in_flight += 1
        record.most_in_flight = max(record.most_in_flight, record.in_flight)
        record.first_at = record.first_at or now
        if number in record.answered_at and record.most_in_flight >= self._args.warm:
            record.gaps_s.append(now - record.answered_at[number])
        if len(record.bodies) < self._args.keep:
            record.bodies.append(body)
            if len(record.bodies) == self._args.keep:
                Path(self._args.keep_in).write_bytes(b"\n".join(record.bodies))
        share = zlib.crc32(body) / 2**32 * 2 - 1
        seconds = self._args.service_s * (1 + self._args.jitter * share)
        record.asked[number] += 1  # so that no two sections of a chain are the same
        answer = self._answers[(number + record.asked[number]) % len(self._answers)]
        planning = about is not None and b"The paragraph that is due now" not in body
        if planning:
            answer = completion(plan(steps), len(body) // 4)
        asyncio.get_running_loop().call_later(seconds, self._answer, number, seconds, answer, planning)
        return None

    def _answer(self, number: int, seconds: float, answer: bytes, planning: bool) -> None:
        record = self._record
        record.in_flight -= 1
        record.served_s[number] += seconds
        self._send(answer)
        record.last_at = time.monotonic()
        if not planning:  # a planned text waits for its turn, as it should
            record.answered_at[number] = record.last_at

    def _send(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
        self._transport.write(head + body)


def completion(text: str, prompt_tokens: int) -> bytes:
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(text) // 4}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    return orjson.dumps(
        {"id": "x", "object": "chat.completion", "created": 1, "model": "bench", "choices": [choice], "usage": usage}
    )


async def serve(args: argparse.Namespace) -> None:
    record = Record()
    answers = [completion(section(args.words, variant), 4000) for variant in range(997)]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Endpoint(record, args, answers), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", flush=True)  # noqa: T201 - read by who started it
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--service-s", type=float, default=1.0, help="how long a call takes")
    parser.add_argument("--jitter", type=float, default=0.5, help="0.5 makes that 50%% to 150%%")
    parser.add_argument("--words", type=int, default=150, help="words of an answer")
    parser.add_argument("--warm", type=int, default=0, help="gaps count once so many calls have been in flight")
    parser.add_argument("--keep", type=int, default=0, help="bodies to keep")
    parser.add_argument("--keep-in", default="", help="the file to keep them in, one a line")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
