"""Which samples make a pair."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.evals.choice import REASONS, Candidate, Choice, NoPair, RejectedBy, Weights, choose

SCORE = st.one_of(st.none(), st.integers(0, 10).map(lambda tens: tens * 10.0))
CANDIDATES = st.lists(st.tuples(SCORE, st.integers(0, 2), st.booleans()), max_size=6).map(
    lambda drawn: [
        Candidate(sample, words, None, score, score, is_cut) for sample, (score, words, is_cut) in enumerate(drawn)
    ]
)
BY: list[RejectedBy] = ["random", "worst"]


def samples(*scores: float | None) -> list[Candidate]:
    return [Candidate(sample, 100, None, score, score) for sample, score in enumerate(scores)]


def pair(candidates: list[Candidate], by: RejectedBy = "worst", margin: float = 0, seed: int = 0) -> Choice | NoPair:
    return choose(candidates, by, margin, random.Random(seed))


def numbers(candidates: list[Candidate], by: RejectedBy = "worst", margin: float = 0, seed: int = 0) -> tuple[int, int]:
    choice = pair(candidates, by, margin, seed)
    assert isinstance(choice, Choice), choice
    return choice.chosen.sample, choice.rejected.sample


def reason(candidates: list[Candidate], margin: float = 0) -> str:
    choice = pair(candidates, margin=margin)
    assert isinstance(choice, NoPair), choice
    assert choice.reason in REASONS
    return choice.reason


def test_the_best_is_chosen_and_the_worst_or_a_random_other_rejected() -> None:
    candidates = samples(40, 90, 70, 10)
    assert numbers(candidates, "worst") == (1, 3)
    assert {numbers(candidates, "random", seed=seed) for seed in range(50)} == {(1, 0), (1, 2), (1, 3)}
    assert numbers(candidates, "random", seed=5) == numbers(candidates, "random", seed=5)


def test_of_equals_the_first_is_taken_and_none_that_is_as_good_is_rejected() -> None:
    assert numbers(samples(20, 90, 90, 20)) == (1, 0)
    assert {numbers(samples(90, 90, 80), "random", seed=seed) for seed in range(20)} == {(0, 2)}


def test_a_margin_leaves_out_what_is_too_near() -> None:
    assert numbers(samples(90, 85, 80), "random", margin=10, seed=3) == (0, 2)
    assert numbers(samples(90, 80), margin=10) == (0, 1)
    assert reason(samples(90, 85, 82), margin=10) == "margin"


def test_a_copy_of_the_best_that_scores_less_is_no_rejected() -> None:
    first, copy, other = samples(90, 10, 50)
    twice = [first, replace(copy, same_as=0), other]
    assert numbers(twice) == (0, 2)
    assert {numbers(twice, "random", seed=seed) for seed in range(20)} == {(0, 2)}
    assert reason(twice[:2]) == "same"
    later = [replace(first, score=10.0), replace(copy, score=90.0, same_as=0), other]
    assert numbers(later) == (1, 2), "nor is the one that it is a copy of"


def test_why_there_is_no_pair() -> None:
    assert reason([]) == "failed"
    assert reason([Candidate(0, 0, 0.0, 0.0, 0.0), Candidate(1, 0, 0.0, 0.0, 0.0)]) == "failed"
    assert reason(samples(50, None)) == "unscored"
    assert reason(samples(50, 50, 50)) == "tie"
    assert reason([Candidate(n, 9, None, 9.0 * n, 9.0 * n, is_cut=True) for n in range(3)]) == "cut"


def test_a_text_that_was_cut_may_be_rejected_and_is_never_chosen() -> None:
    cut = Candidate(0, 100, None, 95.0, 95.0, is_cut=True)
    assert reason([cut, *samples(None, 90)[1:]]) == "tie", "it scores more than the best that is whole"
    low = Candidate(0, 100, None, 5.0, 5.0, is_cut=True)
    assert numbers([low, *samples(None, 90)[1:]]) == (1, 0)


@pytest.mark.parametrize("by", BY)
@given(candidates=CANDIDATES, margin=st.sampled_from([0.0, 10.0, 30.0]), seed=st.integers(0, 9))
def test_whatever_is_given_a_pair_keeps_its_promises(
    by: RejectedBy, candidates: list[Candidate], margin: float, seed: int
) -> None:
    choice = pair(candidates, by, margin, seed)
    if isinstance(choice, NoPair):
        return
    assert choice.chosen.score == choice.chosen_score > choice.rejected_score == choice.rejected.score
    assert choice.chosen_score - choice.rejected_score >= margin
    assert choice.chosen.words
    assert choice.rejected.words
    assert not choice.chosen.is_cut
    whole = [c.score for c in candidates if c.words and c.score is not None and not c.is_cut]
    assert choice.chosen_score == max(whole)


@pytest.mark.parametrize(
    ("weights", "s_l", "s_q", "score"),
    [
        (Weights(), 80, 40, 60),
        (Weights(3, 1), 80, 40, 70),
        (Weights(0, 1), 80, 40, 40),
        (Weights(1, 0), 80, None, 80),
        (Weights(), None, 40, 40),  # no length is asked for
        (Weights(), 80, None, None),  # it should have been judged
        (Weights(1, 0), None, 40, None),
    ],
)
def test_the_score_is_the_weighted_mean(
    weights: Weights, s_l: float | None, s_q: float | None, score: float | None
) -> None:
    assert weights.score(s_l, s_q) == score
