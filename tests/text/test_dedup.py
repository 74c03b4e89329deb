from __future__ import annotations

import pytest
from planted.prose import Prose

from longwriter_cli.text.dedup import NearDuplicates


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_with_a_new_ending_is_like_the_old_one(language: str) -> None:
    text, other, ending = (Prose(language, seed).words(size) for seed, size in ((1, 800), (2, 800), (3, 60)))
    seen = NearDuplicates(0.8)
    assert seen.like("a", text) is None
    assert seen.like("b", other) is None
    name, similarity = seen.like("c", text + "\n\n" + ending) or ("", 0.0)
    assert name == "a"
    assert similarity >= 0.8


def test_what_was_like_another_is_not_kept_so_it_hides_nothing() -> None:
    text = Prose("en", 1).words(800)
    seen = NearDuplicates(0.9)
    seen.like("a", text)
    assert seen.like("b", text) == ("a", 1.0)
    assert seen.like("c", text) == ("a", 1.0)


def test_only_the_newest_are_remembered() -> None:
    texts = [Prose("en", seed).words(200) for seed in range(4)]
    seen = NearDuplicates(0.8, remembered=2)
    for number, text in enumerate(texts[:3]):
        assert seen.like(str(number), text) is None
    assert seen.like("again", texts[2]) is not None
    assert seen.like("again", texts[0]) is None


def test_texts_too_short_to_compare_are_kept() -> None:
    seen = NearDuplicates()
    assert [seen.like("a", ""), seen.like("b", ""), seen.like("c", "Yes."), seen.like("d", "Yes.")] == [None] * 4


@pytest.mark.parametrize("least", [0, -1, 1.1])
def test_a_similarity_that_cannot_be_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match="similarity"):
        NearDuplicates(least)
