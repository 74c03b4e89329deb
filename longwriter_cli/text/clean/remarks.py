"""Courtesies: what an assistant says to its user before and after the section.

A remark needs two signs, the tone of an answer ("Sure!", "let me know") and talk of paragraphs or of the writing
itself, for either one alone may be a line of a story.
"""

from __future__ import annotations

import re

from longwriter_cli.text.clean.window import Window

_LONGEST_REMARK = 500  # characters; "I hope this … If you'd like me to …" has about 200


def _any_of(*patterns: str, marks: str = "") -> re.Pattern[str]:
    return re.compile(marks + "(?:" + "|".join(f"(?:{pattern})" for pattern in patterns) + ")", re.IGNORECASE)


# --- Before the section -------------------------------------------------------------------------------------------

_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|understood|got it|no problem|gladly)"
_YES_OR_WELL = rf"(?:{_YES}|definitely|okay|ok|alright|all right|great|yes)"
_PAUSE = r"[!.,:;—–-]*\s+"
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
    # Not "the third paragraph of the constitution", nor "the first paragraph he ever wrote".
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
    # Sure! Here is the next paragraph of the story: The night …
    rf"(?:{_YES_OR_WELL}{_PAUSE})?{_HERE} [^\n:：]{{0,60}}?\b{_PART}{_OF_THE_WORK}{_COLON}",
    # Here is the second paragraph, written in the tone you asked for:
    rf"(?:{_YES_OR_WELL}{_PAUSE})?{_HERE} [^\n:：]{{0,60}}?\b{_PART}[^\n:：]{{0,160}}[:：]{_LINE_END}",
    # Certainly! Below is a draft that follows your outline:
    rf"{_YES}{_PAUSE}{_HERE} [^\n:：]{{0,100}}?\b(?:{_WORK}|paragraph|section|draft|version)\b"
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
    # The second paragraph is as follows:
    rf"(?:the )?{_WHICH} paragraph(?: (?:is|reads))?(?: as follows)?[:：]{_LINE_END}",
    # Certainly!
    rf"{_YES}!\s*(?:\n|\Z)",
    # 好的，以下是第三段的内容：
    rf"(?:{_ZH_YES})?{_ZH_HERE}[^\n：:。，,]{{0,40}}{_ZH_PART}{_COLON}",
    # 好的，下面是按照提纲写的这一部分：
    rf"{_ZH_YES}{_ZH_HERE}[^\n：:。]{{0,60}}{_ZH_WORK}[^\n：:。]{{0,20}}[：:]{_LINE_END}",
    # 好的，我将继续撰写第三段。
    rf"{_ZH_YES}我[^\n。，,]{{0,30}}(?:撰写|续写|写)[^\n。]{{0,40}}{_ZH_WORK}[^\n。]{{0,20}}[。：:！!]{_LINE_END}",
    # 好的！
    rf"(?:好的|没问题|当然可以)[！!。]{_LINE_END}",
    marks=r"[*_>#]{0,3}[ \t]*",
)


def opening_remark(window: Window) -> bool:
    found = _OPENING.match(window.head())
    return found is not None and window.cut_head(found.end())


# --- After it -----------------------------------------------------------------------------------------------------

