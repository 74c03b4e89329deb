r"""From a model's answer to the section it was asked for.

A model that should return one section and nothing else often returns more: its thoughts, the label of the plan's
line, a courtesy, the text so far once again, a count of its words. Each of these has one small pass below. A pass
knows one habit and looks at one edge: whatever stands inside the section is never touched, and what could be content
stays, since a stray label costs a reader less than a lost sentence.

Passes only move the edges of a window over the answer, and peek at no more than `_REACH` characters behind an edge.
So the work grows with the length of the answer, not with its square, and as each pass depends on nothing but what
the window shows, cleaning twice is the same as cleaning once.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from longwriter_cli.records import Step
from longwriter_cli.text.sentences import ends_whole, sentence_ends

_REACH = 2_000  # characters that a pass sees behind an edge; no label and no remark is longer
_LONGEST_REMARK = 500  # characters; "I hope this … If you'd like me to …" has about 200
_COPY = (
    70  # letters and marks, Chinese ones counted double, that make a repetition a copy (about 84 characters of prose)
)
_VERSE = 400  # the same for a passage of short lines, which may be a refrain


def clean_section(text: str, step: Step | None = None, previous: str = "") -> str:
    """The section that `text`, a model's answer, holds; "" where it holds nothing but scaffolding.

    `step` is the line of the plan that was to be written, and `previous` the text written before it; each one lets
    more be recognised. Pure and idempotent; never raises. Time is linear in both lengths: 0.1 s for 1 MB of prose
    after 200 kB of earlier text. Not looked for: a copy of earlier text anywhere but at the head, labels inside the
    section, refusals.
    """
    window = _Window(_legible(text), step, previous)
    # The first pass that finds something starts the list over, for one thing removed uncovers another.
    while any(one_pass(window) for one_pass in _PASSES):
        pass
    return window.shown()


def _legible(text: str) -> str:
    """Line ends as \n; no NUL or other control characters, nor halves of surrogate pairs, which no file can hold."""
    return _UNPRINTABLE.sub("", _NEWLINES.sub("\n", text))


_NEWLINES = re.compile("\r\n?|[\x0b\x0c\x85]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


class _Window:
    """The part of an answer that still counts as the section: `lead`, then `text[start:end]`.

    `lead` is what is left of a head that was cut in its middle: the "### " of "### Paragraph 3: The Fall".
    """

    def __init__(self, text: str, step: Step | None, previous: str) -> None:
        self.text = text
        self.start, self.end = 0, len(text)
        self.lead = ""
        self.step = step
        self.step_letters = _letters(step.main_point) if step else ""
        self.written = _solid(_legible(previous))
        self.tags = [*_THINK_TAG.finditer(text)][::-1]  # the first tag last, to be popped

    def shown(self) -> str:
        return self.lead + self.text[self.start : self.end]

    def head(self) -> str:
        return self.lead + self.text[self.start : min(self.end, self.start + _REACH)]

    def tail(self) -> str:
        shown = self.text[max(self.start, self.end - _REACH) : self.end]
        return shown if self.end - self.start > _REACH else self.lead + shown

    def first_line(self) -> tuple[str, bool]:
        """The first line, and whether all of it is in sight."""
        head = self.head()
        line, newline, _ = head.partition("\n")
        return line, bool(newline) or self.end - self.start <= _REACH

    def last_line(self) -> str | None:
        """The last line; None when it is longer than what is in sight."""
        _, newline, line = self.tail().rpartition("\n")
        return line if newline or self.end - self.start <= _REACH else None

    def goes_on_after(self, line: str) -> bool:
        return self.end - self.start > len(line) - len(self.lead)

    def cut_head(self, length: int, lead: str = "") -> bool:
        """Takes `length` characters off the head and puts the shorter `lead` there. True, as passes return."""
        self.start = min(self.end, self.start + max(0, length - len(self.lead)))
        self.lead = lead + self.lead[length:]
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
            self.tags = [*_THINK_TAG.finditer(self.text)][::-1]
        return self.text[self.start : self.end]


_UNDERLINE = re.compile(r"\n[ \t]*(?:-{3,}|={3,})[ \t]*(?=\n|\Z)")

# --- Edges --------------------------------------------------------------------------------------------------------

_BLANK_HEAD = re.compile(r"[\s\ufeff\u200b]++")
_BLANK = " \t\n\xa0\u3000\ufeff\u200b\u2028\u2029"


def _surrounding_space(window: _Window) -> bool:
    if not window.lead and (blank := _BLANK_HEAD.match(window.text, window.start, window.end)):
        return window.cut_head(blank.end() - window.start)
    tail = window.tail()
    length = len(tail) - len(tail.rstrip().rstrip(_BLANK))
    return length > 0 and window.cut_tail(length)


_RULE_HEAD = re.compile(r"-{3,}[ \t]*\n(?!\w[\w ]{0,30}:)")  # not the front matter of a document
_RULE_TAIL = re.compile(r"\n[ \t]*\n[ \t]*-{3,}\Z")  # without the blank line it would underline a heading


def _rule(window: _Window) -> bool:
    """A line of hyphens that parts the section from what stood around it. Scene breaks have other shapes."""
    if found := _RULE_HEAD.match(window.head()):
        return window.cut_head(found.end())
    found = _RULE_TAIL.search(window.tail()[-120:])
    return found is not None and window.cut_tail(found.end() - found.start())


# --- Thoughts -----------------------------------------------------------------------------------------------------

_THINK_TAG = re.compile(r"(?<!`)<(?P<closing>/)?think(?:ing)?>(?!`)", re.IGNORECASE)
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")


def _thoughts(window: _Window) -> bool:
    """`<think>…</think>` at the head; all of the text where it is never closed; the thoughts before a lone close."""
    tags = window.tags
    while tags and tags[-1].start() < window.start:
        tags.pop()
    if not tags or tags[-1].end() > window.end:
        return False
    tag = tags[-1]
    at_head = tag.start() == window.start and not window.lead
    if tag["closing"]:
        # In the middle of a line the tag is more likely a word of the text.
        at_line_end = _REST_OF_LINE.match(window.text, tag.end(), window.end) is not None
        at_line_start = tag.start() > window.start and window.text[tag.start() - 1] == "\n"
        end = tag.end() if at_head or at_line_start or at_line_end else None
    else:
        end = next((other.end() for other in reversed(tags) if other["closing"]), window.end) if at_head else None
    return end is not None and window.cut_head(len(window.lead) + end - window.start)


# --- Courtesies ---------------------------------------------------------------------------------------------------
# Each pattern needs two signs: the tone of an answer, and talk of paragraphs or of the writing itself.


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|understood|got it|no problem|gladly)"
_YES_OR_WELL = rf"(?:{_YES}|definitely|okay|ok|alright|all right|great|yes)"
_HERE = r"(?:here(?:['’]s| is| are| comes)|(?:below|the following) (?:is|are)|(?:i['’]ve|i have) written)"
_I_WILL = r"(?:now,? )?(?:i['’]?ll|i will|i['’]?m going to|let me|let['’]s)(?: now)?"
_WHICH = (
    r"(?:next|following|new|requested|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|final|last"
    r"|\d+(?:st|nd|rd|th))"
)
_WORK = (
    r"(?:story|essay|article|text|novel|report|chapter|piece|document|paper|series|outline|plan|book|speech|poem"
    r"|letter)"
)
_PART = (
    rf"(?:{_WHICH} (?:paragraph|section)|(?:paragraph|section) \d+|continuation"
    r"|paragraph (?:for|based on|about|you (?:asked|requested)))\b"
    # "the third paragraph of the constitution", "the first paragraph he ever wrote"
    rf"(?! (?:of (?:the|his|her|its|their|this|that|an?) (?!(?:\w+ ){{0,2}}{_WORK})|he|she|they|that|which|who)\b)"
)
_OF_THE_WORK = rf"(?: (?:of|for|in) (?:the|your|our) (?:\w+ ){{0,2}}{_WORK})?"
_COLON = r"[*_]*[:：][*_]*[ \t]*"
_LINE_END = r"[*_]*[ \t]*(?:\n|\Z)"

_ZH_YES = r"(?:好的?|当然(?:可以)?|没问题|可以的?|明白了?|收到)[，,。！!：:、\s]+"
_ZH_HERE = r"(?:这是|(?:以下|下面|接下来)(?:是|为|就是|将是))"
_ZH_PART = r"(?:第.{1,4}段|段落|下一段|续写|正文)落?(?:的|部分)*(?:内容|正文|文字|续写)?(?:[（(][^）)\n]{0,20}[）)])?"
_ZH_WORK = r"(?:段|部分|内容|章|节|文|稿|故事|下去)"

_OPENING = _any_of(
    # Sure! Here is the next paragraph of the story:
    rf"(?:{_YES_OR_WELL}[!.,:;—–-]*\s+)?{_HERE} [^\n:：]{{0,60}}?\b{_PART}{_OF_THE_WORK}{_COLON}",
    rf"(?:{_YES_OR_WELL}[!.,:;—–-]*\s+)?{_HERE} [^\n:：]{{0,60}}?\b{_PART}[^\n:：]{{0,160}}[:：]{_LINE_END}",
    # Certainly! Below is a draft that follows your outline:
    rf"{_YES}[!.,:;—–-]*\s+{_HERE} [^\n:：]{{0,100}}?\b(?:{_WORK}|paragraph|section|draft|version)\b"
    rf"[^\n:：]{{0,160}}[:：]{_LINE_END}",
    # Of course! I'll continue from where we left off.
    rf"{_YES}[!.]\s+{_I_WILL} [^\n]{{0,120}}?\b(?:writ|continu|draft|proceed|provid|compos)\w+"
    rf"[^\n]{{0,160}}[.!:：]{_LINE_END}",
    # Sure, I'd be happy to help with the next section!
    rf"{_YES}[!.,]\s+i(?:['’]d| would|['’]m| am) (?:be )?(?:happy|glad) to (?:help|assist|writ|continu|provid)"
    rf"[^\n]{{0,200}}[.!:：]{_LINE_END}",
    # Now I will write the third paragraph.
    rf"(?:{_YES_OR_WELL}[!.,]\s+)?{_I_WILL} (?:write|draft|compose|continue|proceed|move on)\b"
    rf"[^\n:：]{{0,60}}\b{_PART}[^\n:：.]{{0,160}}[.:：!]{_LINE_END}",
    # Continuing with the next section:
    rf"(?:continuing|moving on)\b[^\n:：]{{0,60}}\b{_PART}[^\n:：]{{0,120}}[:：]{_LINE_END}",
    rf"(?:the )?{_WHICH} paragraph(?: (?:is|reads))?(?: as follows)?[:：]{_LINE_END}",
    rf"{_YES}!\s*(?:\n|\Z)",
    # 好的，以下是第三段的内容：
    rf"(?:{_ZH_YES})?{_ZH_HERE}[^\n：:。，,]{{0,40}}{_ZH_PART}{_COLON}",
    rf"{_ZH_YES}{_ZH_HERE}[^\n：:。]{{0,60}}{_ZH_WORK}[^\n：:。]{{0,20}}[：:]{_LINE_END}",
    # 好的，我将继续撰写第三段。
    rf"{_ZH_YES}我[^\n。，,]{{0,30}}(?:撰写|续写|写)[^\n。]{{0,40}}{_ZH_WORK}[^\n。]{{0,20}}[。：:！!]{_LINE_END}",
    rf"(?:好的|没问题|当然可以)[！!。]{_LINE_END}",
)
_EMPHASIS = re.compile(r"[*_>#]{0,3}[ \t]*")


def _opening_remark(window: _Window) -> bool:
    """ "Sure! Here is the next paragraph:" """
    head = window.head()
    marks = _EMPHASIS.match(head)
    found = _OPENING.match(head, marks.end() if marks else 0)
    return found is not None and window.cut_head(found.end())


_CHANGE = (
    r"(?:continue|proceed|next (?:paragraph|section|part)|more paragraphs|another (?:paragraph|section)"
    r"|revis|adjust|changes|modif|edits?\b|expand|rewrite|tweak)"
)
_CLOSING = _any_of(
    # Let me know if you would like me to continue.
    r"(?:please )?(?:feel free to )?(?:let me know|tell me|just say so) (?:if|when|whether) "
    rf"[^\n]{{0,200}}\b{_CHANGE}",
    r"(?:please )?let me know if you(?: need| want| would like|['’]d like)"
    r"[^\n]{0,30}\b(?:further|additional|anything else)",
    r"if you(?:['’]d| would) like (?:me to|any (?:changes|revisions|edits|adjustments)|"
    r"the next (?:paragraph|section))\b",
    # Would you like me to write the next paragraph?
    rf"(?:would you like|do you want) me to\b[^\n]{{0,80}}\b{_CHANGE}",
    r"(?:would you like|do you want|shall i|should i)\b[^\n]{0,80}\b(?:paragraph|next section)\b[^\n]{0,80}\?",
    r"i hope (?:this|that|the|you)\b[^\n]{0,60}\b(?:paragraph|requirements|what you were looking for)\b",
    r"i(?:['’]ll| will| can) (?:now |then )?(?:continue|proceed|move on)\b[^\n]{0,80}\b(?:paragraph|next section)\b",
    # 如果您需要我继续写下一段，请告诉我。
    r"(?:如果|如|若)(?:您|你)?[^\n。]{0,30}(?:下一段(?:落|内容)?[，,]|续写|继续(?:写|撰写|创作)"
    r"|(?:修改|调整|补充)[^\n。]{0,6}(?:段|字数)|段[^\n。]{0,10}(?:修改|调整))[^\n。]{0,40}(?:告诉|告知|随时|请|提出|说明)",
    r"(?:希望|愿)(?:这|以上|本)一?(?:段|个段落|部分|内容|篇)[^\n。]{0,30}(?:符合|满足|对您|对你|能帮|有所帮助)",
    r"请(?:告诉我|告知|让我知道|指示|确认)[^\n。]{0,30}(?:继续写|续写|下一段|继续)",
    r"(?:是否)?需要我?(?:继续|接着)(?:写|撰写|续写|下去|创作)?[^\n。]{0,20}[？?吗]",
    r"(?:接下来|下面)?我(?:将|会)(?:继续)?(?:写|撰写|续写)[^\n。]{0,20}(?:下一段|第.{1,4}段)",
)
_CLOSING_MARKS = re.compile(r"[*_(\[（【]*\s*")
# [To be continued in the next paragraph], and the same without brackets where it names the next paragraph.
_TO_BE_CONTINUED = _any_of(
    r"[*_]*[\[(（【][*_\s]*(?:to be continued|continue[sd]? (?:in|to|with)|next paragraph|end of (?:paragraph|section)"
    r"|the (?:story|text|essay|article|narrative) continues"
    r"|未完待续|待续|接?下一?段|本段完|本段结束|第.{1,4}段(?:完|结束))"
    r"[^\n\[\]()（）【】]{0,100}[\])）】][*_]*[.。]?\Z",
    r"[*_\-—– ]*(?:(?:to be )?continued in (?:the )?next (?:paragraph|section)|end of (?:paragraph|section) \d+)"
    r"[.…*_\-—– ]*\Z",
)
_LETTER_STEP = _any_of(r"\b(?:letters?|e-?mails?|memos?|messages?|correspondence)\b", "信|邮件")
_SIGNATURE = _any_of(r"\b(?:best|regards|sincerely|yours|cheers|love|thanks),")
_SALUTATION = _any_of(r"\W*(?:dear|hi|hello|to whom|subject:)\b", r"\W*(?:尊敬|亲爱)")


def _closing_remark(window: _Window) -> bool:
    """An offer or a promise after the section. In a letter the same words are the letter's own."""
    line = window.last_line()
    if not line or len(line) > _LONGEST_REMARK:
        return False
    if _TO_BE_CONTINUED.match(line):
        return window.cut_tail(len(line))
    marks = _CLOSING_MARKS.match(line)
    if not _CLOSING.match(line, marks.end() if marks else 0):
        return False
    is_letter = (
        _SALUTATION.match(window.head())
        or _SIGNATURE.search(line)
        or (window.step and _LETTER_STEP.search(window.step.main_point))
    )
    return not is_letter and window.cut_tail(len(line))


