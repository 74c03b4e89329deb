"""Where sentences end, in English, Chinese and what shares their punctuation.

Made for answers that stop in the middle: the tail that never became a sentence is dropped. So when in doubt a place
is *not* an end: losing one sentence too many costs less than keeping half of one. Does not look for an opening
quotation mark or code fence that the cut left without its partner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_CLOSERS = r"\"'”’»」』）)】\]》〉*_"

# A run of terminators, what closes with it (quotes, brackets, emphasis, footnote marks), and what comes next.
_CANDIDATE = re.compile(
    rf"(?P<stop>[.!?…。！？｡．؟۔।]++)(?P<close>(?:\[\^?\w{{1,8}}\]|[{_CLOSERS}])*+)(?=(?P<gap>\s*+)(?P<next>\S?))"
)
_WIDE_STOPS = frozenset("。！？｡．؟۔।")  # these never stand inside a number or an abbreviation
_LOOK_BACK = 24  # characters before a full stop that tell whether it belongs to an abbreviation

# Words whose full stop never ends a sentence. Titles count only with their capital: "asked his sales rep." ends.
_NEVER_LAST = re.compile(
    r"(?<![^\W_])(?:Mr|Mrs|Ms|Mx|Dr|Prof|St|Mt|Gen|Col|Capt|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|Messrs|Figs?|Eqs?|Vol|Ch"
    r"|pp|[Ee]\.g|[Ii]\.e|eg|ie|vs|cf|viz|approx|esp)\Z"
)
# Words whose full stop ends a sentence only where a line ends too: "Acme Inc. Board" goes on.
_LAST_ON_A_LINE = re.compile(r"(?<![^\W_])(?:Inc|Ltd|Co|Corp|Jr|Sr|al|(?:[A-Za-z]\.)+[A-Za-z]|Ph\.D|[A-HJ-Z])\Z")
_NUMBERED = re.compile(r"(?<![^\W_])(?:[Nn]o|[Nn]os|Art|Sec|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|p|ca?)\Z")
_CHINESE_NUMBER = re.compile(r"[\u3400-\u9fff]\d+\Z")  # "涨了3." was cut inside a decimal: Chinese would end on 。
_LIST_MARKER = re.compile(r"\n[ \t>]*(?:[-*+][ \t]+)?[*_]{0,3}\(?(?:\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[ivxIVX]{1,5})\Z")


def sentence_ends(text: str) -> Iterator[int]:
    """The offsets, rising, at which a whole sentence of `text` has just ended, closing quotes and brackets included.

    Time is linear in the length of the text.
    """
    for found in _CANDIDATE.finditer(text):
        if _is_end(text, found):
            yield found.end()


def trim_to_sentence(text: str) -> str:
    """`text` up to the end of its last whole sentence; "" when it holds none."""
    candidates = list(_CANDIDATE.finditer(text))
    return next((text[: found.end()] for found in reversed(candidates) if _is_end(text, found)), "")


def ends_whole(text: str) -> bool:
    """Whether the last thing in `text`, whitespace aside, is the end of a sentence. False for an empty text."""
    text = text.rstrip()
    return bool(text) and len(trim_to_sentence(text)) == len(text)


def _is_end(text: str, found: re.Match[str]) -> bool:
    stop, gap, following = found["stop"], found["gap"], found["next"]
    if stop[-1] in _WIDE_STOPS:
        return True
    at_line_end = not following or "\n" in gap
    if "…" in stop or stop.startswith(".."):
        # A pause inside a sentence looks the same as its end, so only what follows can tell.
        return at_line_end or (bool(gap) and following.isupper())
    if not at_line_end:
        if not gap and not _is_cjk(following):
            return False  # "3.5", "example.org", "Node.js"
        if following.islower():
            return False  # '"Stop!" he said'
    return stop != "." or _full_stop_ends(text, found.start(), following, at_line_end)


def _full_stop_ends(text: str, at: int, following: str, at_line_end: bool) -> bool:
    before = text[max(0, at - _LOOK_BACK) : at]
    if at <= _LOOK_BACK:
        before = "\n" + before
    if _LIST_MARKER.search(before) or _NEVER_LAST.search(before) or _CHINESE_NUMBER.search(before):
        return False
    if _LAST_ON_A_LINE.search(before):
        return at_line_end
    return not (following.isdigit() and _NUMBERED.search(before))


def _is_cjk(character: str) -> bool:
    return "\u3000" <= character <= "\u9fff" or "\uff00" <= character <= "\uffef"
