"""The signs of a model that speaks of itself and of its work instead of writing."""

from __future__ import annotations

from longwriter_cli.text.filters import topics
from longwriter_cli.text.filters.signs import Sign, any_of

_AN_AI = (
    r"(?:an? (?:ai|artificial intelligence)(?: language)?(?: model| assistant| system)?|an? (?:large )?language model)"
)
_AN_AI_ZH = (
    r"(?:一[个名位款种])?(?:由[^，,。\n]{1,12}的)?(?:AI|人工智能|大型?语言模型|语言模型)"
    r"(?:语言模型|助手|写作助手|模型|系统)?"
)
_PIECE = (
    r"(?:section|paragraph|part|continuation|draft|essay|story|article|report|chapter|text|piece|poem|letter|speech"
    r"|outline|version|response|answer|content|introduction|conclusion|write-?up|passage|segment)"
)
_PIECE_ZH = r"(?:段|部分|章节?|节|文章|正文|内容|故事|报告|小说|续写|稿|全文|作文)"
_YES = r"(?:sure(?: thing)?|certainly|of course|absolutely|okay|ok|understood|great|alright|got it)"
_YES_ZH = r"(?:好的?|当然可以?|没问题|可以|明白了?|收到)"
_LINE_END = r"[*_]*[ \t]*(?:\n|\Z)"
_WELL = r"\W*(?:(?:okay|ok|alright|hmm|so|well|first|now)[,.]?\s+)*"
_WELL_ZH = r"\W*(?:(?:好的?|嗯|首先|现在)[，,。]?\s*)*"

