"""Somebody's text inside a prompt, as material that cannot pass for an order, nor its end for the end of the material.

Each line is quoted as in a mail, behind "> ": no line of the text can stand outside. A token of a chat template, which
some servers read wherever it stands, is taken apart, so that it cannot end the turn either.
"""

from __future__ import annotations

import re

MARK = "> "

_CHAT_TOKEN = re.compile(
    r"(<|\[)(?=\||｜|/?s>|/?INST\]|</?SYS>>|(?:start|end)_of_turn>|[be]os>|(?:end|begin)_of_text>)", re.IGNORECASE
)


def quote(text: str) -> str:
    """The text, each of its lines behind "> ". An empty text is one empty line."""
    lines = _CHAT_TOKEN.sub(r"\1 ", text).splitlines() or [""]
    return "\n".join(f"{MARK}{line}".rstrip() for line in lines)