# --- The plan's line ----------------------------------------------------------------------------------------------

_ENGLISH_NUMBER = (
    r"(?:[0-9]{1,3}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty)"
)
_CHINESE_NUMBER = r"[0-9０-９一二三四五六七八九十百零〇两]{1,5}"
_PARAGRAPH_N = (
    rf"(?:paragraph[ \t]*(?:no\.[ \t]*|number[ \t]*|\#[ \t]*)?(?P<n>{_ENGLISH_NUMBER})\b"
    r"(?:[ \t]*(?:of|/)[ \t]*[0-9]{1,3}\b)?"
    rf"|第[ \t]*{_CHINESE_NUMBER}[ \t]*(?:自然)?段(?:落)?|段落[ \t]*{_CHINESE_NUMBER})"
)
_AMOUNT = (
    r"(?:(?:about|approx(?:imately|\.)?|around|roughly|大?约|共|为|~|≈)[ \t]*)*[0-9][0-9,]*"
    r"(?:[ \t]*(?:-|–|—|~|to|至|到)[ \t]*[0-9][0-9,]*)?"
)
_UNIT = r"(?:[ \t]*(?:words?|个?字)(?:左右)?)"
_COUNT_OF_WORDS = rf"(?:word[ -]?count|字数(?:要求|统计)?)[*_]{{0,3}}[ \t]*[:：][*_]{{0,3}}[ \t]*{_AMOUNT}{_UNIT}?"
_WORD_COUNT = rf"(?:target |total |final |actual |总|目标)?{_COUNT_OF_WORDS}"
_MARKS = r"[ \t#>*_\[(（【-]*"
_MARKS_END = r"[ \t*_)\]）】.。]*"

