"""Reads an outline the way models write it: labelled or numbered lines, blocks of lines, tables.

A line opens a step by its label ("Paragraph 3", "第三段", "3.", "## Title", "- Title"); the lines below may add its
main point and its word count. Which kind of label the steps have is not known beforehand: the kinds are tried from
the most explicit one down, and the first under which any step has a count is the outline. All steps of that kind
must then be whole: an outline with a hole is no outline, because a plan that lost a step in reading would be written
without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from longwriter_cli.text.amounts import MOST_WORDS, POINT_LABEL, Count, amount, find_count
from longwriter_cli.text.numerals import HAN_NUMERALS, fold

MOST_LINES = 2000
"""A text with more lines than this is not read: no outline has as many, and reading must stay cheap."""


class Item(NamedTuple):
    """A step without its number. `main_point` is one line, `words` is in 1..1,000,000."""

    main_point: str
    words: int


# The form that the templates ask for needs no guessing: its main point is taken as it stands, whatever it holds.
_EXACT = re.compile(
    r"\s*(?:Paragraph [0-9]{1,9} - Main Point: (.+) - Word Count: ([0-9]{1,9}) words"
    r"|第[0-9]{1,9}段 - 主要内容：(.+) - 字数要求：([0-9]{1,9})字)\s*",
)

# Kinds of lines, the most explicit label highest.
PARAGRAPH, SECTION, NUMBER, HEADING, BULLET, FIELDS, PROSE, BLANK = 6, 5, 4, 3, 2, 1, 0, -1

_HAN = rf"[{HAN_NUMERALS}]{{1,5}}"
_ORDINAL = (
    r"(?:[0-9]{1,4}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|"
    rf"seventeen|eighteen|nineteen|twenty|[ivx]{{1,6}}|{_HAN})"
)
_MARKS = " \t>*_#`+•·●○◦▪■►▶|-"
_MARKUP = rf"[{re.escape(_MARKS)}\[(\"“]{{0,40}}"
_NUMBERED = rf"(?:[0-9]{{1,3}}\*{{0,2}}[.)\]、:]|{_HAN}[、.])"
_PARAGRAPH = (
    rf"(?:{_NUMBERED}{_MARKUP})?(?:"
    rf"(?:paragraphs?|para\.?|¶)\s{{0,3}}[-#\[(*_:]{{0,3}}\s{{0,2}}(?:no\.?\s?)?{_ORDINAL}"
    r"(?:(?:-|/|\s(?:to|of|and|&)\s)[0-9]{1,2})?(?![0-9a-z%])"
    rf"|第\s?(?:[0-9]{{1,4}}|{_HAN})\s?(?:[-~至到]\s?第?\s?(?:[0-9]{{1,4}}|{_HAN})\s?)?(?:个|自然)?段落?"
    rf"|段落?\s?[-#\[(]?\s?(?:[0-9]{{1,4}}|{_HAN}))"
)
_SECTION = (
    rf"(?:{_NUMBERED}{_MARKUP})?(?:"
    rf"(?:sections?|part|chapter|step|segment|scene|act|module|subtask|部分|章节|小节|步骤)\s{{0,3}}[-#\[(]?{_ORDINAL}"
    r"(?![0-9a-z%])"
    rf"|第\s?(?:[0-9]{{1,4}}|{_HAN})\s?(?:个?部分|小节|[章节篇回幕步]))"
)
_NUMBER = (
    r"(?:(?P<dotted>[0-9]{1,3}(?:\.[0-9]{1,2}){0,3})\*{0,2}"
    r"(?:[.)\]、](?![0-9])|:(?=\s)|(?=\s{1,3}\|)|(?=\s-\s)|(?<=[0-9]\.[0-9])(?=\s)|(?<=\.[0-9]{2})(?=\s))"
    rf"|[0-9]\ufe0f?\u20e3|[\u2460-\u2473]|{_HAN}[、.)]|[ivx]{{1,6}}[.)]|[A-H][.)](?=\s))"
)
_LABEL = re.compile(
    rf"{_MARKUP}(?:(?P<paragraph>{_PARAGRAPH})|(?P<section>{_SECTION})|(?P<number>{_NUMBER}))", re.IGNORECASE
)
_CLOSED = re.compile(r"[\s*_`\])\"”]{0,12}")
_PUNCTUATED = re.compile(r"[\s:\-.|,、;/]{0,12}[*_]{0,4}")
_BULLET = re.compile(r"\s{0,40}(?:>\s?){0,3}[-*+•·●○◦▪■►▶]\s{1,4}")
_BARE_LABEL = re.compile(rf"{_MARKUP}(?:{_PARAGRAPH}|{_SECTION}|#?\s?{_ORDINAL})[\s*_\])\".:、]{{0,8}}$", re.IGNORECASE)
_OTHER_POINT_LABEL = re.compile(
    r"[*_\[(]{0,4}(?:points?|contents?|topic|focus|theme|description|summary|内容|主题|描述|概述|说明)[\s*_\])]{0,4}:[*_]{0,4}",
    re.IGNORECASE,
)
_SEPARATED_POINT = re.compile(rf"(?:^|[-|;,.(\[):!?\"”*]\s{{0,3}}|\s)(?={POINT_LABEL.pattern})", re.IGNORECASE)
_TOTAL = re.compile(
    r"(?:(?:the|overall|grand|estimated|approximate|combined)\s){0,3}total(?:\s(?:word|words|length|estimated|approx|target|"
    r"count|number)|\s?[:=(\-|*]|\s?$)|(?:overall|combined|full) (?:word ?count|length)|sum\s?[:=]|"
    r"总字数|以上(?:共|合|总)|总计|合计|共计|总共|总篇幅|全文(?:共|总|约|字数)|字数(?:总计|合计|总和)|预计总",
    re.IGNORECASE,
)
_NOTE = re.compile(r"(?:notes?|tips?|remarks?|注|备注|说明|total)\b", re.IGNORECASE)
_COUNT_HEADER = re.compile(r"words?\b|word.?count|length|字数|篇幅|长度|词数", re.IGNORECASE)
_RUNNING_HEADER = re.compile(r"cumulative|running|累计", re.IGNORECASE)
_RULE = frozenset("-|:+=*_~ \t")

_HEAD = 200  # a label stands within this many characters
_STOPS = ".。!！?？;；:：,，"
_EDGES = " \t\u3000-–—|｜;；,，:：、"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line. `probe` is `text` folded, so that positions found in one hold in the other."""

    text: str
    probe: str
    kind: int
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
    def total(self) -> bool:
        return self.kind not in (PARAGRAPH, SECTION) and bool(_TOTAL.match(self.probe[self.start :][:_HEAD]))


