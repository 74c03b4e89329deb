"""Counts of words that a model puts above its section ("Word Count: 400 words") or below it ("(412 words)")."""

from __future__ import annotations

import re

from longwriter_cli.text.clean.window import Window
from longwriter_cli.text.sentences import ends_whole

# about 1,200 · 400-500 · 约400
AMOUNT = (
    r"(?:(?:about|approx(?:imately|\.)?|around|roughly|大?约|共|为|~|≈)[ \t]*)*[0-9][0-9,]*"
    r"(?:[ \t]*(?:-|–|—|~|to|至|到)[ \t]*[0-9][0-9,]*)?"
)
UNIT = r"(?:[ \t]*(?:words?|个?字)(?:左右)?)"
# Word Count: 400 words · **字数要求**：400字
COUNT_OF_WORDS = rf"(?:word[ -]?count|字数(?:要求|统计)?)[*_]{{0,3}}[ \t]*[:：][*_]{{0,3}}[ \t]*{AMOUNT}{UNIT}?"
NAMED_COUNT = rf"(?:target |total |final |actual |总|目标)?{COUNT_OF_WORDS}"
MARKS = r"[ \t#>*_\[(（【-]*"
MARKS_END = r"[ \t*_)\]）】.。]*"

COUNT_LINE = re.compile(
    rf"(?:{MARKS}{NAMED_COUNT}{MARKS_END}|[*_]*[\[(（【][*_]*{AMOUNT}{UNIT}[*_]*[\])）】][*_]*[ \t]*)(?:\n|\Z)",
    re.IGNORECASE,
)
TITLE_COUNT = re.compile(
    rf"[ \t]*(?:[-–—,|][ \t]*{NAMED_COUNT}|[(\[（][ \t]*(?:{NAMED_COUNT}|{AMOUNT}{UNIT})[ \t]*[)\]）])"
    r"(?P<end>[*_]*)\Z",
    re.IGNORECASE,
)
"""A count at the end of a title: "The Fall (400 words)"."""

_BRACKETED = re.compile(
    r"[*_]{0,3}[\[(（【](?=[^\n)\]）】]*(?:words?|字))[*_\s]*"
    r"(?:(?:total|approximate|final|actual|current|本段|本节|本章|全文|以上|共计)[ \t]*)?"
    rf"(?P<named>(?:words?(?:[ -]?count)?|总?字数(?:统计|要求)?)[*_]{{0,3}}[ \t]*[:：]?[ \t]*)?"
    rf"{AMOUNT}{UNIT}?(?:[ \t]*(?:in total|total))?[*_\s.。]*[\])）】][*_]{{0,3}}[.。]?\Z",
    re.IGNORECASE,
)
_ON_A_LINE = re.compile(
    r"(?<![^\n])(?:"
    rf"[ \t#>*_-]*{NAMED_COUNT}[ \t.。*_]*"  # **Word Count:** 412 words
    rf"|[*_]+{AMOUNT}{UNIT}[ \t.。]*[*_]+"  # *412 words*
    rf"|[*_(]*(?:note: )?this (?:paragraph|section) (?:is|contains|has|comes to|totals|runs to) {AMOUNT} words"
    r"(?: long| in length)?[.*_)]*"  # This paragraph contains 412 words.
    rf"|(?:全文|本段|本节)共?(?:计)?{AMOUNT}{UNIT}[。.]?"  # 本段共412字。
    r")\Z",
    re.IGNORECASE,
)
_DIGIT = re.compile("[0-9]")
_LONGEST = 400  # characters


def count_above(window: Window) -> bool:
    return COUNT_LINE.match(window.head()) is not None and window.cut_first_line()


def count_below(window: Window) -> bool:
    """Behind the last sentence or below it. Behind half a sentence a count belongs to the text."""
    tail = window.tail()[-_LONGEST:]
    if not _DIGIT.search(tail):  # as in most texts, and told in a tenth of the time
        return False
    found = _BRACKETED.search(tail) or _ON_A_LINE.search(tail)
    if not found:
        return False
    before = tail[: found.start()].rstrip(" \t")
    named = found.groupdict().get("named")
    parted = not before or before.endswith("\n\n") or (named and before.endswith("\n")) or ends_whole(before)
    return bool(parted) and window.cut_tail(len(tail) - found.start())