_PLAN_LINE = re.compile(
    rf"{_MARKS}(?:(?P<label>{_PARAGRAPH_N})[^\w\n]{{0,12}})?"
    r"(?P<point>main (?:point|idea)s?|主要内容)[*_]{0,3}[ \t]*[:：][*_]{0,3}[ \t]*",
    re.IGNORECASE,
)
_WORD_COUNT_IN_LINE = re.compile(_COUNT_OF_WORDS + _MARKS_END, re.IGNORECASE)


def _plan_line(window: _Window) -> bool:
    """ "Paragraph 2 - Main Point: … - Word Count: 400 words", or the part of it that the model kept."""
    line, whole = window.first_line()
    found = _PLAN_LINE.match(line)
    if not found:
        return False
    point = line[found.end() :]
    if count := _WORD_COUNT_IN_LINE.search(point):
        return window.cut_head(found.end() + count.end())
    if not _LETTER.search(point):
        return False  # a heading over a list of main points
    if not whole or not window.goes_on_after(line):
        return window.cut_head(found.end())  # the section itself, behind the label
    if found["point"] == "主要内容" and not found["label"] and not _is_step(window, point):
        following = window.head()[len(line) :]
        if not following.startswith("\n\n") and not _COUNT_LINE.match(following.lstrip()):
            return False  # an outline's own words
    return window.cut_first_line()


