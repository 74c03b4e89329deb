"""The plan's line, whole or in part, above a section that should stand alone."""

from __future__ import annotations

import re

from longwriter_cli.text.clean.counts import (
    AMOUNT,
    COUNT_LINE,
    COUNT_OF_WORDS,
    MARKS,
    MARKS_END,
    TITLE_COUNT,
    UNIT,
)
from longwriter_cli.text.clean.letters import letters
from longwriter_cli.text.clean.window import Window

_ENGLISH_NUMBER = (
    r"(?:[0-9]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty)"
)
_CHINESE_NUMBER = r"[0-9０-９一二三四五六七八九十百零〇两]{1,5}"
# Paragraph 3 · paragraph no. 3 of 8 · 第三段 · 第3自然段 · 段落三
_PARAGRAPH_N = (
    rf"(?:paragraph[ \t]*(?:no\.[ \t]*|number[ \t]*|\#[ \t]*)?(?P<n>{_ENGLISH_NUMBER})\b"
    r"(?:[ \t]*(?:of|/)[ \t]*[0-9]{1,3}\b)?"
    rf"|第[ \t]*{_CHINESE_NUMBER}[ \t]*(?:自然)?段(?:落)?|段落[ \t]*{_CHINESE_NUMBER})"
)
_LETTER = re.compile(r"[^\W_]")

_PLAN_LINE = re.compile(
    rf"{MARKS}(?:(?P<label>{_PARAGRAPH_N})[^\w\n]{{0,12}})?"
    r"(?P<point>main (?:point|idea)s?|主要内容)[*_]{0,3}[ \t]*[:：][*_]{0,3}[ \t]*",
    re.IGNORECASE,
)
_COUNT_IN_LINE = re.compile(COUNT_OF_WORDS + MARKS_END, re.IGNORECASE)


def plan_line(window: Window) -> bool:
    """ "Paragraph 2 - Main Point: … - Word Count: 400 words", or the part of it that the model kept."""
    line, whole = window.first_line()
    found = _PLAN_LINE.match(line)
    if not found:
        return False
    point = line[found.end() :]
    if count := _COUNT_IN_LINE.search(point):
        return window.cut_head(found.end() + count.end())
    if not _LETTER.search(point):
        return False  # a heading over a list of main points
    if not whole or not window.goes_on_after(line):
        return window.cut_head(found.end())  # the section itself, behind the label
    if found["point"] == "主要内容" and not found["label"] and not _is_step(window, point):
        following = window.head()[len(line) :]
        if not following.startswith("\n\n") and not COUNT_LINE.match(following.lstrip()):
            return False  # an outline's own words
    return window.cut_first_line()


_LABEL = re.compile(
    rf"""
    (?P<heading>\#{{1,6}}[ \t]*)? (?P<bold>[*_]{{1,3}})? (?P<bracket>[\[(（【])?
    {_PARAGRAPH_N}
    (?:[ \t]*[\[(（]{AMOUNT}{UNIT}[\])）])?
    (?P<unbracket>[\])）】])? (?P<unbold>(?P=bold))?
    [ \t]*(?P<parting>[:：|–—、]|[.\-](?=[ \t*_]|\Z))? (?P<unbold_late>(?P=bold))? [ \t]*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_LONGEST_TITLE = 200  # characters
# Steps in which a numbered paragraph is what was asked for.
_NUMBERED_TEXT = re.compile(
    r"\b(?:sub-?)?clauses?\b|\b(?:sub-?)?paragraphs\b|\bparagraph \d|\bprovisions?\b|\bstatut|\btreat(?:y|ies)\b"
    r"|\bleases?\b|\blessee|\bcontracts?\b|\bby-?laws?\b|条款|条文|合同|协议|租约|章程|条例",
    re.IGNORECASE,
)


def paragraph_label(window: Window) -> bool:
    """ "Paragraph 3:", alone or before the text; the subtitle after it stays, with its marks."""
    line, whole = window.first_line()
    found = _LABEL.match(line)
    if not found or (window.step and _NUMBERED_TEXT.search(window.step.main_point)):
        return False
    below = _LABEL.match(window.head(), len(line) + 1)
    if whole and below and below[0].strip() != found[0].strip():
        return False  # a list of paragraphs is content
    rest = line[found.end() :]
    if whole and not rest.strip(" \t*_])）】"):
        return window.cut_first_line()
    unbold = found["unbold"] or found["unbold_late"]
    closed = found["unbracket"] if found["bracket"] else unbold
    if not closed and not found["parting"]:
        return False  # "Paragraph 4 of the treaty states"
    if found["parting"] == "." and not closed and not _is_number_of_step(window, found["n"]):
        return False  # "Paragraph 4. The lessee", in a text with numbered paragraphs
    # What opened before the label and closes behind the subtitle.
    lead = found["heading"] or ""
    if not unbold:
        lead += found["bold"] or ""
    if not found["unbracket"]:
        lead += found["bracket"] or ""
    count = TITLE_COUNT.search(line, found.end()) if whole and len(line) < _LONGEST_TITLE else None
    if count:
        return window.cut_head(len(line), lead + line[found.end() : count.start()] + count["end"])
    return window.cut_head(found.end(), lead)


def repeated_step(window: Window) -> bool:
    """The step's main point as a line of its own."""
    line, whole = window.first_line()
    if not whole or len(line) > _longest_step(window) + _LONGEST_TITLE:
        return False
    return _is_step(window, TITLE_COUNT.sub("", line)) and window.cut_first_line()


def _is_number_of_step(window: Window, number: str | None) -> bool:
    return window.step is not None and number == str(window.step.n)


def _is_step(window: Window, line: str) -> bool:
    wanted = window.step_letters
    # Most lines differ in length alone; the rest are compared by their letters.
    return bool(wanted) and len(wanted) <= len(line) <= _longest_step(window) and letters(line) == wanted


def _longest_step(window: Window) -> int:
    """Characters that the main point may have with its marks and spaces."""
    return 3 * len(window.step_letters) + 60
