"""Filters that compare a figure of the text with a limit. Each is made for one limit and gives a judge."""

from __future__ import annotations

from longwriter_cli.text.dedup import NearDuplicates
from longwriter_cli.text.filters.finished import FinishedText, Judge


def too_short(least_words: float) -> Judge:
    return lambda text: f"{text.words} words, at least {least_words:g} wanted" if text.words < least_words else None


def too_long(most_words: float) -> Judge:
    return lambda text: f"{text.words} words, at most {most_words:g} wanted" if text.words > most_words else None


def length_score(least: float) -> Judge:
    """S_l below `least`. A text whose instruction states no length passes."""
    return lambda text: _below(text.length_score, least, "S_l")


def quality(least: float) -> Judge:
    """The judge's score below `least`, or none: what was not judged is not known to be good enough."""
    return lambda text: "not judged" if text.quality is None else _below(text.quality, least, "quality")


def near_duplicate(least_similarity: float) -> Judge:
    """Remembers what it was given and kept, so one such judge serves one pass over the texts, in their order."""
    seen = NearDuplicates(least_similarity)

    def judge(text: FinishedText) -> str | None:
        found = seen.like(text.instruction.id, text.text)
        return f"{found[1]:.0%} like {found[0]}" if found else None

    return judge


def _below(score: float | None, least: float, name: str) -> str | None:
    return f"{name} {score:.1f}, at least {least:g} wanted" if score is not None and score < least else None
