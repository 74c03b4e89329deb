"""Where in a text a model begins to fail: figures by tenths of the text, over many texts.

Three signs, each by position: how long sections are for what they were asked, how much of the words was said before,
and what a judge gives each tenth. A text that is too short for tenths tells nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

from longwriter_cli.evals.bootstrap import mean
from longwriter_cli.text.repetition import GRAM, is_wide

PARTS = 10
SHORTEST_WORDS = 200
"""Of a text that is cut into tenths: a tenth of fewer than 20 words says nothing."""

T = TypeVar("T")

_PER_WORD = 2  # characters that count as a word in a script without spaces


@dataclass(frozen=True, slots=True)
class Tenth:
    """The `part`-th tenth, from 1, over all texts; None where there is nothing to take a mean of.

    `ratio` is the mean over sections of words / target words. `repeated` in [0, 1] is the mean share of words that end
    a run of eight that stood in the text before. `quality` in [0, 100] is the mean over `judged` tenths.
    """

    part: int
    texts: int
    sections: int
    ratio: float | None
    repeated: float | None
    judged: int
    quality: float | None


@dataclass
class Trajectory:
    """Takes texts one by one; keeps figures alone."""

    _ratios: list[list[float]] = field(default_factory=lambda: [[] for _ in range(PARTS)])
    _repeated: list[list[float]] = field(default_factory=lambda: [[] for _ in range(PARTS)])
    _qualities: list[list[float]] = field(default_factory=lambda: [[] for _ in range(PARTS)])

    def add_text(self, text: str) -> None:
        for part, share in enumerate(repeated_by_tenth(text)):
            self._repeated[part].append(share)

    def add_sections(self, lengths: Sequence[tuple[int, int]]) -> None:
        """Words and target words of all sections of one text, in order; a section counts where its middle lies."""
        for place, (words, target_words) in enumerate(lengths):
            part = int((place + 0.5) * PARTS / len(lengths))
            self._ratios[part].append(words / max(1, target_words))

    def add_quality(self, part: int, quality: float) -> None:
        self._qualities[part].append(quality)

    def tenths(self) -> list[Tenth]:
        return [
            Tenth(
                part=part + 1,
                texts=len(self._repeated[part]),
                sections=len(self._ratios[part]),
                ratio=_rounded(self._ratios[part], 3),
                repeated=_rounded(self._repeated[part], 4),
                judged=len(self._qualities[part]),
                quality=_rounded(self._qualities[part], 2),
            )
            for part in range(PARTS)
        ]


def _rounded(values: Sequence[float], digits: int) -> float | None:
    found = mean(values)
    return None if found is None else round(found, digits)


def repeated_by_tenth(text: str) -> list[float]:
    """The share of words in each tenth that end a run of eight which stood before, in that tenth or an earlier one.

    None at all for a text of fewer than 200 words.
    """
    tokens, per_word = _tokens(text)
    if len(tokens) < SHORTEST_WORDS * per_word:
        return []
    size, seen = GRAM * per_word, set()
    repeated = [False] * len(tokens)
    for end in range(size, len(tokens) + 1):
        gram = tuple(tokens[end - size : end])
        repeated[end - 1] = gram in seen
        seen.add(gram)
    return [sum(part) / len(part) for part in _cut(repeated)]


def tenths(text: str) -> list[str]:
    """The text in ten parts of nearly equal length, cut between words; none for a text that is too short."""
    tokens, per_word = _tokens(text)
    if len(tokens) < SHORTEST_WORDS * per_word:
        return []
    borders: list[int] = []
    at = 0
    for part in _cut(tokens):
        for token in part:
            at = text.index(token, at) + len(token)
        borders.append(at)
    return [text[low:high].strip() for low, high in pairwise([0, *borders[:-1], len(text)])]


def _tokens(text: str) -> tuple[list[str], int]:
    """Words, or the characters of a script without spaces, and how many of them count as a word."""
    if is_wide(text):
        return [character for character in text if not character.isspace()], _PER_WORD
    return text.split(), 1


def _cut(items: Sequence[T]) -> list[Sequence[T]]:
    borders = [round(len(items) * part / PARTS) for part in range(PARTS + 1)]
    return [items[low:high] for low, high in pairwise(borders)]
