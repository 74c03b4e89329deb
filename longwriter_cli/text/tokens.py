"""How many tokens a text will be, without a tokenizer: generous, so that what is said to fit does fit."""

from __future__ import annotations

import re

from longwriter_cli.records import Language
from longwriter_cli.text.words import count_words

TOKENS_PER_WORD = 1.5  # English prose is nearer to 1.3
TOKENS_PER_CHARACTER = 1.2  # a Chinese character, in a vocabulary that is not made for Chinese

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")


def estimate_tokens(text: str) -> float:
    """Tokens of a text that is there: 1.2 for a Chinese character, 1.5 for any other word."""
    characters = 0 if text.isascii() else sum(len(run) for run in _CHINESE.findall(text))
    return characters * TOKENS_PER_CHARACTER + (count_words(text) - characters) * TOKENS_PER_WORD


def tokens_to_come(words: int, language: Language) -> float:
    """Tokens of a text that is still to be written."""
    return words * (TOKENS_PER_CHARACTER if language == "zh" else TOKENS_PER_WORD)


def expected_tokens(words: int, language: Language) -> float:
    """Tokens that a text of so many words will most likely have; `tokens_to_come` is what it may need at most.

    UTF-8 bytes / 4, of prose: an English word has six bytes with its space, a Chinese character three.
    """
    return words * (0.75 if language == "zh" else 1.5)
