"""One line of an outline: how it is labelled, where its content starts, whether it has a word count.

A line opens a step by its label ("Paragraph 3", "第三段", "3.", "## Title", "- Title").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from longwriter_cli.text.numerals import HAN_NUMERALS, fold
from longwriter_cli.text.plan.amounts import COUNT_LABEL, MOST_WORDS, POINT_LABEL, Count, find_count
from longwriter_cli.text.plan.item import EDGES, Item, is_han, tidy, unwrap


class Kind(IntEnum):
    """What a line is labelled as; the most explicit label is the highest."""

    BLANK = -1
    PROSE = 0
    FIELDS = 1
    """No label of a step, but the label of its main point or its count."""
    BULLET = 2
    HEADING = 3
    NUMBER = 4
    SECTION = 5
    PARAGRAPH = 6


_HEAD = 200  # a label stands within this many characters
RULE = frozenset("-|:+=*_~ \t")

_HAN = rf"[{HAN_NUMERALS}]{{1,5}}"
_ORDINAL = (
    r"(?:[0-9]{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    rf"seventeen|eighteen|nineteen|twenty|[ivx]{{1,6}}|{_HAN})"
)
_MARKS = " \t>*_#`+•·●○◦▪■►▶|-"
_MARKUP = rf"[{re.escape(_MARKS)}\[(\"“]{{0,40}}"
_NUMBERED = rf"(?:[0-9]{{1,3}}\*{{0,2}}[.)\]、:]|{_HAN}[、.])"
# Paragraph 3 · 1. **Paragraph #3** · Paragraphs 3-4 · Para. IV · 第三段 · 第3至5自然段 · 段落三
_PARAGRAPH = (
    rf"(?:{_NUMBERED}{_MARKUP})?(?:"
    rf"(?:paragraphs?|para\.?|¶)\s{{0,3}}[-#\[(*_:]{{0,3}}\s{{0,2}}(?:no\.?\s?)?{_ORDINAL}"
    r"(?:(?:-|/|\s(?:to|of|and|&)\s)[0-9]{1,2})?(?![0-9a-z%])"
    rf"|第\s?(?:[0-9]{{1,4}}|{_HAN})\s?(?:[-~至到]\s?第?\s?(?:[0-9]{{1,4}}|{_HAN})\s?)?(?:个|自然)?段落?"
    rf"|段落?\s?[-#\[(]?\s?(?:[0-9]{{1,4}}|{_HAN}))"
)
# Section 3 · 2) Part [two] · Chapter IV · 第三部分 · 第3章 · 步骤三
_SECTION = (
    rf"(?:{_NUMBERED}{_MARKUP})?(?:"
    rf"(?:sections?|part|chapter|step|segment|scene|act|module|subtask|部分|章节|小节|步骤)\s{{0,3}}[-#\[(]?{_ORDINAL}"
    r"(?![0-9a-z%])"
    rf"|第\s?(?:[0-9]{{1,4}}|{_HAN})\s?(?:个?部分|小节|[章节篇回幕步]))"
)
# 3. · 3) · 2.1 Title · 3️⃣ · ③ · 三、 · iv. · B)
_NUMBER = (
    r"(?:(?P<dotted>[0-9]{1,3}(?:\.[0-9]{1,2}){0,3})\*{0,2}"
    r"(?:[.)\]、](?![0-9])|:(?=\s)|(?=\s{1,3}\|)|(?=\s-\s)|(?<=[0-9]\.[0-9])(?=\s)|(?<=\.[0-9]{2})(?=\s))"
    rf"|[0-9]\ufe0f?\u20e3|[\u2460-\u2473]|{_HAN}[、.)]|[ivx]{{1,6}}[.)]|[A-H][.)](?=\s))"
)
_LABEL = re.compile(
    rf"{_MARKUP}(?:(?P<paragraph>{_PARAGRAPH})|(?P<section>{_SECTION})|(?P<number>{_NUMBER}))", re.IGNORECASE
)
_BARE_LABEL = re.compile(rf"{_MARKUP}(?:{_PARAGRAPH}|{_SECTION}|#?\s?{_ORDINAL})[\s*_\])\".:、]{{0,8}}$", re.IGNORECASE)
_CLOSED = re.compile(r"[\s*_`\])\"”]{0,12}")
_PUNCTUATED = re.compile(r"[\s:\-.|,、;/]{0,12}[*_]{0,4}")
_BULLET = re.compile(r"\s{0,40}(?:>\s?){0,3}[-*+•·●○◦▪■►▶]\s{1,4}")
_SEPARATED_POINT = re.compile(rf"(?:^|[-|;,.(\[):!?\"”*]\s{{0,3}}|\s)(?={POINT_LABEL.pattern})", re.IGNORECASE)
# These call a main point so only at the start of the content.
_OTHER_POINT_LABEL = re.compile(
    r"[*_\[(]{0,4}(?:points?|contents?|topic|focus|theme|description|summary|内容|主题|描述|概述|说明)[\s*_\])]{0,4}:[*_]{0,4}",
    re.IGNORECASE,
)
_TOTAL = re.compile(
    r"(?:(?:the|overall|grand|estimated|approximate|combined)\s){0,3}total(?:\s(?:word|words|length|estimated|approx|target|"
    r"count|number)|\s?[:=(\-|*]|\s?$)|(?:overall|combined|full) (?:word ?count|length)|sum\s?[:=]|"
    r"总字数|以上(?:共|合|总)|总计|合计|共计|总共|总篇幅|全文(?:共|总|约|字数)|字数(?:总计|合计|总和)|预计总",
    re.IGNORECASE,
)
# The form that the templates ask for needs no guessing: its main point is taken as it stands, whatever it holds.
_EXACT = re.compile(
    r"\s*(?:Paragraph [0-9]{1,9} - Main Point: (.+) - Word Count: ([0-9]{1,9}) words"
    r"|第[0-9]{1,9}段 - 主要内容：(.+) - 字数要求：([0-9]{1,9})字)\s*",
)
# Main Point: [what this paragraph tells] - Word Count: [number] words
_UNFILLED = re.compile(
    rf"{POINT_LABEL.pattern}\s?\[[^\[\]]{{1,200}}\][\s\-|,;.*_]{{0,8}}(?:{COUNT_LABEL})[*_]{{0,2}}\s?:[*_]{{0,2}}\s?"
    # [number] · [Word count requirement, e.g., 400 words] · [数字] · [字数要求，例如400字]
    r"\[(?:[^\[\]0-9]{1,60}|[^\[\]]{0,60}(?:e\.?g|example|such as|例如|比如|如)[^\[\]]{0,60})\]"
    r"\s?(?:words|字)?[\s.*_]{0,6}$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `probe` is `text` folded, so that positions found in one hold in the other."""

    text: str
    probe: str
    kind: Kind
    level: int = 0
    """How deep it is nested: only lines of the same kind and level are steps of the same outline."""
    start: int = 0
    """Where the label ends."""
    count: Count | None = None
    """Places in it are relative to `start`."""
    point: re.Match[str] | None = None
    """The main point's label, in `probe[start:]`."""
    exact: Item | None = None
    """The step, where the line has the exact form."""

    @property
    def whole(self) -> bool:
        """Says all of a step by itself, in so many words, whatever its own label."""
        called = self.count is not None and self.count.labelled
        return self.exact is not None or (self.point is not None and called)

    @property
    def unfilled(self) -> bool:
        """The template's own line, with nothing put in place of its brackets."""
        return self.point is not None and _UNFILLED.search(self.probe[: 3 * _HEAD]) is not None

    @property
    def ends_in_brackets(self) -> bool:
        """A short line of no kind that ends in a count: "Introduction (400 words)"."""
        if self.kind != Kind.PROSE or self.count is None or len(self.probe) > _HEAD:
            return False
        ending = self.probe[self.count.start :].strip()
        return ending.startswith(("(", "[")) and ending.endswith((")", "]"))

    @property
    def total(self) -> bool:
        return self.kind not in (Kind.PARAGRAPH, Kind.SECTION) and is_total(self.probe[self.start :])

    def parts(self) -> tuple[str, str]:
        """Title and main point: what stands before and behind the point's label, without the count."""
        content = self.text[self.start :]
        left, right = (content[: self.count.start], content[self.count.end :]) if self.count else (content, "")
        if self.point is None:
            left, right = tidy(left), tidy(right)
            return (left, right) if left and right else ("", left or right)
        begin, end = self.point.span()
        if begin < len(left):
            extra = tidy(right)
            return tidy(left[:begin]), tidy(left[end:]) + (f" - {extra}" if extra else "")
        shift = len(content) - len(right)
        return tidy(left), tidy(right[end - shift :])


