"""The part of an answer that still counts as the section, and the cuts that passes make at its edges."""

from __future__ import annotations

import re
from functools import cached_property

from longwriter_cli.records import Step
from longwriter_cli.text.clean.letters import letters, solid

REACH = 2_000
"""Characters that a pass sees behind an edge; no label and no remark is longer."""

_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x85]")
# Controls, and halves of surrogate pairs, which no file can hold.
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_BLANK_HEAD = re.compile(r"[\s\ufeff\u200b]++")
# A word, or two characters of a script that puts no spaces between words.
_WORD = re.compile(r"[A-Za-z]+|[^\W\d_A-Za-z]{1,2}")
_UNDERLINE = re.compile(r"\n[ \t]*(?:-{3,}|={3,})[ \t]*(?=\n|\Z)")


class Window:
    """A view of an answer that only shrinks: `lead`, then `text[start:end]`.

    `lead` is what is left of a head that was cut in its middle: the "### " of "### Paragraph 3: The Fall". Cuts
    return True, as a pass does that has found something.
    """

    def __init__(self, text: str, step: Step | None, previous: str) -> None:
        self.text = _legible(text)
        self.start, self.end = 0, len(self.text)
        self.lead = ""
        self.step = step
        self.step_letters = letters(step.main_point) if step else ""
        self._previous = previous
        self._upcoming: dict[re.Pattern[str], re.Match[str] | None] = {}

    @cached_property
    def written(self) -> str:
        """The text before this section, solid."""
        return solid(self._previous)

    def may_repeat(self, text: str) -> bool:
        """Whether all words of `text` stand in the text before. Takes a tenth of making that solid."""
        return all(word in self._previous for word in _WORD.findall(text))

    def shown(self) -> str:
        return self.lead + self.text[self.start : self.end]

    def head(self) -> str:
        return self.lead + self.text[self.start : min(self.end, self.start + REACH)]

    def tail(self) -> str:
        shown = self.text[max(self.start, self.end - REACH) : self.end]
        return shown if self.end - self.start > REACH else self.lead + shown

    def first_line(self) -> tuple[str, bool]:
        """The first line, and whether all of it is in sight."""
        line, newline, _ = self.head().partition("\n")
        return line, bool(newline) or self.end - self.start <= REACH

    def last_line(self) -> str | None:
        """The last line; None when it is longer than what is in sight."""
        _, newline, line = self.tail().rpartition("\n")
        return line if newline or self.end - self.start <= REACH else None

    def upcoming(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """The first match in `text` at or behind the start, wherever it ends. Searched for once, kept until passed."""
        found = self._upcoming.get(pattern)
        if pattern not in self._upcoming or (found and found.start() < self.start):
            found = self._upcoming[pattern] = pattern.search(self.text, self.start)
        return found

    def goes_on_after(self, line: str) -> bool:
        return self.end - self.start > len(line) - len(self.lead)

    def cut_head(self, length: int, lead: str = "") -> bool:
        """Takes `length` characters off the head, and the blank behind them, and puts the shorter `lead` there.

        Where all in sight is then as it was before, the same pass would cut the same again, and so it does here: an
        answer of nothing but one label is cut in a tenth of the time.
        """
        before = self.head()
        self._shift(length, lead)
        while length <= REACH and self.head() == before:
            self._shift(length, lead)
        return True

    def cut_first_line(self) -> bool:
        """Takes the first line off, with the line of hyphens or equal signs that makes it a heading."""
        head = self.head()
        line = head.partition("\n")[0]
        underline = _UNDERLINE.match(head, len(line))
        return self.cut_head(underline.end() if underline else len(line))

    def cut_tail(self, length: int) -> bool:
        lost_lead = max(0, length - (self.end - self.start))
        self.end = max(self.start, self.end - length)
        self.lead = self.lead[: len(self.lead) - lost_lead]
        return True

    def flatten(self) -> str:
        """All that is shown, as one string with no lead."""
        if self.lead:
            self.text = self.shown()
            self.start, self.end, self.lead = 0, len(self.text), ""
            self._upcoming.clear()
        return self.text[self.start : self.end]

    def keep(self, start: int, end: int) -> bool:
        """Narrows a flat window to [start, end) of what it shows."""
        self.start, self.end = self.start + start, self.start + end
        return True

    def strip_head(self) -> bool:
        blank = None if self.lead else _BLANK_HEAD.match(self.text, self.start, self.end)
        if blank:
            self.start = blank.end()
        return blank is not None

    def _shift(self, length: int, lead: str) -> None:
        self.start = min(self.end, self.start + max(0, length - len(self.lead)))
        lead += self.lead[length:]
        blank = _BLANK_HEAD.match(lead)
        self.lead = lead[blank.end() :] if blank else lead
        self.strip_head()


def _legible(text: str) -> str:
    """Line ends as newlines, and nothing that cannot be shown or stored."""
    if text.replace("\n", "").isprintable():  # as most are, and told in a tenth of the time
        return text
    return _UNPRINTABLE.sub("", _NEWLINES.sub("\n", text))
