"""What a sign of scaffolding is, and the signs that the plan, the server and the count of words leave in a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from longwriter_cli.text.clean.counts import AMOUNT, MARKS, MARKS_END, NAMED_COUNT, UNIT
from longwriter_cli.text.filters import topics
from longwriter_cli.text.filters.finished import FinishedText

Holds = Callable[[FinishedText, int, re.Match[str]], bool]
"""Looks at a match in the section of that number, counted from 1, once more."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One habit. `name` says it to a reader.

    Where: anywhere (a pattern for whole lines begins with ^), at the head or at the tail of a section. Every match
    anywhere holds one of the `needles`, which are in lower case: looking for them is 50 times as fast. A subject of the
    instruction that matches `unless` makes the sign content.
    """

    name: str
    where: Literal["anywhere", "head", "tail"]
    pattern: re.Pattern[str]
    needles: tuple[str, ...] = ()
    unless: re.Pattern[str] | None = None
    holds: Holds | None = None


def any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.MULTILINE)


_NUMBER = re.compile(r"[0-9][0-9,]*")


def _is_its_length(text: FinishedText, number: int, found: re.Match[str]) -> bool:
    """Whether a count could be of this section or of the whole text: a manuscript of 95,000 words is another one."""
    section = text.sections[number - 1]
    required = text.instruction.required_words
    lengths = [section.words, section.target_words, text.words, required.words if required else 0]
    said = [int(digits.replace(",", "")) for digits in _NUMBER.findall(found[0])]
    return any(0.4 * length <= words <= 2.5 * length for words in said for length in lengths if length)


_LEAD = r"^[ \t#>*_\-]*[\[(（【]?[*_]*"
_N = (
    r"(?:[0-9]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty)"
)
_N_ZH = r"[0-9０-９一二三四五六七八九十两]{1,4}"
_COLON = r"[*_]*[ \t]*[:：]"
_POINT_ZH = r"(?:主要内容|内容要点)"
_LABEL_END = rf"(?:[ \t]*[(（]{AMOUNT}{UNIT}[)）])?[\])）】*_]*[ \t]*(?:[:：|]|[–—-](?= )|$)"
_COUNTED = rf"(?:{NAMED_COUNT}|{AMOUNT}{UNIT})"
_OF_WHAT = r"(?:total|word count|words|本段|本节|本章|全文|以上|共计|字数|合计)?[ \t]*[:：]?[ \t]*"
_NEXT = r"(?:next|following) (?:section|paragraph|part|response|message|chapter)"

LEFT_BEHIND = (
    Sign(
        # Paragraph 3 - Main Point: … - Word Count: 400 words · 第3段 - 主要内容：… - 字数要求：400字
        "plan line",
        "anywhere",
        any_of(
            rf"{_LEAD}(?:paragraph|section|part) {_N}\b[^\n\w]{{1,12}}main (?:point|idea)s?{_COLON}",
            rf"{_LEAD}main (?:point|idea)s?{_COLON}[^\n]{{1,600}}\bword count{_COLON}",
            rf"{_LEAD}(?:第[ \t]*{_N_ZH}[ \t]*[段节部]分?|段落{_N_ZH})[^\n\w]{{1,12}}{_POINT_ZH}{_COLON}",
            rf"{_LEAD}{_POINT_ZH}{_COLON}[^\n]{{1,600}}字数(?:要求)?{_COLON}",
        ),
        ("main point", "main idea", "主要内容", "内容要点"),
    ),
    Sign(
        # ### Paragraph 3: The Fall · **第三段**
        "paragraph label",
        "anywhere",
        any_of(
            rf"{_LEAD}paragraph (?:no\. ?|number |#)?{_N}\b(?: of {_N}\b)?{_LABEL_END}",
            rf"{_LEAD}(?:第[ \t]*{_N_ZH}[ \t]*(?:自然)?段(?:落)?|段落[ \t]*{_N_ZH}){_LABEL_END}",
        ),
        ("paragraph ", "段落", *(f"段{mark}" for mark in "：:】*） )-\n（(|")),
        topics.NUMBERED,
    ),
    Sign(
        # (Word count: 412) · *Total: 3,000 words* · ## The Fall (400 words) · 本段约400字
        "word count",
        "anywhere",
        any_of(
            rf"^{MARKS}{NAMED_COUNT}{MARKS_END}$",
            rf"^{MARKS}(?:total|approximately|about|total length)[ \t]*[:：]?[ \t]*{AMOUNT}[ \t]*words?{MARKS_END}$",
            rf"^[*_]*[\[(（【][*_ \t]*(?:{NAMED_COUNT}|{_OF_WHAT}{AMOUNT}{UNIT})"
            rf"[^\n\])）】]{{0,12}}[\])）】]{MARKS_END}$",
            rf"^(?:#{{1,6}} |\*\*)[^\n]{{1,120}}[(（\[]{_COUNTED}[)）\]][*_]*[ \t]*$",
            r"(?<=[.!?。！？”\"])[ \t]*[*_]*[\[(（【][*_]*"
            rf"{_COUNTED}(?: in total| total)?[*_]*[\])）】][*_]*$",
            rf"(?:全文|本段|本节|本章|以上内容|这一段|本部分|此段)(?:一?共|总计|共计|总?字数|大?约)+[为是计]?"
            rf"[ \t]*[:：]?{AMOUNT}个?字",
        ),
        (
            *("word count", "word-count", *(f"words{mark}" for mark in ")]*\n） .")),
            *("字数", *(f"字{mark}" for mark in "）)】*\n左")),
            *("全文", "本段", "本节", "本章", "以上内容", "这一段", "本部分", "此段"),
        ),
        topics.COUNTED,
        _is_its_length,
    ),
    Sign(
        # This section is approximately 300 words long.
        "word count",
        "anywhere",
        any_of(
            r"\b(?:this|the (?:above|preceding|following|current)) (?:section|paragraph|chapter|part|text|essay|story"
            rf"|article) (?:is|contains|has|comes to|totals|runs to|consists of)(?: now)? {AMOUNT} words\b",
        ),
        tuple(f"{part} {verb} " for part in ("section", "paragraph") for verb in ("is", "contains", "has", "totals"))
        + tuple(
            f"{part} {verb} " for part in ("chapter", "essay", "story", "article") for verb in ("contains", "totals")
        ),
        topics.COUNTED,
        _is_its_length,
    ),
    Sign(
        # [To be continued in the next section] · （未完待续）
        "to be continued",
        "anywhere",
        any_of(
            rf"{_LEAD}(?:to be continued|continued? (?:in|on) (?:the )?{_NEXT}"
            r"|(?:the )?(?:story|text|essay|article|report|section|content) continues"
            rf"|(?:will )?continue[sd]? (?:with|in|to) (?:the )?{_NEXT}"
            r"|end of (?:section|paragraph|part) \d+|next (?:section|paragraph)[ \t]*[:：])"
            rf"[^\n\w]*(?:(?:in|with) the {_NEXT})?[^\n\w]*$",
            rf"{_LEAD}(?:未完待续|待续|未完|(?:本|第.{{1,3}})(?:段|节|部分)(?:完|结束)"
            r"|(?:下接|接下|转)一?(?:段|节|部分)|(?:以下|后续)内容将?在?下一(?:段|节|部分)[^\n。]{0,10})"
            r"[^\n\w]*(?:[见接在]?下(?:一?[段节章]|文|一?部分)[^\n。]{0,8})?[^\n\w]*$",
        ),
        (
            *("to be continued", "continued in", "continue in", "continued on", "continues", "next section"),
            *("next paragraph", "end of section", "end of paragraph", "end of part", "continue with", "continued with"),
            *("待续", "未完", "段完", "节完", "部分完", "段结束", "节结束", "部分结束", "下接", "接下", "下一"),
        ),
        topics.SERIALS,
    ),
    Sign(
        # <think>, </think>
        "thoughts",
        "anywhere",
        any_of(r"</?(?:think(?:ing)?|reasoning|scratchpad|reflection)>"),
        ("<think", "</think", "<reasoning>", "</reasoning>", "<scratchpad>", "</scratchpad>", "<reflection>"),
        topics.MARKUP,
    ),
    Sign(
        "chat token",
        "anywhere",
        any_of(
            r"<\|\w{1,40}\|>|<｜[^<>｜\n]{1,40}｜>|<(?:start|end)_of_turn>|<[be]os>|\[/?INST\]|<</?SYS>>",
            r"^### (?:Response|Instruction):[ \t]*$",
        ),
        (
            *("<|", "<｜", "_of_turn>", "[inst]", "[/inst]", "<<sys>>", "<</sys>>", "<eos>", "<bos>"),
            *("### response:", "### instruction:"),
        ),
        topics.MARKUP,
    ),
)
