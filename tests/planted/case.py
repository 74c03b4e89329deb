"""A text of the planted sets, and how it is put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from planted.prose import Prose

from longwriter_cli.records import Instruction, Section, Step, Usage
from longwriter_cli.text.filters import FinishedText
from longwriter_cli.text.requirement import required_words
from longwriter_cli.text.words import count_words

HERE = Path(__file__).parent
PROMPTS = {
    "en": (
        "Write a 2,000-word essay on the history of a small town by a river.",
        "Write a long story about a family of bell founders.",
        "Write a detailed report on the restoration of an old canal, about 1500 words.",
        "Write a chapter of a novel that plays on a railway line in the mountains.",
        "Write a popular science article on tides in at least 1,200 words.",
        "Write a memoir of a country doctor.",
    ),
    "zh": (
        "写一篇2000字的文章，讲一座河边小镇的历史。",
        "写一篇关于铸钟人家的长篇小说。",
        "写一份关于旧运河修复的详细报告，约1500字。",
        "写一章发生在山区铁路上的小说。",
        "写一篇不少于1200字的关于潮汐的科普文章。",
        "写一部乡村医生的回忆录。",
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """`kind` is what was planted; `reason` the filter that should find it, None for a clean text."""

    kind: str
    reason: str | None
    text: FinishedText


def finished(prompt: str, texts: Sequence[str], *, name: str = "x", finish: str = "stop") -> FinishedText:
    """A finished text of these sections. `finish` is that of the last one; one that was cut has half its words."""
    counts = [count_words(text) for text in texts]
    points = [f"the {n}th thing to tell" for n in range(1, len(texts) + 1)]
    steps = [Step(n, point, words) for n, (point, words) in enumerate(zip(points, counts, strict=True), 1)]
    sections = [
        Section(
            id=name,
            n=n,
            plan="0",
            words=words,
            target_words=2 * words if finish == "length" and n == len(texts) else words,
            finish_reason=finish if n == len(texts) else "stop",
            model="m",
            usage=Usage(),
            attempts=1,
            at="",
            text=text,
        )
        for n, (text, words) in enumerate(zip(texts, counts, strict=True), 1)
    ]
    return FinishedText(Instruction(name, 0, prompt, required_words(prompt)), steps, sections)


def prompt(language: str, seed: int) -> str:
    return PROMPTS[language][seed % len(PROMPTS[language])]


def sections(language: str, seed: int, count: int = 5) -> list[str]:
    """Clean sections of 200 to 500 words."""
    prose = Prose(language, seed)
    return [prose.words(200 + 75 * ((seed + n) % 5)) for n in range(count)]


@dataclass(frozen=True, slots=True)
class Block:
    """What a file of blocks holds: each begins with a line `%%% kind | prompt`."""

    kind: str
    prompt: str
    text: str


def blocks(name: str) -> list[Block]:
    _, *parts = ("\n" + (HERE / name).read_text(encoding="utf-8")).split("\n%%% ")
    found = []
    for part in parts:
        head, _, text = part.partition("\n")
        kind, _, asked = head.partition(" | ")
        found.append(Block(kind.strip(), asked.strip(), text.strip("\n")))
    return found
