"""Kinds of demand: about, at least, at most, a range."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longwriter_cli.records import Requirement, RequirementKind
from longwriter_cli.text.requirement.cues import FILL
from longwriter_cli.text.requirement.mentions import Mention

_NOT = r"(?:\bno|\bnot|\bnever|n['’]t|\bcannot|\bwithout)(?:\s[a-z]+){0,2}\s"
_NOT_ZH = r"[不别勿无未](?:[能得可要应宜]|可以|应该|需要?|必)?"
_NAMED_MAX = r"(?<!\bdog )(?<!\bcat )(?<!\bmad )(?<!\bnamed )(?<!\bcalled )"  # "my dog Max 400 words"
# In this order: "no more than" holds "more than", and 不少于 holds 少于.
_CUES_BEFORE: tuple[tuple[RequirementKind, str], ...] = (
    ("at_least", rf"{_NOT}(?:less|fewer|shorter|lower|under|below)(?: than)?"),
    ("at_least", rf"{_NOT_ZH}(?:少于|低于|小于|短于|下于)"),
    ("at_most", rf"{_NOT}(?:more|greater|longer|higher|larger|exceed(?:ing|s)?|over|above)(?: than)?"),
    ("at_most", rf"{_NOT_ZH}(?:超过|多于|大于|高于|超出|长于|超)"),
    ("at_least", r"\bat (?:the )?(?:very )?leas[te]|\bmin(?:imum)?\b\.?|\b(?:more|greater|longer) than|\bover|\babove"),
    ("at_least", r"\bexceed(?:s|ing)?|\bupwards? of|\bbeyond|>|≥|至少|最少|起码|最低|大于|多于|超过|高于|超出"),
    ("at_most", r"\bat (?:the )?(?:very )?most|\b(?:less|fewer|shorter) than|\bunder|\bbelow"),
    ("at_most", rf"{_NAMED_MAX}\bmax(?:imum)?\b\.?"),
    ("at_most", r"\bup to|\bwithin|\b(?:limit|cap)(?:ed|ted|s)?(?: [a-z]+){0,4}|<|≤"),
    ("at_most", r"最多|至多|最高|少于|小于|低于|上限|限制?"),
)
_CUES_AFTER: tuple[tuple[RequirementKind, str], ...] = (
    ("at_least", r"[\s,(-]*(?:(?:or|and) (?:more|above|longer|over|up)\b|min(?:imum)?\b(?![\s:]*(?:of )?[0-9])|\+)"),
    ("at_least", r"[\s,(-]*at (?:the )?(?:very )?(?:least|minimum)\b(?! [0-9])"),
    ("at_least", r"\s?\)?[或及]?者?(?:以上|往上|打底|起(?!草|来|源|伏|初))"),
    ("at_most", r"[\s,(-]*(?:or (?:less|fewer|under|below|shorter)\b|(?:at )?max(?:imum)?\b(?![\s:]*(?:of )?[0-9]))"),
    ("at_most", r"[\s,(-]*(?:at most\b(?! [0-9])|tops\b|(?:max )?limit\b)"),
    ("at_most", r"\s?\)?[或及]?(?:以内|之内|以下|内(?!容|部|涵|心)|为限|封顶|为上限)"),
)
_BEFORE = tuple((kind, re.compile(rf"(?:{cue}){FILL}")) for kind, cue in _CUES_BEFORE)
_AFTER = tuple((kind, re.compile(cue)) for kind, cue in _CUES_AFTER)
_REACH = 60  # characters between a cue and its number


def kind_of(mention: Mention) -> RequirementKind:
    if mention.high is not None:
        return "range" if mention.low else "at_most"
    if mention.groups["plus"] and not mention.after.startswith("/"):
        return "at_least"
    if mention.near.endswith("上") and mention.groups["first"] in ("百", "千", "万", "十万", "百万"):
        return "at_least"  # 上万字
    for kind, cue in _AFTER:
        if cue.match(mention.after):
            return kind
    for kind, cue in _BEFORE:
        if cue.search(mention.near[-_REACH:]):
            return kind
    return "about"


def requirement(mention: Mention, kind: RequirementKind, times: int) -> Requirement:
    """The demand of a mention that stands for `times` as many words as it says."""
    low, high = mention.low * times, (mention.high or 0) * times
    if kind == "range":
        return Requirement(round((low + high) / 2), kind, round(low), round(high))
    words = round(high or low)
    return _bounded(words, kind)


def total(parts: Sequence[Requirement]) -> Requirement:
    """The demand of several texts together: a bound, or a range, where all of them have one."""
    if len(parts) == 1:
        return parts[0]
    words = sum(part.words for part in parts)
    kinds = {part.kind for part in parts}
    if kinds == {"range"}:
        return Requirement(words, "range", sum(part.low or 0 for part in parts), sum(part.high or 0 for part in parts))
    return _bounded(words, kinds.pop() if len(kinds) == 1 else "about")


def _bounded(words: int, kind: RequirementKind) -> Requirement:
    low, high = words if kind == "at_least" else None, words if kind == "at_most" else None
    return Requirement(words, kind, low, high)
