"""A short form of `scripts/chaos`."""

from __future__ import annotations

from chaos import INSTRUCTIONS, chaos


def test_whatever_happens_nothing_is_lost_and_nothing_is_paid_for_twice() -> None:
    tally = chaos(minutes=0.3, seed=1)
    assert tally.losses == 0
    assert tally.paid_twice <= tally.allowed
    assert tally.records == tally.rounds * INSTRUCTIONS
    assert tally.events.keys() - {"left alone"}, "nothing disturbed it"
