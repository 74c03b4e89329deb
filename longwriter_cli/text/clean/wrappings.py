"""What stands around a section without saying anything: blank, rules, code fences, quotation marks, empty markup."""

from __future__ import annotations

import re
from itertools import islice

from longwriter_cli.text.clean.window import Window
from longwriter_cli.text.sentences import sentence_ends

_BLANK = " \t\n\xa0\u3000\ufeff\u200b\u2028\u2029"


def surrounding_space(window: Window) -> bool:
    tail = window.tail()
    length = len(tail) - len(tail.rstrip().rstrip(_BLANK))
    return window.strip_head() or (length > 0 and window.cut_tail(length))


_RULE_HEAD = re.compile(r"-{3,}[ \t]*\n(?!\w[\w ]{0,30}:)")  # not the front matter of a document
_RULE_TAIL = re.compile(r"\n[ \t]*\n[ \t]*-{3,}\Z")  # without the blank line it would underline a heading
_LONGEST_RULE = 120  # characters


def rule(window: Window) -> bool:
    """A line of hyphens that parts the section from what stood around it. Scene breaks have other shapes."""
    if found := _RULE_HEAD.match(window.head()):
        return window.cut_head(found.end())
    found = _RULE_TAIL.search(window.tail()[-_LONGEST_RULE:])
    return found is not None and window.cut_tail(found.end() - found.start())


_HUSK = re.compile(r"[\s*_#`~=>|\[\]()\-]++\Z")


def husk(window: Window) -> bool:
    """Markup that is left when all it marked is gone."""
    text = window.flatten()
    return _HUSK.match(text) is not None and window.keep(0, 0)


_FENCE_LINE = re.compile(r"^[ \t]{0,3}(?:`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*?)[ \t]*$", re.MULTILINE)
_PROSE = frozenset({"", "markdown", "md", "text", "txt", "plaintext", "plain"})  # a fence of any other kind holds code


def fence(window: Window) -> bool:
    """A fence around the whole answer, or the half of one that has lost its partner."""
    if not window.head().startswith(("```", "~~~")) and not window.tail().endswith(("```", "~~~")):
        return False
    text = window.flatten()
    fences = [*_FENCE_LINE.finditer(text)]
    if not fences:
        return False
    first, *inner = fences
    opens = first.start() == 0 and first["info"].lower() in _PROSE
    if not inner:
        if first.end() == len(text) and not first["info"]:
            return window.keep(0, first.start())
        return opens and window.keep(first.end(), len(text))
    last = inner.pop()
    closes = last.end() == len(text) and not last["info"]
    # Inside, each fence must open with a language and close without one; else the outer two are no pair.
    paired = len(inner) % 2 == 0 and all(bool(line["info"]) == (i % 2 == 0) for i, line in enumerate(inner))
    return opens and closes and paired and window.keep(first.end(), last.start())


_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』"}


def quotes(window: Window) -> bool:
    """Quotation marks around the whole answer, of at least two sentences, with none of their kind inside."""
    head = window.head()
    closing = _QUOTES.get(head[:1], "")
    if len(head) < 2 or not closing or not window.tail().endswith(closing):
        return False
    inside = window.flatten()[1:-1]
    if head[0] in inside or closing in inside or len([*islice(sentence_ends(inside), 2)]) < 2:
        return False
    return window.keep(1, 1 + len(inside))