THE_MODEL_SPEAKS = (
    Sign(
        # As an AI language model, I · 作为一个人工智能，我
        "the model of itself",
        "anywhere",
        any_of(
            rf"\bas {_AN_AI},? (?:i\b|my\b|i['’])",
            rf"\bas {_AN_AI} (?:developed|created|trained|made) by\b",
            rf"\bi(?:['’]m| am) (?:just |only |merely )?{_AN_AI}\b",
            rf"作为{_AN_AI_ZH}[，,]?[ \t]*(?:我|本人)",
            rf"我(?:只|仅仅?)?是{_AN_AI_ZH}(?:[，,。]|$)",
        ),
        (
            *("an ai", "an artificial", "language model", "作为一", "作为由", "作为ai", "作为人工", "作为大", "作为语"),
            *("我是一", "我是ai", "我是人工", "我是由", "我是大", "我是语", "我只是", "我仅是", "我仅仅是"),
        ),
        topics.MACHINES,
    ),
    Sign(
        "preamble",
        "head",
        any_of(
            # Sure! Here is the next section: · Below is the essay you asked for.
            rf"\W*(?:{_YES}[!.,:]*\s+)?"
            r"(?:here(?:['’]s| is| are)|below is|(?:the )?following is|i['’]ve written|i have written)"
            rf" (?:the|a|an|your|my|is)\b[^\n:：.]{{0,80}}?\b{_PIECE}\b[^\n:：.]{{0,120}}(?:[:：]|\.(?=\s)){_LINE_END}",
            # Sure, I'd be happy to continue. · Certainly! I'll write …
            rf"\W*{_YES}[!.,]+\s+(?:i(?:['’]d| would|['’]m| am) (?:be )?(?:happy|glad) to|i(?:['’]ll| will)|let me"
            rf"|let['’]s)\b[^\n]{{0,200}}\b(?:{_PIECE}|writ\w+|continu\w+)\b",
            # I will now write the third section.
            r"\W*(?:now,? |next,? )?(?:i(?:['’]ll| will| am going to)|let me|let['’]s)(?: now)? (?:write|draft"
            r"|continue(?: with)?|proceed(?: with| to)?|move on to|begin with|start with)\b[^\n.]{0,60}"
            r"\b(?:section|paragraph)\b",
            # 好的，以下是第三段的内容：
            rf"\W*{_YES_ZH}[，,。！!：:\s]+(?:以下|下面|这|接下来|我(?:将|会|来|继续)|根据|按照)"
            rf"[^\n]{{0,60}}(?:{_PIECE_ZH}|撰写|续写)",
            # 以下是这一章的正文：
            rf"\W*(?:以下|下面|这|接下来)(?:是|为|就是)[^\n。，：:]{{0,40}}{_PIECE_ZH}[^\n。，：:]{{0,20}}[：:]{_LINE_END}",
            # 根据您的要求，我继续写这一段。
            r"\W*(?:根据|按照)(?:您|你|用户)的?(?:要求|指令|大纲|提纲|写作计划|计划|提示)"
            rf"[^\n。]{{0,40}}(?:{_PIECE_ZH}|写|如下)",
            # 接下来，我将撰写第三部分。
            rf"\W*(?:接下来|下面|现在)[，,]?我[将会来们]{{0,2}}(?:继续)?(?:撰写|续写|写|完成)[^\n。]{{0,30}}{_PIECE_ZH}",
        ),
        unless=topics.LETTERS,
    ),
    Sign(
        # Let me know if you would like me to continue. · 希望这一段符合您的要求。
        "offer",
        "tail",
        any_of(
            r"\W*(?:please )?(?:feel free to )?(?:let me know|tell me|just say so)\b[^\n]{0,200}\b(?:continue|next"
            r"|section|paragraph|revis\w+|adjust\w*|changes?|modif\w+|edits?|expand\w*|further|additional"
            r"|anything else|feedback)\b",
            r"\W*(?:would you like|do you want|shall i|should i)\b[^\n]{0,120}\b(?:continue|next|section|paragraph"
            r"|expand|revis\w+|adjust\w*)\b[^\n]*\?",
            r"\W*i hope (?:this|that|these|you)\b[^\n]{0,80}\b(?:requirements?|expectations|looking for|request"
            r"|instructions|section|paragraph|helpful|helps)\b",
            r"\W*if you(?:['’]d| would) like\b[^\n]{0,100}\b(?:me to|changes|revisions|edits|adjustments"
            r"|next section)\b",
            r"\W*(?:in the )?next (?:section|paragraph),? (?:i|we)(?:['’]ll| will)\b",
            r"\W*i(?:['’]ll| will| can) (?:now |then )?(?:continue|proceed|move on)\b[^\n]{0,80}"
            r"\b(?:paragraph|section|part)\b",
            r"\W*[希愿]望?(?:这|以上|本|能)[^\n。]{0,30}(?:符合|满足|对您|对你|有所?帮助)[^\n]{0,40}",
            r"\W*(?:如果|如|若|如需)[^\n。]{0,40}(?:修改|调整|继续|补充|续写|扩写|下一[段节])"
            r"[^\n。]{0,40}(?:告诉|告知|随时|提出|说明|联系我)",
            r"\W*(?:请(?:告诉我|告知|问)|是否)[^\n。]{0,20}(?:需要|要|继续)"
            r"[^\n。]{0,20}(?:写|下一[段节]|续写|修改|继续)[^\n。]{0,20}",
            r"\W*需要我(?:继续|接着|再)[^\n。]{0,24}[？?吗]",
            r"\W*(?:接下来|下面)?我[将会](?:在下一[段节部]|继续(?:写|撰写|续写))[^\n。]{0,30}(?:段|节|部分|章)",
        ),
        unless=topics.LETTERS,
    ),
    Sign(
        "planning aloud",
        "head",
        any_of(
            # Okay, the user wants me to write …
            rf"{_WELL}(?:the )?user(?:['’]s (?:request|instruction|prompt)"
            r"| (?:wants|asked|asks|is asking|has asked|would like|needs)(?: me| for| us))\b",
            # We need to write section 3, about 400 words.
            rf"{_WELL}(?:i|we) (?:need to|should|have to|must) (?:now )?(?:write|continue|produce|generate|draft|cover"
            r"|follow)\b[^\n.]{0,80}\b(?:section|paragraph|words|plan|outline|step|user)\b",
            # Let me think about the structure of this section.
            rf"{_WELL}let me (?:think|plan|start by planning|outline)\b[^\n.]{{0,80}}"
            r"\b(?:section|paragraph|words|plan|write|structure)\b",
            rf"{_WELL_ZH}用户(?:(?:要求|让|想要?|希望|需要)我|(?:要求|的(?:要求|指令|需求)是?)(?=写|续写|撰写|生成))"
            r"[^\n]{0,60}(?:写|段|节|字|生成|文章|小说|故事)",
            rf"{_WELL_ZH}我(?:需要|应该|得|要)(?:先|继续)?(?:写|撰写|续写|按照|根据|遵循)"
            r"[^\n。]{0,40}(?:段|节|字|计划|大纲|提纲|步骤)",
        ),
        unless=topics.MACHINES,
    ),
)
