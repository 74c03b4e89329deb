"""The scripted AgentWrite model behind the fake server: what is answered. Pure, no clock, no state.

An answer depends on the request's model, messages and sampling parameters alone (`TEXT_FIELDS`), never on time,
order, `stream` or the token limit: a run that was killed and goes on gets the texts of a run that was not, and a
section asked again with more room is the same section, longer.

Each section opens with a *mark*, a sentence of three words (`Mark bcdfghjk lmnpqrst.`, Chinese
`记号 bcdfghjk lmnpqrst。`) that tells what the model saw when it wrote it:

- `own`, the digest of the line of the step it was asked for;
- `seen`, the digest of the text so far, as found in the prompt.

To find the text so far in a prompt made from any template, every paragraph is a single line that begins with a mark
or, inside a section, with an opener (`Thereupon`, `继而`). From the first mark on, all such lines up to their last
full stop, joined by blank lines, are the text so far; `audit_record` takes the same form of the sections before. So a
context that lacks a sentence, holds one twice, in another order or from another record gives another digest.
Digests are consonants: every word counter takes one as one word, and no cleaner takes one for scaffolding.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import cycle, islice, pairwise
from typing import Any, Literal, NamedTuple

import orjson

Language = Literal["en", "zh"]

TEXT_FIELDS = (
    "model",
    "messages",
    "seed",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "repeat_penalty",
)

# --- marks ------------------------------------------------------------------------------------------------------

_LETTERS = "bcdfghjklmnpqrst"
_TO_LETTERS = str.maketrans("0123456789abcdef", _LETTERS)
_DIGEST = f"[{_LETTERS}]{{8}}"
_MARKS = {"en": re.compile(rf"Mark ({_DIGEST}) ({_DIGEST})\."), "zh": re.compile(rf"记号 ({_DIGEST}) ({_DIGEST})。")}
_OPENERS = {"en": "Thereupon ", "zh": "继而"}
_LINE_STARTS = ("Mark ", "记号 ", *_OPENERS.values())


class Mark(NamedTuple):
    """`own`: the step line that was asked for; `seen`: the text so far that stood in the prompt. See the module."""

    own: str
    seen: str


def digest(text: str) -> str:
    """Eight consonants, 32 bits, that stand for the text."""
    return blake2b(text.encode(), digest_size=4).hexdigest().translate(_TO_LETTERS)


def marks(text: str) -> list[Mark]:
    """The marks in a section, a record or a prompt, in the order they stand there."""
    found = [match for pattern in _MARKS.values() for match in pattern.finditer(text)]
    return [Mark(*match.groups()) for match in sorted(found, key=re.Match.start)]


def split_sections(text: str) -> list[str]:
    """The sections of a record's text, cut before each mark. What stands before the first mark goes with it."""
    starts = sorted(match.start() for pattern in _MARKS.values() for match in pattern.finditer(text))
    borders = [0, *starts[1:], len(text)]
    return [text[low:high].strip() for low, high in pairwise(borders)]


def text_so_far(prompt: str) -> str:
    """The scripted paragraphs in a prompt, joined by blank lines; empty before the first section."""
    first = [match.start() for pattern in _MARKS.values() if (match := pattern.search(prompt))]
    if not first:
        return ""
    lines = prompt[min(first) :].split("\n")
    ours = [line for line in lines if line.startswith(_LINE_STARTS)]
    # A template may go on behind the text on the same line, and a kept text may have been cut inside a sentence.
    return "\n\n".join(line[: max(line.rfind("."), line.rfind("。")) + 1] for line in ours)


def audit_record(sections: Sequence[str] | str, step_lines: Sequence[str] | None = None) -> list[str]:
    """What is wrong with the contexts a record was written in; an empty list means nothing.

    `sections` are those of one record in order, or its whole text. Each must hold one mark, whose `seen` is the
    digest of exactly the sections before it. With `step_lines`, the steps as they were sent, each `own` must be that
    of its step.
    """
    if isinstance(sections, str):
        sections = split_sections(sections)
    problems = []
    if step_lines is not None and len(step_lines) != len(sections):
        problems.append(f"{len(sections)} sections for {len(step_lines)} steps")
    for i, section in enumerate(sections):
        found = marks(section)
        if len(found) != 1:
            problems.append(f"section {i + 1}: {len(found)} marks, not 1")
            continue
        if found[0].seen != digest(text_so_far("\n\n".join(sections[:i]))):
            problems.append(f"section {i + 1}: its context was not exactly the {i} sections before it")
        if step_lines is not None and i < len(step_lines) and found[0].own != digest(step_lines[i]):
            problems.append(f"section {i + 1}: written for another step line")
    return problems


# --- reading a prompt -------------------------------------------------------------------------------------------


