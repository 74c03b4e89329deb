"""Plans that come as JSON, as a Python literal, or as JSON decoded by somebody else."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping, Sequence

from longwriter_cli.text.plan.amounts import MOST_WORDS, amount
from longwriter_cli.text.plan.item import Item, join_title, one_line
from longwriter_cli.text.plan.line import is_label
from longwriter_cli.text.plan.outline import read_outline

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
_DEEPEST = 4  # objects and lists around the list of steps
_JSON_START = re.compile(r"^[ \t]{0,40}(?=\[\s{0,200}[{\"]|\{\s{0,200}\")", re.MULTILINE)
_LITERAL_START = re.compile(r"^[ \t]{0,40}(?=\[\s{0,200}[{\"']|\{\s{0,200}[\"'])", re.MULTILINE)  # JSON or Python
_SINGLE_QUOTED = re.compile(r"[\[{,]\s{0,200}'")
_LONGEST_LITERAL = 50_000  # characters: takes 0.2 s
_TRAILING_COMMA = re.compile(r",(?=\s{0,200}[\]}])")


def read_structured(text: str) -> list[Item] | None:
    """The steps of a text that holds JSON, or Python's own form of it; None where it holds neither.

    A broken value gives no steps: what can still be read of it may lack one.
    """
    start = _LITERAL_START.search(text)
    if not start:
        return None
    for candidate in (text, _TRAILING_COMMA.sub("", text)):
        if values := _json_values(candidate):
            break
    else:
        values = [_python_value(text[start.end() :])]
    if len(values) > 1 and (items := _all(values)):  # one object a line
        return items
    return next(filter(None, map(items_of, values)), [])


def items_of(value: object, depth: int = _DEEPEST) -> list[Item]:
    """The steps in a decoded value: the first list or object that is all steps, at most `depth` levels down."""
    if depth == 0:
        return []
    if isinstance(value, Mapping):
        if item := _item(value):
            return [item]
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        objects = [inner for inner in value.values() if isinstance(inner, Mapping)]
        for inner in lists:
            if items := items_of(inner, depth - 1):
                return items
        return _all(objects) or next(filter(None, (items_of(inner, depth - 1) for inner in objects)), [])
    if not isinstance(value, list) or not value:
        return []
    if all(isinstance(line, str) for line in value):
        return read_outline("\n".join(one_line(line) for line in value))
    return _all(value)


def _json_values(text: str) -> list[object]:
    """The JSON values that start a line, one behind the other; code fences and prose between them are skipped.

    None at all where one of them is broken.
    """
    decoder = json.JSONDecoder(strict=False)  # models break lines inside strings
    values = []
    position = 0
    while start := _JSON_START.search(text, position):
        try:
            value, position = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):  # the second where it nests too deep
            return []
        values.append(value)
    return values


def _python_value(text: str) -> object:
    """The list or dict at the head of a text, up to the last bracket: {'main_point': 'A "quoted" word', 'words': 400}.

    None where it is none, or cut off, or broken JSON after all, or longer than is safe to parse. Nothing is evaluated
    but literals.
    """
    literal = text[: max(text.rfind("]"), text.rfind("}")) + 1]
    cut_off = "{" in text[len(literal) :]
    if cut_off or len(literal) > _LONGEST_LITERAL or not _SINGLE_QUOTED.search(literal):
        return None
    try:
        with warnings.catch_warnings():  # of a backslash that escapes nothing
            warnings.simplefilter("ignore")
            return ast.literal_eval(literal)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):  # the last two where it nests too deep
        return None


def _all(rows: Sequence[object]) -> list[Item]:
    """One step a row, totals left out; nothing where a row is no step."""
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
        return "; ".join(filter(None, map(one_line, value)))
    return one_line(value) if isinstance(value, str) else ""


def _words(value: object) -> int | None:
    if isinstance(value, str):
        return amount(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MOST_WORDS:
        return None
    return round(value) or None