_COUNT_LINE = re.compile(
    rf"(?:{_MARKS}{_WORD_COUNT}{_MARKS_END}|[*_]*[\[(（【][*_]*{_AMOUNT}{_UNIT}[*_]*[\])）】][*_]*[ \t]*)(?:\n|\Z)",
    re.IGNORECASE,
)


def _count_line(window: _Window) -> bool:
    """ "Word Count: 400 words" above the section."""
    return _COUNT_LINE.match(window.head()) is not None and window.cut_first_line()


_LABEL = re.compile(
    rf"""
    (?P<mark>\#{{1,6}}[ \t]*)? (?P<bold>[*_]{{1,3}})? (?P<bracket>[\[(（【])?
    {_PARAGRAPH_N}
    (?:[ \t]*[\[(（]{_AMOUNT}{_UNIT}[\])）])?
    (?P<unbracket>[\])）】])? (?P<unbold>(?P=bold))?
    [ \t]*(?P<parting>[:：|–—、]|[.\-](?=[ \t*_]|\Z))? (?P<unbold_late>(?P=bold))? [ \t]*
    """,
    re.IGNORECASE | re.VERBOSE,
)
_TITLE_COUNT = re.compile(
    rf"[ \t]*(?:[-–—,|][ \t]*{_WORD_COUNT}|[(\[（][ \t]*(?:{_WORD_COUNT}|{_AMOUNT}{_UNIT})[ \t]*[)\]）])"
    r"(?P<end>[*_]*)\Z",
    re.IGNORECASE,
)
# Steps in which a numbered paragraph is what was asked for.
_NUMBERED_TEXT = re.compile(
    r"\b(?:sub-?)?clauses?\b|\b(?:sub-?)?paragraphs\b|\bparagraph \d|\bprovisions?\b|\bstatut|\btreat(?:y|ies)\b"
    r"|\bleases?\b|\blessee|\bcontracts?\b|\bby-?laws?\b|条款|条文|合同|协议|租约|章程|条例",
    re.IGNORECASE,
)