@dataclass(slots=True)
class _Draft:
    """A step whose lines are still being read."""

    indent: int
    heading: bool
    """It stands under a Markdown heading, so that a blank line does not end it."""
    title: str = ""
    words: int | None = None
    explicit: bool = False
    """Its main point was called so; anything found before that is its title."""
    before_prose: str | None = None
    """The main point without the lines of prose below it, where there are any."""
    _pieces: list[str] = field(default_factory=list)

    @property
    def point(self) -> str:
        return "".join(self._pieces)

    @property
    def main_point(self) -> str:
        return join_title(self.title, self.point)

    @property
    def empty(self) -> bool:
        return not self._pieces

    @property
    def bare_title(self) -> bool:
        """All it has so far is what stood behind its label: perhaps a title, and the main point is still to come."""
        return not self.explicit and not self.title and len(self._pieces) == 1

    def add(self, part: str, *, wrapped: bool = False) -> None:
        """Goes on with the main point; `wrapped` where the line was only broken there."""
        if part and self._pieces:
            last = self._pieces[-1][-1]
            space, semicolon = ("", "；") if _is_han(last) else (" ", "; ")
            self._pieces.append((space if wrapped or last in _STOPS else semicolon) + part)
        elif part:
            self._pieces.append(part)

    def entitle(self) -> None:
        """Makes a title of all that was read so far."""
        self.title = self.main_point
        self._pieces.clear()


def read_outline(text: str) -> list[Item]:
    """The steps of an outline in order; none where the text is no outline, or where one of its steps has no count."""
    originals = text.splitlines()
    if len(originals) > MOST_LINES:
        return []
    probes = [fold(line) for line in originals]
    if items := _table(originals, probes):
        return items
    lines = [_classify(original, probe) for original, probe in zip(originals, probes, strict=True)]
    kinds = {(line.kind, line.level) for line in lines if line.kind > PROSE}
    for kind, level in sorted(kinds, key=lambda k: (-k[0], k[1]))[:12]:
        drafts = list(_drafts(lines, kind, level))
        if kind == HEADING:
            drafts = _without_title(drafts)
        counted = sum(draft.words is not None for draft in drafts)
        if counted >= (2 if kind in (HEADING, BULLET) else 1):
            return _finished(drafts)
        if kind == PARAGRAPH and any(draft.main_point for draft in drafts):
            return []
    return []


def join_title(title: str, point: str) -> str:
    """ "Title: point", with the colon of the script that the title ends in; the other one where one is empty."""
    if not title or not point:
        return title or point
    return title + ("：" if _is_han(title[-1]) else ": ") + point


def is_label(text: str) -> bool:
    """Whether a text only names or numbers a step ("Paragraph 3", "第三段", "3.") and says nothing of it."""
    return len(text) <= _HEAD and _BARE_LABEL.match(fold(text)) is not None


