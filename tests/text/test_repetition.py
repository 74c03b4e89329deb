from __future__ import annotations

import pytest
from planted.prose import Prose

from longwriter_cli.text.repetition import apart, repetition


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_copied_passage_is_found_whole(language: str) -> None:
    prose = Prose(language, 1)
    copied = " ".join(prose.sentence() for _ in range(12))
    lines = [prose.words(300), copied, prose.words(300), copied, prose.words(300)]
    (passage,) = repetition(lines, 40).passages
    size = len(copied.split()) if language == "en" else len(copied.replace(" ", "")) // 2
    assert abs(passage.words - size) <= 2
    assert passage.distance > passage.words


@pytest.mark.parametrize(("clause", "size"), [("and the river rose, ", 4), ("河水又涨了，", 3)])
def test_a_loop_tells_its_length_and_how_often_it_comes(clause: str, size: int) -> None:
    (passage,) = repetition([clause * 60], 40).passages
    assert passage.distance == size
    assert 55 <= passage.times <= 61


@pytest.mark.parametrize("language", ["en", "zh"])
def test_prose_hardly_repeats_itself(language: str) -> None:
    measured = repetition([Prose(language, 2).words(3000)], 40)
    assert not measured.passages
    assert measured.share < 0.1
    assert measured.variety > 0.3


def test_the_share_is_that_of_words_said_before() -> None:
    said = Prose("en", 3).words(400)
    assert repetition([said, said], 40).share == pytest.approx(0.5, abs=0.02)


def test_nothing_repeats_nothing() -> None:
    assert repetition([], 40).share == 0
    assert repetition(["one two three"], 40).passages == ()


def test_tables_code_and_headings_are_not_read_and_short_lines_are_apart() -> None:
    verse, prose = (
        "the gulls go out",
        "The gulls go out with the trawlers and come back with the dark, as they always did.",
    )
    lines = apart(
        [f"# Gulls\n\n{verse}\n\n| a | b |\n\n```\n{prose}\n```\n\n{prose}\n渔船把夜色\n{'渔船把夜色拉上岸，' * 5}"]
    )
    assert (lines.short, lines.prose) == ([verse], [prose])
    assert (lines.wide_short, len(lines.wide_prose)) == (["渔船把夜色"], 1)
