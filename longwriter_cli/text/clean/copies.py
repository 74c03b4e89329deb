"""The text so far, written once again before the new section."""

from __future__ import annotations

import re

from longwriter_cli.text.clean.letters import narrowest_head, solid, width
from longwriter_cli.text.clean.window import Window
from longwriter_cli.text.sentences import sentence_ends

_COPY = 70  # the width that makes a repetition a copy: about 84 characters of prose, or 35 Chinese ones
_COPY_OF_VERSE = 400  # the same for a passage of short lines, which may be a refrain
_SOLID_RUN = re.compile(r"[^\s*_#`]{1,200}")


def copy_of_previous(window: Window) -> bool:
    """Sentences at the head that stand in the text so far, word for word and in a row."""
    head = window.head()
    seed = narrowest_head(solid(head), _COPY)
    if not seed or not window.may_repeat(head[: len(seed)]):
        return False
    at = window.written.find(seed)
    if at < 0:
        return False
    text = window.flatten()
    alike, at = _alike(text, window.written, at)
    if at == len(window.written) and text[alike : alike + 1] in ("", "\n"):
        end = alike  # all of it: no punctuation is needed to see where it ends
    else:
        end = max((end for end in sentence_ends(text[: alike + 2]) if end <= alike), default=0)
    copied = text[:end]
    prose = any(width(line) >= _COPY for line in copied.split("\n"))
    return width(copied) >= (_COPY if prose else _COPY_OF_VERSE) and window.keep(end, len(text))


def _alike(text: str, written: str, at: int) -> tuple[int, int]:
    """How far `text` from its head and `written` (solid) from `at` agree: the offsets where they part."""
    end = 0
    for run in _SOLID_RUN.finditer(text):
        theirs = written[at : at + len(run[0])]
        same = next((i for i, (a, b) in enumerate(zip(run[0], theirs, strict=False)) if a != b), len(theirs))
        if same:
            end, at = run.start() + same, at + same
        if same < len(run[0]):
            break
    return end, at