class StepLine(NamedTuple):
    """A line of a plan as it stands in a prompt."""

    line: str
    n: int
    main_point: str
    words: int
    language: Language


_STEP_LINES: dict[Language, re.Pattern[str]] = {
    "en": re.compile(r"Paragraph (\d+) - Main Point: (.*?) - Word Count: (\d[\d,]*) words?"),
    "zh": re.compile(r"第(\d+)段 - 主要内容：(.*?) - 字数要求：(\d[\d,]*)字"),
}
_PLANNING = re.compile(
    r"Main Point|主要内容|\bsub-?tasks?\b|\boutline\b|break (?:it |this )?down|大纲|提纲|子任务|分解|拆分"
    r"|\A.{0,40}\bplan\b|\A.{0,20}(?:计划|规划)",
    re.IGNORECASE,
)
_VERDICT = re.compile(r'"keep"[\s\S]*The limit is (\d[\d,]*) words')
_LENGTH = re.compile(
    r"(?:(\d[\d,]*)\s*(?:words?|字)?\s*(?:-|–|—|~|to|and|至|到)\s*)?"
    r"(\d[\d,]*(?:\.\d+)?)\s*([kK千万])?[多余]?[- ]?(?:words?\b|characters\b|个?汉?字(?![数符]))"
)
# Lengths that a template names as an example or for one paragraph, not the length of the whole.
_NOT_THE_TOTAL = re.compile(
    r"(?:e\.g\.,?|example[:,]?|Word Count:|如|字数要求：|each|paragraph|every|每段)[^.。\n\d]{0,20}$"
)
_SUFFIX = {"": 1, "k": 1000, "千": 1000, "万": 10_000}
_LARGEST_STEP_WORDS = 1000
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def prompt_text(request: Mapping[str, Any]) -> str:
    """The text of all messages, joined by line breaks; parts that are not text are left out."""
    texts = []
    for message in request.get("messages") or []:
        content = message.get("content") or ""
        if not isinstance(content, str):
            content = "".join(part.get("text") or "" for part in content)
        texts.append(content)
    return "\n".join(texts)


def asked_step(prompt: str) -> StepLine | None:
    """The step a writing prompt asks for, or None where the prompt does not ask for a section.

    It is the last plan line in the prompt. That it asks for writing shows in its standing there twice, in the plan
    and as the step (its word count may differ), or in text so far, or in its being alone where nothing speaks of
    planning.
    """
    steps = [
        (match.start(), StepLine(match[0], int(match[1]), match[2], _number(match[3]), language))
        for language, pattern in _STEP_LINES.items()
        for match in pattern.finditer(prompt)
    ]
    if not steps:
        return None
    step = max(steps)[1]
    if sum((other.n, other.main_point) == (step.n, step.main_point) for _, other in steps) > 1:
        return step
    alone = len(steps) == 1 and not _PLANNING.search(prompt.replace(step.line, ""))
    return step if alone or text_so_far(prompt) else None


def asked_words(prompt: str) -> int | None:
    """The length that a planning prompt names, in words or characters: the largest that is not a paragraph's."""
    totals = []
    for match in _LENGTH.finditer(prompt):
        words = round(float(match[2].replace(",", "")) * _SUFFIX[(match[3] or "").lower()])
        if match[1]:
            if words <= _LARGEST_STEP_WORDS:
                continue
            words = (_number(match[1]) + words) // 2
        if words > 0 and not _NOT_THE_TOTAL.search(prompt, max(0, match.start() - 40), match.start()):
            totals.append(words)
    return max(totals, default=None)


def language_of(prompt: str) -> Language:
    """The plan format the prompt asks for, else the script that most of it is in."""
    if "Main Point" in prompt or "主要内容" in prompt:
        return "en" if "Main Point" in prompt else "zh"
    return "zh" if sum(map(len, _HAN.findall(prompt))) * 3 > len(prompt) else "en"


def count_words(text: str) -> int:
    """Han characters plus words of Latin letters; enough for the texts made here."""
    han = sum(map(len, _HAN.findall(text)))
    return han + len(re.findall(r"[A-Za-z]+", text))


def _number(digits: str) -> int:
    return int(digits.replace(",", ""))


# --- writing ----------------------------------------------------------------------------------------------------


def _pool(words: str) -> tuple[str, ...]:
    """The words over and over, 256 in all, so that a random byte picks one: five times as fast as `rng.choices`."""
    return tuple(islice(cycle(words.split()), 256))


