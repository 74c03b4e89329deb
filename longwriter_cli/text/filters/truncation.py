"""Texts that stop before their end.

What ends without a full stop is as often whole as cut: a list, a poem, a table, a signature. So the last line is judged
with those above it, and a line among its like passes.
"""

from __future__ import annotations

import re
import unicodedata

from longwriter_cli.text.filters.finished import FinishedText, in_section
from longwriter_cli.text.sentences import ends_whole

_CUT = frozenset({"length", "content_filter"})
_WHOLE = 0.9  # of its target
_FENCE = re.compile(r"^[ \t]{0,3}(?P<marks>`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*?)[ \t]*$", re.MULTILINE)
_SHOWN = 160  # characters: `in_section` shows half of them

_THE_END = re.compile(
    r"[\W_]*(?:the end|end|fin|finis|curtain|exeunt|blackout|fade out|amen|postscript"
    r"|全文完|全剧终|完|剧终|终|全书完|落幕|幕落)[\W_]*",
    re.IGNORECASE,
)
_HEADING = re.compile(r"[ \t]*(?:#{1,6}[ \t]+\S|第[0-9一二三四五六七八九十百]{1,4}[章节回部篇])")
_TITLE = re.compile(r"[ \t]*(?:#|\*\*)")
_ITEM = re.compile(
    r"[ \t]*(?:[-*+•·●○▪–—☐☑✓✔]|\[[ xX]\]"
    r"|[([（【]?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5}|[一二三四五六七八九十]{1,3})[.)\]、）】．:])"
)
# What never stands last: an item of a list that ends so was cut too.
_DANGLING = re.compile(
    r"(?:[,，、;；(（\[【{“‘「『《=&+/\\]|(?<![-–—])[–-]"
    r"|\b(?:the|an?|and|or|but|of|to|with|from|by|as|at|into|than|that|which|who|whose|because|although|while|if|when"
    r"|is|are|was|were|has|have|had|be|been|being|will|would|could|should|may|might|must|can|their|its|his|my|our|your"
    r"|for|in|on|about|between|through|upon|toward|towards|during|such|not|very|more|most|this|these|those))\Z",
    re.IGNORECASE,
)
_DANGLING_ZH = re.compile(
    r"(?:[的和与及或把被让使在从向对于而且但却因为所以如果虽然并以将是]|一个|这个|那个|不仅|通过|为了)\Z"
)
_INTRODUCES = re.compile(r"[:：][*_]*\Z")
_SIGNED = re.compile(r"[ \t]*(?:[—–]|--|(?:yours|sincerely|regards|love|best|signed|cheers)\b)", re.IGNORECASE)
_LABELLED = re.compile(r"[ \t]*[^\s:：.。,，][^\n:：.。]{0,30}[:：][*_]{0,3}[ \t]*\S")
# A year or a page, an address, a tag, a web address, a signature's date, a formula.
_REFERENCE = re.compile(
    r"(?:\bhttps?://\S+|\bwww\.\S+|\bdoi:\S+|\S+@\S+\.\w+|#\w+|\(\d{4}\)|\b\d{4}|[\d一二三四五六七八九十]{1,3}[日号]|\d+[–-]\d+|\$\$|[%°）)\]】》>|}~*_`\d])\Z"
)
_LONGEST_LAST_WORD = 20  # characters; a pattern that looks for its end tries every place before it
_NARROW, _NARROW_WIDE = 70, 30  # characters of a line of verse, of a list, of a signature
_ABOVE = 4  # lines that tell what kind of block the last line stands in
_NEVER_LAST = tuple(",，、;；(（[【{“‘「『《")


def truncation(text: FinishedText) -> str | None:
    """A last section cut before its length, a fence that is not closed, a section that ends in mid-sentence.

    A section that was cut at the token limit and is as long as it should be has lost what was too much.
    """
    last = text.sections[-1] if text.sections else None
    if last is None or not text.text.strip():
        return "no text"
    if last.finish_reason in _CUT and last.words < _WHOLE * last.target_words:
        return f"the last section was cut ({last.finish_reason}): …{_tail(last.text)}"
    if _leaves_a_fence_open(text.text):
        return "a code fence is not closed"
    for number, section in enumerate(text.texts, 1):
        ends = _ends(section) if number == len(text.texts) else not _dangles(section)
        if not ends:
            return in_section(number, "…" + _tail(section))
    return None


