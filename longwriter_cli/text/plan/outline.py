"""Reads an outline the way models write it: labelled or numbered lines, blocks of lines, tables.

A line opens a step by its label; the lines below may add its main point and its word count. Which kind of label the
steps have is not known beforehand: the kinds are tried from the most explicit one down, and the first under which
any step has a count is the outline. All steps of that kind must then be whole: an outline with a hole is no outline,
because a plan that lost a step in reading would be written without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from longwriter_cli.text.plan.item import STOPS, Item, is_han, join_title, tidy
from longwriter_cli.text.plan.line import Kind, Line, indent, read_line
from longwriter_cli.text.plan.table import read_table

MOST_LINES = 2000
"""A text with more lines than this is not read: no outline has as many, and reading must stay cheap."""

_MOST_KINDS = 12  # kinds and levels that are tried
_NOTE = re.compile(r"(?:notes?|tips?|remarks?|注|备注|说明|total)\b", re.IGNORECASE)


def read_outline(text: str) -> list[Item]:
    """The steps of an outline in order; none where the text is no outline, or where one of its steps has no count."""
    texts = text.splitlines()
    if len(texts) > MOST_LINES:
        return []
    if items := read_table(texts):
        return items
    lines = _without_template([read_line(text) for text in texts])
    kinds = {(line.kind, line.level) for line in lines if line.kind > Kind.PROSE}
    for kind, level in sorted(kinds, key=lambda k: (-k[0], k[1]))[:_MOST_KINDS]:
        drafts = list(_drafts(lines, kind, level))
        if kind == Kind.HEADING:
            drafts = _without_title(drafts)
        counted = sum(draft.words is not None for draft in drafts)
        if counted >= (2 if kind in (Kind.HEADING, Kind.BULLET) else 1):
            return _finished(drafts)
        if kind == Kind.PARAGRAPH and any(draft.main_point for draft in drafts):
            return []
    return _unlabelled(lines)


def _without_template(lines: list[Line]) -> list[Line]:
    """The lines without an echo of the template above the first step. Below it, it stands for steps left out."""
    steps = (i for i, line in enumerate(lines) if line.count or line.exact)
    first = next((i for i in steps if lines[i].kind != Kind.PROSE and not lines[i].unfilled), len(lines))
    return [line for i, line in enumerate(lines) if i >= first or not line.unfilled]


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
            space, semicolon = ("", "；") if is_han(last) else (" ", "; ")
            self._pieces.append((space if wrapped or last in STOPS else semicolon) + part)
        elif part:
            self._pieces.append(part)

    def entitle(self) -> None:
        """Makes a title of all that was read so far."""
        self.title = self.main_point
        self._pieces.clear()


def _drafts(lines: Iterable[Line], kind: Kind, level: int) -> Iterator[_Draft]:
    """The steps, if those are what the lines of this kind and level open."""
    current: _Draft | None = None
    gap = False
    for line in lines:
        if line.kind == Kind.BLANK:
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


def _opened(line: Line) -> _Draft:
    draft = _Draft(indent(line.probe), line.probe.lstrip().startswith("#"))
    if line.exact:
        draft.add(line.exact.main_point)
        draft.words, draft.explicit = line.exact.words, True
        return draft
    draft.title, point = line.parts()
    draft.add(point)
    draft.words, draft.explicit = (line.count.words if line.count else None), line.point is not None
    return draft


def _goes_on(draft: _Draft, line: Line, gap: bool) -> bool:
    """Adds a line to a step; false where the step ended before it."""
    title, point = line.parts()
    words = line.count.words if line.count else None
    plain = line.kind in (Kind.PROSE, Kind.FIELDS)
    if line.count and not point and not title:
        draft.words = draft.words or words
    elif line.point and not draft.explicit:
        draft.entitle()
        draft.add(join_title(title, point))
        draft.words, draft.explicit = draft.words or words, True
    elif draft.empty or (draft.words is None and not gap and plain):
        takes_count = draft.words is None and words is not None and plain
        draft.add(join_title(title, point) if takes_count else tidy(line.text[line.start :]), wrapped=True)
        draft.words = words if takes_count else draft.words
    elif line.kind <= Kind.NUMBER and _belongs(draft, line, gap):
        if line.kind == Kind.PROSE and draft.bare_title:
            draft.before_prose = draft.main_point
        if draft.bare_title and draft.point[-1] not in STOPS:
            draft.entitle()
        draft.add(tidy(line.text[line.start :]))
    else:
        return line.kind in (Kind.PROSE, Kind.BULLET) and draft.words is None
    return True


def _belongs(draft: _Draft, line: Line, gap: bool) -> bool:
    """Whether a line below a step that has all it needs tells more of it, and is not a closing remark."""
    if gap:
        return draft.heading and draft.bare_title
    nested = line.kind in (Kind.BULLET, Kind.NUMBER) or indent(line.probe) > draft.indent
    return nested or (line.kind == Kind.PROSE and draft.bare_title)


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


def _unlabelled(lines: list[Line]) -> list[Item]:
    """Two or more lines in a row that have no label and end in a count in brackets: "Introduction (400 words)"."""
    counted = [i for i, line in enumerate(lines) if line.ends_in_brackets]
    if len(counted) < 2:
        return []
    first, last = counted[0], counted[-1]
    above, below = lines[:first], lines[last + 1 :]
    # A line right above or below may be a step that lacks its count.
    if above and above[-1].kind != Kind.BLANK and not above[-1].probe.rstrip().endswith(":"):
        return []
    if below and below[0].kind != Kind.BLANK and not below[0].total:
        return []
    steps = [line for line in lines[first : last + 1] if line.kind != Kind.BLANK and not line.total]
    whole = len(steps) > 1 and all(line.ends_in_brackets for line in steps)
    return _finished([_opened(line) for line in steps]) if whole else []
