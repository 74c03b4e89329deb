"""Word counts in a line: where they stand, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.text.numerals import fold
from longwriter_cli.text.plan.amounts import amount, find_count


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("400", 400),
        ("about 400-500 words", 450),
        ("字数：400字", 400),
        ("**约四百字**", 400),
        ("1-2k words", 1500),
        ("400 words (10%)", 400),
        ("between 200 and 1000 words", 600),
        ("500+ words", 500),
        ("1000000", 1_000_000),
    ],
)
def test_a_text_that_is_a_count_has_its_words(text: str, words: int) -> None:
    assert amount(text) == words


@pytest.mark.parametrize("text", ["", "0", "-400", "1000001", "four", "400 apples", "400 words of it", "400/500/600"])
def test_other_texts_have_none(text: str) -> None:
    assert amount(text) is None


@pytest.mark.parametrize(
    ("line", "left", "words"),
    [
        ("Introduce the top 100 - 400 words", "Introduce the top 100 ", 400),
        ("Chapter: 3 - 400 words", "Chapter: 3 ", 400),
        ("Founded: 1914 - 400 words", "Founded: 1914 ", 400),
        ("Say why. Word Count: 400 words", "Say why.", 400),
        (
            'Why "word count: 300 words" misleads - Word Count: 400 words',
            'Why "word count: 300 words" misleads ',
            400,
        ),
        ("主要内容：引言（约400字）", "主要内容:引言", 400),
    ],
)
def test_the_count_is_cut_off_where_it_starts(line: str, left: str, words: int) -> None:
    count = find_count(fold(line))
    assert count is not None
    assert (fold(line)[: count.start], count.words) == (left, words)


def test_a_count_in_a_sentence_counts_only_where_the_line_is_known_to_be_a_step() -> None:
    line = "Describe the village in about 400 words."
    assert find_count(line) is None
    count = find_count(line, prose=True)
    assert count is not None
    assert (line[: count.start].strip(), count.words) == ("Describe the village", 400)


def test_a_count_out_of_range_is_found_and_unusable() -> None:
    count = find_count("A - Word Count: 0 words")
    assert count is not None
    assert count.words is None


@given(st.text(), st.booleans())
def test_no_text_raises(text: str, prose: bool) -> None:
    amount(text)
    count = find_count(fold(text), prose=prose)
    assert count is None or 0 <= count.start <= count.end <= len(text)