def _label(window: _Window) -> bool:
    """ "Paragraph 3:", alone or before the text; the subtitle after it stays, with its marks."""
    line, whole = window.first_line()
    found = _LABEL.match(line)
    if not found or (window.step and _NUMBERED_TEXT.search(window.step.main_point)):
        return False
    closed = found["unbracket"] if found["bracket"] else (found["unbold"] or found["unbold_late"])
    rest = line[found.end() :]
    below = _LABEL.match(window.head(), len(line) + 1)
    if whole and below and below[0].strip() != found[0].strip():
        return False  # a list of paragraphs is content
    if whole and not rest.strip(" \t*_])）】"):
        return window.cut_first_line()
    if not closed and not found["parting"]:
        return False  # "Paragraph 4 of the treaty states"
    if found["parting"] == "." and not closed and not _is_number_of(window.step, found["n"]):
        return False
    lead = found["mark"] or ""
    if found["bold"] and not (found["unbold"] or found["unbold_late"]):
        lead += found["bold"]
    if found["bracket"] and not found["unbracket"]:
        lead += found["bracket"]
    count = _TITLE_COUNT.search(line, found.end()) if whole and len(line) < 200 else None
    if count:
        return window.cut_head(len(line), lead + line[found.end() : count.start()] + count["end"])
    return window.cut_head(found.end(), lead)


