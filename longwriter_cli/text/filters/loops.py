"""Texts that go round in circles."""

from __future__ import annotations

from longwriter_cli.text.display import counted
from longwriter_cli.text.filters.finished import FinishedText
from longwriter_cli.text.filters.topics import FORMULAIC
from longwriter_cli.text.repetition import GRAM, Passage, Repetition, apart, repetition

_PASSAGE = 40  # words in a row that no prose says twice; a refrain is shorter
_MOST_REPEATED = 0.3  # of the words of prose
# Legal boilerplate and recipes say the same again and again, as they should.
_PASSAGE_OF_FORMULA = 250
_MOST_REPEATED_OF_FORMULA = 0.6
# Short lines are verse, dialogue and lists: a chorus comes three times, a loop does not end.
_LOOP_OF_LINES = 120
_TIMES = 5
_TELLING = 200  # words, of which a share says something
_LEAST_VARIETY = 0.2  # different words among 200; prose has 0.5 and more, half of that in Chinese characters


def loops(text: FinishedText) -> str | None:
    """Loops, passages that stand in the text twice, and a text that says the same in hardly other words.

    Verse, dialogue, lists, tables and code may repeat whole passages, and formulaic kinds of text long ones.
    """
    lines = apart(text.texts)
    formulaic = FORMULAIC.search(text.asked) is not None
    for prose in filter(None, (lines.prose, lines.wide_prose)):
        if (detail := _of_prose(repetition(prose, _PASSAGE), formulaic=formulaic)) is not None:
            return detail
    for short in filter(None, (lines.short, lines.wide_short)):
        for passage in repetition(short, _LOOP_OF_LINES).passages:
            if passage.distance < passage.words and passage.times >= _TIMES:
                return _loop(passage)
    return None


def _of_prose(measured: Repetition, *, formulaic: bool) -> str | None:
    for passage in measured.passages:
        if passage.distance < passage.words and (not formulaic or passage.times >= _TIMES):
            return _loop(passage)
        if passage.words >= (_PASSAGE_OF_FORMULA if formulaic else _PASSAGE):
            return f"{passage.words} words in a row stand in the text twice: {passage.text}"
    most = _MOST_REPEATED_OF_FORMULA if formulaic else _MOST_REPEATED
    if measured.words >= _TELLING and measured.share > most:
        return f"{measured.share:.0%} of the words of prose are repeated, {GRAM} and more in a row"
    if measured.variety < _LEAST_VARIETY:
        return f"only {measured.variety:.0%} different words in 200"
    return None


def _loop(passage: Passage) -> str:
    return f"a loop of {passage.times} times {counted(passage.distance, 'word')}: {passage.text}"