_ADJECTIVES = _pool(
    "quiet old bright narrow patient broken distant careful silver hidden gentle early honest weary golden hollow "
    "steady foreign modest northern sudden vivid wooden ancient brisk calm faithful heavy idle lonely"
)
_NOUNS = _pool(
    "harbour letter garden engine river teacher market window captain bridge promise forest village lantern "
    "orchard journey library mountain painter season shadow sailor station stranger valley winter workshop baker "
    "council daughter island kitchen machine neighbour question railway"
)
_VERBS = _pool(
    "remembers carries follows builds questions repairs watches describes gathers welcomes crosses defends discovers "
    "forgets measures protects studies surprises teaches visits answers borrows changes finds guards keeps opens"
)
_PLACES = _pool("beyond beside under across behind near without after before inside outside above around toward")
_SHORT = _pool("the every one that this each")
_CLAUSES: dict[Language, tuple[Sequence[str], ...]] = {
    "en": (_SHORT, _ADJECTIVES, _NOUNS, _VERBS, _SHORT, _ADJECTIVES, _NOUNS, _PLACES, _SHORT, _NOUNS),
    "zh": (
        _pool("清晨 黄昏 深夜 初春 盛夏 晚秋 隆冬 当年 如今 后来 远方 城里 山中 海边 桥头 屋内"),
        _pool("老人 孩子 船长 画家 邻居 旅人 学者 工匠 农夫 商贩 医生 教师 青年 母亲 兄弟 诗人"),
        _pool("缓缓 默默 仔细 匆匆 常常 悄悄 再次 始终 渐渐 独自 认真 欣然"),
        _pool("讲述 记录 寻找 守护 修补 观察 描绘 回忆 研究 收集 改变 迎接 穿过 建造 理解 珍惜"),
        _pool("古老 明亮 遥远 安静 陌生 温暖 朴素 沉重 清澈 漫长 细小 崭新"),
        _pool("河流 灯火 花园 信件 山谷 街道 机器 季节 故事 书籍 歌谣 问题 港口 窗户 道路 承诺"),
    ),
}
_SEPARATOR = {"en": " ", "zh": ""}
_COMMA = {"en": ", ", "zh": "，"}
_STOP = {"en": ". ", "zh": "。"}
# Words that a mark and an opener add to the count (text.words.count_words: a Han character, or a run of letters).
_MARK_WORDS = {"en": 3, "zh": 4}
_OPENER_WORDS = {"en": 1, "zh": 2}
_SMALLEST_SECTION_WORDS = 12


def sentences(rng: random.Random, words: int, language: Language) -> list[str]:
    """Sentences of exactly so many words (Chinese: characters) in all; at least one word."""
    pools = _CLAUSES[language]
    rows = words // len(pools) + 1
    columns = [map(pool.__getitem__, rng.randbytes(rows)) for pool in pools]
    units: Sequence[str] = [unit for row in zip(*columns, strict=True) for unit in row]
    if language == "zh":
        units = "".join(units)
    size = len(units) // rows
    join = _SEPARATOR[language].join
    clauses = [join(units[i : min(i + size, words)]) for i in range(0, words, size)]
    found = []
    while clauses:
        count = rng.randint(1, 3)
        sentence = _COMMA[language].join(clauses[:count])
        found.append(sentence[0].upper() + sentence[1:] + _STOP[language].rstrip())
        del clauses[:count]
    return found


def prose(rng: random.Random, words: int, language: Language) -> str:
    """One paragraph of exactly so many words."""
    return _SEPARATOR[language].join(sentences(rng, words, language))


@dataclass(frozen=True, slots=True)
class ScriptedModel:
    """Answers plans, sections, questions for a verdict and anything else.

    `bias`: words written for each word asked, 0.7 gives 70%.
    """

    seed: int = 1
    bias: float = 1.0

    def answer(self, request: Mapping[str, Any]) -> str:
        """The whole text for a chat request; the caller cuts it where the request limits the tokens."""
        prompt = prompt_text(request)
        if (limit := _VERDICT.search(prompt)) is not None:
            return verdict(prompt, _number(limit[1]))
        rng = self._rng(request)
        if is_comparing(prompt):
            first, second = quoted_texts(prompt)[-2:]
            better = "tie" if first == second else "first" if first > second else "second"
            return orjson.dumps({"analysis": "Two texts.", "better": better}).decode()
        if is_judging(prompt):
            return orjson.dumps(judgement(prompt)).decode()
        step = asked_step(prompt)
        if step is not None:
            return self.section(rng, step, text_so_far(prompt))
        language = language_of(prompt)
        if _PLANNING.search(prompt):
            return plan(rng, asked_words(prompt), language)
        return prose(rng, rng.randint(20, 60), language)

    def section(self, rng: random.Random, step: StepLine, before: str) -> str:
        """One to three paragraphs of `step.words * bias` words, the mark and the openers counted; at least 12."""
        language = step.language
        words = max(_SMALLEST_SECTION_WORDS, round(step.words * self.bias))
        breaks = rng.randint(0, 2) if words > 100 else 0
        body = sentences(rng, words - _MARK_WORDS[language] - breaks * _OPENER_WORDS[language], language)
        mark = ("Mark {} {}." if language == "en" else "记号 {} {}。").format(digest(step.line), digest(before))
        share = len(body) / (breaks + 1)
        join = _SEPARATOR[language].join
        paragraphs = []
        for i in range(breaks + 1):
            part = body[round(i * share) : round((i + 1) * share)]
            if i == 0:
                paragraphs.append(join([mark, *part]))
            else:
                text = join(part)
                paragraphs.append(_OPENERS[language] + text[0].lower() + text[1:])
        return "\n\n".join(paragraphs)

    def _rng(self, request: Mapping[str, Any]) -> random.Random:
        asked = [self.seed, *(request.get(field) for field in TEXT_FIELDS)]
        return random.Random(blake2b(orjson.dumps(asked), digest_size=8).digest())


