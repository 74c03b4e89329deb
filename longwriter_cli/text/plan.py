"""The plan: the outline a model returned, read into steps, and steps written as the lines that models see.

What counts as a plan is decided here and in `outline`; how long a step may be, and how many there may be, is not.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

import orjson

from longwriter_cli.records import Language, Step
from longwriter_cli.text.amounts import MOST_WORDS, amount
from longwriter_cli.text.outline import Item, is_label, join_title, read_outline

_FORMATS: Mapping[Language, str] = {
    "en": "Paragraph {n} - Main Point: {main_point} - Word Count: {words} words",
    "zh": "第{n}段 - 主要内容：{main_point} - 字数要求：{words}字",
}
_RUN_TOGETHER = re.compile(
    r"(?<=[0-9] words) (?=Paragraph [0-9]{1,9} - Main Point: )|(?<=[0-9]字)[ 。；]?(?=第[0-9]{1,9}段 - 主要内容：)"
)
_THINKING = re.compile(r"^[ \t]{0,8}<(think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(
    r"^[ \t]{0,8}</(?:think|thinking|reasoning)>|</(?:think|thinking|reasoning)>[ \t]{0,8}$", re.I | re.M
)

# Compared in lower case, without spaces and punctuation.
_POINT_KEYS = (
    *("mainpoint", "mainpoints", "mainidea", "keypoint", "keypoints", "point", "points", "content", "contents"),
    *("description", "summary", "detail", "details", "text", "topic", "focus", "task", "goal", "purpose"),
    *("主要内容", "主要观点", "核心内容", "要点", "内容", "描述", "概述", "主题"),
)
_TITLE_KEYS = (
    *("title", "heading", "name", "sectiontitle", "subtitle", "标题", "小标题"),
    *("section", "paragraph", "chapter", "step", "段落", "章节"),
)
_WORDS_KEYS = (
    *("words", "wordcount", "wordcounts", "targetwords", "wordtarget", "numwords", "numberofwords", "wordlimit"),
    *("wordcountrequirement", "targetwordcount", "estimatedwordcount", "length", "count"),
    *("字数", "字数要求", "目标字数", "预计字数", "建议字数", "篇幅"),
)
_DEEPEST = 4
_JSON_START = re.compile(r"^[ \t]{0,40}(?=\[\s{0,200}[{\"]|\{\s{0,200}\")", re.MULTILINE)
_TRAILING_COMMA = re.compile(r",(?=\s{0,200}[\]}])")


def parse_plan(text: str) -> list[Step]:
    """The steps of a plan, numbered from 1 in order of appearance, whatever numbers the text gives them.

    Reads the exact line format, what models make of it (marks, bullets, blocks of lines, Chinese and English), tables
    and JSON. Counts are in words, in 1..1,000,000; of a range it is the middle. Thoughts (`<think>`), preamble,
    totals and closing lines are ignored. An empty list means that the text is no usable plan: a refusal, an essay, or
    a plan in which a step has no word count. Never raises; linear in the length of the text.
    """
    text = _RUN_TOGETHER.sub("\n", _without_thoughts(text.removeprefix("\ufeff")))
    return _numbered(_from_json(text) if _JSON_START.search(text) else read_outline(text))


def format_step(step: Step, language: Language) -> str:
    """The line of a step as `$PLAN$` and `$STEP$` show it. A main point of several lines is folded to one."""
    return _FORMATS[language].format(n=step.n, main_point=_one_line(step.main_point), words=step.words)


def format_steps(steps: Iterable[Step], language: Language) -> str:
    """The steps, one a line. `parse_plan` reads them back."""
    return "\n".join(format_step(step, language) for step in steps)


def plan_digest(steps: Iterable[Step]) -> str:
    """Which plan a section belongs to: 8 hex digits of SHA-256 over `[[n, main_point, words], …]`.

    The JSON is compact, in UTF-8, with nothing but what JSON demands escaped.
    """
    rows = [(step.n, step.main_point, step.words) for step in steps]
    try:
        data = orjson.dumps(rows)
    except TypeError:  # a lone surrogate, or a number of more than 64 bits; else both give the same bytes
        data = json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()[:8]


def steps_from_json(value: object) -> list[Step]:
    """Steps out of decoded JSON: a list of step objects, or of lines in the plan format, or an object around one.

    A step object has `main_point` and `words`, or one of the keys that models put there; `words` may be a string
    ("400", "400-500 words"). Numbered from 1 in list order; `n` is not looked at. An empty list where any step lacks
    its main point or its count.
    """
    return _numbered(_items(value, _DEEPEST))


def _numbered(items: Iterable[Item]) -> list[Step]:
    return [Step(n, item.main_point, item.words) for n, item in enumerate(items, 1)]


def _one_line(text: str) -> str:
    lines = text.splitlines()
    return " ".join(filter(None, map(str.strip, lines))) if len(lines) > 1 else text.strip()


def _without_thoughts(text: str) -> str:
    """Drops what a reasoning model thought. The opening tag may be missing: some servers cut it off."""
    thoughts = list(_THOUGHT.finditer(text))
    if thoughts:
        return text[thoughts[-1].end() :]
    return "" if _THINKING.match(text.lstrip()) else text


# ---- JSON


def _from_json(text: str) -> list[Item]:
    """Broken JSON gives nothing: what can still be read of it may lack a step."""
    try:
        values = _json_values(text)
    except ValueError:
        try:
            values = _json_values(_TRAILING_COMMA.sub("", text))
        except ValueError:
            return []
    if len(values) > 1 and (items := _all(values)):  # one object a line
        return items
    return next(filter(None, (_items(value, _DEEPEST) for value in values)), [])


def _json_values(text: str) -> list[object]:
    """The JSON values that start a line, one behind the other; code fences and prose between them are skipped."""
    decoder = json.JSONDecoder(strict=False)  # models break lines inside strings
    values = []
    position = 0
    while start := _JSON_START.search(text, position):
        try:
            value, position = decoder.raw_decode(text, start.end())
        except RecursionError:
            raise ValueError("nested too deep") from None
        values.append(value)
    return values


def _items(value: object, depth: int) -> list[Item]:
    if depth == 0:
        return []
    if isinstance(value, Mapping):
        if item := _item(value):
            return [item]
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        objects = [inner for inner in value.values() if isinstance(inner, Mapping)]
        for inner in lists:
            if items := _items(inner, depth - 1):
                return items
        return _all(objects) or next(filter(None, (_items(inner, depth - 1) for inner in objects)), [])
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(line, str) for line in value):
        return read_outline("\n".join(_one_line(line) for line in value))
    return _all(value)


def _all(rows: Sequence[object]) -> list[Item]:
    items = []
    for row in rows:
        if not isinstance(row, Mapping) or not row:
            return []
        item = _item(row)
        if item is None and len(row) == 1:  # {"Paragraph 1": {…}}
            inner = next(iter(row.values()))
            item = _item(inner) if isinstance(inner, Mapping) else None
        if item is None:
            if all(str(key).lower().startswith(("total", "总")) for key in row):
                continue
            return []
        items.append(item)
    return items


def _item(row: Mapping[object, object]) -> Item | None:
    fields = {re.sub(r"[\W_]+", "", str(key)).lower(): value for key, value in row.items()}
    words = next((_words(fields[key]) for key in _WORDS_KEYS if key in fields), None)
    point = next(filter(None, (_text(fields.get(key)) for key in _POINT_KEYS)), "")
    titles = (_text(fields.get(key)) for key in _TITLE_KEYS)
    title = next((text for text in titles if text and not is_label(text)), "")
    whole = join_title(title, point) if title != point else point
    return Item(whole, words) if whole and words is not None else None


def _text(value: object) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "; ".join(filter(None, map(_one_line, value)))
    return _one_line(value) if isinstance(value, str) else ""


def _words(value: object) -> int | None:
    if isinstance(value, str):
        return amount(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_WORDS:
        return None
    return round(value) or None
