"""What a text was asked to be about, where that makes a sign of trouble an ordinary word.

A story told by a robot says "as an AI, I", a contract numbers its paragraphs, a lesson counts words. So a filter asks
the instruction and the plan before it believes a sign. Each pattern is searched in both.
"""

from __future__ import annotations

import re


def _about(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


MACHINES = _about(
    r"\b(?:an?|the|with|of|about|by|and|in|for) ai\b|\bai\b|\bartificial intelligence\b|\bchat ?bots?\b|\bchatgpt\b",
    r"\brobots?\b|\bandroid\b|\bassistants?\b|\blanguage models?\b|\bllms?\b|\bmachine learning\b|\bcomputers?\b",
    r"\brefus(?:e|es|al|als|ing)\b|\bmoderat(?:ion|ors?|ing)\b|\bcontent polic|\bprompts?\b|\bdecline\b",
    "人工智能|机器人|聊天|助手|大?模型|智能体|拒绝|审核|提示词|仿生",
)
LETTERS = _about(
    r"\bletters?\b|\be-?mails?\b|\bmemos?\b|\bcorrespondence\b|\brepl(?:y|ies)\b|\bcustomers?\b|\bmessages?\b",
    "信|邮件|邮箱|回复|客服|客户|留言|通知",
)
NUMBERED = _about(
    r"\b(?:sub-?)?clauses?\b|\bparagraph \d|\bnumbered paragraphs?\b|\bprovisions?\b|\bstatut|\btreat(?:y|ies)\b",
    r"\bleases?\b|\bless(?:ee|or)\b|\bcontracts?\b|\bagreements?\b|\bby-?laws?\b|\bjudge?ments?\b|\baffidavit",
    r"\bresolutions?\b|\bregulations?\b|\bdirectives?\b|\bencyclicals?\b|\bwitness statement|\bpleadings?\b",
    r"\bparagraph by paragraph\b|\bclose reading\b|\bcomprehension\b|\bessay structure\b|\bhow to write\b",
    r"\bfive-paragraph\b|\bteach\w*\b[^\n]{0,60}\bparagraphs?\b",
    "条款|条文|合同|协议|租约|章程|条例|判决|法律意见|决议|逐段|赏析|教案|课文|阅读理解|段落大意|作文指导|写作指导|范文",
)
COUNTED = _about(
    r"\bmanuscripts?\b|\bsubmissions?\b|\bbook proposals?\b|\bquery letters?\b|\bexams?\b|\bassignments?\b|\bsyllab",
    r"\bworksheets?\b|\brubrics?\b|\blesson plans?\b|\bcourse\b|\bcoursework\b|\bcurriculum\b|\beditors?\b",
    r"\bcontent (?:plan|calendar|brief)|\bseo\b|\bword counts?\b|\boutlines?\b|\bwriting (?:prompts?|exercises?|tips)",
    "投稿|书稿|稿件|试卷|考试|作业|教案|课程|大纲|提纲|征文|征稿|字数|练习",
)
SERIALS = _about(
    r"\bserial(?:s|ised|ized)?\b|\bepisodes?\b|\bcliffhangers?\b|\bto be continued\b|\binstal?lments?\b|\bsoap opera",
    r"\bpart (?:one|two|1|2|i|ii)\b|\bfirst part\b|\bcomics?\b|\bpilots?\b|\bchapter (?:one|1)\b|\bradio play",
    "连载|待续|上集|下集|第一集|第一部|上部|悬念结尾|漫画|剧集|评书|章回",
)
MARKUP = _about(
    r"\bchat templates?\b|\btokeni[sz]|\btokens?\b|\bprompts?\b|\bhtml\b|\bxml\b|\btags?\b|\bfine-?tun|\bllms?\b",
    r"\blanguage models?\b|\bchain of thought\b|\bspecial tokens?\b",
    "模板|标签|词元|分词|提示词|微调|大?模型|思维链",
)
FORMULAIC = _about(
    r"\bcontracts?\b|\bagreements?\b|\bleases?\b|\bterms (?:of|and)\b|\blicen[cs]es?\b|\bpolic(?:y|ies)\b|\bby-?laws\b",
    r"\bstatut|\bregulations?\b|\blegal\b|\bclauses?\b|\bwills?\b and testament|\btreat(?:y|ies)\b|\bcharters?\b",
    r"\brecipes?\b|\bcook(?:book|ery|ing)\b|\bbaking\b|\bmenus?\b|\bmanuals?\b|\bprotocols?\b|\bprocedures?\b",
    r"\bchecklists?\b|\bcatalog(?:ue)?s?\b|\btemplates?\b|\bforms?\b|\bschedules?\b|\bworkouts?\b|\btraining plans?\b",
    r"\bsongs?\b|\blyrics?\b|\bpoems?\b|\bpoetry\b|\bballads?\b|\bhymns?\b|\bprayers?\b|\blitan(?:y|ies)\b|\bliturg",
    r"\btime loops?\b|\bspecifications?\b|\bfaqs?\b|\bmusicals?\b|\bsop\b|\bnursery\b|\bcumulative\b|\brefrains?\b",
    "合同|协议|条款|租赁|章程|条例|法律|规章|制度|食谱|菜谱|菜单|手册|规程|流程|清单|模板|表格|歌词|歌曲|诗|祷|经文",
    "循环|说明书|训练计划|问答|须知|童谣|民谣|戏曲",
)
