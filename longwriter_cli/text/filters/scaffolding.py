"""What belongs to the writing and not to the text: labels of the plan, counts, courtesies, thoughts, chat tokens.

`text.clean` takes these off the edges of a section as it is written; here they are found wherever they are left. A sign
is a line of its own shape, or stands at an edge where only the writer speaks, and it counts for nothing where the
instruction makes it content.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from longwriter_cli.text.filters.finished import FinishedText, in_section
from longwriter_cli.text.filters.signs import LEFT_BEHIND, Sign
from longwriter_cli.text.filters.voice import THE_MODEL_SPEAKS

_SIGNS = (*LEFT_BEHIND, *THE_MODEL_SPEAKS)
_TAIL = 400  # characters at the end of a section in which its last line begins

_FENCED = re.compile(r"^[ \t]*```[^\n]*\n[\s\S]*?^[ \t]*```[ \t]*$", re.MULTILINE)
_TITLE = re.compile(r"(?:[ \t]*(?:#{1,6} [^\n]*|\*\*[^\n*]{1,100}\*\*)[ \t]*\n\s*)+")


def scaffolding(text: FinishedText) -> str | None:
    """Plan lines and labels, counts of words, "as an AI", preambles, offers, "to be continued", thoughts, chat tokens.

    In fenced code and in quotation marks they are content.
    """
    for number, section in enumerate(text.texts, 1):
        prose = _FENCED.sub("\n", section) if "```" in section else section
        lower = prose.lower() + "\n"
        for sign in _SIGNS:
            if sign.needles and not any(map(lower.__contains__, sign.needles)):
                continue
            for found in _matches(sign, prose):
                if _counts(sign, text, number, found) and not _is_quoted(prose, found.start()):
                    return f"{sign.name} in {in_section(number, prose[found.start() :].strip())}"
    return None


def _matches(sign: Sign, prose: str) -> Iterable[re.Match[str]]:
    if sign.where == "anywhere":
        return sign.pattern.finditer(prose)
    if sign.where == "head":
        title = _TITLE.match(prose)
        found = sign.pattern.match(prose) or (title and sign.pattern.match(prose, title.end()))
    else:
        end = len(prose.rstrip())
        found = sign.pattern.match(prose, prose.rfind("\n", max(0, end - _TAIL), end) + 1, end)
    return [found] if found else []


def _counts(sign: Sign, text: FinishedText, number: int, found: re.Match[str]) -> bool:
    if sign.holds and not sign.holds(text, number, found):
        return False
    # Asked last: looking through what the text was to be about takes longer than looking for most signs.
    return not (sign.unless and sign.unless.search(text.asked))


def _is_quoted(prose: str, at: int) -> bool:
    """Whether quotation marks or backticks that were opened in this line are still open there."""
    line = prose[prose.rfind("\n", 0, at) + 1 : at]
    return (
        line.count('"') % 2 == 1
        or line.count("`") % 2 == 1
        or any(line.count(opening) > line.count(closing) for opening, closing in ("“”", "「」", "『』", "«»"))
        or line.endswith(("'", "‘"))
    )
