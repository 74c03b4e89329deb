"""What the page holds of rows and texts, and that it is never more than has room."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_page import readings, row, unpacked

from longwriter_cli.report.html import pack
from longwriter_cli.report.html.pack import Packed, Packer
from longwriter_cli.report.html.rows import Passage


def noise(rng: random.Random, characters: int) -> str:
    """A text that hardly compresses."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ", k=characters))


def packed(count: int, characters: int, room: int, **more: object) -> Packed:
    rng, packer = random.Random(count), Packer(room)
    for i in range(count):
        packer.add(0, row(f"id-{i}", noise(rng, characters), prompt=noise(rng, 80), **more))
    return packer.finish(room)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 300), st.integers(0, 3000), st.integers(20_000, 200_000))
def test_it_fits_whatever_the_texts_are(count: int, characters: int, room: int) -> None:
    made = packed(count, characters, room)
    assert made.size_bytes <= room
    assert made.shown + made.left_out == count
    assert made.whole + made.openings <= made.shown
    assert len(readings(made)) == made.whole + made.openings


def test_a_small_run_is_there_in_full() -> None:
    made = packed(50, 500, 1_000_000)
    assert (made.shown, made.left_out, made.whole, made.openings) == (50, 0, 50, 0)
    assert all(len(passages[0][4]) == 500 for _, passages in readings(made).values())


def test_where_texts_have_no_room_their_beginnings_are_there_and_the_room_is_used() -> None:
    made = packed(400, 6000, 500_000)
    assert made.shown == 400
    assert made.whole > 10
    assert made.openings > made.whole
    assert made.size_bytes > 400_000
    columns = unpacked(made.rows)
    read = readings(made)
    for id, whole in zip(columns["id"], columns["whole"], strict=True):  # noqa: A001
        if id in read:
            text = read[id][1][0][4]
            assert len(text) == 6000 if whole else text.endswith("…")
            assert bool(whole) == (len(text) == 6000)


def test_a_text_that_is_short_anyway_counts_as_whole() -> None:
    made = packed(600, 130, 150_000)
    assert 0 < made.whole < made.shown
    assert made.openings == 0


def test_that_texts_take_less_together_is_made_use_of() -> None:
    rng, packer = random.Random(3), Packer(500_000)
    common = [noise(rng, 40) for _ in range(1500)]
    for i in range(2000):
        packer.add(0, row(f"id-{i}", "".join(rng.choices(common, k=60))))
    made = packer.finish(500_000)
    assert made.whole < 2000
    assert 450_000 < made.size_bytes <= 500_000


def test_a_try_that_turns_out_too_large_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pack, "_CAUTION", 3.0)
    monkeypatch.setattr(pack, "_LARGEST_STEP", 3.0)
    assert 0 < packed(400, 6000, 500_000).size_bytes <= 500_000


def test_of_too_many_rows_an_even_draw_is_listed_in_their_order() -> None:
    made = packed(4000, 10, 60_000)
    assert 0 < made.shown < 4000
    assert made.left_out == 4000 - made.shown
    assert len(made.rows) < 0.6 * 60_000, "the rest is for texts"
    places = [int(id.removeprefix("id-")) for id in unpacked(made.rows)["id"]]  # noqa: A001
    assert places == sorted(places)
    assert 0.3 < sum(place < 2000 for place in places) / len(places) < 0.7


def test_every_figure_of_a_row_is_kept() -> None:
    packer = Packer(100_000)
    sections = ((1, 500, 450), (3, 400, None))
    packer.add(0, row("a"))
    packer.add(
        1,
        row(
            "b",
            outcome="failed",
            reason="refusal",
            detail="no",
            words=450,
            required=None,
            s_l=None,
            s_q=81.25,
            language="zh",
            type="News",
            sections=sections,
        ),
    )
    columns = unpacked(packer.finish(100_000).rows)
    got = {name: values[1] for name, values in columns.items() if name not in ("block", "at", "whole")}
    assert got == {
        "run": 1,
        "id": "b",
        "prompt": "Write b.",
        "outcome": 2,
        "reason": "refusal",
        "detail": "no",
        "required": None,
        "words": 450,
        "sl": None,
        "sq": 81.2,
        "language": "zh",
        "type": "News",
        "sections": [1, 500, 450, 3, 400, -1],
    }


@pytest.mark.parametrize("strange", ["\ud800", "a\0b", "\u202e", "</script><script>"])
def test_no_text_breaks_the_data(strange: str) -> None:
    packer = Packer(100_000)
    passages = (Passage(1, strange, 100, None, strange, strange),)
    packer.add(0, row(strange, prompt=strange, passages=passages, type=strange, reason=strange, required=2**70))
    made = packer.finish(100_000)
    assert made.whole == 1
    assert "<" not in made.rows + "".join(made.blocks)