_CHANGE = (
    r"(?:continue|proceed|next (?:paragraph|section|part)|more paragraphs|another (?:paragraph|section)"
    r"|revis|adjust|changes|modif|edits?\b|expand|rewrite|tweak)"
)
_CLOSING = _any_of(
    # Please let me know if you would like me to continue.
    r"(?:please )?(?:feel free to )?(?:let me know|tell me|just say so) (?:if|when|whether) "
    rf"[^\n]{{0,200}}\b{_CHANGE}",
    # Let me know if you need anything else!
    r"(?:please )?let me know if you(?: need| want| would like|['’]d like)"
    r"[^\n]{0,30}\b(?:further|additional|anything else)",
    # If you'd like any changes, just say so.
    r"if you(?:['’]d| would) like (?:me to|any (?:changes|revisions|edits|adjustments)|"
    r"the next (?:paragraph|section))\b",
    # Would you like me to expand this?
    rf"(?:would you like|do you want) me to\b[^\n]{{0,80}}\b{_CHANGE}",
    # Shall I write the next paragraph?
    r"(?:would you like|do you want|shall i|should i)\b[^\n]{0,80}\b(?:paragraph|next section)\b[^\n]{0,80}\?",
    # I hope this paragraph meets your requirements.
    r"i hope (?:this|that|the|you)\b[^\n]{0,60}\b(?:paragraph|requirements|what you were looking for)\b",
    # I will now move on to the next paragraph.
    r"i(?:['’]ll| will| can) (?:now |then )?(?:continue|proceed|move on)\b[^\n]{0,80}\b(?:paragraph|next section)\b",
    # 如果您需要我继续写下一段，请告诉我。
    r"(?:如果|如|若)(?:您|你)?[^\n。]{0,30}(?:下一段(?:落|内容)?[，,]|续写|继续(?:写|撰写|创作)"
    r"|(?:修改|调整|补充)[^\n。]{0,6}(?:段|字数)|段[^\n。]{0,10}(?:修改|调整))[^\n。]{0,40}(?:告诉|告知|随时|请|提出|说明)",
    # 希望这一段符合您的要求。
    r"(?:希望|愿)(?:这|以上|本)一?(?:段|个段落|部分|内容|篇)[^\n。]{0,30}(?:符合|满足|对您|对你|能帮|有所帮助)",
    # 请告诉我是否继续写下一段。
    r"请(?:告诉我|告知|让我知道|指示|确认)[^\n。]{0,30}(?:继续写|续写|下一段|继续)",
    # 需要我继续写下去吗？
    r"(?:是否)?需要我?(?:继续|接着)(?:写|撰写|续写|下去|创作)?[^\n。]{0,20}[？?吗]",
    # 接下来我将继续写下一段。
    r"(?:接下来|下面)?我(?:将|会)(?:继续)?(?:写|撰写|续写)[^\n。]{0,20}(?:下一段|第.{1,4}段)",
    marks=r"[*_(\[（【]*\s*",
)
_TO_BE_CONTINUED = _any_of(
    # [To be continued in the next paragraph]
    r"[*_]*[\[(（【][*_\s]*(?:to be continued|continue[sd]? (?:in|to|with)|next paragraph|end of (?:paragraph|section)"
    r"|the (?:story|text|essay|article|narrative) continues"
    r"|未完待续|待续|接?下一?段|本段完|本段结束|第.{1,4}段(?:完|结束))"
    r"[^\n\[\]()（）【】]{0,100}[\])）】][*_]*[.。]?\Z",
    # Without brackets only where it names the next paragraph: a serial may end in "To be continued".
    r"[*_\-—– ]*(?:(?:to be )?continued in (?:the )?next (?:paragraph|section)|end of (?:paragraph|section) \d+)"
    r"[.…*_\-—– ]*\Z",
)

_LETTER_STEP = _any_of(r"\b(?:letters?|e-?mails?|memos?|messages?|correspondence)\b", "信|邮件")
_SIGNATURE = _any_of(r"\b(?:best|regards|sincerely|yours|cheers|love|thanks),")
_SALUTATION = _any_of(r"\W*(?:dear|hi|hello|to whom|subject:)\b", r"\W*(?:尊敬|亲爱)")


def closing_remark(window: Window) -> bool:
    """An offer or a promise on the last line. In a letter the same words are the letter's own."""
    line = window.last_line()
    if not line or len(line) > _LONGEST_REMARK:
        return False
    offered = _CLOSING.match(line) is not None and not _is_letter(window, line)
    return (offered or _TO_BE_CONTINUED.match(line) is not None) and window.cut_tail(len(line))


def _is_letter(window: Window, last_line: str) -> bool:
    about_one = window.step is not None and _LETTER_STEP.search(window.step.main_point)
    return bool(about_one or _SALUTATION.match(window.head()) or _SIGNATURE.search(last_line))
