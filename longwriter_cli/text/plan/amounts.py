"""Word counts inside a line of an outline: "Word Count: 400-500 words", "（约400字）", "- 1.5k words".

All patterns run on folded text (`numerals.fold`), and every repetition in them is bounded, so that no line, however
long or strange, costs more than a constant per character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from longwriter_cli.text.numerals import HAN_NUMERALS, NUMBER, fold, parse_number

MOST_WORDS = 1_000_000
"""A count above this is a slip or a joke, not a length."""

_FURTHEST_RATIO = 10  # "3 - 400 words" is a 3 and then a count; "200-1000 words" is a range

_HAN_UNIT = r"个?(?:英文|中文|汉)?(?:字符|单词|字|词)"
_UNIT = rf"(?:(?:english\s|chinese\s)?(?:words?|wds?|w|characters?|chars?)(?![a-z])|{_HAN_UNIT})"
_APPROX = (
    r"(?:approximately|approx\.?|about|around|roughly|circa|ca\.|some|nearly|up to|at least|at most|between|from|"
    r"minimum(?:\sof)?|maximum(?:\sof)?|min\.?|max\.?|[~≈±<>≤≥]=?|大约为?|约为?|大概|不少于|不低于|至少|不超过|不多于|最多|"
    r"控制在|左右|共|各)"
)
_AFTER = r"(?:\s?(?:or so|each|in total|total|max(?:imum)?|min(?:imum)?|左右|上下|以内|以上|之间|或以上))?"
_AMOUNT = (
    rf"(?:{_APPROX}\s{{0,2}}){{0,2}}(?P<low>{NUMBER})\+?"
    rf"(?:\s{{0,2}}(?:{_UNIT}\s{{0,2}})?(?P<dash>-{{1,2}}|~|to|and|至|到)\s{{0,2}}(?P<high>{NUMBER}))?"
)
_COUNTED = rf"{_AMOUNT}\s{{0,2}}(?P<unit>{_UNIT}){_AFTER}"  # a count that says what it counts
_BARE = rf"{_AMOUNT}\s{{0,2}}(?P<unit>{_UNIT})?{_AFTER}"  # one behind a label, where the unit may be missing

COUNT_LABEL = (
    r"(?:(?:target|estimated|approx(?:imate)?\.?|suggested|required|recommended|expected|planned|"
    r"预计|预估|目标|建议|要求|大约|参考|本段)\s?)?"
    r"(?:word[\s_-]?counts?|word[\s_-]?limit|(?:number|no\.?) of words|words?(?=[\s*_\"']{0,4}[:=])|"
    r"length(?=[\s*_\"']{0,4}[:=])|字数|篇幅(?=\s?[:=])|长度(?=\s?[:=])|字符数|词数)"
    r"\s?(?:requirements?|required|target|goal|estimate|limit|range|要求|限制|目标|建议)?"
)
_COLON = r"[\s*_\])\"'`]{0,6}(?:\(\w{1,10}\)\s?)?(?::|=|-{1,2}(?=[\s*_\[(])|\bis\b|\bof\b)?[\s*_\[(\"'`]{0,6}"
_LABELLED = rf"{COUNT_LABEL}{_COLON}{_BARE}"

_OPEN = r"[\s*_\[(\"'`{]{0,6}"
_CLOSE = r"[\s*_\])\"'`},.;|!]{0,8}"
_REMARK = r"(?:\([^()]{0,40}\))?[\s*_\].;|]{0,4}"
# A hyphen glued to a digit behind a colon or a bracket is a minus sign, and a negative count is none.
_BREAK = r"(?:^|(?<![:=(])(?<![:=(]\s)-|[|:;,(\[=/、\t]|\s\s|(?<=[\u4e00-\u9fff])\s)"

_flags = re.IGNORECASE
POINT_LABEL = re.compile(
    r"[*_\[(\"'`]{0,4}(?:(?:main|key|core|central)[\s_-]?(?:points?|ideas?|content|topic|message)|主要内容|主要观点|核心内容|核心观点|主要论点|"
    r"中心内容|内容要点|段落要点|写作要点|要点|主旨|大意)(?:要求|概述|概要|提要)?(?:\s?#?[0-9]{1,3})?[\s*_\])\"'`]{0,6}(?::|=|\s-\s|-(?=[\[*]))[*_\"'`]{0,4}",
    _flags,
)
_TAIL_LABELLED = re.compile(rf"(?:^|[-|;:,(\[、*_]|(?<=[.!?\"'”])|\s){_OPEN}{_LABELLED}{_CLOSE}{_REMARK}$", _flags)
_TAIL_COUNTED = re.compile(rf"{_BREAK}{_OPEN}{_COUNTED}{_CLOSE}$", _flags)
_TAIL_PROSE = re.compile(rf"(?<![-\w])(?:in|of|with|using|用|以|写)?\s?{_COUNTED}{_CLOSE}$", _flags)
_HEAD_LABELLED = re.compile(rf"^{_OPEN}{_LABELLED}[\s*_\])\"'`]{{0,6}}(?:[-:;|,.]{{1,2}}|$)", _flags)
_ANY_LABELLED = re.compile(rf"(?:^|[-|;,(\[、]|(?<=[.!?])){_OPEN}{_LABELLED}{_CLOSE}(?=$|[-:(\[]|\s)", _flags)
_HEAD_COUNTED = re.compile(rf"^{_OPEN}{_COUNTED}[\s*_\])\"'`]{{0,6}}(?:[-:;|,.]{{1,2}}|$)", _flags)
_BRACKETED = re.compile(rf"(?:[(\[]|(?<=[^()\[\]])[-:;,]\s){_OPEN}{_COUNTED}\s?[)\]]", _flags)
_WHOLE = re.compile(rf"{_OPEN}(?:{COUNT_LABEL}{_COLON})?{_BARE}{_CLOSE}{_REMARK}$", _flags)
# Cheap signs that a search may be worth its time.
_CALLED = re.compile(COUNT_LABEL, _flags)
_UNITS = re.compile(rf"[0-9{HAN_NUMERALS}k+d]\s{{0,2}}{_UNIT}", _flags)
# Tried in this order; the first that is found counts.
_SEARCHES = (
    (_TAIL_LABELLED, "tail", _CALLED),
    (_ANY_LABELLED, "tail", _CALLED),
    (_HEAD_LABELLED, "head", _CALLED),
    (_ANY_LABELLED, "head", _CALLED),
    (_TAIL_COUNTED, "tail", _UNITS),
    (_HEAD_COUNTED, "head", _UNITS),
    (_BRACKETED, "head", _UNITS),
    (_TAIL_PROSE, "tail", _UNITS),
)

_SIMPLE_DIGITS = "0123456789.零一二两三四五六七八九"
_WINDOW = 160  # a count stands within this many characters of either end of a line


@dataclass(frozen=True, slots=True)
class Count:
    """A word count found in a line at [start, end). `words` is None where the number is no usable count.

    `labelled` says that the line itself calls it a word count.
    """

    start: int
    end: int
    words: int | None
    labelled: bool


def amount(text: str) -> int | None:
    """The count that the whole text stands for ("400", "about 400-500 words", "字数：400字"), the middle of a range.

    None for anything else, and for counts outside 1..1,000,000.
    """
    match = _WHOLE.match(fold(text).strip()) if len(text) <= _WINDOW else None
    return _words(match)[0] if match else None


def find_count(line: str, *, prose: bool = False) -> Count | None:
    """The count in a folded line without its step label, or None.

    With `prose`, a line that ends in a count without any mark before it has one too ("... in about 400 words"):
    right for a line that is a step by its label, wrong for a list of any other kind.
    """
    head, offset = line[:_WINDOW], max(0, len(line) - _WINDOW)
    tail = line[offset:]
    first = _HEAD_LABELLED.match(head) if _CALLED.search(head) else None
    if first and POINT_LABEL.match(head[first.end() :].lstrip(" -|:;,*_")):
        return _count(first, 0, labelled=True)
    for pattern, end, sign in _SEARCHES:
        window = head if end == "head" else tail
        if (pattern is not _TAIL_PROSE or prose) and sign.search(window) and (found := pattern.search(window)):
            return _count(found, 0 if end == "head" else offset, labelled=sign is _CALLED)
    return None


def _count(match: re.Match[str], offset: int, *, labelled: bool) -> Count:
    words, start, end = _words(match)
    return Count(offset + start, offset + end, words, labelled)


def _words(match: re.Match[str]) -> tuple[int | None, int, int]:
    """The count and its place: all of the match, or the part of it that is left when two numbers are no range."""
    start, end = match.span()
    low = parse_number(match["low"])
    if match["high"] is None:
        return _usable(low), start, end
    high = parse_number(match["high"])
    if low is None or high is None:
        return None, start, end
    if low < 10 and high >= 1000:  # "1-2千字", "1-2k words": the scale belongs to both
        low = parse_number(match["low"] + match["high"].lstrip(_SIMPLE_DIGITS)) or low
    if low <= high <= low * _FURTHEST_RATIO:
        return _usable((low + high) // 2), start, end
    if match["unit"] is None:
        return _usable(low), start, match.start("dash")
    return _usable(high), match.start("dash"), end


def _usable(words: int | None) -> int | None:
    return words if words is not None and 0 < words <= MOST_WORDS else None
