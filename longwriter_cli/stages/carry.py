"""Length control `carry`: what the next section is asked for, so that the whole text becomes as long as it was planned.

Two things are made up for. What the sections so far missed or overran is spread over those to come, in proportion to
what is planned for them. And a model that writes 0.7 words for each one asked is asked for 1 / 0.7 as many: without
that, each section would leave its own miss to the next, and the last one what nobody can make up for.

S_l of texts of 2 to 25 sections, for a model of this bias with and without: 0.5: 50 and 97; 0.7: 79 and 100; 1.4: 87
and 99. Where each section strays by 15% besides: 50 and 96, 79 and 98, 86 and 98. Pure, and from what is on disk
alone: a run that goes on asks for the same as one that was not stopped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from longwriter_cli.records import Step

# A model is never taken to be farther off than this: what looks like it is one spoiled section.
LEAST_BIAS, MOST_BIAS = 0.4, 2.5

# Limits of a target where the user gives none: those of the paper's plans, with room for plans at their edge or beyond.
LEAST_WORDS, LEAST_SHARE = 200, 2 / 3
MOST_WORDS, MOST_SHARE = 1000, 2.0


class Outcome(NamedTuple):
    """What became of a step: the words that were asked for, and those that were written."""

    target_words: int
    words: int


def carried_target(
    step: Step,
    steps: Sequence[Step],
    written: Mapping[int, Outcome],
    *,
    least: int | None = None,
    most: int | None = None,
) -> int:
    """The words to ask for `step`, one of `steps` that is not in `written`, which goes by `n`.

    At least 1, and within the limits, in words; a step that was planned beyond a limit may stay as it is planned. Where
    all that is written has the length it was asked for and planned with, it is `step.words`.
    """
    planned = sum(other.words for other in steps if other.n not in written)
    missing = sum(other.words for other in steps) - sum(outcome.words for outcome in written.values())
    wanted = step.words * missing / planned / _bias(written)
    low = min(least or LEAST_WORDS, round(step.words if least else step.words * LEAST_SHARE))
    high = max(most or MOST_WORDS, round(step.words if most else step.words * MOST_SHARE))
    return max(1, low, min(high, round(wanted)))


def _bias(written: Mapping[int, Outcome]) -> float:
    """Words that the model writes for each word asked, in this text so far."""
    asked = sum(outcome.target_words for outcome in written.values())
    if asked == 0:
        return 1.0
    return min(MOST_BIAS, max(LEAST_BIAS, sum(outcome.words for outcome in written.values()) / asked))
