from __future__ import annotations

import re
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.text.words import count_words, count_words_longbench, last_words

# What counts by itself, told by Unicode's names: an independent account of the classes in the code.
_ALONE = re.compile(
    r"CJK UNIFIED IDEOGRAPH|CJK COMPATIBILITY IDEOGRAPH|CJK RADICAL|KANGXI RADICAL|HANGZHOU NUMERAL|"
    r"IDEOGRAPHIC NUMBER ZERO|(VERTICAL )?IDEOGRAPHIC ITERATION MARK|(HENTAIGANA|HIRAGANA|KATAKANA) (LETTER|DIGRAPH)|"
    r"HALFWIDTH KATAKANA(-HIRAGANA PROLONGED SOUND MARK| LETTER)|KATAKANA-HIRAGANA PROLONGED SOUND MARK|"
    r"(HIRAGANA|KATAKANA) (VOICED )?ITERATION MARK"
)
_VOICING = {"\uff9e", "\uff9f"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 0),
        ("Hello, world!", 2),
        ("don't", 2),
        ("well-known snake_case 1990s x2y", 7),
        ("42 3.14 ² Ⅷ ½", 0),
        ("café naïve cafe\u0301", 3),
        ("слово за словом", 3),
        ("단어 세 개", 3),
        ("हिन्दी में", 2),
        ("مَرْحَبًا بك", 2),
        ("写一篇文章。", 5),
        ("人々は〇〡𠀀豈", 7),
        ("word中文word", 4),
        ("ラーメン、すし", 6),
        ("ﾗｰﾒﾝ", 4),
        ("が", 1),
        ("か\u3099", 1),
        ("ｶﾞ", 1),
        ("㌔㋐", 0),
        ("❤️ ok", 1),
        ("👩‍👩‍👧 family 𝔘𝔫𝔦", 2),
        ("葛\U000e0100城", 2),
        ("\ud800 lone", 1),
        ("Ｆｕｌｌ　ｗｉｄｔｈ", 2),
        ("ㄅㄆㄇ", 1),
    ],
)
def test_words_are_counted_in_every_script(text: str, words: int) -> None:
    assert count_words(text) == words


def test_every_code_point_is_classed_as_unicode_has_it() -> None:
    # "-" parts, "a" joins: one string for each code point would take minutes, so the wrong ones are looked for by
    # counting blocks and only a block that differs is told apart.
    def expected(char: str) -> int:
        """Words in "a" + char + "a": 2 where it parts, 1 where it joins, 3 where it counts alone."""
        if char in _VOICING:
            return 2
        if _ALONE.match(unicodedata.name(char, "")):
            return 3
        return 1 if unicodedata.category(char)[0] in "LM" else 2

    for start in range(0, sys.maxunicode + 1, 256):
        chars = [chr(c) for c in range(start, start + 256) if unicodedata.category(chr(c)) != "Cn"]
        text = "-".join(f"a{char}a" for char in chars)
        if count_words(text) != sum(map(expected, chars)):
            wrong = [f"U+{ord(char):04X}" for char in chars if count_words(f"a{char}a") != expected(char)]
            pytest.fail(f"classed otherwise: {wrong}")


def test_a_mark_without_a_letter_is_no_word() -> None:
    marks = [chr(c) for c in range(0x10000) if unicodedata.category(chr(c))[0] == "M"]
    assert len(marks) > 1000
    assert count_words(" ".join(marks)) == 0


def test_the_emoji_in_a_text_changes_nothing_else() -> None:
    text = "naïve café 中文 слово ひらがな"
    assert count_words(text + "😀") == count_words(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", 2),
        ("don't", 2),
        ("café", 0),
        ("слово", 0),
        ("写一篇文章。", 5),
        ("word中文", 2),
        ("snake_case x2", 0),
        ("ひらがな", 0),
        ("\u3400\u4e00\u9fff", 2),
    ],
)
def test_the_published_count_keeps_its_faults(text: str, words: int) -> None:
    assert count_words_longbench(text) == words


@given(st.lists(st.sampled_from(["word", "don't", "well-known", "。", "文", "中文", "，", ". ", "! ", "\n"])))
def test_both_counts_agree_where_the_published_one_works(pieces: list[str]) -> None:
    text = " ".join(pieces)
    assert count_words(text) == count_words_longbench(text)


def test_last_words_keeps_a_short_text_whole() -> None:
    assert last_words("  One two. Three.\n", 3) == "  One two. Three.\n"
    assert last_words("", 5) == ""


@pytest.mark.parametrize("n", [0, -1])
def test_last_words_of_nothing_is_empty(n: int) -> None:
    assert last_words("One two three.", n) == ""


def test_last_words_begins_at_a_near_paragraph() -> None:
    text = "Old words. " * 50 + "Tail of it. End here.\n\n“New paragraph” " + "and so on " * 30
    assert last_words(text, 95).startswith("“New paragraph” and")


def test_last_words_begins_at_a_near_sentence() -> None:
    text = "alpha " * 100 + "beta gamma. “Delta” " + "omega " * 40
    assert last_words(text, 43).startswith("“Delta” omega")
    assert last_words("甲" * 50 + "乙丙。丁" + "戊" * 20, 23) == "丁" + "戊" * 20


def test_last_words_begins_at_a_word_where_nothing_else_is_near() -> None:
    assert last_words("alpha beta " * 100, 7) == "beta alpha beta alpha beta alpha beta "
    assert last_words("one two three", 1) == "three"


@given(st.text(alphabet="ab 文。.\n!“”-字é", max_size=200), st.integers(-1, 60))
def test_last_words_is_a_tail_of_at_most_n_words(text: str, n: int) -> None:
    tail = last_words(text, n)
    assert text.endswith(tail)
    if n > 0:
        assert min(count_words(text), n) - n // 5 <= count_words(tail) <= n
    else:
        assert tail == ""
