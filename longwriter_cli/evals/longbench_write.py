"""LongBench-Write (LongWriter, arXiv 2408.07055, section 4.1): S_l, S_q, and their mean, over a set of texts.

Means are over the texts that have the figure, and say how many those are. A text that nobody could judge counts in no
mean of S_q; how far it could move the mean is told beside it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from longwriter_cli.evals.bootstrap import Estimate, estimate, mean, resampled
from longwriter_cli.evals.scores import DIMENSIONS

RANGE_EDGES = (500, 2_000, 4_000)
"""The ranges of required length that are reported; the last one, open here, ends at 20,000 in the published set."""


@dataclass(frozen=True, slots=True)
class ScoredText:
    """One row of a benchmark and what became of it. Lengths are in words, scores in [0, 100].

    `length` is None where there is no text. `scores` are the means of the judgements by dimension, None where the text
    was not judged; an empty text has the lowest ones.
    """

    id: str
    type: str
    language: str
    required: int
    length: int | None
    s_l: float | None
    scores: Mapping[str, float] | None

    @property
    def s_q(self) -> float | None:
        return None if self.scores is None else sum(self.scores.values()) / len(self.scores)


@dataclass(frozen=True, slots=True)
class Figures:
    """Over `n` rows, of which `predicted` have a text and `judged` have scores.

    `s_q_bounds` is where the mean of S_q lies whatever the judge would say of the texts that it has not judged.
    """

    n: int
    predicted: int
    judged: int
    overall: Estimate | None
    s_l: Estimate | None
    s_q: Estimate | None
    s_q_bounds: tuple[float, float] | None
    dimensions: Mapping[str, Estimate | None]


Texts = Sequence[ScoredText]


def mean_s_l(texts: Texts) -> float | None:
    return mean([text.s_l for text in texts if text.s_l is not None])


def mean_s_q(texts: Texts) -> float | None:
    return mean([s_q for text in texts if (s_q := text.s_q) is not None])


def overall(texts: Texts) -> float | None:
    """The mean of S_l and S_q, where there is both."""
    s_l, s_q = mean_s_l(texts), mean_s_q(texts)
    return None if s_l is None or s_q is None else (s_l + s_q) / 2


def mean_of_dimension(name: str) -> Callable[[Texts], float | None]:
    return lambda texts: mean([text.scores[name] for text in texts if text.scores is not None])


def figures(texts: Texts) -> Figures:
    draws = resampled(texts)
    predicted = sum(text.length is not None for text in texts)
    judged = [s_q for text in texts if (s_q := text.s_q) is not None]
    missing = predicted - len(judged)
    bounds = (sum(judged) / predicted, (sum(judged) + 100 * missing) / predicted) if judged else None
    return Figures(
        n=len(texts),
        predicted=predicted,
        judged=len(judged),
        overall=estimate(texts, draws, overall, len(judged)),
        s_l=estimate(texts, draws, mean_s_l, predicted),
        s_q=estimate(texts, draws, mean_s_q, len(judged)),
        s_q_bounds=None if bounds is None else (round(bounds[0], 2), round(bounds[1], 2)),
        dimensions={name: estimate(texts, draws, mean_of_dimension(name), len(judged)) for name in DIMENSIONS},
    )


def by_group(texts: Texts) -> dict[str, dict[str, Figures]]:
    """The figures by range of required length, by type and by language; groups without a row are left out."""
    groups = {"range": _by_range(texts), "type": _by(texts, lambda text: text.type)}
    groups["language"] = _by(texts, lambda text: text.language)
    return {name: {key: figures(rows) for key, rows in parts.items()} for name, parts in groups.items()}


def _by_range(texts: Texts) -> dict[str, list[ScoredText]]:
    return _by(sorted(texts, key=lambda text: text.required), lambda text: range_name(text.required))


def range_name(required: int) -> str:
    """`[500,2k)` and so on; the last one has no end."""
    place = bisect_right(RANGE_EDGES, required)
    names = [f"{edge // 1000}k" if edge % 1000 == 0 else str(edge) for edge in (0, *RANGE_EDGES)]
    names[0] = "0"
    return f"[{names[place]},{names[place + 1] if place < len(RANGE_EDGES) else '∞'})"


def _by(texts: Texts, key: Callable[[ScoredText], str]) -> dict[str, list[ScoredText]]:
    groups: dict[str, list[ScoredText]] = {}
    for text in texts:
        groups.setdefault(key(text), []).append(text)
    return groups


@dataclass(frozen=True, slots=True)
class Pair:
    """The same row in two runs."""

    one: ScoredText
    other: ScoredText


def differences(one: Texts, other: Texts) -> dict[str, Estimate | None]:
    """`other` less `one` in each figure, over the rows that have it in both, drawn in pairs (paired bootstrap).

    Rows of one id that ask for different lengths are of two benchmarks, and make no pair.
    """
    by_id = {(text.id, text.required): text for text in one}
    pairs = [Pair(mine, text) for text in other if (mine := by_id.get((text.id, text.required))) is not None]
    statistics: dict[str, Callable[[Texts], float | None]] = {"overall": overall, "s_l": mean_s_l, "s_q": mean_s_q}
    statistics |= {name: mean_of_dimension(name) for name in DIMENSIONS}
    return {name: _paired(pairs, statistic) for name, statistic in statistics.items()}


def _paired(pairs: Sequence[Pair], statistic: Callable[[Texts], float | None]) -> Estimate | None:
    has_both = [pair for pair in pairs if None not in (statistic([pair.one]), statistic([pair.other]))]
    return estimate(has_both, resampled(has_both), _difference(statistic), len(has_both))


def _difference(statistic: Callable[[Texts], float | None]) -> Callable[[Sequence[Pair]], float | None]:
    def of(pairs: Sequence[Pair]) -> float | None:
        before, after = statistic([pair.one for pair in pairs]), statistic([pair.other for pair in pairs])
        return None if before is None or after is None else after - before

    return of
