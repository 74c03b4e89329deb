"""Counting words, in every script, and keeping the newest of them.

A word is a Han or kana character, or a run of letters of any other script with the marks that stand on them. So
Chinese is counted in characters, as its writers do, and "café", "слово" and "단어" are one word each.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable
from functools import cache
from itertools import chain, groupby

# Script=Han: ideographs with all extensions (planes 2 and 3 hold nothing else), the iteration marks, 〇 and the
# Suzhou numerals. The radicals are symbols to Unicode, but in text taken from PDF files they stand where the
# ideographs should, so each counts as one. Not 〆 (a letter of no script) and no circled or squared symbols.
_HAN = (
    "\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5々〇〡-〩〸-〻\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
)
# Hiragana, Katakana, their iteration marks, the prolonged sound mark, the half-width forms and the historic kana.
_KANA = "ぁ-ゖゝ-ゟァ-ヺー-ヿㇰ-ㇿｦ-ﾝ\U0001aff0-\U0001afff\U0001b000-\U0001b16f"
# The half-width voicing marks are letters to Unicode; they belong to the kana before them, as the full-width do.
_VOICING = "ﾞﾟ"

# Where letters and marks outside _HAN are found: plane 0, plane 1, and the variation selectors of plane 14.
_PLANE_0 = (range(0x10000),)
_ALL_PLANES = (range(0x20000), range(0xE0100, 0xE01F0))
_BEYOND_PLANE_0 = re.compile("[\U00010000-\U0010ffff]")

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’)\]]*\s+|[。！？…]+[”’」』）]*\s*|\n\s*")
_PARAGRAPH_END = re.compile(r"\n[^\S\n]*\n\s*")


def _ranges(code_points: Iterable[int]) -> str:
    """The body of a character class that holds exactly these code points, given in rising order."""
    body = []
    for _, group in groupby(enumerate(code_points), key=lambda pair: pair[1] - pair[0]):
        run = [code_point for _, code_point in group]
        body.append(f"{re.escape(chr(run[0]))}-{re.escape(chr(run[-1]))}")
    return "".join(body)


@cache
def _word(blocks: tuple[range, ...]) -> re.Pattern[str]:
    """One match, one word, for text whose letters and marks lie in `blocks`.

    Built on first use (20 to 60 ms) from the interpreter's own Unicode tables: `re` knows no \\p{L}, and its
    `[^\\W\\d_]` takes "²" and "Ⅷ" for letters and leaves out every combining mark. A run begins with a letter, so
    that a mark on something else (the selector in "❤️", the dakuten on a kana) is not a word of its own.
    """
    apart = re.compile(f"[{_HAN}{_KANA}{_VOICING}]")
    letters, either = [], []
    for code_point in chain.from_iterable(blocks):
        major = unicodedata.category(chr(code_point))[0]
        if major not in "LM" or apart.match(chr(code_point)):
            continue
        either.append(code_point)
        if major == "L":
            letters.append(code_point)
    return re.compile(f"[{_HAN}{_KANA}]|[{_ranges(letters)}][{_ranges(either)}]*")


def _word_in(text: str) -> re.Pattern[str]:
    """The cheapest pattern that is exact for this text.

    `re` looks a character of plane 0 up in one step, but walks the ranges beyond it one by one, for every space of
    the text too: the full pattern is slower by a factor of five, and only rare letters and emoji ask for it.
    """
    if text.isascii():
        return _ASCII_WORD
    return _word(_ALL_PLANES if _BEYOND_PLANE_0.search(text) else _PLANE_0)


_ASCII_WORD = re.compile("[a-zA-Z]+")
_ASCII_LETTERS = "".join(chr(code) if chr(code).isalpha() else " " for code in range(128))
_LATIN_WORD = re.compile(r"\b[a-zA-Z]+\b")
_BASIC_HAN = re.compile("[\u4e00-\u9fff]")


def count_words(text: str) -> int:
    """Han and kana characters, plus maximal runs of letters and combining marks of any other script.

    Digits, underscores, apostrophes and hyphens separate: "don't" is 2, "1990s" is 1, "42" is 0. Languages written
    without spaces in other scripts (Thai, Khmer) are counted by runs, not by words.
    """
    if text.isascii():
        return len(text.translate(_ASCII_LETTERS).split())  # a sixth of the time of matching
    return len(_word_in(text).findall(text))


def count_words_longbench(text: str) -> int:
    """The count that LongBench-Write was published with, for S_l that compares with the paper's.

    Characters in U+4E00–U+9FFF plus matches of `\\b[a-zA-Z]+\\b`. It misses accented words, words that touch a Han
    character or a digit, and every other script; `count_words` is the one to trust.
    """
    return len(_BASIC_HAN.findall(text)) + len(_LATIN_WORD.findall(text))


def last_words(text: str, n: int) -> str:
    """The newest part of `text`, at most `n` words of it; all of it where it is no longer.

    It begins at a paragraph if one begins among the first fifth of those words, else at a sentence if one does,
    else at a word. Empty where `n` is not positive.
    """
    if n <= 0:
        return ""
    # One more than is kept: the end of the last word left out is where the kept part may begin (an opening quote
    # stands before its word).
    newest = deque(((match.start(), match.end()) for match in _word_in(text).finditer(text)), maxlen=n + 1)
    if len(newest) <= n:
        return text
    floor, ceiling = newest[0][1], newest[1 + n // 5][0] if n > 1 else newest[1][0]
    for end in (_PARAGRAPH_END, _SENTENCE_END):
        for match in end.finditer(text, floor, ceiling):
            return text[match.end() :]
    return text[newest[1][0] :]
