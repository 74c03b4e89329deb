"""Evidence for and against: whether a mention demands anything, and how sure that is."""

from __future__ import annotations

import re

from longwriter_cli.records import RequirementKind
from longwriter_cli.text.requirement.cues import FILL, HEDGE, any_of
from longwriter_cli.text.requirement.mentions import TURN, Mention, sentences
from longwriter_cli.text.requirement.pages import are_not_ours

# --- No demand ----------------------------------------------------------------------------------------------------

_NEVER_EN = any_of(
    r"every|worth|says?|speak|after|read(?:ing)?|how (?:long|much|fast|quickly|many)\b[^?\n]*|memori[sz]e|study|knows?",
    "learn(?:ed|ing|t)?|teach(?: me| you| them)?|translated?|count(?:ed)?|typed?|these|those|already|currently|so far",
    "(?:vocabulary|dictionary|glossary|corpus|database|dataset|lists?|set|bank|lexicon|collection|speed|rate) of",
    "(?:cut|remove|delete|trim|deleted|removed)|pay(?:s|ing)?|charges?|charging|cost(?:s|ing)?|price (?:of|for)",
    "(?:i|he|she|they|we|you)(?: have|['’]ve| had| has| already)* (?:wrote|written|got|done|read)",
    "(?:wrote|published|released|received|submitted|posted|sent|contained|delivered|spoke)(?: [a-z]+){0,3}",
    "chapters? [0-9]+,?|there (?:are|is|were) [^;]*",
    # A question about writing is none to write: "How do I cut 1000 words from a 5000-word essay?"
    "(?:best way to|how (?:do|can|should|could|would) (?:i|you|one)|should i) (?:write|cut|reach|finish|trim)[^?]*",
)
_NEVER_ZH = any_of(
    "(?:写|读|看|用|打|敲|发|发表|输入|使用|收到|抄|背|翻译|校对|删|省略)了|原文|现有|已有|已经?写?|目前|几|(?<![字词总])数|这",
    "[学背认识记默抄练](?:习|写|会|得|住|了)*|掌握|常用|日更|更新|词汇量|打字速度",
    r"每(?:天|日|分钟|小时|周|月|晚|年|秒)\S{0,6}|每(?=千字|百字|万字)|一(?:天|分钟|小时)\S{0,4}",
)
_NEVER_BEFORE = re.compile(rf"(?:\b{_NEVER_EN}|[$€£][0-9.]+ (?:for|per)|{_NEVER_ZH}){HEDGE}$")
_TIME = "day|minute|min|hour|week|month|second|sentence|line|night|session|year|slide|cent|breath"
# Behind these it is the topic that asks how long or how much, not the user: 2500字的文章,讲盐的历史,值多少钱.
_TOPIC = "讲|介绍|关于|论述|说明|说说|谈|聊|解释|分析|探讨|主题|题目|内容|:|,[^,]{0,8}值(?!得)"
_NEVER_AFTER = re.compile(
    rf"\s?(?:(?:a|per|each|every|an|/)\s?(?:{_TIME})\b|daily\b|ago\b|into\b|left\b|mark\b|so far|on average"
    r"|(?:that|which) (?:i|he|she|they|we) (?:wrote|have|know|read)|i (?:wrote|know|have)"
    r"|of (?:advice|wisdom|encouragement|caution)\b)"
    r"|\S{0,2}[/每一](?:天|分钟|小时|日|元|块)|[0-9.]+\s?元|的?(?:密码|验证码|口令|稿费|单价)"
    rf"|(?:(?!{_TOPIC})[^.?!;\n]){{0,20}}(?:多久|多长时间|多少钱|够吗|算快|值得看吗)(?!的)"
)
# Short lists of words: "use 12 words that rhyme", 给我20个词.
_LONGEST_LIST = 60  # words
_LIST_EN = any_of(
    "use|using|include|including|contain(?:s|ing)?|list|give(?: me)?|name|find|choose|pick|add|insert|change|replace",
    "define|spell|suggest|guess|generate|create|provide|tell me|show me|highlight|underline",
    "following|next|first|last|top|other|different",
)
_LIST_BEFORE = re.compile(
    rf"(?:\b{_LIST_EN}|给我|列出|列举|找出|造|选|包含|含有|以下|下列|这|用|出现|推荐|说出|介绍|有){HEDGE}$"
)
_LIST_AFTER = re.compile(
    r"\s?(?:(?:that|which|who) |(?:starting|ending|beginning|rhyming|related|associated|meaning|synonymous|used)\b|"
    r"with (?:the|a) (?:letter|meaning|prefix|suffix)|and (?:their|its|use)|from (?:the|this)|for (?:beginners|kids)|"
    r"(?:in|of) (?:the )?(?:english|french|spanish|german|japanese|korean|italian|russian|list|alphabet))"
    r"|造句|开头|组成"
)
# "sentences of at most 20 words", 标题不超过20字
_SHORT_THINGS = re.compile(
    r"(?:\b(?:titles?|headlines?|subject lines?|sentences?|captions?|bullets?(?: points?)?|taglines?|slogans?|lines|"
    r"subtitles?|(?:sub)?headings?|meta descriptions?|keywords?|phrases?)\b[^;\n]{0,40}"
    r"|(?:标题|题目|书名|每句|每行|每个?句子|句子|关键词|口号|名字|昵称|要点)[^,。;\n]{0,14})$"
)
# Below ten words only what is plainly a length counts: "answer in three words".
_FEW = 10
_EXACT_PLACE = re.compile(
    r"(?:\b(?:in|into|using|with|exactly|to|of|than|most|under|within)|[用以在])(?: (?:exactly|only|just|about))*\s?$"
)


