"""Which two of several texts for one instruction make a pair to learn a preference from.

LongWriter (arXiv 2408.07055): four texts are sampled and scored by their quality and by how well they keep the length
asked for; the best is `chosen`, a random one of the others `rejected`.

A pair is a difference in score, so a text that is as good as the best is no `rejected`. Nor is a copy of the chosen
text that a judge happened to like less: there is nothing to learn from it. What was cut at the token limit is no
`chosen`: it would teach to stop in the middle. A text without a word is neither; it failed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

RejectedBy = Literal["random", "worst"]

# Scores are means of a few small numbers: what differs by less is the same.
_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Weights:
    """How much S_l and S_q count; only their proportion does. Both 0 or more, and not both 0."""

    length: float = 0.5
    quality: float = 0.5

    def score(self, s_l: float | None, s_q: float | None) -> float | None:
        """The weighted mean, in [0, 100]. Without S_l, where no length is asked for, S_q alone; None without either.

        A text that should have been judged and was not has no score.
        """
        if self.quality and s_q is None:
            return None
        parts = [(weight, value) for weight, value in ((self.length, s_l), (self.quality, s_q)) if value is not None]
        total = sum(weight for weight, _ in parts)
        return sum(weight * value for weight, value in parts) / total if total else None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text to choose from: the `sample`-th, from 0. Scores are in [0, 100], `words` is its length.

    `score` is what counts, None where the text has none. `is_cut` says that it ended at the token limit, `same_as` is
    the first sample with the very same text, where there is an earlier one.
    """

    sample: int
    words: int
    s_l: float | None
    s_q: float | None
    score: float | None
    is_cut: bool = False
    same_as: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    chosen: Candidate
    rejected: Candidate
    chosen_score: float
    rejected_score: float


@dataclass(frozen=True, slots=True)
class NoPair:
    """Why there is no pair; `REASONS` says it in words."""

    reason: str
    detail: str = ""


REASONS = {
    "failed": "no sample came to a text",
    "unscored": "fewer than two samples have a score",
    "cut": "every sample that could be chosen was cut at the token limit",
    "tie": "no sample scores less than the best",
    "same": "the samples that score less are the very text of the best",
    "margin": "no two samples are as far apart as asked",
    "unfinished": "samples are still to be written or judged",
}


def choose(
    candidates: Sequence[Candidate], rejected_by: RejectedBy, min_margin: float, rng: random.Random
) -> Choice | NoPair:
    """The best that is whole, and one of those that score less, by at least `min_margin` points.

    Of equals the first sample is taken.
    """
    with_words = [candidate for candidate in candidates if candidate.words]
    if not with_words:
        return NoPair("failed", f"{len(candidates)} samples")
    scored = [(candidate.score, candidate) for candidate in with_words if candidate.score is not None]
    if len(scored) < 2:
        return NoPair("unscored", f"{len(scored)} of {len(candidates)} samples")
    whole = [(score, candidate) for score, candidate in scored if not candidate.is_cut]
    if not whole:
        return NoPair("cut", f"{len(scored)} samples")
    best, chosen = max(whole, key=lambda pair: (pair[0], -pair[1].sample))
    less = [(score, candidate) for score, candidate in scored if best - score > _SAME]
    if not less:
        return NoPair("tie", f"{best:.2f}")
    less = [(score, candidate) for score, candidate in less if _text_of(candidate) != _text_of(chosen)]
    if not less:
        return NoPair("same", f"{best:.2f}")
    far = [pair for pair in less if best - pair[0] >= min_margin - _SAME]
    if not far:
        widest = best - min(score for score, _ in less)
        return NoPair("margin", f"{widest:.2f} at most")
    if rejected_by == "worst":
        score, rejected = min(far, key=lambda pair: (pair[0], pair[1].sample))
    else:
        score, rejected = rng.choice(far)
    return Choice(chosen, rejected, best, score)


def _text_of(candidate: Candidate) -> int:
    return candidate.sample if candidate.same_as is None else candidate.same_as
