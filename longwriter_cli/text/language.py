"""Which language a text is in, as far as its letters tell."""

from __future__ import annotations

import re

from longwriter_cli.records import Language
from longwriter_cli.text.words import count_words

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd]")
_KANA = re.compile("[ぁ-ゖァ-ヺｦ-ﾝ]")
_LATIN_WORD = re.compile("[a-zA-Zà-öø-ÿÀ-ÖØ-ßĀ-ſ]+")
# One script, one language in practice. Scripts that many languages share (Arabic, Devanagari) are not guessed.
_SCRIPTS = {
    "ko": re.compile("[\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "el": re.compile("[\u0370-\u03ff]"),
    "he": re.compile("[\u0590-\u05ff]"),
}
_CYRILLIC = re.compile("[\u0400-\u04ff]")
# Words that most English sentences hold and that the neighbours of English do not share.
_ENGLISH = """
the and of that with this are was were which from you your it have has not be been by as at to into their they she his
her about what how when who would should could can write please an my than then there these because english
"""
_ENGLISH_WORDS = frozenset(_ENGLISH.split())
_ENGLISH_SHARE = 0.15  # of all Latin words; English prose has 0.3 and more, its neighbours below 0.08

# A language's letters must be this share of the words and characters of all, so that a quotation decides nothing.
_MOST = 0.5
# Japanese prose is half kana; Chinese has a の on a shop sign.
_KANA_SHARE = 0.1


def detect_language(text: str) -> Language:
    """The shipped templates that suit an instruction: "zh" where Chinese dominates, else "en".

    Latin words that belong to English sentences weigh three times as much as a name in a Chinese one, so that
    "Translate 你好世界 into English" is "en" and 给我的 SaaS 产品 Acme Cloud 写一份介绍 is "zh".
    """
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if not han or kana > _KANA_SHARE * (han + kana):
        return "en"
    english = _english_words(_LATIN_WORD.findall(text.lower()))
    others = count_words(text) - han - kana
    return "zh" if han > others + 2 * english else "en"


def language_of(text: str) -> str:
    """The ISO 639-1 code of the text's language, or "und" where letters alone do not tell.

    Told by script: zh, ja, ko, th, el, he; by letters of its own: ru, uk; by function words: en. Other languages in
    Latin, Cyrillic or shared scripts are "und".
    """
    words = count_words(text)
    if not words:
        return "und"
    if text.isascii():  # most texts are, and the scripts below need not be looked for
        return _latin(text, words)
    han, kana = len(_HAN.findall(text)), len(_KANA.findall(text))
    if han + kana > _MOST * words:
        return "ja" if kana > _KANA_SHARE * (han + kana) else "zh"
    letters = sum(map(str.isalpha, text))
    for code, script in _SCRIPTS.items():
        if len(script.findall(text)) > _MOST * letters:
            return code
    if len(_CYRILLIC.findall(text)) > _MOST * letters:
        return _cyrillic(text.lower())
    return _latin(text, words)


def _latin(text: str, words: int) -> str:
    latin = _LATIN_WORD.findall(text.lower())
    english = _english_words(latin)
    return "en" if len(latin) > _MOST * words and english >= _ENGLISH_SHARE * len(latin) else "und"


def _english_words(words: list[str]) -> int:
    return sum(map(_ENGLISH_WORDS.__contains__, words))


def _cyrillic(text: str) -> str:
    """Ukrainian by its own letters, Russian by the ones that Bulgarian, Serbian and Ukrainian lack."""
    if re.search("[їєґ]", text):
        return "uk"
    return "ru" if re.search("[ыэё]", text) and not re.search("[ўіђћџјљњ]", text) else "und"