def is_no_demand(mention: Mention) -> bool:
    """A source, a rate, a vocabulary, a list of words, pages of something else."""
    near, after = mention.near, mention.after
    if _NEVER_BEFORE.search(near) or _NEVER_AFTER.match(after) or (mention.page and are_not_ours(mention)):
        return True
    if (mention.high or mention.low) <= _LONGEST_LIST and not mention.page:
        listed = not mention.hyphened and not mention.han_characters and _LIST_BEFORE.search(near)
        if listed or _LIST_AFTER.match(after) or _SHORT_THINGS.search(near):
            return True
    # 千字文 is the classic; 写千字文 asks for an essay.
    classic = mention.text[mention.start : mention.end] == "千字" and after.startswith("文")
    return classic and not near.endswith(("写", "篇"))


def is_too_few(mention: Mention, kind: RequirementKind) -> bool:
    """So few words that they are hardly the length of a text."""
    if mention.page or (mention.high or mention.low) >= _FEW:
        return False
    plain = kind == "about" and not mention.hyphened and not _EXACT_PLACE.search(mention.near)
    return plain or mention.han_characters


# --- How sure a demand is -----------------------------------------------------------------------------------------

_NEAR_END = 1500  # characters: further than this from both ends, a mention needs evidence of its own
_ASKS_EN = any_of(
    "writ(?:e|ing)|draft|compose|creat(?:e|ing)|generate|produce|prepare|develop|craft|provide|give|make|expand|design",
    "elaborate|summari[sz]e|describe|explain|discuss|rewrite|continue|tell|help|need|want|requires?|should|must|please",
    "limit|keep|ensure|aim|answer|respond|reply|introduce|outline|condense|shorten|translate|turn|convert|essay|use|using",
    "compare|analy[sz]e|argue|review|reflect|imagine|submit|length|long|word count|due",
)
_ASKS = re.compile(
    rf"\b{_ASKS_EN}\b|写|撰|作|编|生成|起草|完成|要求|字数|篇幅|概括|总结|介绍|翻译|输出|回答|帮我|请|给我|需要|创|谈|论|述|描"
    "|说明|阐|分析|讲"
)
# A text that is given, not asked for: "this 5000-word article", 这篇5000字的文章.
_GIVEN = re.compile(
    r"(?:\b(?:this|that|attached|existing|original|following|above|below|given|previous|current|first|last|top|whole)"
    rf"{HEDGE}|\bmy [a-z ]{{1,30}}\b(?:is|was|has|contains|runs(?: to)?){HEDGE}"
    rf"|(?:这|那|该|上面|上述|上文|以上|以下|下面|下列|原)是?一?[篇本部份段个则]?的?{HEDGE}"
    "|(?:本书|原书|全书)(?:有|约|共)*)$"
)
# "for a 5000-word paper"
_PERHAPS_GIVEN = re.compile(
    r"(?:\b(?:the|my|our|his|her|their|(?:of|for|about|from|on|into|with|after) an?|from)\s|[把将对]\S{0,8})$"
)
# "Shorten my 800 words to 300": of two lengths the one behind "to" is asked for.
_TURNED = re.compile(
    rf"(?:\b{TURN}[^.;\n]*\b(?:to|into)\b|\b(?:down|up) to\b"
    rf"|[扩缩续改精简压浓提概]\S{{0,2}}[写缩充展炼减括](?:[到成为至]|成一篇)?){FILL}"
)


def score_of(mention: Mention, pasted: range) -> int:
    """Evidence that a mention is a demand: 2 with a word that asks, 0 for none either way, less for a source."""
    lead = mention.lead
    asked = _ASKS.search(lead) is not None
    score = 2 if asked or _ASKS.search(sentences(mention.after)[0]) else 0
    if _GIVEN.search(lead):
        score -= 3
    elif _PERHAPS_GIVEN.search(lead):
        score -= 2
    if lead.count('"') % 2 or lead.rfind("“") > lead.rfind("”"):
        score -= 2  # inside a quotation
    if mention.start in pasted or min(mention.start, len(mention.text) - mention.end) > _NEAR_END:
        score -= 3
    if mention.page:
        return score - (0 if asked else 1)
    return score + (3 if _TURNED.search(mention.near) else 0)
