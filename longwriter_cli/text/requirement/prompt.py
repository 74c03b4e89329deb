"""A prompt, made ready for the patterns, and the part of it that is material rather than orders."""

from __future__ import annotations

import re

from longwriter_cli.text.numerals import fold
from longwriter_cli.text.requirement.cues import any_of

# Only this much of either end is read: a demand stands at the head or at the tail, and what lies deeper in a longer
# prompt is material. It also bounds the time for prompts of any size.
_END = 8000
_LEAST_LEFT = 20  # characters: a prompt that is shorter without its fenced parts is read with them

_FENCED = re.compile(r"\"\"\".{200,}?\"\"\"|```.{200,}?```|<(\w{3,12})>.{200,}?</\1>", re.DOTALL)
_MARKUP = re.compile(r"[*`]+|(?<![a-z0-9])_+|_+(?![a-z0-9])")
# The traditional characters that the patterns hold in their simplified form.
_SIMPLE = str.maketrans(
    "兩萬個詞單頁數過內總約寫論報導標題壓縮擴閱讀給這", "两万个词单页数过内总约写论报导标题压缩扩阅读给这"
)


def readable(prompt: str) -> str:
    """Both ends of the prompt, folded, in lower case and simplified characters, without fenced material."""
    if len(prompt) > 2 * _END:
        prompt = f"{prompt[:_END]}\n\n{prompt[-_END:]}"
    # Folded, a full-width comma would group thousands, and a full stop without a space would be a decimal point.
    text = fold(prompt.replace("，", ", ").replace("。", "。 ")).lower().translate(_SIMPLE)
    bare = _FENCED.sub("\n\n", text)
    return _MARKUP.sub("", bare if len(bare.strip()) > _LEAST_LEFT else text)


_MATERIAL = any_of(
    "article|text|passage|story|e?mail|essay|paragraph|document|report|content|post|speech|letter|paper|transcript",
    "excerpt|draft|chapter|source|context",
)
_ANNOUNCED = re.compile(
    # Summarise the following article in 150 words:
    rf"\b(?:following|below|this)\b(?=[^.\n]*\b{_MATERIAL}\b)[^.\n]{{0,40}}:\s*\n"
    # Article: The council …
    rf"|(?:^|\n)[ \t#>]*(?:the )?(?:{_MATERIAL}|原文|文章|材料|文本|内容)\s?:\s"
    # 阅读下面的材料：
    r"|(?:以下|下面|如下)(?=[^。\n]*(?:文|材料|内容|段))[^。\n]{0,20}:\s*\n"
)
_ORDERS = re.compile(
    r"(?:[\n.:!?,] ?|\b(?:please|now|then|to|must|should|you) )(?:please |now |then |also )?"
    r"(?:write|summari[sz]e|translate|respond|reply|rewrite|draft|create|generate|give|provide|explain|describe|answer|"
    r"continue|expand|shorten|limit|keep|use|be)\b|请|写|总结|概括|要求"
)


def pasted_span(text: str) -> range:
    """Where given material lies: behind the line that announces it, up to a last paragraph that gives orders."""
    found = _ANNOUNCED.search(text)
    if not found:
        return range(0)
    last = text.rstrip().rfind("\n\n")
    ordered = last > found.end() and _ORDERS.search(text, last)
    return range(found.end(), last if ordered else len(text))
