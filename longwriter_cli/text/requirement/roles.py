"""Roles: whether a mention measures the whole text, a part of it, or one of several equal parts."""

from __future__ import annotations

import re
from typing import Literal

from longwriter_cli.text.numerals import HAN_NUMERALS
from longwriter_cli.text.requirement.cues import any_of
from longwriter_cli.text.requirement.mentions import Mention
from longwriter_cli.text.requirement.number_words import value_of

Role = Literal["total", "whole", "product", "part"]

# --- The whole, called so -----------------------------------------------------------------------------------------

_TOTAL_BEFORE = re.compile(
    r"\b(?:total|overall|entire|whole|altogether|combined|full)\b(?:(?!each|every|per )[^,.;\n]){0,40}$"
    r"|(?:全文|总|共计?|合计|整体|整篇|通篇)(?:(?![每各])[^,。;\n]){0,10}$"
)
_TOTAL_AFTER = re.compile(r"[\s,(]*(?:in total|total\b|altogether|overall|in all\b|combined|in its entirety)")

# --- One of several equal parts -----------------------------------------------------------------------------------

_EN_PARTS = any_of(
    "sub-?sections?|sections?|paragraphs?|paras?|chapters?|parts?|articles?|(?:blog )?posts?|essays?|stor(?:y|ies)",
    "entr(?:y|ies)|scenes?|stanzas?|episodes?|letters?|e-?mails?|poems?|reviews?|descriptions?|summar(?:y|ies)",
    "pieces?|segments?|versions?|drafts?|acts?|reports?|responses?|answers?|variations?|speech(?:es)?|monologues?",
    "profiles?|pages?|scripts?|lessons?|modules?|examples?|tales?|passages?|messages?|questions?|topics?|points?",
    "products?|items?|headings?|volumes?|themes?|characters?|options?|blogs?|prompts?",
)
_EN_PARTS += "(?![a-z])"
_ZH_PARTS = any_of(
    "篇|章节?|小节|节|段落?|部分|集|幕|则|条|首|封|卷|场|份|回|期|版本?|故事|问题|方面|板块|场景|主题|话题|观点|角色|产品",
    "题目?|小?标题|阶段|点|页|部|个|款|种|位|项|类|组",
)
_COUNT = any_of(
    "[0-9]{1,3}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|eighteen",
    "twenty|thirty|forty|fifty",
)
_ZH_COUNT = rf"(?:[0-9]{{1,3}}|[{HAN_NUMERALS}]{{1,3}})"
# "five short sections", 五个部分
_COUNTED = (
    re.compile(rf"(?<![a-z0-9.,-])(?P<n>{_COUNT})[ -](?P<things>[a-z-]+(?: [a-z-]+){{0,2}})"),
    re.compile(
        rf"(?<![第0-9.,{HAN_NUMERALS}])(?P<n>{_ZH_COUNT})\s?[个大]?\s?(?:不同的?|独立的?)?(?P<things>{_ZH_PARTS})"
    ),
)
_A_PART = re.compile(rf"\b{_EN_PARTS}")
_LINK = any_of(
    "of|with|has|have|having|containing|at|is|are|being|be|should|must|will|to|needs?|in|about|around|approximately",
    "roughly|at least|at most|up to|minimum|maximum|no more than|no less than|between|from|a|long|one",
)
_NEARLY = any_of(
    "a|of|about|around|approximately|roughly|at least|up to|exactly|no more than|between|some|over|under|minimum"
)
_EACH_BEFORE = (
    # "each of the five sections should be", "per chapter:"
    re.compile(rf"\b(?:each|every|per)\b(?: [a-z0-9-]+)*? ?(?P<part>{_EN_PARTS})[^.;\n]{{0,60}}$"),
    # "each of about"
    re.compile(rf"\beach(?:[\s,]+{_LINK}\b)*[\s:(~,]*$"),
    # "paragraphs of", but not "pages of" and not "one of"
    re.compile(rf"\b(?P<part>(?!page|character){_EN_PARTS})(?<=s),? (?:of|at)\b(?: {_NEARLY})*[\s~(]*$"),
    # 每章不少于
    re.compile(rf"[每各]一?[个小大]?(?P<part>{_ZH_PARTS})?[^,。;\n]{{0,14}}$"),
)
_EACH_AFTER = (
    # "words each", "words for every chapter", "words/section"
    re.compile(
        r"[\s,()-]*(?:long,? |in length,? |(?:or|and) (?:more|less) |max(?:imum)? |min(?:imum)? )?"
        r"(?:each(?! other)\b|apiece|"
        r"(?:(?:per|(?:for|in|on) (?:each|every)|every) (?:of (?:the|these) )?(?:[a-z-]+ )?|/\s?)"
        rf"(?P<part>{_EN_PARTS}))"
    ),
    # 字左右/篇
    re.compile(rf"(?:左右|以上|以内)?\s?[/每一](?P<part>{_ZH_PARTS})"),
)
# "three original 500-word stories"
_MULTIPLE_BEFORE = re.compile(
    rf"(?<![a-z0-9.,-])(?P<n>{_COUNT})(?: (?!of|in|at|to|or|and|about|words?)[a-z-]+)?\s?(?:x )?$"
)
_MULTIPLE_AFTER = re.compile(rf"(?: [a-z-]+){{0,2}}? {_EN_PARTS}(?<=s)")
# 三篇500字的作文
_ZH_MULTIPLE_BEFORE = re.compile(
    rf"(?<![分成为第0-9{HAN_NUMERALS}])(?P<n>{_ZH_COUNT})[篇封首则份章集段个](?:不少于|不超过|大?约|至少)?$"
)