def read_line(text: str) -> Line:
    probe = fold(text)
    if exact := read_exact(text):
        return Line(text, probe, Kind.PARAGRAPH, exact=exact)
    if not probe.strip() or probe.lstrip().startswith(("```", "~~~")) or RULE.issuperset(probe[:_HEAD]):
        return Line(text, probe, Kind.BLANK)
    kind, level, start = _labelled(probe) or _marked(probe)
    rest = probe[start:]
    count = find_count(rest, prose=kind >= Kind.SECTION)
    point = _point_label(rest)
    if kind < Kind.NUMBER:
        labels = [point.start()] if point else []
        labels += [count.start] if count and count.labelled else []
        if len(labels) == 2 or (labels and not rest[: labels[0]].strip(EDGES + "*_[(")):
            kind, level = (Kind.FIELDS if point else Kind.PROSE), 0
    return Line(text, probe, kind, level, start, count, point)


def read_exact(text: str) -> Item | None:
    """The step of a line that has exactly the form of `format_step`."""
    exact = _EXACT.fullmatch(text)
    if not exact:
        return None
    main_point, words = (exact[1] or exact[3]).strip(), int(exact[2] or exact[4])
    return Item(unwrap(main_point), words) if main_point and 0 < words <= MOST_WORDS else None


def is_label(text: str) -> bool:
    """Whether a text only names or numbers a step ("Paragraph 3", "第三段", "3.") and says nothing of it."""
    return len(text) <= _HEAD and _BARE_LABEL.match(fold(text)) is not None


