from __future__ import annotations

from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Step
from longwriter_cli.stages.carry import Outcome, carried_target

WORDS = st.integers(1, 3000)
PLANS = st.lists(WORDS, min_size=1, max_size=30)
LIMITS = st.none() | st.integers(1, 1500)


def steps_of(words: list[int]) -> list[Step]:
    return [Step(n, "p", count) for n, count in enumerate(words, 1)]


def written_by(bias: float, words: list[int], **limits: int | None) -> list[Outcome]:
    """The whole text, by a model that writes `bias` words for each one asked."""
    steps, written = steps_of(words), dict[int, Outcome]()
    for step in steps:
        target = carried_target(step, steps, written, **limits)
        written[step.n] = Outcome(target, round(target * bias))
    return list(written.values())


def score(bias: float, words: list[int]) -> float:
    return length_score(sum(words), sum(outcome.words for outcome in written_by(bias, words)))


@given(PLANS, LIMITS, LIMITS)
def test_a_writer_of_the_words_asked_is_never_asked_for_others_than_planned(
    words: list[int], least: int | None, most: int | None
) -> None:
    assert [outcome.target_words for outcome in written_by(1.0, words, least=least, most=most)] == words


@given(PLANS, st.data(), st.integers(1, 1500), st.integers(0, 1500))
def test_targets_stay_within_the_limits_or_where_the_plan_has_them(
    words: list[int], data: st.DataObject, least: int, more: int
) -> None:
    steps, most = steps_of(words), least + more
    done = data.draw(st.integers(0, len(words) - 1))
    written = {n: Outcome(data.draw(WORDS), data.draw(st.integers(0, 5000))) for n in range(1, done + 1)}
    step = steps[done]
    target = carried_target(step, steps, written, least=least, most=most)
    assert min(least, step.words) <= target <= max(most, step.words)
    free = carried_target(step, steps, written)
    assert 1 <= min(200, round(step.words * 2 / 3)) <= free or free == 1
    assert free <= max(1000, 2 * step.words)


@given(st.lists(st.integers(300, 600), min_size=3, max_size=30), st.floats(0.7, 1.4))
def test_the_text_approaches_the_words_planned_whatever_the_bias(words: list[int], bias: float) -> None:
    assert score(bias, words) > 95


@pytest.mark.parametrize("bias", [0.5, 0.7, 1.4])
def test_plans_of_every_usual_length_are_held(bias: float) -> None:
    plans = [[words] * count for words in (250, 400, 700, 1000) for count in (2, 4, 8, 20)]
    assert mean(score(bias, plan) for plan in plans) > (85 if bias == 0.5 else 95)


def test_what_was_missed_is_spread_in_proportion_to_what_is_planned() -> None:
    """The model keeps to its targets; an edit has taken 300 words away."""
    steps = steps_of([500, 200, 400])
    written = {1: Outcome(200, 200)}
    assert [carried_target(step, steps, written) for step in steps[1:]] == [300, 600]


def test_a_model_that_writes_half_is_asked_for_twice_as_many() -> None:
    steps = steps_of([400] * 4)
    assert carried_target(steps[1], steps, {1: Outcome(400, 200)}) == round((1600 - 200) / 3 / 0.5)


def test_a_text_that_has_run_over_already_gets_the_least() -> None:
    steps = steps_of([400, 400])
    assert carried_target(steps[1], steps, {1: Outcome(400, 2000)}) == 200
    assert carried_target(steps[1], steps, {1: Outcome(400, 2000)}, least=300) == 300


def test_sections_that_are_there_before_their_turn_count_too() -> None:
    """As in a run that was begun in parallel."""
    steps = steps_of([400, 400, 400])
    assert carried_target(steps[1], steps, {1: Outcome(400, 400), 3: Outcome(400, 400)}) == 400
    assert carried_target(steps[1], steps, {1: Outcome(400, 300), 3: Outcome(400, 500)}) == 400