# --- A part -------------------------------------------------------------------------------------------------------

_PART_NAME = any_of(
    "introductions?|intro|conclusions?|abstracts?|executive summary|summary|preface|foreword|prologue|epilogue|body",
    "methodology|methods|background|discussion|results|literature review|opening|ending|synopsis|bio|appendix",
)
_NUMBERED_PART = rf"(?:chapter|section|part|paragraph|act|scene|week|day|question|task) (?:{_COUNT}|one|[ivx]+)\b"
_PART_BEFORE = re.compile(
    rf"(?:\b(?:{_PART_NAME}|{_NUMBERED_PART})\b[^.;\n,]{{0,24}}"
    r"|(?:摘要|引言|开头|结尾|导语|前言|序言|正文|主体|结论|结语|背景|简介|第.{1,3}?[章节段幕部回集篇])[^,。;\n]{0,12})$"
)
PART_AFTER = re.compile(rf"[ ](?:long )?{_PART_NAME}\b|的?(?:摘要|引言|导语|前言|简介|结语|开头|结尾)")


def role_of(mention: Mention) -> tuple[Role, int | None]:
    """What of the whole a mention measures, and how often that comes; None times where this is not said."""
    lead, after = mention.lead, mention.after
    if _TOTAL_BEFORE.search(lead) or _TOTAL_AFTER.match(after):
        return "total", 1
    for each in [p.search(lead) for p in _EACH_BEFORE] + [p.match(after) for p in _EACH_AFTER]:
        if each:
            return "product", _count_of(each.groupdict().get("part"), mention)
    if (multiple := _MULTIPLE_BEFORE.search(lead)) and _MULTIPLE_AFTER.match(after):
        return "product", round(value_of(multiple["n"]) or 1)
    if multiple := _ZH_MULTIPLE_BEFORE.search(lead):
        times = round(value_of(multiple["n"]) or 1)
        return ("product", times) if times > 1 else ("whole", 1)
    if _PART_BEFORE.search(lead) or PART_AFTER.match(after):
        return "part", 1
    return "whole", 1


def _count_of(part: str | None, mention: Mention) -> int | None:
    """How many of `part` (of anything, if None) the text around a mention asks for: the nearest such number."""
    start, end = mention.start, mention.end
    found = []
    for pattern in _COUNTED:
        for counted in pattern.finditer(mention.text, max(0, start - 300), end + 150):
            count = round(value_of(counted["n"]) or 0)
            inside = counted.start("n") < end and counted.end("n") > start
            if count > 1 and not inside and _same(part, counted["things"]):
                found.append((abs(counted.start() - start), count))
    return min(found)[1] if found else None


def _same(part: str | None, things: str) -> bool:
    """Whether the counted things are the parts in question, by their stem; with None, any parts at all."""
    if part is None:
        return not things.isascii() or bool(_A_PART.search(things))
    stem = part[:4].rstrip("s") if part.isascii() else part[:1]
    return bool(re.search(rf"\b{re.escape(stem)}", things))
