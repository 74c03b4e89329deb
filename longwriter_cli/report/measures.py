"""Lengths of many texts in a few figures: how they are spread, and how near they come to what was asked for.

No list of texts is kept, so a million of them need hardly more memory than a thousand.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from longwriter_cli.evals.length import length_score
from longwriter_cli.evals.longbench_write import RANGE_EDGES

# Where a bin of the histogram ends and the next begins, in words: each about twice as wide as the one before.
BIN_EDGES = (500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000)


@dataclass(frozen=True, slots=True)
class Bin:
    """`n` texts of `low` words and more, but less than `high`; the last bin has no `high`."""

    low: int
    high: int | None
    n: int


@dataclass(frozen=True, slots=True)
class Distribution:
    """The lengths of `n` texts in words. `p5` is the least length that 5% of the texts do not exceed (nearest rank).

    All but `histogram` are 0 where there is no text.
    """

    n: int
    total: int
    mean: float
    p5: int
    p50: int
    p95: int
    max: int
    histogram: tuple[Bin, ...]


def distribution(times: Mapping[int, int]) -> Distribution:
    """The distribution of lengths; `times` says how many texts have each."""
    lengths = sorted(times)
    n = sum(times.values())
    total = sum(words * times[words] for words in lengths)
    bins = [0] * (len(BIN_EDGES) + 1)
    for words in lengths:
        bins[bisect_right(BIN_EDGES, words)] += times[words]
    p5, p50, p95 = (_percentile(lengths, times, -(-n * percent // 100)) for percent in (5, 50, 95))
    return Distribution(
        n,
        total,
        round(total / n, 1) if n else 0.0,
        p5,
        p50,
        p95,
        lengths[-1] if lengths else 0,
        tuple(Bin(low, high, count) for (low, high), count in zip(spans(BIN_EDGES), bins, strict=True)),
    )


def _percentile(lengths: list[int], times: Mapping[int, int], rank: int) -> int:
    """The `rank`-th length from 1, or 0 where there is none."""
    below = 0
    for words in lengths:
        below += times[words]
        if below >= rank:
            return words
    return 0


def spans(edges: tuple[int, ...]) -> list[tuple[int, int | None]]:
    """From where to where each bin between `edges` goes, one before the first and one behind the last included."""
    return list(zip((0, *edges), (*edges, None), strict=True))


@dataclass(frozen=True, slots=True)
class LengthRange:
    """Texts whose required length is at least `low` and less than `high`.

    `required_words` and `words` are means per text, `score` is the mean S_l in [0, 100]; all None where `n` is 0.
    """

    low: int
    high: int | None
    n: int
    required_words: float | None
    words: float | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Lengths:
    """Required length against actual length, over the texts whose instruction states one."""

    all: LengthRange
    ranges: tuple[LengthRange, ...]


class LengthTally:
    """Takes the lengths of texts whose instruction states one."""

    def __init__(self) -> None:
        # For each range: texts, words required, words written, S_l, all summed up.
        self._sums: list[list[float]] = [[0, 0, 0, 0.0] for _ in spans(RANGE_EDGES)]

    def add(self, required: int, actual: int) -> None:
        sums = self._sums[bisect_right(RANGE_EDGES, required)]
        sums[0] += 1
        sums[1] += required
        sums[2] += actual
        sums[3] += length_score(required, actual)

    def figures(self) -> Lengths:
        everything = [sum(column) for column in zip(*self._sums, strict=True)]
        ranges = (_range(low, high, sums) for (low, high), sums in zip(spans(RANGE_EDGES), self._sums, strict=True))
        return Lengths(_range(0, None, everything), tuple(ranges))


def _range(low: int, high: int | None, sums: list[float]) -> LengthRange:
    n, required, actual, score = sums
    if not n:
        return LengthRange(low, high, 0, None, None, None)
    return LengthRange(low, high, int(n), round(required / n, 1), round(actual / n, 1), round(score / n, 2))
