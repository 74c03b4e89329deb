"""The plan: the outline a model returned, read into steps, and steps written as the lines that models see.

What counts as a plan is decided in this package; how long a step may be, and how many there may be, is the caller's
to say.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import orjson

from longwriter_cli.records import Language, Step
from longwriter_cli.text.plan.item import Item, one_line
from longwriter_cli.text.plan.limits import fit_to_limits, outside
from longwriter_cli.text.plan.outline import read_outline
from longwriter_cli.text.plan.repeats import repeated_points
from longwriter_cli.text.plan.structured import items_of, read_structured

__all__ = [
    "fit_to_limits",
    "format_step",
    "format_steps",
    "outside",
    "parse_plan",
    "plan_digest",
    "repeated_points",
    "steps_from_json",
]

# Every section of a plan shows all of its steps: they are made into lines once for each plan in hand.
_PLANS_AT_ONCE = 2048

_FORMATS: Mapping[Language, str] = {
    "en": "Paragraph {n} - Main Point: {main_point} - Word Count: {words} words",
    "zh": "第{n}段 - 主要内容：{main_point} - 字数要求：{words}字",
}
# Where a model has put the next step on the same line.
_RUN_TOGETHER = re.compile(
    r"(?<=[0-9] words) (?=Paragraph [0-9]{1,9} - Main Point: )|(?<=[0-9]字)[ 。；]?(?=第[0-9]{1,9}段 - 主要内容：)"
)
_THINKING = re.compile(r"^[ \t]{0,8}<(think|thinking|reasoning)>", re.IGNORECASE)
_THOUGHT = re.compile(
    r"^[ \t]{0,8}</(?:think|thinking|reasoning)>|</(?:think|thinking|reasoning)>[ \t]{0,8}$", re.I | re.M
)


def parse_plan(text: str) -> list[Step]:
    """The steps of a plan, numbered from 1 in order of appearance, whatever numbers the text gives them.

    Reads the exact line format, what models make of it (marks, bullets, blocks of lines, Chinese and English), lines
    that only end in a count in brackets, tables, JSON and Python literals. Counts are in words, in 1..1,000,000; of a
    range it is the middle. Thoughts (`<think>`), preamble, the template's own lines above the plan, totals and closing
    lines are ignored. An empty list means that the text is no usable plan: a refusal, an essay, or
    a plan in which a step has no word count. Never raises; linear in the length of the text.
    """
    text = _RUN_TOGETHER.sub("\n", _without_thoughts(text.removeprefix("\ufeff")))
    items = read_structured(text)
    return _numbered(read_outline(text) if items is None else items)


def steps_from_json(value: object) -> list[Step]:
    """Steps out of decoded JSON: a list of step objects, or of lines in the plan format, or an object around one.

    A step object has `main_point` and `words`, or one of the keys that models put there; `words` may be a string
    ("400", "400-500 words"). Numbered from 1 in list order; `n` is not looked at. An empty list where any step lacks
    its main point or its count.
    """
    return _numbered(items_of(value))


def format_step(step: Step, language: Language) -> str:
    """The line of a step as `$PLAN$` and `$STEP$` show it. A main point of several lines is folded to one."""
    return _FORMATS[language].format(n=step.n, main_point=one_line(step.main_point), words=step.words)


def format_steps(steps: Iterable[Step], language: Language) -> str:
    """The steps, one a line. `parse_plan` reads them back."""
    return _lines(tuple(steps), language)


@lru_cache(_PLANS_AT_ONCE)
def _lines(steps: tuple[Step, ...], language: Language) -> str:
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


def _numbered(items: Iterable[Item]) -> list[Step]:
    return [Step(n, item.main_point, item.words) for n, item in enumerate(items, 1)]


def _without_thoughts(text: str) -> str:
    """Drops what a reasoning model thought. The opening tag may be missing: some servers cut it off."""
    thoughts = list(_THOUGHT.finditer(text))
    if thoughts:
        return text[thoughts[-1].end() :]
    return "" if _THINKING.match(text.lstrip()) else text