def is_total(probe: str) -> bool:
    """Whether a folded text opens like the sum of all counts."""
    return _TOTAL.match(probe[:_HEAD]) is not None


def indent(probe: str) -> int:
    return len(probe) - len(probe.lstrip())


def _labelled(probe: str) -> tuple[Kind, int, int] | None:
    """Kind, level and start of a line that opens with a paragraph's, section's or item's number."""
    label = _LABEL.match(probe[:_HEAD])
    if label is None:
        return None
    if label["number"]:
        dots = (label["dotted"] or "").count(".")
        return Kind.NUMBER, 100 * dots + indent(probe) // 2, _skip(probe, label.end())
    start = _content(probe, label.end())
    return (Kind.PARAGRAPH if label["paragraph"] else Kind.SECTION, 0, start) if start else None


def _marked(probe: str) -> tuple[Kind, int, int]:
    """The same of a line without a number: a heading, a bold line, a bullet, or prose."""
    stripped = probe.lstrip()
    start = len(probe) - len(probe.lstrip(_MARKS))
    if stripped.startswith("#"):
        return Kind.HEADING, len(stripped[:_HEAD]) - len(stripped[:_HEAD].lstrip("#")), start
    if stripped.startswith("**"):
        return Kind.HEADING, 7, start
    if _BULLET.match(probe):
        return Kind.BULLET, indent(probe) // 2, start
    return Kind.PROSE, 0, 0


def _skip(probe: str, end: int) -> int:
    """Past the closing and separating marks behind a label."""
    closed = _CLOSED.match(probe, end)
    punctuated = _PUNCTUATED.match(probe, closed.end() if closed else end)
    return punctuated.end() if punctuated else end


def _content(probe: str, end: int) -> int:
    """Where the content behind a label starts; 0 where the label is but the beginning of a sentence."""
    start = _skip(probe, end)
    separated = (
        start >= len(probe.rstrip())
        or bool(probe[end:start].strip())
        or (is_han(probe[end - 1]) and probe[end].isspace())
        or probe[start] in "(["
        or POINT_LABEL.match(probe, start) is not None
        or _calls_its_count(probe[start:])
    )
    return start if separated else 0


def _calls_its_count(rest: str) -> bool:
    count = find_count(rest)
    return count is not None and count.labelled


def _point_label(rest: str) -> re.Match[str] | None:
    found = _SEPARATED_POINT.search(rest, 0, 2 * _HEAD)
    return POINT_LABEL.match(rest, found.end()) if found else _OTHER_POINT_LABEL.match(rest)
