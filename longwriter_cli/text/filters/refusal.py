"""Refusals and policy notices that were taken for text.

`text.refusal` knows answers that are nothing but a refusal. Here one is looked for where it hides in a long text: in
the first and in the last paragraph of each section, in the model's own voice.
"""

from __future__ import annotations

import re

from longwriter_cli.text.filters.finished import FinishedText, in_section
from longwriter_cli.text.filters.topics import LETTERS, MACHINES
from longwriter_cli.text.refusal import is_refusal

_LONGEST = 1_200  # characters of a paragraph that may be a refusal
_HEADING = re.compile(r"(?:[ \t]*(?:#{1,6}[ \t][^\n]*|\*\*[^\n*]{1,120}\*\*|[-=*_]{3,})[ \t]*\n\s*)+")

_SORRY = (
    r"(?:i['’]?m (?:very |so |truly |really )?(?:sorry|afraid)|i am (?:very |truly )?(?:sorry|afraid)|sorry"
    r"|unfortunately|regrettably|i (?:sincerely )?apologi[sz]e|my apologies|i appreciate [^.\n]{1,100}"
    r"|i understand [^.\n]{1,120}|thank you for [^.\n]{1,80})"
)
_CANNOT = (
    r"\b(?:(?:i|we) (?:can(?:no|['’]|)t|can not|won['’]?t|will not|must (?:respectfully )?decline|have to decline"
    r"|do(?:n['’]?t| not) feel comfortable|am (?:not able|unable|not comfortable|not (?:allowed|permitted)))"
    r"|(?:i['’]m|we['’]re) (?:not able|unable|not comfortable|not (?:allowed|permitted)))"
)
_MAKE = (
    r"\b(?:writ\w+|creat\w+|generat\w+|produc\w+|provid\w+|continu\w+|assist\w*|help\w*|fulfil\w*|complet\w+|engag\w+"
    r"|support\w*|contribut\w+|compos\w+)\b"
)
# What a text would not say: that it is asked for, or what could be had instead.
_ASSISTANT = (
    r"\b(?:requests?|prompts?|(?:my|safety|content|community|ethical|usage) (?:guidelines|polic(?:y|ies)|programming)"
    r"|instead,? (?:i|here|let)|i(?:['’]d be| would be|['’]m|am) (?:happy|glad|willing) to|i can (?:instead |however )?"
    r"(?:offer|help|provide|suggest|write|share)|let me know|if you(?:['’]d| would) like|would you like|feel free"
    r"|alternative (?:version|approach|topic|story)|different (?:topic|request|direction))"
)
_DECLINES = re.compile(
    rf"(?:{_SORRY}[^.\n]{{0,60}}?)?{_CANNOT}\b[^.\n]{{0,40}}?{_MAKE}[\s\S]{{0,600}}?{_ASSISTANT}", re.IGNORECASE
)
_DECLINES_ZH = re.compile(
    r"(?:(?:非常|很|十分|真的|实在)?(?:抱歉|对不起|不好意思|遗憾)|感谢[^。\n]{0,20}|我理解[^。\n]{0,30})[，,。！!\s]*"
    r"(?:但是?|不过|可是)?[，,]?[^。\n]{0,20}?我[^。\n]{0,8}?(?:无法|不能|没办法|没有办法|不便|不会|拒绝|不适合)"
    r"[^。\n]{0,16}?(?:提供|生成|创作|撰写|编写|写|继续|完成|协助|帮助|满足|回答)"
    r"[\s\S]{0,300}?(?:请求|要求|指令|准则|规范|政策|(?:我|您)可以(?:为您|换|尝试|提供|写|给您)|如果您|请您|请告诉我|其他(?:问题|话题|主题))"
)
# A notice of the machinery, which stands alone.
_NOTICE = re.compile(
    r"(?:error:? )?(?:(?:this|your|the|some) (?:request|prompt|content|response|output|message|text|section"
    r"|conversation)|content)\b[^\n.]{0,60}\b(?:violat\w+|against|filtered|blocked|flagged|removed|withheld"
    r"|not (?:allowed|permitted)|stopped|omitted|hidden|unavailable)\b"
    r"[^\n]{0,100}\b(?:polic(?:y|ies)|guidelines|terms of (?:use|service)|safety"
    r"|moderation|filters?)\b"
    r"|(?:我们)?(?:您|你|该|此|本|这|以下|相关|部分|上述|章节?|段){0,3}的?(?:请求|内容|输入|输出|问题|回答|回复|文本|文字|信息)[^。\n]{0,30}"
    r"(?:违反|违规|不合规|不符合|敏感|屏蔽|拦截|过滤|不予(?:显示|展示)|无法(?:显示|展示))"
    r"[^。\n]{0,40}(?:政策|规定|规范|准则|法规|审核|安全|屏蔽|拦截|过滤|停止|终止|显示|展示|删除|隐藏|调整|修改)"
    r"|(?:由于|因|根据|按照)[^。\n]{0,30}(?:安全|法律法规|政策|审核|规定|准则|规范)[^。\n]{0,20}"
    r"(?:内容|回答|回复|部分|章节|文字|生成)[^。\n]{0,12}(?:无法|不予|不能|停止|终止|省略|屏蔽|中止|隐藏)",
    re.IGNORECASE,
)
_LONGEST_NOTICE = 300
# One of these stands in every refusal; looking for them costs little, matching costs much.
_HINTS = (
    *("can't", "can’t", "cannot", "can not", "unable", "not able", "won't", "won’t", "will not", "decline"),
    *("comfortable", "polic", "guideline", "safety", "terms of", "moderation", "filter", "as an ai", "not permitted"),
    *("not allowed", "无法", "不能", "没办法", "没有办法", "不便", "不会", "拒绝", "不适合", "违", "不合规", "不符合"),
    *("敏感", "屏蔽", "拦截", "过滤", "不予", "法规", "政策", "安全", "审核", "规定", "准则", "规范"),
)
# Behind the first words somebody tells of them: then they are a story's.
_TOLD = re.compile(
    r"\b(?:those|these|that|such|which) (?:were|was|is|are)\b|\b(?:said|says|wrote|replied|typed|answered|read)\b"
    r"|(?:说|问|答|写)道|这(?:是|就是|句)|那(?:是|句)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\s*_>\[(（【\ufeff-]*")


