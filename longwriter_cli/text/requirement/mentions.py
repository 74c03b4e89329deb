"""Mentions: what a number of words or pages looks like, and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from longwriter_cli.text.numerals import HAN_NUMERALS
from longwriter_cli.text.requirement.cues import HEDGE, any_of
from longwriter_cli.text.requirement.number_words import (
    CHINESE_NUMBER,
    ENGLISH_NUMBER,
    neighbours,
    scale_of,
    value_of,
)

MOST_WORDS = 10_000_000
_FURTHEST_RATIO = 20  # between the ends of a range

_HAN_UNIT = any_of(
    "汉字|文字|字符(?!串|集)",
    # 字 begins many words that count nothing (字节, 字体), and ends fixed phrases.
    "字(?!符|母|节|段(?!落)|体|典|号|形|幕|眼|迹|谜|根|帖|样|头|牌|辈|库|义|串|经|诀|箴言|真言|成语|方针|密码|核心价值)",
    "(?:英文|英语)?单词|词(?!汇|语|组|性|典|条|根|缀|频|库|句|牌|类|义|云)|words?(?![a-z])",
)
_EN_LIMIT = any_of(
    "no more than|not more than|no less than|at most|at least|less than|up to|under|not exceeding",
    "(?:a )?(?:max|min)(?:imum)?(?: of)?",
)
_EN_JOIN = rf"(?:[-~/]|to|or|(?P<and>and)|(?P<bound>(?:,|and|but|to)?\s?(?:and |but )?{_EN_LIMIT}))"
_ZH_LIMIT = r",?\s?(?:且|但|并|并且|同时)?(?:最多|至少|不[得能要可]?(?:超过|多于|高于|少于|低于))"
_ZH_JOIN = rf"(?:-{{1,2}}|[~/至到或]|(?<=以上),?|(?P<bound>{_ZH_LIMIT}))"
# 500 · 500-600 · 500 words to 600 · at least 500 and no more than 600
_EN_NUMBERS = (
    rf"(?P<first>{ENGLISH_NUMBER})"
    rf"(?:(?:[ -]?(?:words?|pages?))?\s?{_EN_JOIN}\s?(?P<second>{ENGLISH_NUMBER}))?"
)
# 五百 · 五百到六百 · 500字以上，不超过600
_ZH_NUMBERS = (
    rf"(?<!第)(?P<first>{CHINESE_NUMBER})"
    rf"(?:\s?(?:个?[字词页])?(?:以上)?\s?{_ZH_JOIN}\s?(?P<second>{CHINESE_NUMBER}))?"
)
# 500-word · 500+ words · 500 (five hundred) words · 500 or so words · 10 double-spaced pages
_ENGLISH = re.compile(
    rf"{_EN_NUMBERS}(?P<plus>\s?(?:\+|plus(?![a-z])))?[\s-]{{0,3}}(?:\([^()\n]{{1,24}}\)[\s-]?)?"
    r"(?:(?:or (?:so|more|less)|english|total|unique|maximum|max|minimum|min|full)\s)?(?:of\s)?"
    r"(?:(?P<unit>words?|wrds|(?:chinese|han|mandarin) characters?|(?P<character>characters?))(?![a-z])"
    r"|(?:(?P<spacing>single|double)[ -]spaced |full |typed |a4 )?(?P<page>pages?)(?![a-z]))"
)
# 500字 · 五百余字 · 500+个单词 · 10页
_CHINESE = re.compile(
    rf"{_ZH_NUMBERS}\s?(?P<plus>\+)?[多余来]?\s?个?(?:英文|中文|汉语|英语)?(?:(?P<unit>{_HAN_UNIT})|(?P<page>页(?!面|码)))"
)
# A label makes the unit dispensable: "Word count: 1,200".
_ENGLISH_LABEL = re.compile(
    r"(?:\bword[ -]?(?:count|limit|length|target|goal|requirement|total)s?|\b(?:number|amount) of words"
    r"|(?:^|\n)[ \t>#-]{0,6}(?:words|length in words)(?=\s?[:=]))"
    rf"(?:[^0-9\n.;?!]|\.(?! )){{0,40}}?{_EN_NUMBERS}(?P<plus>\s?\+)?"
    r"(?![0-9%a-z]|[.,][0-9]|\s?(?!or|and|to|max|min|in |at |but|with|for)[a-z]{3})"  # "word count: 3 pages"
)
# 字数要求：2000
_CHINESE_LABEL = re.compile(
    rf"(?:字数|词数|篇幅|长度)[^0-9\n。;{HAN_NUMERALS}]{{0,14}}?{_ZH_NUMBERS}(?P<plus>\+)?"
    rf"(?![0-9%个页章段篇分倍年月{HAN_NUMERALS}])"
)
# What every pattern above ends or begins with. Most prompts of a chat have none of it, and take a fifth of the time.
_COUNTED = re.compile("wo?rd|page|character|[字词页]|篇幅|长度")
_CHINESE_TEXT = re.compile(r"chinese|mandarin|[\u4e00-\u9fff]")

_SENTENCE_BREAK = re.compile(r"(?<!\bmax)(?<!\bmin)(?<!\bapprox)(?<!\bca)\.(?=\s)|[!?;]|\n\s*\n")
_BETWEEN = re.compile(r"\b(?:between|from)\b[^.;\n]{0,12}$")
# "expand it from 500 to 2000 words"
TURN = any_of(
    "expand|extend|lengthen|increase|shorten|reduce|condense|compress|cut|trim|boil|bring|edit|get|turn|make|rewrite"
)
_FROM_TO = re.compile(rf"\b{TURN}\b[^.;\n]*\bfrom{HEDGE}$|[从由]{HEDGE}$")


@dataclass(frozen=True, slots=True)
class Mention:
    """A number that counts words or pages, in its place in `text`."""

    text: str
    start: int
    """Where the number begins; of two that are no range, the second one, which is the one that counts."""
    end: int
    low: float
    high: float | None
    """Given for a range alone; not below `low`."""
    groups: dict[str, str | None]
    """What the pattern found: `first`, `second`, `plus`, `bound`, `unit`, `page`, `spacing`, as far as it has them."""
    hyphened: bool
    """ "500-word": what it counts is a property of the text to write."""
    lead: str
    """What stands before it in its sentence."""
    after: str
    """What comes behind it, in its sentence or not."""

    @property
    def near(self) -> str:
        return self.lead[-100:]

    @property
    def page(self) -> bool:
        return bool(self.groups.get("page"))

    @property
    def han_characters(self) -> bool:
        return self.groups.get("unit") in ("字", "汉字", "文字", "字符")


def find_matches(text: str) -> Iterator[re.Match[str]]:
    """All that looks like a mention, the surest patterns first; one number may come up under several patterns."""
    if not _COUNTED.search(text):
        return
    chinese = _CHINESE_TEXT.search(text) is not None
    for pattern in (_ENGLISH, _CHINESE, _ENGLISH_LABEL, _CHINESE_LABEL):
        for match in pattern.finditer(text):
            if chinese or not match.groupdict().get("character"):
                yield match


def read_mention(text: str, match: re.Match[str]) -> Mention | None:
    """None where the number is none, or beyond MOST_WORDS."""
    start, end = match.start("first"), match.end()
    low, high = _numbers(match, text[max(0, start - 80) : start])
    if low is None or max(low, high or 0) > MOST_WORDS:
        return None
    if match["second"] is not None and high is None:
        start = match.start("second")
    hyphened = text.startswith("-", max(match.end("first"), match.end("second")))
    lead = sentences(text[max(0, start - 240) : start])[-1]
    return Mention(text, start, end, low, high, match.groupdict(), hyphened, lead, text[end : end + 120])


def sentences(text: str) -> list[str]:
    return _SENTENCE_BREAK.split(text)


def _numbers(match: re.Match[str], before: str) -> tuple[float | None, float | None]:
    """The one number of a match, or the two ends of its range in rising order."""
    groups = match.groupdict()
    first, second = groups["first"], groups["second"]
    if second is None:
        return neighbours(first) or (value_of(first), None)
    low, high = value_of(first), value_of(second)
    if low is None or high is None:
        return None, None
    scale = scale_of(second)
    if scale and not scale_of(first) and low < high and low < 100:
        low = value_of(first + ("" if scale[0] in HAN_NUMERALS else " ") + scale) or low  # "2 to 3 thousand"
    if groups.get("bound") and max(low, high) <= _FURTHEST_RATIO * min(low, high):
        return min(low, high), max(low, high)
    apart = groups.get("and") and not _BETWEEN.search(before)
    if apart or low >= high or (low and high / low > _FURTHEST_RATIO) or _FROM_TO.search(before):
        return high, None
    return low, high