# --- direct answers ---------------------------------------------------------------------------------------------


def stops_at(most_words: int, request: Mapping[str, Any]) -> str | None:
    """What a model answers that writes no more words at once; None to what is no request for a whole text."""
    prompt = prompt_text(request)
    if is_judging(prompt) or is_comparing(prompt) or asked_step(prompt) is not None or _PLAN_TEMPLATE.search(prompt):
        return None
    rng = random.Random(prompt)
    return prose(rng, min(most_words, asked_words(prompt) or most_words), language_of(prompt))


_PLAN_TEMPLATE = re.compile(r"Main Point|主要内容")

# What a message needs where it names no length, by what it asks for.
_LONG_KINDS = re.compile(r"\b(?:novel|thesis|textbook|course)\b|长篇|教材")
_LONG_WORDS, _SHORT_WORDS = 8000, 400


def verdict(prompt: str, limit: int) -> str:
    """Whether the quoted message needs the words of the limit: by the length that it names, else by its kind.

    Reads the quotation alone; a message that speaks of "the moon" gets no verdict, but words.
    """
    message = "\n".join(line.removeprefix("> ") for line in prompt.split("\n") if line.startswith("> "))
    if "the moon" in message:
        return "That is a beautiful subject."
    words = asked_words(message) or (_LONG_WORDS if _LONG_KINDS.search(message) else _SHORT_WORDS)
    reason = f"{digest(message)} asks for {'much' if words >= limit else 'little'}"
    return orjson.dumps({"reason": reason, "words": words, "keep": words >= limit}).decode()


# --- judging ----------------------------------------------------------------------------------------------------

DIMENSIONS = ("Relevance", "Accuracy", "Coherence", "Clarity", "Breadth and Depth", "Reading Experience")


def is_comparing(prompt: str) -> bool:
    return "two responses" in prompt and '"better"' in prompt


def is_judging(prompt: str) -> bool:
    return all(name in prompt for name in DIMENSIONS)


def quoted_texts(prompt: str) -> list[str]:
    """The texts that stand in a prompt as quotations, each line behind "> "."""
    blocks = re.findall(r"(?:^>.*\n?)+", prompt, re.MULTILINE)
    return ["\n".join(line[1:].removeprefix(" ") for line in block.splitlines()) for block in blocks]


def judgement(prompt: str) -> dict[str, Any]:
    """Scores that hang on the text alone which stands last in the prompt: the same text always gets the same."""
    rng = random.Random(quoted_texts(prompt)[-1])
    return {"analysis": "A text.", **{name: rng.randint(1, 5) for name in DIMENSIONS}}


def plan(rng: random.Random, total_words: int | None, language: Language) -> str:
    """Plan lines that add up to `total_words`, about 400 words each and 40 lines at most; else 3 to 8 lines.

    A tag in each main point keeps the lines of two instructions apart.
    """
    if total_words is None:
        counts = [rng.randrange(200, 501, 10) for _ in range(rng.randint(3, 8))]
    else:
        steps = min(40, max(1, round(total_words / 400)))
        # Neighbours trade a tenth, so that the lines differ and the sum stays.
        borders = [round(total_words * i / steps) for i in range(steps + 1)]
        inner = [border + round(total_words / steps * rng.uniform(-0.1, 0.1)) for border in borders[1:-1]]
        borders[1:-1] = inner
        counts = [high - low for low, high in pairwise(borders)]
    tag = digest(str(rng.getrandbits(64)))
    lines = []
    for n, words in enumerate(counts, 1):
        if language == "en":
            point = f"How {' '.join(rng.choice(pool) for pool in _CLAUSES['en'][:7])}, in the matter of {tag}"
            lines.append(f"Paragraph {n} - Main Point: {point} - Word Count: {words} words")
        else:
            point = "".join(rng.choice(pool) for pool in _CLAUSES["zh"])
            lines.append(f"第{n}段 - 主要内容：{point}，见 {tag} 一事 - 字数要求：{words}字")
    return "\n".join(lines)