def refusal(text: FinishedText) -> str | None:
    """A text, or a section of it, that refuses or was stopped by a policy; whole, at its head or at its end.

    A refusal that a text tells of passes: quoted, narrated, in a letter, or where machines were the subject.
    """
    if is_refusal(text.text):
        return in_section(1, text.text)
    for number, section in enumerate(text.texts, 1):
        for paragraph in _edges(section):
            if _declines(paragraph, text.asked):
                return in_section(number, paragraph)
    return None


def _edges(section: str) -> tuple[str, ...]:
    """The first paragraph, with the one after it, and the last one."""
    heading = _HEADING.match(section)
    head = section[heading.end() if heading else 0 :][: 2 * _LONGEST].split("\n\n")
    tail = section[-_LONGEST:].rpartition("\n\n")
    return ("\n".join(head[:2]), tail[2]) if tail[1] and len(head) > 1 else (head[0],)


def _declines(paragraph: str, asked: str) -> bool:
    lower = paragraph.lower()
    if not any(hint in lower for hint in _HINTS) or MACHINES.search(asked):
        return False
    marks = _MARKS.match(paragraph)
    start = marks.end() if marks else 0
    own = paragraph.partition("\n")[0]
    if len(own) <= _LONGEST_NOTICE and _NOTICE.match(own, start):
        return True
    if len(own) > _LONGEST or _TOLD.search(own) or LETTERS.search(asked):
        return False
    if is_refusal(own):
        return True
    return (_DECLINES.match(paragraph, start) or _DECLINES_ZH.match(paragraph, start)) is not None
