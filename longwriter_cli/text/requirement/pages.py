"""Lengths in pages: what a page holds, and which pages are not to be written."""

from __future__ import annotations

import re

from longwriter_cli.text.requirement.cues import HEDGE
from longwriter_cli.text.requirement.mentions import Mention

WORDS_A_PAGE = 250
"""The standard manuscript page: double-spaced, 12 point, 25 lines of 10 words. A single-spaced one holds two."""
CHARACTERS_A_PAGE = 400
"""The Chinese manuscript sheet of 20 by 20 squares."""

_SINGLE_SPACED = re.compile(r"[\s,(]*single[ -]spaced")
_NOT_OURS_BEFORE = re.compile(
    r"\b(?:read(?:ing)?|first|last|top|from|web|landing|home|this|that|these|those|my|has|have|attached|pdf|of the|on"
    rf"|book of|第|长达|看了?|读了?|本书有?){HEDGE}$"
)
_NOT_OURS_AFTER = re.compile(
    r"\s?(?:long )?(?:of (?:the|my|a|this|that|your|his|her) |(?:a|per|each|every) (?:day|week|night|hour|minute)|i "
    r"|(?:web ?)?(?:site|app|pdf|spread|layout|slide|ppt|powerpoint|deck|presentation|views?)\b"
    r"|的?(?:ppt|幻灯片|书|网站|课件))"
)


def words_a_page(mention: Mention) -> int:
    """Words, or characters, on each page that a mention in pages counts; 1 for a mention in words."""
    if not mention.page:
        return 1
    rate = CHARACTERS_A_PAGE if mention.groups["page"] == "页" else WORDS_A_PAGE
    single = mention.groups.get("spacing") == "single" or _SINGLE_SPACED.match(mention.after)
    return 2 * rate if single else rate


def are_not_ours(mention: Mention) -> bool:
    """Pages to read, of a site, of slides: not pages to write."""
    return bool(_NOT_OURS_BEFORE.search(mention.near) or _NOT_OURS_AFTER.match(mention.after))
