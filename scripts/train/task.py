"""A made-up language, and requests for so many tokens of it: the task of length_ceiling.py.

A request says how long in eight words, as people do ("long, detailed, in ten chapters"): each of them says it within
about half as much again, all of them together closer. So none is foreign to a model that has seen short answers alone;
a request for more than it ever saw has more of the words that say "long".
"""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np

from longwriter_cli.train.packing import pack
from longwriter_cli.train.samples import Weighting, assemble, sample_of

WRITE, ANSWER, END, _STOP = range(4)
_SIZES = range(4, 16)
_WORDS = range(16, 48)
VOCABULARY = 48

_SHORTEST_TOKENS = 16
_SIZE_WORDS = 8
_SIZES_A_DOUBLING = 2
_FOLLOWERS = 4  # words that may come after a word
_SENTENCE_WORDS = (4, 9)

Sample = tuple[list[int], int]
"""Token ids, and how many of them are a request and no target."""


def text(tokens: int, generator: random.Random) -> list[int]:
    """Sentences in which each word is one of four that may follow the one before; the last one may be cut."""
    made: list[int] = []
    while len(made) < tokens:
        word = generator.choice(_WORDS)
        for _ in range(generator.randint(*_SENTENCE_WORDS)):
            made.append(word)
            word = _WORDS[(7 * word + 11 * generator.randrange(_FOLLOWERS)) % len(_WORDS)]
        made.append(_STOP)
    return made[:tokens]


def base_text(tokens: int, generator: random.Random) -> Sample:
    return text(tokens, generator), 0


def request(asked_tokens: int, generator: random.Random) -> list[int]:
    """Each word is drawn around the size that is meant, with a standard deviation of half a doubling."""
    meant = 1 + _SIZES_A_DOUBLING * math.log2(asked_tokens / _SHORTEST_TOKENS)
    said = [min(max(round(generator.gauss(meant, 1)), 0), len(_SIZES) - 1) for _ in range(_SIZE_WORDS)]
    return [WRITE, *(_SIZES[size] for size in said), ANSWER]


def answered(low_tokens: int, high_tokens: int, generator: random.Random) -> Sample:
    """A request and an answer of the length that is meant, which lies within these bounds.

    Lengths are log-uniform, as lengths of answers are: many short, few long.
    """
    tokens = round(low_tokens * (high_tokens / low_tokens) ** generator.random())
    asked = request(tokens, generator)
    return [*asked, *text(tokens, generator), END], len(asked)


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