def _is_han(char: str) -> bool:
    """Whether a character is written without a space behind it: Han, kana, and their punctuation."""
    return "\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uff60"


def tidy(text: str) -> str:
    """A main point without the marks around it: separators, emphasis, brackets around the whole or left half open."""
    text = text.replace("**", "").strip(_EDGES)
    for mark in "*_":
        if text.count(mark) % 2:
            text = text.strip(mark).strip(_EDGES)
        elif len(text) > 2 and text[0] == text[-1] == mark:
            text = text[1:-1].strip(_EDGES)
    return _balance(text)


def unwrap(text: str) -> str:
    """Takes the template's square brackets, or bold marks, off a text that stands in them as a whole."""
    for left, right in (("[", "]"), ("**", "**"), ("【", "】")):
        inner = text[len(left) : -len(right)]
        if (
            text.startswith(left)
            and text.endswith(right)
            and inner.strip()
            and left not in inner
            and right not in inner
        ):
            return inner.strip()
    return text


def _balance(text: str) -> str:
    text = unwrap(text)
    for left, right in ("[]", "()", "（）", "【】"):
        missing = text.count(left) - text.count(right)
        if missing > 0:
            text = text[1:] if text.startswith(left) else text + right
        elif missing < 0 and text.endswith(right):
            text = text[:-1]
    return text.strip(_EDGES)


# ---- one line


def _classify(text: str, probe: str) -> _Line:
    exact = _EXACT.fullmatch(text)
    if exact and (main_point := (exact[1] or exact[3]).strip()):
        words = int(exact[2] or exact[4])
        if 0 < words <= MOST_WORDS:
            return _Line(text, probe, PARAGRAPH, exact=Item(unwrap(main_point), words))
    if not probe.strip() or probe.lstrip().startswith(("```", "~~~")) or _RULE.issuperset(probe[:_HEAD]):
        return _Line(text, probe, BLANK)
    kind, level, start = _labelled(probe) or _marked(probe)
    rest = probe[start:]
    count = find_count(rest, prose=kind >= SECTION)
    point = _point_label(rest)
    if kind < NUMBER:
        labels = [point.start()] if point else []
        labels += [count.start] if count and count.labelled else []
        if len(labels) == 2 or (labels and not rest[: labels[0]].strip(_EDGES + "*_[(")):
            kind, level = (FIELDS if point else PROSE), 0
    return _Line(text, probe, kind, level, start, count, point)


def _labelled(probe: str) -> tuple[int, int, int] | None:
    """Kind, level and start of a line that opens with a paragraph's, section's or item's number."""
    label = _LABEL.match(probe[:_HEAD])
    if label is None:
        return None
    if label["number"]:
        dots = (label["dotted"] or "").count(".")
        return NUMBER, 100 * dots + _indent(probe) // 2, _skip(probe, label.end())
    start = _content(probe, label.end())
    return (PARAGRAPH if label["paragraph"] else SECTION, 0, start) if start else None


def _marked(probe: str) -> tuple[int, int, int]:
    """The same of a line without a number: a heading, a bold line, a bullet, or prose."""
    stripped = probe.lstrip()
    start = len(probe) - len(probe.lstrip(_MARKS))
    if stripped.startswith("#"):
        return HEADING, len(stripped[:_HEAD]) - len(stripped[:_HEAD].lstrip("#")), start
    if stripped.startswith("**"):
        return HEADING, 7, start
    if _BULLET.match(probe):
        return BULLET, _indent(probe) // 2, start
    return PROSE, 0, 0


def _indent(probe: str) -> int:
    return len(probe) - len(probe.lstrip())


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
        or (_is_han(probe[end - 1]) and probe[end].isspace())
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


# ---- lines to steps


def _drafts(lines: Iterable[_Line], kind: int, level: int) -> Iterator[_Draft]:
    current: _Draft | None = None
    gap = False
    for line in lines:
        if line.kind == BLANK:
            gap = True
            continue
        waiting = current is not None and current.words is None and not current.explicit
        if line.total or (line.kind == kind and line.level < level):
            if current:
                yield current
            current = None
        elif (line.kind, line.level) == (kind, level) or (line.whole and not waiting):
            if current:
                yield current
            current = _opened(line)
        elif current is not None and not _goes_on(current, line, gap):
            yield current
            current = None
        gap = False
    if current:
        yield current


def _parts(line: _Line) -> tuple[str, str]:
    """The line's title and main point: what stands before and behind the point's label, without the count."""
    content = line.text[line.start :]
    left, right = (content[: line.count.start], content[line.count.end :]) if line.count else (content, "")
    if line.point is None:
        return ("", tidy(left) or tidy(right)) if not (tidy(left) and tidy(right)) else (tidy(left), tidy(right))
    begin, end = line.point.span()
    if begin < len(left):
        extra = tidy(right)
        return tidy(left[:begin]), tidy(left[end:]) + (f" - {extra}" if extra else "")
    shift = len(content) - len(right)
    return tidy(left), tidy(right[end - shift :])


