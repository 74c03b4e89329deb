"""The length that a writing instruction asks for, in English or Chinese.

Every number that counts words is a *mention*. What stands around it tells what it is: a length to write, a bound,
a part of the whole, one of several equal parts, or no demand at all (a source that is given, a rate, a vocabulary).
The mention with the best evidence wins. Known limits: a count without a number ("a few thousand words", 几千字) is
none, nor is a time ("a five-minute speech"), a number of English characters, or a length for each of an unstated
number of parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from longwriter_cli.records import Requirement, RequirementKind
from longwriter_cli.text.number_words import CHINESE_NUMBER, ENGLISH_NUMBER, neighbours, scale_of, value_of
from longwriter_cli.text.numerals import HAN_NUMERALS, fold

MOST_WORDS = 10_000_000
WORDS_A_PAGE = 250
"""The standard manuscript page: double-spaced, 12 point, 25 lines of 10 words. A single-spaced one holds two."""
CHARACTERS_A_PAGE = 400
"""The Chinese manuscript sheet of 20 by 20 squares."""

# Only this much of either end is read: a demand stands at the head or at the tail, and what lies deeper in a longer
# prompt is material. It also bounds the time for prompts of any size.
_END = 8000
# Further than this from both ends, a mention needs evidence of its own.
_NEAR_END = 1500


def _any(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


# --- What a mention looks like: a number or two, and a unit ---------------------------------------------------------

_HAN_UNIT = _any(
    "汉字|文字|字符(?!串|集)",
    # 字 begins many words that count nothing (字节, 字体), and ends fixed phrases.
    "字(?!符|母|节|段(?!落)|体|典|号|形|幕|眼|迹|谜|根|帖|样|头|牌|辈|库|义|串|经|诀|箴言|真言|成语|方针|密码|核心价值)",
    "(?:英文|英语)?单词|词(?!汇|语|组|性|典|条|根|缀|频|库|句|牌|类|义|云)|words?(?![a-z])",
)
_EN_LIMIT = _any(
    "no more than|not more than|no less than|at most|at least|less than|up to|under|not exceeding",
    "(?:a )?(?:max|min)(?:imum)?(?: of)?",
)
_EN_JOIN = rf"(?:[-~/]|to|or|(?P<and>and)|(?P<bound>(?:,|and|but|to)?\s?(?:and |but )?{_EN_LIMIT}))"
_ZH_LIMIT = r",?\s?(?:且|但|并|并且|同时)?(?:最多|至少|不[得能要可]?(?:超过|多于|高于|少于|低于))"
_ZH_JOIN = rf"(?:-{{1,2}}|[~/至到或]|(?<=以上),?|(?P<bound>{_ZH_LIMIT}))"
_EN_NUMBERS = (
    rf"(?P<first>{ENGLISH_NUMBER})"
    rf"(?:(?:[ -]?(?:words?|pages?))?\s?{_EN_JOIN}\s?(?P<second>{ENGLISH_NUMBER}))?"
)
_ZH_NUMBERS = (
    rf"(?<!第)(?P<first>{CHINESE_NUMBER})"
    rf"(?:\s?(?:个?[字词页])?(?:以上)?\s?{_ZH_JOIN}\s?(?P<second>{CHINESE_NUMBER}))?"
)
_ENGLISH = re.compile(
    rf"{_EN_NUMBERS}(?P<plus>\s?(?:\+|plus(?![a-z])))?[\s-]{{0,3}}(?:\([^()\n]{{1,24}}\)[\s-]?)?"
    r"(?:(?:or (?:so|more|less)|english|total|unique|maximum|max|minimum|min|full)\s)?(?:of\s)?"
    r"(?:(?P<unit>words?|wrds|(?:chinese|han|mandarin) characters?|(?P<character>characters?))(?![a-z])"
    r"|(?:(?P<spacing>single|double)[ -]spaced |full |typed |a4 )?(?P<page>pages?)(?![a-z]))"
)
_CHINESE = re.compile(
    rf"{_ZH_NUMBERS}\s?(?P<plus>\+)?[多余来]?\s?个?(?:英文|中文|汉语|英语)?(?:(?P<unit>{_HAN_UNIT})|(?P<page>页(?!面|码)))"
)
# A label makes the unit dispensable: "Word count: 1,200", 字数要求：2000.
_ENGLISH_LABEL = re.compile(
    r"(?:\bword[ -]?(?:count|limit|length|target|goal|requirement|total)s?|\b(?:number|amount) of words"
    r"|(?:^|\n)[ \t>#-]{0,6}(?:words|length in words)(?=\s?[:=]))"
    rf"(?:[^0-9\n.;?!]|\.(?! )){{0,40}}?{_EN_NUMBERS}(?P<plus>\s?\+)?"
    r"(?![0-9%a-z]|[.,][0-9]|\s?(?!or|and|to|max|min|in |at |but|with|for)[a-z]{3})"  # "word count: 3 pages"
)
_CHINESE_LABEL = re.compile(
    rf"(?:字数|词数|篇幅|长度)[^0-9\n。;{HAN_NUMERALS}]{{0,14}}?{_ZH_NUMBERS}(?P<plus>\+)?"
    rf"(?![0-9%个页章段篇分倍年月{HAN_NUMERALS}])"
)

# --- Kinds of demand: searched at the end of the text before the mention, matched at the start of the text behind ---

_FILL = (
    r"(?:[\s:=(,\"'-]+(?:of|an?|the|to|be|is|in|it|at|for|about|around|approximately|roughly|total|words?|count|"
    r"length|limit|requirement|should|set|another|additional|further|least|some|only)(?![a-z]))*"
    r"[\s:=(\"'为是在于约达到共有大概]*$"
)
_NOT = r"(?:\bno|\bnot|\bnever|n['’]t|\bcannot|\bwithout)(?:\s[a-z]+){0,2}\s"
_NOT_ZH = r"[不别勿无未](?:[能得可要应宜]|可以|应该|需要?|必)?"
# In this order: "no more than" holds "more than", and 不少于 holds 少于.
_BEFORE: tuple[tuple[RequirementKind, str], ...] = (
    ("at_least", rf"{_NOT}(?:less|fewer|shorter|lower|under|below)(?: than)?"),
    ("at_least", rf"{_NOT_ZH}(?:少于|低于|小于|短于|下于)"),
    ("at_most", rf"{_NOT}(?:more|greater|longer|higher|larger|exceed(?:ing|s)?|over|above)(?: than)?"),
    ("at_most", rf"{_NOT_ZH}(?:超过|多于|大于|高于|超出|长于|超)"),
    ("at_least", r"\bat (?:the )?(?:very )?leas[te]|\bmin(?:imum)?\b\.?|\b(?:more|greater|longer) than|\bover|\babove"),
    ("at_least", r"\bexceed(?:s|ing)?|\bupwards? of|\bbeyond|>|≥|至少|最少|起码|最低|大于|多于|超过|高于|超出"),
    ("at_most", r"\bat (?:the )?(?:very )?most|\bmax(?:imum)?\b\.?|\b(?:less|fewer|shorter) than|\bunder|\bbelow"),
    ("at_most", r"\bup to|\bwithin|\b(?:limit|cap)(?:ed|ted|s)?(?: [a-z]+){0,4}|<|≤"),
    ("at_most", r"最多|至多|最高|少于|小于|低于|上限|限制?"),
)
_AFTER: tuple[tuple[RequirementKind, str], ...] = (
    ("at_least", r"[\s,(-]*(?:(?:or|and) (?:more|above|longer|over|up)\b|min(?:imum)?\b(?![\s:]*(?:of )?[0-9])|\+)"),
    ("at_least", r"[\s,(-]*at (?:the )?(?:very )?(?:least|minimum)\b(?! [0-9])"),
    ("at_least", r"\s?\)?[或及]?者?(?:以上|往上|打底|起(?!草|来|源|伏|初))"),
    ("at_most", r"[\s,(-]*(?:or (?:less|fewer|under|below|shorter)\b|(?:at )?max(?:imum)?\b(?![\s:]*(?:of )?[0-9]))"),
    ("at_most", r"[\s,(-]*(?:at most\b(?! [0-9])|tops\b|(?:max )?limit\b)"),
    ("at_most", r"\s?\)?[或及]?(?:以内|之内|以下|内(?!容|部|涵|心)|为限|封顶|为上限)"),
)
_KIND_BEFORE = tuple((kind, re.compile(rf"(?:{cue}){_FILL}")) for kind, cue in _BEFORE)
_KIND_AFTER = tuple((kind, re.compile(cue)) for kind, cue in _AFTER)

# --- Roles: the whole, a total, one of equal parts, a part --------------------------------------------------------

_EN_PARTS = _any(
    "sub-?sections?|sections?|paragraphs?|paras?|chapters?|parts?|articles?|(?:blog )?posts?|essays?|stor(?:y|ies)",
    "entr(?:y|ies)|scenes?|stanzas?|episodes?|letters?|e-?mails?|poems?|reviews?|descriptions?|summar(?:y|ies)",
    "pieces?|segments?|versions?|drafts?|acts?|reports?|responses?|answers?|variations?|speech(?:es)?|monologues?",
    "profiles?|pages?|scripts?|lessons?|modules?|examples?|tales?|passages?|messages?|questions?|topics?|points?",
    "products?|items?|headings?|volumes?|themes?|characters?|options?|blogs?|prompts?",
)
_EN_PARTS += "(?![a-z])"
_ZH_PARTS = _any(
    "篇|章节?|小节|节|段落?|部分|集|幕|则|条|首|封|卷|场|份|回|期|版本?|故事|问题|方面|板块|场景|主题|话题|观点|角色|产品",
    "题目?|小?标题|阶段|点|页|部|个|款|种|位|项|类|组",
)
_COUNT = _any(
    "[0-9]{1,3}|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|eighteen",
    "twenty|thirty|forty|fifty",
)
_ZH_COUNT = rf"(?:[0-9]{{1,3}}|[{HAN_NUMERALS}]{{1,3}})"
_COUNTED = (
    re.compile(rf"(?<![a-z0-9.,-])(?P<n>{_COUNT})[ -](?P<things>[a-z-]+(?: [a-z-]+){{0,2}})"),
    re.compile(
        rf"(?<![第0-9.,{HAN_NUMERALS}])(?P<n>{_ZH_COUNT})\s?[个大]?\s?(?:不同的?|独立的?)?(?P<things>{_ZH_PARTS})"
    ),
)
_A_PART = re.compile(rf"\b{_EN_PARTS}")
_LINK = _any(
    "of|with|has|have|having|containing|at|is|are|being|be|should|must|will|to|needs?|in|about|around|approximately",
    "roughly|at least|at most|up to|minimum|maximum|no more than|no less than|between|from|a|long|one",
)
_NEARLY = _any(
    "a|of|about|around|approximately|roughly|at least|up to|exactly|no more than|between|some|over|under|minimum"
)
_EACH_BEFORE = (
    # "each of the five sections should be", "per chapter:"
    re.compile(rf"\b(?:each|every|per)\b(?: [a-z0-9-]+)*? ?(?P<part>{_EN_PARTS})[^.;\n]{{0,60}}$"),
    # "each of about"
    re.compile(rf"\beach(?:[\s,]+{_LINK}\b)*[\s:(~,]*$"),
    # "paragraphs of", but not "pages of" and not "one of"
    re.compile(rf"\b(?P<part>(?!page|character){_EN_PARTS})(?<=s),? (?:of|at)\b(?: {_NEARLY})*[\s~(]*$"),
    re.compile(rf"[每各]一?[个小大]?(?P<part>{_ZH_PARTS})?[^,。;\n]{{0,14}}$"),
)
_EACH_AFTER = (
    re.compile(
        r"[\s,()-]*(?:long,? |in length,? |(?:or|and) (?:more|less) |max(?:imum)? |min(?:imum)? )?"
        r"(?:each(?! other)\b|apiece|"
        r"(?:(?:per|(?:for|in|on) (?:each|every)|every) (?:of (?:the|these) )?(?:[a-z-]+ )?|/\s?)"
        rf"(?P<part>{_EN_PARTS}))"
    ),
    re.compile(rf"(?:左右|以上|以内)?\s?[/每一](?P<part>{_ZH_PARTS})"),
)
# "three original 500-word stories", 三篇500字的作文
_MULTIPLE_BEFORE = re.compile(
    rf"(?<![a-z0-9.,-])(?P<n>{_COUNT})(?: (?!of|in|at|to|or|and|about|words?)[a-z-]+)?\s?(?:x )?$"
)
_MULTIPLE_AFTER = re.compile(rf"(?: [a-z-]+){{0,2}}? {_EN_PARTS}(?<=s)")
_ZH_MULTIPLE_BEFORE = re.compile(
    rf"(?<![分成为第0-9{HAN_NUMERALS}])(?P<n>{_ZH_COUNT})[篇封首则份章集段个](?:不少于|不超过|大?约|至少)?$"
)
_TOTAL_BEFORE = re.compile(
    r"\b(?:total|overall|entire|whole|altogether|combined|full)\b(?:(?!each|every|per )[^,.;\n]){0,40}$"
    r"|(?:全文|总|共计?|合计|整体|整篇|通篇)(?:(?![每各])[^,。;\n]){0,10}$"
)
_TOTAL_AFTER = re.compile(r"[\s,(]*(?:in total|total\b|altogether|overall|in all\b|combined|in its entirety)")
_PART_NAME = _any(
    "introductions?|intro|conclusions?|abstracts?|executive summary|summary|preface|foreword|prologue|epilogue|body",
    "methodology|methods|background|discussion|results|literature review|opening|ending|synopsis|bio|appendix",
)
_NUMBERED_PART = rf"(?:chapter|section|part|paragraph|act|scene|week|day|question|task) (?:{_COUNT}|one|[ivx]+)\b"
_PART_BEFORE = re.compile(
    rf"(?:\b(?:{_PART_NAME}|{_NUMBERED_PART})\b[^.;\n,]{{0,24}}"
    r"|(?:摘要|引言|开头|结尾|导语|前言|序言|正文|主体|结论|结语|背景|简介|第.{1,3}?[章节段幕部回集篇])[^,。;\n]{0,12})$"
)
_PART_AFTER = re.compile(rf"[ ](?:long )?{_PART_NAME}\b|的?(?:摘要|引言|导语|前言|简介|结语|开头|结尾)")

# --- What makes it no demand --------------------------------------------------------------------------------------

_HEDGE = _any(
    "about|around|approximately|roughly|nearly|over|almost|only|just|at least|more than|the|a|most|some",
    "近|约|大约|超过|多达",
)
_HEDGE = rf"(?:\s?{_HEDGE})*\s?"
_NEVER_EN = _any(
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
_NEVER_ZH = _any(
    "(?:写|读|看|用|打|敲|发|发表|输入|使用|收到|抄|背|翻译|校对|删|省略)了|原文|现有|已有|已经?写?|目前|几|(?<![字词总])数|这",
    "[学背认识记默抄练](?:习|写|会|得|住|了)*|掌握|常用|日更|更新|词汇量|打字速度",
    r"每(?:天|日|分钟|小时|周|月|晚|年|秒)\S{0,6}|每(?=千字|百字|万字)|一(?:天|分钟|小时)\S{0,4}",
)
_NEVER_BEFORE = re.compile(rf"(?:\b{_NEVER_EN}|[$€£][0-9.]+ (?:for|per)|{_NEVER_ZH}){_HEDGE}$")
_TIME = "day|minute|min|hour|week|month|second|sentence|line|night|session|year|slide|cent|breath"
_NEVER_AFTER = re.compile(
    rf"\s?(?:(?:a|per|each|every|an|/)\s?(?:{_TIME})\b|daily\b|ago\b|into\b|left\b|mark\b|so far|on average"
    r"|(?:that|which) (?:i|he|she|they|we) (?:wrote|have|know|read)|i (?:wrote|know|have)"
    r"|of (?:advice|wisdom|encouragement|caution)\b)"
    r"|\S{0,2}[/每一](?:天|分钟|小时|日|元|块)|[0-9.]+\s?元|的?(?:密码|验证码|口令|稿费|单价)"
    r"|[^.?!;\n]{0,20}(?:多久|多长时间|多少钱|够吗|算快|值得看吗)"
)
# Short lists of words: "use 12 words that rhyme", 给我20个词.
_LIST_EN = _any(
    "use|using|include|including|contain(?:s|ing)?|list|give(?: me)?|name|find|choose|pick|add|insert|change|replace",
    "define|spell|suggest|guess|generate|create|provide|tell me|show me|highlight|underline",
    "following|next|first|last|top|other|different",
)
_LIST_BEFORE = re.compile(
    rf"(?:\b{_LIST_EN}|给我|列出|列举|找出|造|选|包含|含有|以下|下列|这|用|出现|推荐|说出|介绍|有){_HEDGE}$"
)
_LIST_AFTER = re.compile(
    r"\s?(?:(?:that|which|who) |(?:starting|ending|beginning|rhyming|related|associated|meaning|synonymous|used)\b|"
    r"with (?:the|a) (?:letter|meaning|prefix|suffix)|and (?:their|its|use)|from (?:the|this)|for (?:beginners|kids)|"
    r"(?:in|of) (?:the )?(?:english|french|spanish|german|japanese|korean|italian|russian|list|alphabet))"
    r"|造句|开头|组成"
)
_SHORT_THINGS = re.compile(
    r"(?:\b(?:titles?|headlines?|subject lines?|sentences?|captions?|bullets?(?: points?)?|taglines?|slogans?|lines|"
    r"subtitles?|(?:sub)?headings?|meta descriptions?|keywords?|phrases?)\b[^;\n]{0,40}"
    r"|(?:标题|题目|书名|每句|每行|每个?句子|句子|关键词|口号|名字|昵称|要点)[^,。;\n]{0,14})$"
)
_NOT_OUR_PAGES_BEFORE = re.compile(
    r"\b(?:read(?:ing)?|first|last|top|from|web|landing|home|this|that|these|those|my|has|have|attached|pdf|of the|on"
    rf"|book of|第|长达|看了?|读了?|本书有?){_HEDGE}$"
)
_NOT_OUR_PAGES_AFTER = re.compile(
    r"\s?(?:long )?(?:of (?:the|my|a|this|that|your|his|her) |(?:a|per|each|every) (?:day|week|night|hour|minute)|i "
    r"|(?:web ?)?(?:site|app|pdf|spread|layout|slide|ppt|powerpoint|deck|presentation|views?)\b"
    r"|的?(?:ppt|幻灯片|书|网站|课件))"
)
# A text that is given, not asked for: "this 5000-word article", 这篇5000字的文章.
_GIVEN_BEFORE = re.compile(
    r"(?:\b(?:this|that|attached|existing|original|following|above|below|given|previous|current|first|last|top|whole)"
    rf"{_HEDGE}|\bmy [a-z ]{{1,30}}\b(?:is|was|has|contains|runs(?: to)?){_HEDGE}"
    rf"|(?:这|那|该|上面|上述|上文|以上|以下|下面|下列|原)是?一?[篇本部份段个则]?的?{_HEDGE}"
    "|(?:本书|原书|全书)(?:有|约|共)*)$"
)
_WEAK_BEFORE = re.compile(
    r"(?:\b(?:the|my|our|his|her|their|(?:of|for|about|from|on|into|with|after) an?|from)\s|[把将对]\S{0,8})$"
)
# "Shorten my 800 words to 300": of two lengths the one behind "to" is asked for.
_TURN = _any(
    "expand|extend|lengthen|increase|shorten|reduce|condense|compress|cut|trim|boil|bring|edit|get|turn|make|rewrite"
)
_TURNED = re.compile(
    rf"(?:\b{_TURN}[^.;\n]*\b(?:to|into)\b|\b(?:down|up) to\b"
    rf"|[扩缩续改精简压浓提概]\S{{0,2}}[写缩充展炼减括](?:[到成为至]|成一篇)?){_FILL}"
)
_FROM_TO = re.compile(rf"\b{_TURN}\b[^.;\n]*\bfrom{_HEDGE}$|[从由]{_HEDGE}$")

# --- Where a demand may stand -------------------------------------------------------------------------------------

_ASKS_EN = _any(
    "writ(?:e|ing)|draft|compose|creat(?:e|ing)|generate|produce|prepare|develop|craft|provide|give|make|expand|design",
    "elaborate|summari[sz]e|describe|explain|discuss|rewrite|continue|tell|help|need|want|requires?|should|must|please",
    "limit|keep|ensure|aim|answer|respond|reply|introduce|outline|condense|shorten|translate|turn|convert|essay|use|using",
    "compare|analy[sz]e|argue|review|reflect|imagine|submit|length|long|word count|due",
)
_ASKS = re.compile(
    rf"\b{_ASKS_EN}\b|写|撰|作|编|生成|起草|完成|要求|字数|篇幅|概括|总结|介绍|翻译|输出|回答|帮我|请|给我|需要|创|谈|论|述|描"
    "|说明|阐|分析|讲"
)
_EXACT_PLACE = re.compile(
    r"(?:\b(?:in|into|using|with|exactly|to|of|than|most|under|within)|[用以在])(?: (?:exactly|only|just|about))*\s?$"
)
_MATERIAL = _any(
    "article|text|passage|story|e?mail|essay|paragraph|document|report|content|post|speech|letter|paper|transcript",
    "excerpt|draft|chapter|source|context",
)
# What follows such a line is given, up to a last paragraph that gives orders again.
_PASTED = re.compile(
    rf"\b(?:following|below|this)\b(?=[^.\n]*\b{_MATERIAL}\b)[^.\n]{{0,40}}:\s*\n"
    rf"|(?:^|\n)[ \t#>]*(?:the )?(?:{_MATERIAL}|原文|文章|材料|文本|内容)\s?:\s"
    r"|(?:以下|下面|如下)(?=[^。\n]*(?:文|材料|内容|段))[^。\n]{0,20}:\s*\n"
)
_ORDERS = re.compile(
    r"(?:[\n.:!?,] ?|\b(?:please|now|then|to|must|should|you) )(?:please |now |then |also )?"
    r"(?:write|summari[sz]e|translate|respond|reply|rewrite|draft|create|generate|give|provide|explain|describe|answer|"
    r"continue|expand|shorten|limit|keep|use|be)\b|请|写|总结|概括|要求"
)
_FENCED = re.compile(r"\"\"\".{200,}?\"\"\"|```.{200,}?```|<(\w{3,12})>.{200,}?</\1>", re.DOTALL)
_SENTENCE_BREAK = re.compile(r"(?<!\bmax)(?<!\bmin)(?<!\bapprox)(?<!\bca)\.(?=\s)|[!?;]|\n\s*\n")
_SIMPLE = str.maketrans(
    "兩萬個詞單頁數過內總約寫論報導標題壓縮擴閱讀給這", "两万个词单页数过内总约写论报导标题压缩扩阅读给这"
)
_MARKUP = re.compile(r"[*`]+|(?<![a-z0-9])_+|_+(?![a-z0-9])")

_Role = Literal["total", "whole", "product", "part"]
_RANK: dict[_Role, int] = {"total": 3, "whole": 2, "product": 1, "part": 0}


@dataclass(frozen=True, slots=True)
class _Mention:
    words: Requirement
    role: _Role
    score: int
    pages: bool


def required_words(prompt: str) -> Requirement | None:
    """The length that `prompt` demands of its answer, or None where it states none.

    `words` is in 1..10,000,000: the number itself for "about", the bound for "at least" and "at most", the middle of
    a range. Chinese lengths are in characters, which is how `count_words` counts Chinese; "characters" in an English
    prompt count only where they are Chinese ones. Equal parts are multiplied out unless a total is stated too, and
    pages are taken at WORDS_A_PAGE where no words are given. Reads the first and last 8,000 characters; never raises.
    """
    text = _readable(prompt)
    mentions = list(_mentions(text))
    chosen = [m for m in mentions if not m.pages] or mentions
    if not chosen:
        return None
    best = max(chosen, key=lambda m: (m.score, _RANK[m.role], m.words.words))
    parts = [m.words for m in chosen if m.role == "part" and m.score == best.score]
    if best.role == "part" and len(parts) > 1:
        return _within_reason(Requirement(sum(part.words for part in parts)))
    return _within_reason(best.words)


def _within_reason(found: Requirement) -> Requirement | None:
    return found if 1 <= found.words <= MOST_WORDS else None


def _readable(prompt: str) -> str:
    """Both ends of the prompt, folded, in lower case and simplified characters, without fenced material."""
    if len(prompt) > 2 * _END:
        prompt = f"{prompt[:_END]}\n\n{prompt[-_END:]}"
    # Folded, a full-width comma would group thousands, and a full stop without a space would be a decimal point.
    text = fold(prompt.replace("，", ", ").replace("。", "。 ")).lower().translate(_SIMPLE)
    bare = _FENCED.sub("\n\n", text)
    return _MARKUP.sub("", bare if len(bare.strip()) > 20 else text)


def _mentions(text: str) -> Iterator[_Mention]:
    pasted = _pasted_span(text)
    chinese = bool(re.search(r"chinese|mandarin|[\u4e00-\u9fff]", text))
    taken: set[int] = set()
    for pattern in (_ENGLISH, _CHINESE, _ENGLISH_LABEL, _CHINESE_LABEL):
        for match in pattern.finditer(text):
            spots = {match.end("first"), match.end("second")} - {-1}
            groups = match.groupdict()
            if spots & taken or (groups.get("character") and not chinese):
                continue
            mention = _judge(text, match, pasted)
            if mention:
                taken |= spots
                yield mention


def _pasted_span(text: str) -> range:
    """Where given material lies: behind the line that announces it, up to a last paragraph that gives orders."""
    found = _PASTED.search(text)
    if not found:
        return range(0)
    last = text.rstrip().rfind("\n\n")
    ordered = last > found.end() and _ORDERS.search(text, last)
    return range(found.end(), last if ordered else len(text))


def _judge(text: str, match: re.Match[str], pasted: range) -> _Mention | None:
    """What a match demands, and how sure that is; None where it demands nothing."""
    groups = match.groupdict()
    start, end = match.start("first"), match.end()
    low, high = _numbers(match, text[max(0, start - 80) : start])
    if groups["second"] is not None and high is None:
        start = match.start("second")
    if low is None or max(low, high or 0) > MOST_WORDS:
        return None
    before, after = text[max(0, start - 240) : start], text[end : end + 120]
    lead = _SENTENCE_BREAK.split(before)[-1]
    near = lead[-100:]
    page = bool(groups.get("page"))

    if _NEVER_BEFORE.search(near) or _NEVER_AFTER.match(after) or (page and _not_our_pages(near, after)):
        return None
    turned = bool(_TURNED.search(near))
    few = high or low
    hyphened = text.startswith("-", match.end("first"))
    characters = groups.get("unit") in ("字", "汉字", "文字", "字符")
    if few <= 60 and not page:
        listed = not hyphened and not characters and _LIST_BEFORE.search(near)
        if listed or _LIST_AFTER.match(after) or _SHORT_THINGS.search(near):
            return None
    if text[start:end] == "千字" and after.startswith("文") and not near.endswith(("写", "篇")):
        return None  # the classic
    kind, low, high = _kind(near, after, groups, low, high)
    if few < 10 and not page and (characters or (kind == "about" and not hyphened and not _EXACT_PLACE.search(near))):
        return None

    role, times = _role(text, start, end, lead, after)
    if times is None:
        return None
    score = _score(text, start, end, lead, after, pasted)
    if page:
        chinese_page = groups["page"] == "页"
        rate = CHARACTERS_A_PAGE if chinese_page else WORDS_A_PAGE
        if groups.get("spacing") == "single" or re.match(r"[\s,(]*single[ -]spaced", after):
            rate *= 2
        times *= rate
        score -= 0 if _ASKS.search(lead) else 1
    elif turned:
        score += 3
    if kind != "about" or role == "total":
        score = max(score, min(score + 2, 2))
    if role == "part":
        score -= 1
    if score < (-1 if role == "part" else 0):
        return None
    return _Mention(_requirement(kind, low * times, None if high is None else high * times), role, score, page)


def _numbers(match: re.Match[str], before: str) -> tuple[float | None, float | None]:
    """The one number of a match, or the two ends of its range in rising order."""
    groups = match.groupdict()
    first = groups["first"]
    if groups["second"] is None:
        if guess := neighbours(first):
            return guess
        return value_of(first), None
    low, high = value_of(first), value_of(groups["second"])
    if low is None or high is None:
        return None, None
    scale = scale_of(groups["second"])
    if scale and not scale_of(first) and low < high and low < 100:
        low = value_of(first + ("" if scale[0] in HAN_NUMERALS else " ") + scale) or low  # "2 to 3 thousand"
    if groups.get("bound") and max(low, high) <= 20 * min(low, high):
        return min(low, high), max(low, high)
    apart = groups.get("and") and not re.search(r"\b(?:between|from)\b[^.;\n]{0,12}$", before)
    if apart or low >= high or (low and high / low > 20) or _FROM_TO.search(before):
        return high, None
    return low, high


def _kind(
    near: str, after: str, groups: dict[str, str | None], low: float, high: float | None
) -> tuple[RequirementKind, float, float | None]:
    if high is not None:
        return ("range", low, high) if low else ("at_most", high, None)
    if groups["plus"] and not after.startswith("/"):
        return "at_least", low, None
    if near.endswith("上") and groups["first"] in ("百", "千", "万", "十万", "百万"):
        return "at_least", low, None
    for kind, cue in _KIND_AFTER:
        if cue.match(after):
            return kind, low, None
    for kind, cue in _KIND_BEFORE:
        if cue.search(near[-60:]):
            return kind, low, None
    return "about", low, None


def _requirement(kind: RequirementKind, low: float, high: float | None) -> Requirement:
    first = round(low)
    if kind == "range" and high is not None:
        return Requirement(round((low + high) / 2), kind, first, round(high))
    if kind == "at_least":
        return Requirement(first, kind, low=first)
    if kind == "at_most":
        return Requirement(first, kind, high=first)
    return Requirement(first)


def _role(text: str, start: int, end: int, lead: str, after: str) -> tuple[_Role, int | None]:
    """What of the whole the mention measures, and how often that comes; None times where this is not said."""
    if _TOTAL_BEFORE.search(lead) or _TOTAL_AFTER.match(after):
        return "total", 1
    for each in [p.search(lead) for p in _EACH_BEFORE] + [p.match(after) for p in _EACH_AFTER]:
        if each:
            part = next((value for value in each.groupdict().values() if value), None)
            return "product", _count_of(text, start, end, part)
    if (multiple := _MULTIPLE_BEFORE.search(lead)) and _MULTIPLE_AFTER.match(after):
        return "product", round(value_of(multiple["n"]) or 1)
    if multiple := _ZH_MULTIPLE_BEFORE.search(lead):
        times = round(value_of(multiple["n"]) or 1)
        return ("product", times) if times > 1 else ("whole", 1)
    if _PART_BEFORE.search(lead) or _PART_AFTER.match(after):
        return "part", 1
    return "whole", 1


def _count_of(text: str, start: int, end: int, part: str | None) -> int | None:
    """How many of `part` (of anything, if None) the text around [start, end) asks for: the nearest such number."""
    found = []
    for pattern in _COUNTED:
        for counted in pattern.finditer(text, max(0, start - 300), end + 150):
            count = round(value_of(counted["n"]) or 0)
            inside = counted.start("n") < end and counted.end("n") > start
            if count > 1 and not inside and _same(part, counted["things"]):
                found.append((abs(counted.start() - start), count))
    return min(found)[1] if found else None


def _same(part: str | None, things: str) -> bool:
    """Whether the counted things are the parts in question, by their stem; with None, any parts at all."""
    if part is None:
        return not things.isascii() or bool(_A_PART.search(things))
    stem = part[:1] if part > "\x7f" else part[:4].rstrip("s")
    return bool(re.search(rf"\b{re.escape(stem)}", things))


def _score(text: str, start: int, end: int, lead: str, after: str, pasted: range) -> int:
    """Evidence that the mention is a demand: 2 with a word that asks, 0 for none either way, less for a source."""
    sentence_rest = _SENTENCE_BREAK.split(after)[0]
    score = 2 if _ASKS.search(lead) or _ASKS.search(sentence_rest) else 0
    if _GIVEN_BEFORE.search(lead):
        score -= 3
    elif _WEAK_BEFORE.search(lead):
        score -= 2
    if lead.count('"') % 2 or lead.rfind("“") > lead.rfind("”"):
        score -= 2
    if start in pasted or min(start, len(text) - end) > _NEAR_END:
        score -= 3
    return score


def _not_our_pages(near: str, after: str) -> bool:
    """Pages to read, of a site, of slides: not pages to write."""
    return bool(_NOT_OUR_PAGES_BEFORE.search(near) or _NOT_OUR_PAGES_AFTER.match(after))