def _is_number_of(step: Step | None, number: str | None) -> bool:
    return step is not None and number is not None and number == str(step.n)


def _repeated_step(window: _Window) -> bool:
    """The step's main point as a line of its own."""
    line, whole = window.first_line()
    return whole and _is_step(window, _TITLE_COUNT.sub("", line)) and window.cut_first_line()


def _is_step(window: _Window, line: str) -> bool:
    wanted = window.step_letters
    # Most lines differ in length alone; the rest are compared by their letters.
    return bool(wanted) and len(wanted) <= len(line) <= 3 * len(wanted) + 60 and _letters(line) == wanted


_LETTER = re.compile(r"[^\W_]")
_NO_LETTERS = re.compile(r"[\W_]+")


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text).casefold()


# --- Word counts after the section --------------------------------------------------------------------------------

_BRACKETED_COUNT = re.compile(
    r"[*_]{0,3}[\[(（【](?=[^\n)\]）】]*(?:words?|字))[*_\s]*"
    r"(?:(?:total|approximate|final|actual|current|本段|本节|本章|全文|以上|共计)[ \t]*)?"
    rf"(?P<named>(?:words?(?:[ -]?count)?|总?字数(?:统计|要求)?)[*_]{{0,3}}[ \t]*[:：]?[ \t]*)?"
    rf"{_AMOUNT}{_UNIT}?(?:[ \t]*(?:in total|total))?[*_\s.。]*[\])）】][*_]{{0,3}}[.。]?\Z",
    re.IGNORECASE,
)
_PLAIN_COUNT = re.compile(
    rf"(?<![^\n])(?:[ \t#>*_-]*{_WORD_COUNT}[ \t.。*_]*|[*_]+{_AMOUNT}{_UNIT}[ \t.。]*[*_]+"
    rf"|[*_(]*(?:note: )?this (?:paragraph|section) (?:is|contains|has|comes to|totals"
    rf"|runs to) {_AMOUNT} words(?: long| in length)?[.*_)]*"
    rf"|(?:全文|本段|本节)共?(?:计)?{_AMOUNT}{_UNIT}[。.]?)\Z",
    re.IGNORECASE,
)


