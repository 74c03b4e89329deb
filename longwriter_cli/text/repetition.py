"""How a text repeats itself: passages that stand in it twice, loops, and how little it varies.

A refrain is short, and so are the lines of verse, dialogue and lists. So two kinds of lines are read apart, prose and
short lines; only prose is searched for copies. Tables and fenced code are not read. Lengths are in words; in a script
without spaces two characters count as a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

GRAM = 8
"""Words in a row that make an accident unlikely: shorter repetitions are idiom."""

_WINDOW = 200  # words in which variety is measured
_SHORT_LINE, _SHORT_LINE_WIDE = 60, 30  # characters; the second where letters stand for syllables or words
_SHOWN = 40  # words of a passage
# Where grams begin: at words that are not short, and at characters that most Chinese clauses hold. That is a quarter of
# the words and an eighth of the characters; a loop may hold none of them, but then it holds little else either.
_SHORT_WORD = 6
_ANCHOR = re.compile("[，。、的不のは]")
_SUSPICIOUS = 0.3
_SAMPLE = 200  # characters that tell the script
_LONGEST_WORD = 12  # mean characters between spaces, above which a script is one without spaces


@dataclass(frozen=True, slots=True)
class Passage:
    """`words` words that stood `distance` words before. With a distance below its length it follows itself: a loop."""

    text: str
    words: int
    distance: int

    @property
    def times(self) -> int:
        """How often its beginning stands there, if it is a loop."""
        return 1 + self.words // self.distance


@dataclass(frozen=True, slots=True)
class Repetition:
    """`passages` of at least the length asked for, in order; `share` in [0, 1] of all words stand in some repetition.

    `variety` in [0, 1]: the fewest different words in any 200 in a row, as a share; 1 for a shorter text.
    """

    words: int
    passages: tuple[Passage, ...]
    share: float
    variety: float


def repetition(lines: Iterable[str], least: int) -> Repetition:
    """Measures the repetitions of at least `least` words, which is more than 8. Time is linear in the text.

    Case and punctuation count: a copy is word for word. The lines are of one script, with or without spaces: a mixture
    is measured wrongly. A text of fewer than 8 words repeats nothing.
    """
    joined = " ".join(lines)
    words = joined.split()
    if len(joined) <= _LONGEST_WORD * len(words) and not is_wide(joined):
        variety = _variety(words, 1)
        every = variety < _SUSPICIOUS
        anchors = [i for i, word in enumerate(words) if every or len(word) > _SHORT_WORD]
        return _measure(
            words, zip(anchors, [tuple(words[i : i + GRAM]) for i in anchors], strict=True), variety, least, " ", 1
        )
    solid, gram = "".join(words), 2 * GRAM
    variety = _variety(solid, 2)
    anchors = [*range(len(solid))] if variety < _SUSPICIOUS else [at.start() for at in _ANCHOR.finditer(solid)]
    return _measure(solid, zip(anchors, [solid[i : i + gram] for i in anchors], strict=True), variety, least, "", 2)


def _measure(
    tokens: Sequence[str], grams: Iterable[tuple[int, object]], variety: float, least: int, glue: str, per_word: int
) -> Repetition:
    """Each gram that came before is followed, both ways, as far as the tokens are the same."""
    newest: dict[object, int] = {}
    passages: list[Passage] = []
    covered = end = 0
    size, last = len(tokens), len(tokens) - GRAM * per_word
    for i, gram in grams:
        source = newest.get(gram)
        newest[gram] = i
        if source is None or i < end or i > last:
            continue
        start = i
        while start > end and source and tokens[start - 1] == tokens[source - 1]:
            start, source = start - 1, source - 1
        distance, end = start - source, i
        while end < size and tokens[end] == tokens[end - distance]:
            end += 1
        covered += end - start
        if end - start >= least * per_word:
            passages.append(_passage(tokens, start, end, distance, glue, per_word))
    return Repetition(size // per_word, tuple(passages), covered / max(1, size), variety)


def _passage(tokens: Sequence[str], start: int, end: int, distance: int, glue: str, per_word: int) -> Passage:
    shown = glue.join(tokens[start : min(end, start + _SHOWN)])
    return Passage(shown, (end - start) // per_word, max(1, distance // per_word))


def _variety(tokens: Sequence[str], per_word: int) -> float:
    window = _WINDOW * per_word
    blocks = range(0, len(tokens) - window + 1, window // 2)
    return min((len(set(tokens[at : at + window])) for at in blocks), default=window) / window


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a text, apart by length, and by whether their script is one without spaces (`wide`)."""

    prose: list[str] = field(default_factory=list)
    short: list[str] = field(default_factory=list)
    wide_prose: list[str] = field(default_factory=list)
    wide_short: list[str] = field(default_factory=list)


def apart(texts: Iterable[str]) -> Lines:
    """The lines that hold something; no headings, tables and fenced code."""
    lines = Lines()
    for text in texts:
        fenced = False
        for line in text.split("\n"):
            bare = line.strip()
            if bare.startswith(("```", "~~~")):
                fenced = not fenced
            elif fenced or not bare or bare.startswith(("|", "#")):
                continue
            elif is_wide(bare):
                (lines.wide_prose if len(bare) > _SHORT_LINE_WIDE else lines.wide_short).append(bare)
            else:
                (lines.prose if len(bare) > _SHORT_LINE else lines.short).append(bare)
    return lines


def is_wide(text: str) -> bool:
    """Whether most characters at the head take three bytes of UTF-8, as those of scripts without spaces do."""
    head = text[:_SAMPLE]
    return len(head.encode(errors="replace")) > 2 * len(head)