def _opened(line: _Line) -> _Draft:
    draft = _Draft(_indent(line.probe), line.probe.lstrip().startswith("#"))
    if line.exact:
        draft.add(line.exact.main_point)
        draft.words, draft.explicit = line.exact.words, True
        return draft
    draft.title, point = _parts(line)
    draft.add(point)
    draft.words, draft.explicit = (line.count.words if line.count else None), line.point is not None
    return draft


def _goes_on(draft: _Draft, line: _Line, gap: bool) -> bool:
    """Adds a line to a step; false where the step ended before it."""
    title, point = _parts(line)
    words = line.count.words if line.count else None
    if line.count and not point and not title:
        draft.words = draft.words or words
    elif line.point and not draft.explicit:
        draft.entitle()
        draft.add(join_title(title, point))
        draft.words, draft.explicit = draft.words or words, True
    elif draft.empty or (draft.words is None and not gap and line.kind in (PROSE, FIELDS)):
        takes_count = draft.words is None and words is not None and line.kind in (PROSE, FIELDS)
        draft.add(join_title(title, point) if takes_count else tidy(line.text[line.start :]), wrapped=True)
        draft.words = words if takes_count else draft.words
    elif line.kind <= NUMBER and _belongs(draft, line, gap):
        if line.kind == PROSE and draft.bare_title:
            draft.before_prose = draft.main_point
        if draft.bare_title and draft.point[-1] not in _STOPS:
            draft.entitle()
        draft.add(tidy(line.text[line.start :]))
    else:
        return line.kind in (PROSE, BULLET) and draft.words is None
    return True


def _belongs(draft: _Draft, line: _Line, gap: bool) -> bool:
    """Whether a line below a step that has all it needs tells more of it, and is not a closing remark."""
    if gap:
        return draft.heading and draft.bare_title
    return (
        line.kind in (BULLET, NUMBER) or _indent(line.probe) > draft.indent or (line.kind == PROSE and draft.bare_title)
    )


def _without_title(drafts: list[_Draft]) -> list[_Draft]:
    """Headings above the first step and notes below the last are no steps."""
    counted = [i for i, draft in enumerate(drafts) if draft.words is not None]
    if not counted:
        return []
    last = counted[-1] + 1
    return drafts[counted[0] : last] + [draft for draft in drafts[last:] if not _NOTE.match(draft.main_point)]


def _finished(drafts: list[_Draft]) -> list[Item]:
    """The steps, or nothing where one of them lacks its count or its main point."""
    points = [draft.main_point for draft in drafts]
    *others, last = drafts
    if last.before_prose and others and not any(draft.before_prose for draft in others):
        points[-1] = last.before_prose  # prose below the last step alone is a closing remark
    items = []
    for draft, point in zip(drafts, points, strict=True):
        if draft.words is None and not point:
            continue  # a label alone says nothing
        if draft.words is None or not point:
            return []
        items.append(Item(point, draft.words))
    return items


# ---- tables


def _table(originals: list[str], probes: list[str]) -> list[Item]:
    """The rows of Markdown tables that have a column for the word count; the other columns make the main point."""
    items: list[Item] = []
    column: int | None = None
    skipped: frozenset[int] = frozenset()
    for original, probe in zip(originals, probes, strict=True):
        if "|" not in probe or _EXACT.fullmatch(original):
            column = None
        elif not _RULE.issuperset(probe):
            cells = _cells(original)
            header = _count_column(cells) if column is None else None
            if header is not None:
                column = header
                skipped = frozenset(i for i, cell in enumerate(cells) if _RUNNING_HEADER.search(cell))
            elif column is not None:
                rest = [c for i, c in enumerate(cells) if i != column and i not in skipped and not is_label(c)]
                point = " - ".join(filter(None, map(tidy, rest)))
                if not point or _TOTAL.match(fold(point)):
                    continue
                words = amount(cells[column]) if column < len(cells) else None
                if words is None:
                    return []
                items.append(Item(point, words))
    return items


def _cells(line: str) -> list[str]:
    inner = line.strip().replace("｜", "|").removeprefix("|").removesuffix("|").replace("\\|", "｜")
    return [cell.strip().replace("｜", "|") for cell in inner.split("|")]


def _count_column(cells: list[str]) -> int | None:
    if len(cells) < 2 or any(amount(cell) for cell in cells):
        return None
    named = (i for i, cell in enumerate(cells) if _COUNT_HEADER.search(cell) and not _RUNNING_HEADER.search(cell))
    return next(named, None)
