"""Whether an answer is a model's refusal instead of a text.

Only answers that are nothing else are meant: a refusal at the head of a long text is for a filter to judge. Better to
miss one than to throw a story away, so a pattern must hold both halves of a refusal, the "cannot" and what cannot be
done, and no voice but the model's own may be in the answer.
"""

from __future__ import annotations

import re

_LONGEST = 1200  # characters; refusals that lecture reach about 900

_SORRY = (
    r"(?:(?:(?:i['’]?m|i am|we['’]?re|we are) (?:(?:very|so|truly|really) )?(?:sorry|afraid)|sorry|unfortunately"
    r"|regrettably|(?:(?:my|i) )?apolog(?:ies|i[sz]e)|i understand [^.!\n]{1,120}|thank you for [^.!\n]{1,80})"
    r"(?: (?:that|but))?[\s,.!:;—–-]*(?:(?:but|however),? )?)"
)
_CANNOT = (
    r"(?:(?:i|we) (?:can(?:no|['’]|)t|can not|won['’]?t|will not|must decline|have to decline"
    r"|do(?:n['’]?t| not) feel comfortable|am (?:not able|unable|not (?:programmed|allowed|permitted)))"
    r"|(?:i['’]m|we['’]re|we are) (?:not able|unable|not comfortable|not (?:programmed|allowed|permitted)))"
    r"(?: be able)?(?: to| with)?"
)
_WORK = (
    r"(?:\w+ ){0,3}?(?:assist|help|fulfil+|comply|complete|provid\w+|generat\w+|creat\w+|writ\w+|produc\w+"
    r"|discuss\w*|engag\w+|continue|answer|support|accommodate|do)\b"
)
# What a model refuses. A bare "this" counts only where the clause ends: "I can't write this letter" is a letter.
_OBJECT = (
    r"\b(?:requests?|prompts?|instructions?|content|material"
    r"|(?:this|that|it)(?= *(?:[.!,;\n]|\Z)|(?: \w+){0,2} (?:topic|task|text|story|essay|article|section)\b))"
)
_AN_AI = (
    r"as an? (?:(?:ai|artificial intelligence)(?: (?:language )?model| assistant| system| chatbot)?"
    r"|(?:large )?language model|virtual assistant)(?=,| i\b| my\b| (?:developed|created|trained|made) by)"
)

_REFUSALS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # I'm sorry, but I can't assist with that request.
        rf"{_SORRY}+{_CANNOT} {_WORK}[^\n.]{{0,80}}?{_OBJECT}",
        # I cannot fulfill your request.
        rf"{_CANNOT} {_WORK}[^\n.]{{0,60}}?\b(?:request|prompt)\b",
        rf"{_CANNOT} (?:assist|help)(?: you)? with (?:that|this)[.!]?\s*\Z",
        # As an AI language model, I cannot …
        rf"{_SORRY}*{_AN_AI}[^\n.]{{0,80}}?"
        rf"(?:{_CANNOT}|\bi do(?:n['’]t| not)|\bmy (?:guidelines|programming|purpose))",
        # This request violates the content policy.
        rf"{_SORRY}?(?:this|your|the) (?:request|prompt|content|response|output|input)\b"
        r"[^\n.]{0,60}\b(?:violat\w+|goes against|filtered|blocked|flagged|not (?:allowed|permitted)|rejected)\b"
        r"[^\n]{0,80}\b(?:polic(?:y|ies)|guidelines|terms|safety|management)\b",
        # 抱歉，我无法…
        r"(?:(?:非常|很|十分|真的|实在)?(?:抱歉|对不起|不好意思|遗憾)|您好|你好)[，,。！!：:\s]*(?:但|不过)?(?:是，)?"
        r"(?:作为[^，,。\n]{1,30}[，,])?(?:我|本模型|系统|目前)[^，,。\n]{0,12}?(?:无法|不能|不可以|没办法|没有办法|不便|拒绝)"
        r"[^。\n]{0,40}?(?:请求|要求|内容|问题|帮助|协助|提供|生成|创作|撰写|编写|讨论|回答|满足|话题)",
        # 作为一个人工智能…我不能
        r"作为(?:一个|一名|一款)?(?:由[^，,。\n]{1,12}的)?(?:人工智能|AI|大型|大)?(?:语言)?(?:模型|助手|智能助手|人工智能|AI|程序)"
        r"(?:[，,\s]|(?=我))"
        r"[^。\n]{0,40}?(?:无法|不能|不可以|没有办法|不会|不具备|没有能力)",
        # 根据相关法律法规，…无法提供
        r"(?:根据|由于|依据|按照)[^，,。\n]{0,30}(?:法律法规|政策|规定|准则|规范)[^，,。\n]{0,20}[，,]"
        r"(?:我|本模型|系统)?[^，,。\n]{0,4}(?:无法|不能|不便|不予)[^。\n]{0,30}(?:提供|生成|回答|展示|显示|创作|撰写|讨论)",
    )
)

# Somebody else speaks: then it is a story.
_NARRATION = re.compile(
    r"\b(?:he|she|they|[A-Z]\w+) (?:said|asked|replied|whispered|answered|told|wrote|muttered)\b"
    r"|\b(?:said|asked|replied|whispered|answered|muttered) (?:he|she|they|the|my|[A-Z]\w+)\b"
    r"|(?:(?<!其)他|她|妈妈|爸爸|老师)[^。\n]{0,6}(?:说|问|回答|喊)"
)
_HEAD_MARKUP = re.compile(r"[\s*_#>\[(（【\ufeff]*")


def is_refusal(text: str) -> bool:
    """Whether all of `text` is a refusal, or a notice that a policy stopped the answer. English and Chinese.

    Never for more than 1,200 characters, nor for an empty text. Precision before recall: a refusal worded in a new
    way passes as a text.
    """
    if len(text) > _LONGEST or _NARRATION.search(text):
        return False
    head = _HEAD_MARKUP.match(text)
    start = head.end() if head else 0
    return any(pattern.match(text, start) for pattern in _REFUSALS)
