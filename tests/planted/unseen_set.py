"""The second set, written after the filters stood and never used to change them: what they do with what is new."""

from __future__ import annotations

from collections.abc import Iterator

from planted.case import Case, blocks, finished, sections
from planted.known import LANGUAGES, awkward, copied, foreign, looping, planted, truncated

# Instructions that the first set does not have.
_PROMPTS = {
    "en": (
        "Compose an extended family saga of about 2,500 words around a ferry.",
        "I need a thorough guide to keeping bees on a city roof.",
        "Write the biography of an invented painter, in at least 1,800 words.",
    ),
    "zh": (
        "以一条渡船为线索，写一部约2500字的家族故事。",
        "我需要一份详尽的城市屋顶养蜂指南。",
        "为一位虚构的画家写传记，不少于1800字。",
    ),
}


def clean() -> Iterator[Case]:
    for language in LANGUAGES:
        for seed in range(30):
            yield Case(
                "plain", None, finished(_PROMPTS[language][seed % 3], sections(language, 21_000 + seed, 3 + seed % 6))
            )
        for seed, block in enumerate(blocks(f"unseen/awkward_{language}.txt")):
            yield from awkward(block, language, 22_000 + seed)


def bad() -> Iterator[Case]:
    for language in LANGUAGES:
        for seed, block in enumerate(blocks(f"unseen/bad_{language}.txt")):
            yield planted(block, language, 23_000 + seed)
        for seed in range(15_000, 15_020):
            yield truncated(language, seed)
            yield looping(language, seed)
            yield copied(language, seed)
            yield foreign(language, seed)
