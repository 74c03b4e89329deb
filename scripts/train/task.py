"""A made-up language, and requests for so many tokens of it: the task of length_ceiling.py.

Its texts hold lists of numbers in ascending order, from which a base model learns how large each of its sixteen number
words is, as a real one has. A request names a number of sixteenths of the longest answer; the base model never saw one.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from longwriter_cli.train.packing import pack
from longwriter_cli.train.samples import Weighting, assemble, sample_of

WRITE, ANSWER, END, _STOP = range(4)
_NUMBERS = range(4, 20)
_WORDS = range(20, 52)
VOCABULARY = 52
UNIT_TOKENS = 16

_FOLLOWERS = 4  # words that may come after a word
_SENTENCE_WORDS = (4, 9)
_LIST_SHARE = 0.2  # of the sentences of a base text

Sample = tuple[list[int], int]
"""Token ids, and how many of them are a request and no target."""


def text(tokens: int, generator: random.Random, list_share: float = 0.0) -> list[int]:
    """Sentences in which each word is one of four that may follow the one before; the last one may be cut."""
    made: list[int] = []
    while len(made) < tokens:
        words = generator.randint(*_SENTENCE_WORDS)
        if generator.random() < list_share:
            made += sorted(generator.sample(_NUMBERS, words))
        else:
            word = generator.choice(_WORDS)
            for _ in range(words):
                made.append(word)
                word = _WORDS[(7 * word + 11 * generator.randrange(_FOLLOWERS)) % len(_WORDS)]
        made.append(_STOP)
    return made[:tokens]


def base_text(tokens: int, generator: random.Random) -> Sample:
    return text(tokens, generator, _LIST_SHARE), 0


def request(asked_tokens: int) -> list[int]:
    return [WRITE, _NUMBERS[asked_tokens // UNIT_TOKENS - 1], ANSWER]


def answered(low_tokens: int, high_tokens: int, generator: random.Random) -> Sample:
    """A request and an answer that keeps to it within a tenth, of a length in these bounds.

    Lengths are log-uniform, as lengths of answers are: many short, few long.
    """
    units = round(low_tokens * (high_tokens / low_tokens) ** generator.random() / UNIT_TOKENS)
    asked = request(units * UNIT_TOKENS)
    answer = text(round(units * UNIT_TOKENS * generator.uniform(0.9, 1.1)), generator)
    return [*asked, *answer, END], len(asked)


def packs(
    sample: Callable[[], Sample], count: int, capacity_tokens: int, weighting: Weighting, seed: int
) -> list[dict[str, Any]]:
    """So many packs in random order, each sample in one of them, by the functions of `longwriter pack`."""
    samples: list[Any] = []
    tokens = 0
    while tokens < count * capacity_tokens:
        ids, request_tokens = sample()
        samples.append(sample_of(ids, np.arange(len(ids)) >= request_tokens))
        tokens += len(ids)
    bins = pack([len(each) for each in samples], capacity_tokens)
    random.Random(seed).shuffle(bins)
    return [dataclasses.asdict(assemble([samples[index] for index in members], weighting)) for members in bins[:count]]
