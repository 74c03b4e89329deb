"""Each filter alone, the table they stand in, and what all of them do with the planted sets."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted import known, unseen_set
from planted.case import Case, finished, sections

from longwriter_cli.text.filters import FILTERS, NO_FILTERS, Drop, FinishedText, Sieve

PROMPT = "Write a long story about a family of bell founders."


def reason(text: FinishedText) -> str | None:
    drop = Sieve().judge(text)
    return drop.reason if drop else None


BAD, CLEAN = tuple(known.bad()), tuple(known.clean())


def shares(bad: Iterable[Case]) -> dict[str, float]:
    """The share of each kind that was caught, by whatever filter."""
    planted: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    for case in bad:
        planted[case.kind] += 1
        caught[case.kind] += reason(case.text) is not None
    return {kind: caught[kind] / n for kind, n in planted.items()}


def test_of_each_kind_that_is_planted_95_of_100_are_caught() -> None:
    assert Counter(case.kind for case in BAD).most_common()[-1][1] >= 15
    assert min(shares(BAD).values()) >= 0.95


def test_at_most_one_clean_text_of_a_hundred_is_dropped() -> None:
    assert len(CLEAN) >= 150
    assert sum(reason(case.text) is not None for case in CLEAN) <= 0.01 * len(CLEAN)


def test_what_the_filters_have_never_seen_is_sorted_nearly_as_well() -> None:
    found = [reason(case.text) is not None for case in unseen_set.bad()]
    assert sum(found) >= 0.95 * len(found)
    dropped = [reason(case.text) is not None for case in unseen_set.clean()]
    assert sum(dropped) <= 0.02 * len(dropped)


def test_a_bad_text_is_dropped_for_what_is_bad_in_it() -> None:
    wrong = [case for case in BAD if reason(case.text) not in {case.reason, None}]
    assert not wrong


def test_a_detail_names_the_section_and_shows_what_was_found() -> None:
    first, second, third = sections("en", 1, 3)
    drop = Sieve().judge(finished(PROMPT, [first, "Sure! Here is the next section:\n\n" + second, third]))
    assert drop == Drop("scaffolding", drop.detail if drop else "")
    assert drop is not None
    assert drop.detail.startswith("preamble in section 2: Sure! Here is the next section:")


# --- the table


def test_five_filters_are_on_by_default() -> None:
    assert [each.name for each in FILTERS if each.on] == ["refusal", "scaffolding", "truncation", "loops", "language"]


def test_each_filter_has_a_name_and_an_option_of_its_own() -> None:
    assert len({each.name for each in FILTERS}) == len({each.option for each in FILTERS}) == len(FILTERS)
    assert all(each.drops for each in FILTERS)


def test_a_filter_turned_off_drops_nothing() -> None:
    for case in BAD:
        drop = Sieve({case.reason or "": False}).judge(case.text)
        assert drop is None or drop.reason != case.reason


def test_without_filters_everything_is_kept() -> None:
    sieve = Sieve(NO_FILTERS)
    assert all(sieve.judge(case.text) is None for case in BAD)


def test_an_unknown_filter_and_a_missing_threshold_are_named() -> None:
    with pytest.raises(KeyError, match="lops"):
        Sieve({"lops": False})
    with pytest.raises(ValueError, match="too_short"):
        Sieve({"too_short": True})


# --- thresholds


@pytest.mark.parametrize(
    ("name", "passes", "drops"),
    [("too_short", 4, 5), ("too_long", 4, 3), ("length_score", 60, 61), ("quality", 70, 70.5)],
)
def test_what_meets_a_limit_exactly_is_kept(name: str, passes: float, drops: float) -> None:
    text = finished(PROMPT, ["The bell rang twice."])
    text = FinishedText(text.instruction, text.steps, text.sections, length_score=60.0, quality=70.0)
    assert Sieve({name: passes}).judge(text) is None
    drop = Sieve({name: drops}).judge(text)
    assert drop is not None
    assert drop.reason == name


def test_what_asks_for_no_length_is_not_dropped_for_it() -> None:
    assert Sieve({"length_score": 100}).judge(finished(PROMPT, sections("en", 1))) is None


def test_what_was_not_judged_is_not_known_to_be_good_enough() -> None:
    drop = Sieve({"quality": 0}).judge(finished(PROMPT, sections("en", 1)))
    assert drop is not None
    assert (drop.reason, drop.detail) == ("quality", "not judged")


def test_the_first_of_near_duplicates_is_kept_if_nothing_else_is_wrong_with_it() -> None:
    texts = sections("en", 5)
    alike = [*texts[:-1], texts[-1] + "\n\nThe bell rang once more."]
    sieve = Sieve({"near_duplicate": 0.8})
    assert sieve.judge(finished(PROMPT, [*texts, "and then the"], name="cut")) is not None
    assert sieve.judge(finished(PROMPT, texts, name="first")) is None
    assert sieve.judge(finished(PROMPT, sections("en", 6), name="other")) is None
    drop = sieve.judge(finished(PROMPT, alike, name="second"))
    assert drop is not None
    assert drop.reason == "near_duplicate"
    assert drop.detail.endswith("like first")


# --- single filters


@pytest.mark.parametrize(
    "asked",
    [
        "用英文写一篇散文。",
        "Write a story in French about a lighthouse.",
        "Write a bilingual French and English guide.",
    ],
)
def test_a_language_that_is_asked_for_is_not_foreign(asked: str) -> None:
    other = sections("en", 1, 2) if "英" in asked else [known.FOREIGN["fr"]]
    assert reason(finished(asked, other)) is None


def test_the_same_text_is_foreign_where_nobody_asked_for_it() -> None:
    assert reason(finished("Write a story about a lighthouse.", [known.FOREIGN["fr"]])) == "language"


def test_a_last_section_that_was_cut_at_the_limit_is_truncated_though_its_sentence_ends() -> None:
    assert reason(finished(PROMPT, sections("en", 1), finish="length")) == "truncation"
    assert reason(finished(PROMPT, sections("en", 1), finish="stop")) is None


def test_a_last_section_that_was_cut_with_all_its_words_is_whole() -> None:
    text = finished(PROMPT, sections("en", 1), finish="length")
    last = replace(text.sections[-1], target_words=text.sections[-1].words)
    assert reason(replace(text, sections=[*text.sections[:-1], last])) is None


def test_a_language_that_the_user_named_is_the_text_s() -> None:
    chinese = replace(finished(PROMPT, sections("zh", 1)), language="zh")
    assert reason(chinese) is None
    assert reason(replace(finished(PROMPT, sections("en", 1)), language="zh")) == "language"


def test_a_text_without_a_word_is_truncated() -> None:
    assert reason(finished(PROMPT, ["", " \n"])) == "truncation"
    assert reason(finished(PROMPT, [])) == "truncation"


def test_a_count_of_something_else_is_no_remark_on_the_text() -> None:
    texts = sections("en", 1, 2)
    words = finished(PROMPT, texts).words
    assert reason(finished(PROMPT, [*texts, f"**Word count:** {words}\n\nThe bell rang."])) == "scaffolding"
    assert reason(finished(PROMPT, [*texts, "**Word count:** 950,000\n\nThe bell rang."])) is None


_PIECES = st.sampled_from([paragraph for case in [*BAD, *CLEAN] for paragraph in case.text.text.split("\n\n")[:3]])


@given(st.text(), st.lists(st.text() | _PIECES, max_size=4))
def test_no_text_makes_a_filter_raise(prompt: str, texts: list[str]) -> None:
    drop = Sieve({"near_duplicate": 0.9}).judge(finished(prompt, texts))
    assert drop is None or drop.detail


@pytest.mark.parametrize(
    "junk",
    [
        "I'm sorry, ",
        "# ",
        "**",
        "(",
        "第三段",
        "word count ",
        "```\n",
        "| ",
        "> ",
        '"',
        "作为",
        "a ",
        "，",
        "字数",
        "\n",
        "1. ",
    ],
)
def test_time_is_linear_in_the_text(junk: str) -> None:
    start = time.process_time()
    Sieve().judge(finished("Write a story.", [(junk * 100_000)[:100_000]]))
    assert time.process_time() - start < 2
