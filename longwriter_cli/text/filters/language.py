"""Texts in another language than the instruction's."""

from __future__ import annotations

import re
from functools import cache

from longwriter_cli.text.filters.finished import FinishedText, in_section
from longwriter_cli.text.language import language_of

# English and Chinese names of languages; a script's own check suffices for the rest.
_NAMES = {
    "ar": r"arabic|阿拉伯[语文]",
    "de": r"german|德[语文]",
    "el": r"greek|希腊[语文]",
    "en": r"english|英[语文]|双语",
    "es": r"spanish|castilian|西班牙[语文]|西语",
    "fr": r"french|法[语文]",
    "he": r"hebrew|希伯来[语文]",
    "hi": r"hindi|印地[语文]",
    "id": r"indonesian|印尼[语文]",
    "it": r"italian|意大利[语文]",
    "ja": r"japanese|日[语文]",
    "ko": r"korean|韩[语文]|朝鲜[语文]",
    "la": r"latin|拉丁[语文]",
    "nl": r"dutch|荷兰[语文]",
    "pl": r"polish|波兰[语文]",
    "pt": r"portuguese|葡萄牙[语文]",
    "ru": r"russian|俄[语文]",
    "sv": r"swedish|瑞典[语文]",
    "th": r"thai|泰[语文]",
    "tr": r"turkish|土耳其[语文]",
    "uk": r"ukrainian|乌克兰[语文]",
    "vi": r"vietnamese|越南[语文]",
    "zh": r"chinese|mandarin|cantonese|中[文]|汉语|华语|粤语|双语",
}
_NAMED = {code: re.compile(rf"(?<![A-Za-z])(?:{names})", re.IGNORECASE) for code, names in _NAMES.items()}
# An instruction names a language to be written in, or is about one: "in French", "French lesson", "用英文写".
_ASKS = re.compile(
    r"\b(?:in|into|to|using|use|speaks?|with|both|and|original)\s+(?:\w+\s+){0,2}?"
    r"(?:arabic|german|greek|english|spanish|french|hebrew|hindi|indonesian|italian|japanese|korean|latin|dutch|polish"
    r"|portuguese|russian|swedish|thai|turkish|ukrainian|vietnamese|chinese|mandarin|cantonese)\b"
    r"|\b(?:translat\w+|bilingual|language|learn\w*|lessons?|teach\w*|vocabulary|grammar|dialogues?|phrase ?books?)\b"
    r"|[语文](?:写|撰写|创作|回答|表达|翻译|版|作文|演讲|信|邮件|书写|完成|输出|原文|诗|课|教|学|散文|文章|报告|小说|故事|介绍)|双语|翻译|译成|译为",
    re.IGNORECASE,
)
_ENGLISH_SENTENCE = re.compile(
    r"\b(?:the|and|of|that|with|this|is|are|was|which|from|you|your|it|have|not)\b", re.IGNORECASE
)
_HAN_RUN = re.compile("[\u3400-\u9fff]")
_QUOTED = re.compile(r"^[ \t]*>[^\n]*", re.MULTILINE)
_FENCED = re.compile(r"```[\s\S]*?(?:```|\Z)")

_SAMPLE = 250  # characters
_SAMPLES = 3  # of a section; more than half of them must be foreign
_LEAST_LETTERS = 80  # in a sample; less tells nothing
_SENTENCES, _HAN = 8, 24  # English function words, Chinese characters: an instruction partly in that language


def language(text: FinishedText) -> str | None:
    """A section of which the most is in a language that the instruction neither is in nor asks for.

    A foreign quotation passes, as it is a part of a section; so do code, and languages whose letters do not tell them
    apart where too little is there to tell them by words.
    """
    prompt = text.instruction.prompt
    wanted = {text.language} if text.language else _languages(prompt)
    if not wanted:
        return None
    for number, section in enumerate(text.texts, 1):
        told = [code for code in map(_language, _samples(section)) if code]
        foreign = [code for code in told if code not in wanted]
        if len(foreign) * 2 > len(told) and not set(foreign) <= _asked_for(text.asked):
            return f"{foreign[0]} instead of {' or '.join(sorted(wanted))} in {in_section(number, section)}"
    return None


def _asked_for(asked: str) -> set[str]:
    """The languages that an instruction or its plan names as such."""
    return {code for code, name in _NAMED.items() if name.search(asked)} if _ASKS.search(asked) else set()


def _languages(prompt: str) -> set[str]:
    """The languages an instruction is in: its own, and those of which it holds a sentence or more. None: not told."""
    own = language_of(prompt)
    found = {own} - {"und"}
    if len(_ENGLISH_SENTENCE.findall(prompt)) >= _SENTENCES:
        found.add("en")
    if len(_HAN_RUN.findall(prompt)) >= _HAN and own != "ja":
        found.add("zh")
    if own == "und":
        told = _language(prompt)
        found |= {told} if told else set()
    return found


def _samples(section: str) -> list[str]:
    """Pieces of it, without code and without what is set off as a quotation."""
    if "```" in section:
        section = _FENCED.sub("", section)
    if ">" in section:
        section = _QUOTED.sub("", section)
    if len(section) <= _SAMPLES * _SAMPLE:
        return [section[i : i + _SAMPLE] for i in range(0, len(section), _SAMPLE)]
    step = (len(section) - _SAMPLE) // (_SAMPLES - 1)
    return [section[i * step : i * step + _SAMPLE] for i in range(_SAMPLES)]


def _language(sample: str) -> str | None:
    """The sample's language; None where there is too little to tell by."""
    code = language_of(sample)
    if code != "und":
        return code
    letters = sum(map(str.isalpha, sample))
    return _by_words(sample) if letters >= _LEAST_LETTERS and letters > len(sample) // 2 else None


# Latin letters in the shape of prose: lists of names, formulas and glossaries are no language's own.
_FUNCTION_WORDS = {
    "de": "der die das und ist nicht ein eine mit von zu den dem sich auf für auch als wie es war sie er im",
    "es": "el la los las de que y en un una por con para no se su es del lo como más pero al fue",
    "fr": "le la les des et un une que qui dans pour pas sur est avec ce se il elle son sa du au en ne",
    "it": "il la le di che e un una per non con del della si è sono gli nel ma come più al i lo",
    "nl": "de het een en van dat niet is op te zijn met voor hij ze aan er om was als in ook maar",
    "pt": "o a os as de que e em um uma para não com do da se por mais no na como mas ao foi",
}


@cache
def _function_words() -> dict[str, frozenset[str]]:
    return {code: frozenset(words.split()) for code, words in _FUNCTION_WORDS.items()}


def _by_words(sample: str) -> str | None:
    """py3langid's guess, if function words do not contradict it; its model takes 1 s to load, so it is asked last."""
    import py3langid

    words = re.findall(r"[^\W\d_]+", sample.lower())
    code = str(py3langid.classify(sample)[0])
    own = _function_words().get(code)
    if own is not None and sum(word in own for word in words) < 0.15 * len(words):
        return None
    return code if sample.isascii() is False or own is not None else None