def _count_remark(window: _Window) -> bool:
    """ "(Word count: 412)" behind the last sentence or below it. Behind half a sentence it belongs to the text."""
    tail = window.tail()[-400:]
    found = _BRACKETED_COUNT.search(tail) or _PLAIN_COUNT.search(tail)
    if not found:
        return False
    before = tail[: found.start()].rstrip(" \t")
    named = found.re is _BRACKETED_COUNT and found["named"]
    parted = not before or before.endswith("\n\n") or (named and before.endswith("\n")) or ends_whole(before)
    return bool(parted) and window.cut_tail(len(tail) - found.start())


# --- Wrappings ----------------------------------------------------------------------------------------------------
# These read the whole answer. They stand last in the list, so they run once for each one found, and once more.

_HUSK = re.compile(r"[\s*_#`~=>|\[\]()\-]++\Z")


def _husk(window: _Window) -> bool:
    """Markup that is left when all it marked is gone."""
    text = window.flatten()
    return _HUSK.match(text) is not None and window.cut_tail(len(text))


_FENCE_LINE = re.compile(r"^[ \t]{0,3}(?:`{3,}|~{3,})[ \t]*(?P<info>[^\n`]*?)[ \t]*$", re.MULTILINE)
_PROSE = frozenset({"", "markdown", "md", "text", "txt", "plaintext", "plain"})  # a fence of any other kind holds code


def _fence(window: _Window) -> bool:
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
            return window.cut_tail(len(first[0]))
        return opens and window.cut_head(first.end())
    last = inner.pop()
    closes = last.end() == len(text) and not last["info"]
    # Inside, each fence must open with a language and close without one; else the outer two are no pair.
    paired = len(inner) % 2 == 0 and all(bool(fence["info"]) == (i % 2 == 0) for i, fence in enumerate(inner))
    if not (opens and closes and paired):
        return False
    return window.cut_tail(len(last[0])) and window.cut_head(first.end())


_QUOTES = {'"': '"', "“": "”", "「": "」", "『": "』"}


def _quotes(window: _Window) -> bool:
    """Quotation marks around the whole answer, of at least two sentences, with none of their kind inside."""
    head = window.head()
    closing = _QUOTES.get(head[:1], "")
    if len(head) < 2 or not closing or not window.tail().endswith(closing):
        return False
    inside = window.flatten()[1:-1]
    if head[0] in inside or closing in inside or len([*islice(sentence_ends(inside), 2)]) < 2:
        return False
    return window.cut_tail(1) and window.cut_head(1)


# --- The text so far ----------------------------------------------------------------------------------------------

_SOLID_RUN = re.compile(r"[^\s*_#`]{1,200}")
_UNSOLID = re.compile(r"[\s*_#`]+")
_FULL_WIDTH = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]")


def _solid(text: str) -> str:
    """`text` without what differs between a text and its copy: whitespace and Markdown marks."""
    return _UNSOLID.sub("", text)


def _width(text: str) -> int:
    """Letters and marks, Chinese and Japanese ones counted double: one says about as much as two Latin ones."""
    solid = _solid(text)
    return len(solid) + len(_FULL_WIDTH.findall(solid))


def _copy_of_previous(window: _Window) -> bool:
    """Sentences at the head that stand in the text so far, word for word and in a row."""
    if not window.written:
        return False
    head = _solid(window.head())[:_COPY]
    sizes = range(_COPY // 2, len(head) + 1)
    seed = next((head[:size] for size in sizes if _width(head[:size]) >= _COPY), None)
    at = window.written.find(seed) if seed else -1
    if at < 0:
        return False
    text = window.flatten()
    alike, at = _alike(text, window.written, at)
    if at == len(window.written) and text[alike : alike + 1] in ("", "\n"):
        end = alike  # all of it: no punctuation is needed to see where it ends
    else:
        end = max((end for end in sentence_ends(text[: alike + 2]) if end <= alike), default=0)
    copied = text[:end]
    prose = any(_width(line) >= _COPY for line in copied.split("\n"))
    return _width(copied) >= (_COPY if prose else _VERSE) and window.cut_head(end)


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


_PASSES: tuple[Callable[[_Window], bool], ...] = (
    _surrounding_space,
    _thoughts,
    _rule,
    _opening_remark,
    _plan_line,
    _count_line,
    _label,
    _repeated_step,
    _closing_remark,
    _count_remark,
    _husk,
    _fence,
    _quotes,
    _copy_of_previous,
)
