"""Long clean texts out of short parts: grammatical, pointless, and never twice the same.

What a filter looks at (letters, lines, sentence ends, repeated words) is as in real prose; what it means is nothing.
"""

from __future__ import annotations

from pathlib import Path
from random import Random


def _parts(language: str) -> dict[str, list[str]]:
    """What sentences are made of: a line of the file is a kind of part and its choices."""
    lines = (Path(__file__).parent / f"parts_{language}.txt").read_text(encoding="utf-8").splitlines()
    return {kind: choices.split("; ") for kind, _, choices in (line.partition(": ") for line in lines)}


PARTS = {"en": _parts("en"), "zh": _parts("zh")}


class Prose:
    """Sentences, paragraphs and sections of a language, "en" or "zh", in an order that the seed decides."""

    def __init__(self, language: str, seed: int) -> None:
        self._zh = language == "zh"
        self._random = Random(f"{language} {seed}")
        self._parts = PARTS[language]
        self._last: dict[str, list[str]] = {kind: [] for kind in self._parts}

    def words(self, count: int) -> str:
        """Paragraphs with about so many words (characters, in Chinese)."""
        paragraphs: list[str] = []
        size = 0
        while size < count:
            paragraphs.append(self.paragraph())
            size += len(paragraphs[-1]) if self._zh else len(paragraphs[-1].split())
        return "\n\n".join(paragraphs)

    def paragraph(self) -> str:
        return ("" if self._zh else " ").join(self.sentence() for _ in range(self._random.randint(4, 8)))

    def sentence(self) -> str:
        return self._chinese() if self._zh else self._english()

    def _pick(self, kind: str) -> str:
        """Each part comes once before any comes twice."""
        if not self._last[kind]:
            self._last[kind] = self._random.sample(self._parts[kind], len(self._parts[kind]))
        return self._last[kind].pop()

    def _english(self) -> str:
        pick = self._pick
        shape = self._random.randrange(6)
        if shape == 0:
            return pick("more")
        said = [
            f"{pick('who')} {pick('did')} {pick('what')} {pick('where')}",
            f"{pick('when')}, {pick('who')} {pick('did')} {pick('what')}, {pick('why')}",
            f"{pick('where')} {pick('who')} {pick('did')} {pick('what')}; {pick('who')} {pick('did')} {pick('what')}",
            f"{pick('who')}, who {pick('did')} {pick('what')} {pick('when')}, {pick('did')} {pick('what')}",
            f"{pick('what')} was all that {pick('who')} {pick('did')} {pick('where')}, {pick('why')}",
        ][shape - 1]
        return said[0].upper() + said[1:] + self._random.choice("...." + "?!")

    def _chinese(self) -> str:
        pick = self._pick
        shape = self._random.randrange(6)
        if shape == 0:
            return pick("more")
        said = [
            f"{pick('who')}{pick('where')}{pick('did')}{pick('what')}",
            f"{pick('when')}，{pick('who')}{pick('did')}{pick('what')}，{pick('why')}",
            f"{pick('where')}，{pick('who')}{pick('did')}{pick('what')}，{pick('who')}{pick('did')}{pick('what')}",
            f"{pick('who')}{pick('when')}{pick('did')}{pick('what')}，又{pick('did')}{pick('what')}",
            f"{pick('what')}，就是{pick('who')}{pick('where')}{pick('did')}的全部，{pick('why')}",
        ][shape - 1]
        return said + self._random.choice("。。。。？！")
