"""Where in a text a model begins to fail."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.evals.trajectory import PARTS, Trajectory, repeated_by_tenth, tenths

RNG = random.Random(1)
FRESH = " ".join(f"word{RNG.randrange(10**6)}" for _ in range(1000))
FRESH_ZH = "".join(chr(0x4E00 + RNG.randrange(5000)) for _ in range(2000))


@pytest.mark.parametrize(("text", "glue"), [(FRESH, " "), (FRESH_ZH, "")])
def test_a_second_half_that_copies_the_first_shows_there_and_not_before(text: str, glue: str) -> None:
    assert repeated_by_tenth(text) == [0] * PARTS
    found = repeated_by_tenth(text + glue + text)
    assert found[:5] == [0] * 5
    assert min(found[5:]) > 0.9


def test_a_loop_at_the_end_shows_in_the_last_tenth() -> None:
    found = repeated_by_tenth(FRESH + " and so on and on" * 20)
    assert found[:9] == [0] * 9
    assert 0.7 < found[9] < 1


@pytest.mark.parametrize(("text", "glue"), [(FRESH, " "), (FRESH_ZH, "")])
def test_tenths_are_of_equal_length_and_together_the_text(text: str, glue: str) -> None:
    parts = tenths(text)
    assert len(parts) == PARTS
    assert glue.join(parts) == text
    sizes = [len(part.split()) if glue else len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


@given(st.integers(150, 900), st.integers())
def test_no_word_is_lost_between_tenths(size: int, seed: int) -> None:
    pieces = ["a", "bb", "  ", "\n\n", "长", ". ", "wörd"]
    text = " ".join(random.Random(seed).choices(pieces, k=size))
    parts = tenths(text)
    if parts:
        assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_text_that_is_too_short_tells_nothing() -> None:
    assert tenths("word " * 199) == repeated_by_tenth("word " * 199) == []
    assert tenths("") == []


def test_sections_count_where_their_middle_lies() -> None:
    trajectory = Trajectory()
    trajectory.add_sections([(100, 100), (50, 100)])
    trajectory.add_sections([(300, 200)])
    trajectory.add_quality(9, 50.0)
    found = trajectory.tenths()
    assert [(tenth.part, tenth.ratio, tenth.sections) for tenth in found if tenth.sections] == [
        (3, 1.0, 1),
        (6, 1.5, 1),
        (8, 0.5, 1),
    ]
    assert (found[9].judged, found[9].quality, found[0].quality) == (1, 50.0, None)