def _tail(section: str) -> str:
    return " ".join(section[-_SHOWN:].split())[-_SHOWN // 2 :]


def _leaves_a_fence_open(text: str) -> bool:
    """By CommonMark's rules and by number as well: a fence inside a fence of its own kind breaks the first alone."""
    if "```" not in text and "~~~" not in text:
        return False
    opened = ""
    count = 0
    for line in _FENCE.finditer(text):
        count += 1
        if not opened:
            opened = line["marks"]
        elif line["marks"].startswith(opened) and not line["info"]:
            opened = ""
    return bool(opened) and count % 2 == 1


def _last_lines(section: str) -> list[str]:
    """The last lines that hold something, the very last one last."""
    tail = section[-2_000:]
    return [line.rstrip() for line in tail.split("\n") if line.strip()][-1 - _ABOVE :]


def _dangles(section: str) -> bool:
    """Whether a section that another one follows was cut: only what nothing but a cut leaves."""
    lines = _last_lines(section)
    if not lines or len(lines[-1]) < _NARROW_WIDE:
        return False  # verse may end a stanza on a comma
    line = lines[-1]
    long = not _is_narrow(line)
    return long and not _is_code(lines) and _is_left_hanging(line)


def _ends(section: str) -> bool:
    lines = _last_lines(section)
    if not lines:
        return True
    line = lines[-1].rstrip("*_ \t")
    if _THE_END.fullmatch(line):
        return True
    if _HEADING.match(line) and not ends_whole(line):
        return False
    if lines[-1].lstrip().startswith("|"):
        return lines[-1].endswith("|")
    if ends_whole(section[-2_000:]) or not line:
        return True
    if _is_code(lines) or _ends_in_symbol(line):
        return True
    if _INTRODUCES.search(line):
        return any(_INTRODUCES.search(above) for above in lines[:-1])  # a form to fill in
    if _SIGNED.match(line) and _is_narrow(line):
        return True
    if _is_verse(lines):
        return not line.endswith(_NEVER_LAST)
    if _is_left_hanging(line) or _leaves_a_quote_open(line):
        return False
    if _ITEM.match(line) and any(_ITEM.match(above) for above in lines[:-1]):
        return not _is_cut_item(line)
    if _REFERENCE.search(lines[-1]) or line.endswith("—"):
        return True
    return _is_narrow(line) and (_LABELLED.match(line) is not None or _stands_among_its_like(lines))


def _is_verse(lines: list[str]) -> bool:
    """Whether no line above ends a sentence, or hardly one: there the last line need not either."""
    above = [line for line in lines[:-1] if not _ITEM.match(line)]
    return len(above) >= 2 and sum(map(ends_whole, above)) <= len(above) // 4 and not _ITEM.match(lines[-1])


def _leaves_a_quote_open(line: str) -> bool:
    return line.count('"') % 2 == 1 or line.count("“") > line.count("”") or line.count("「") > line.count("」")


def _is_left_hanging(line: str) -> bool:
    tail = line[-_LONGEST_LAST_WORD:]
    return (_DANGLING.search(tail) or _DANGLING_ZH.search(tail)) is not None


def _is_cut_item(line: str) -> bool:
    """An item of more than one sentence, the last of them without an end."""
    return not _is_narrow(line) and re.search(r"[.!?]\s+[A-Z]|[。！？]", line) is not None


def _is_narrow(line: str) -> bool:
    if len(line) > _NARROW:
        return False
    wide = sum(character >= "\u2e80" for character in line)
    return len(line) <= (_NARROW_WIDE if wide > len(line) // 2 else _NARROW)


def _stands_among_its_like(lines: list[str]) -> bool:
    """Whether most lines above are narrow too: dialogue, questions and answers, a signature."""
    above = lines[:-1]
    signature = bool(above) and _is_narrow(above[-1]) and not (ends_whole(above[-1]) or _TITLE.match(above[-1]))
    return signature or sum(map(_is_narrow, above)) * 2 > len(above)


def _is_code(lines: list[str]) -> bool:
    """Code outside of a fence: by the ends of its lines."""
    return (
        lines[-1].lstrip().startswith(("```", "~~~"))
        or sum(line.endswith((";", "{", "}")) for line in lines) > len(lines) // 2
    )


def _ends_in_symbol(line: str) -> bool:
    """An emoji, an ornament, a note of music: they end what they decorate. Variation selectors do not count."""
    bare = line.rstrip("\ufe0f\u200d")
    return bool(bare) and unicodedata.category(bare[-1]) in {"So", "Sk"}
