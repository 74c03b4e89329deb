"""Several texts that one instruction asks for, each with its length: "a 500-word story and a 300-word poem"."""

from __future__ import annotations

import re

from longwriter_cli.text.requirement.mentions import Mention
from longwriter_cli.text.requirement.roles import PART_AFTER

_FURTHEST = 120  # characters between two lengths
_CHOICE = re.compile(r"\s?and an? ")  # "between a 500-word and a 600-word essay"

# " story about a fox, and a shorter ", " words and a memo of about "
_AND_ANOTHER = re.compile(
    r"[^.;:?!\n]*(?:(?:,? and|,? plus|,? as well as|,? along with|,? followed by)(?: (?:then|also))?|(?P<comma>,))"
    r" (?:an?|another|one)(?: (?!of\b|to\b)[a-z-]+){0,3}(?: (?:of|in|at|with))?(?: (?:about|around|exactly))? ?[(~]?"
)
# 的散文和一篇
_ZH_AND_ANOTHER = re.compile(
    r"[^。;:?!\n]*(?:和|与|及|跟|再写|另写|外加|加上|(?P<comma>[,、]))(?:再|另外?|还要)?(?:写|附|加)?"
    r"一[篇首封份则个段](?:大?约)?"
)
# A comma joins where an "and" follows: "a story, a 300-word poem and a letter".
_AND_AT_LAST = re.compile(r"[^.;:?!。\n]{0,120}?(?:\band (?:an?|another|one)\b|[和与及]一)")
# What is within the first text, or says how long it may be, is no text of its own.
_WITHIN = re.compile(
    r"\b(?:with(?! (?:about|around|exactly))|includ\w+|contain\w+|having|has|featuring|consisting|where|which|that"
    r"|whose|or|from|into|min(?:imum)?|max(?:imum)?|limit|total|average|length|range|target)\b"
    r"|包含|包括|含有|其中|或"
)


def side_by_side(first: Mention, second: Mention) -> bool:
    """Whether two lengths, the second one behind the first, belong to two texts that are both to be written."""
    if not 0 < second.start - first.end <= _FURTHEST:
        return False
    between = first.text[first.end : second.start]
    chinese = not first.text[first.end - 1].isascii()
    if PART_AFTER.match(second.after):
        return False  # 一篇5000字的论文和一份300字的摘要
    found = (_ZH_AND_ANOTHER if chinese else _AND_ANOTHER).fullmatch(between)
    if not found or _WITHIN.search(between) or _CHOICE.fullmatch(between):
        return False
    return not found["comma"] or _AND_AT_LAST.match(first.text, second.end) is not None
