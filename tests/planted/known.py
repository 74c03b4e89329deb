"""The set that the filters were made with: bad texts of each kind, and clean ones of which half are awkward.

Every text is long prose with one thing planted in it: a block of the files beside this one, or damage done here.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from planted.case import Block, Case, blocks, finished, prompt, sections
from planted.prose import Prose

LANGUAGES = ("en", "zh")
_CLEAN = 30  # plain texts of each language


def clean() -> Iterator[Case]:
    """Plain texts, and each awkward block once in the middle of a text and once at its end."""
    for language in LANGUAGES:
        for seed in range(_CLEAN):
            yield Case("plain", None, finished(prompt(language, seed), sections(language, 1000 + seed, 3 + seed % 5)))
        for seed, block in enumerate(blocks(f"awkward_{language}.txt")):
            yield from awkward(block, language, 2000 + seed)


def awkward(block: Block, language: str, seed: int) -> Iterator[Case]:
    around = sections("en" if "英文写" in block.prompt else language, seed, 4)
    for number in (1, 4):
        texts = [*around[:number], block.text, *around[number:]]
        yield Case(block.kind, None, finished(block.prompt, texts))


def bad() -> Iterator[Case]:
    for language in LANGUAGES:
        for seed, block in enumerate(blocks(f"bad_{language}.txt")):
            yield planted(block, language, 3000 + seed)
        for seed in range(20):
            yield truncated(language, seed)
            yield looping(language, seed)
            yield copied(language, seed)
            yield foreign(language, seed)


def planted(block: Block, language: str, seed: int) -> Case:
    """A block in a long text: instead of it (`whole`), at an edge of a section, or as a line in the midst of one."""
    kind, _, where = block.kind.partition(" ")
    reason = "refusal" if kind == "policy" else kind
    texts = sections(language, seed, 4)
    number = seed % 4
    paragraphs = texts[number].split("\n\n")
    if where == "whole":
        return Case(kind, reason, finished(prompt(language, seed), [block.text]))
    places = {"head": 0, "tail": len(paragraphs), "line": len(paragraphs) // 2, "": 0}
    if kind == "policy":
        # A notice ends what it stopped, or stands in its place.
        paragraphs = paragraphs[:1] if seed % 2 else []
        places[""] = len(paragraphs)
    paragraphs.insert(places[where], block.text)
    texts[number] = "\n\n".join(paragraphs)
    return Case(kind, reason, finished(prompt(language, seed), texts))


_LAST_LINES = {
    "en": ["## Conclusion", "The three reasons were as follows:", "- the first is the price of salt,", "and the"],
    "zh": ["## 结语", "原因有以下三点：", "- 第一是盐的价钱，", "而且因为"],
}


def truncated(language: str, seed: int) -> Case:
    texts = sections(language, 4000 + seed, 4)
    random = Random(seed)
    finish = "stop"
    match seed % 5:
        case 0 | 1:  # in the midst of a sentence
            texts[-1] = _cut(texts[-1], random)
        case 2:
            fence = "```python\nfor tide in tides:\n    print(tide)\n"
            texts[seed % 4] += "\n\n" + fence
            texts[-1] += ("\n" + texts[0][:200] + "\n") if seed % 2 else ""
        case 3:
            finish = "length"
        case _:
            texts[-1] += "\n\n" + _LAST_LINES[language][seed // 5 % 4]
    return Case("truncation", "truncation", finished(prompt(language, seed), texts, finish=finish))


def _cut(text: str, random: Random) -> str:
    """Cuts a text in the midst of its last paragraph, between two words and not at the end of a sentence."""
    end = len(text) - random.randint(20, 60)
    while not (text[end - 1].isalpha() and (text[end].isalpha() or text[end] == " ")):
        end -= 1
    return text[:end]


_CLAUSES = {
    "en": ("It rained, ", "and the river rose, ", "and it ended."),
    "zh": ("下雨了，", "河水又涨了，", "完了。"),
}
_ITEMS = {"en": ["- more salt", "- better tools", "- patience"], "zh": ["- 多放盐", "- 好工具", "- 耐心等待"]}
_LINES = {"en": ['"Yes," he said.', '"No," she said.'], "zh": ["“是。”他说。", "“不是。”她说。"]}


def looping(language: str, seed: int) -> Case:
    """The model has caught itself in a loop, from some place in a section on."""
    prose = Prose(language, 5000 + seed)
    texts = sections(language, 5000 + seed, 4)
    glue = " " if language == "en" else ""
    match seed % 5:
        case 0:  # a sentence
            loop = glue.join([prose.sentence() + glue + prose.sentence()] * 12)
        case 1:  # some sentences
            loop = glue.join([prose.paragraph()] * 5)
        case 2:  # a clause without an end
            first, clause, last = _CLAUSES[language]
            loop = first + clause * 60 + last
        case 3:  # a list that says the same items over and over
            loop = "\n".join(_ITEMS[language] * 40)
        case _:  # short lines
            loop = "\n\n".join(_LINES[language] * 40)
    number = seed % 4
    texts[number] += "\n\n" + loop
    return Case("loops", "loops", finished(prompt(language, seed), texts))


def copied(language: str, seed: int) -> Case:
    """What was written comes again in a later section: all of it, a paragraph of it, or its head."""
    texts = sections(language, 6000 + seed, 5)
    source, target = seed % 3, 3 + seed % 2
    paragraphs = texts[source].split("\n\n")
    match seed % 4:
        case 0:
            texts[target] = texts[source]
        case 1:
            texts[target] += "\n\n" + paragraphs[-1]
        case 2:
            texts[target] = paragraphs[0] + "\n\n" + texts[target]
        case _:
            middle = texts[target].split("\n\n")
            texts[target] = "\n\n".join([*middle[:1], *paragraphs[:2], *middle[1:]])
    return Case("copies", "loops", finished(prompt(language, seed), texts))


FOREIGN = {block.kind.removesuffix(" |"): block.text for block in blocks("foreign.txt")}


def foreign(language: str, seed: int) -> Case:
    """All of the text, or from some section on, in another language."""
    texts = sections(language, 7000 + seed, 4)
    other = [code for code in ("zh", "en", *FOREIGN) if code != language][seed % (len(FOREIGN) + 1)]
    start = (0, 1, 3)[seed % 3]
    for number in range(start, 4):
        sentences = Prose(other, 7000 + seed + number).words(250) if other in LANGUAGES else FOREIGN[other]
        texts[number] = sentences
        if other not in LANGUAGES:
            break
    if other not in LANGUAGES and start == 0:
        texts = texts[:1]
    return Case("language", "language", finished(prompt(language, seed), texts))
