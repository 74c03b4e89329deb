"""Each rule of a selection drops what it should, alone, and can be turned off."""

from __future__ import annotations

from typing import Any

import pytest

from longwriter_cli.records import Instruction, LoggedPrompt, Requirement
from longwriter_cli.text.requirement import required_words
from longwriter_cli.text.selecting import REASONS, RULES, Drop, Rules, Sifter
from longwriter_cli.text.selecting.language import language_code, prompt_language

LONG = "Please write a 5,000-word story about a lighthouse keeper who finds a letter."


def logged(prompt: str = LONG, id: str = "a", **more: Any) -> LoggedPrompt:  # noqa: A002
    more.setdefault("required_words", required_words(prompt))
    return LoggedPrompt(id, prompt, "log.jsonl", 7, **more)


def judged(prompt: LoggedPrompt, **rules: Any) -> str:
    """The reason to drop it, or nothing."""
    found = Sifter(Rules(**rules)).judge(prompt)
    return found.reason if isinstance(found, Drop) else ""


def test_what_is_kept_is_an_instruction_that_says_where_it_comes_from() -> None:
    assert Sifter(Rules()).judge(logged()) == Instruction(
        "a", 0, LONG, Requirement(5000), {"language": "en", "source": "log.jsonl", "line": 7}
    )


@pytest.mark.parametrize(
    ("prompt", "reason", "off"),
    [
        (logged("", problem="the prompt is empty"), "no_prompt", None),
        (logged(toxic="toxic in turn 2"), "toxic", {"keep_toxic": True}),
        (logged(redacted="redacted"), "redacted", {"keep_redacted": True}),
        (logged("Write it"), "prompt_too_short", {"min_prompt_words": 2, "unstated": "keep"}),
        (logged(LONG + " He lights the lamp." * 1000), "prompt_too_long", {"max_prompt_words": 5000}),
        (logged("Напишите рассказ на 5000 слов."), "language", {"languages": frozenset(), "unstated": "keep"}),
        (logged("Напишите рассказ на 5000 слов."), "language", {"languages": {"und", "ru"}, "unstated": "keep"}),
        (logged("Generate 5000 random usernames for my game."), "data_dump", {"keep_dumps": True, "unstated": "keep"}),
        (logged("Write an essay of 1,999 words on tides."), "too_short", {"min_words": 1999}),
        (logged("Write an essay on tides, please."), "no_length", {"unstated": "keep"}),
    ],
)
def test_a_rule_drops_what_it_is_for_and_can_be_turned_off(
    prompt: LoggedPrompt, reason: str, off: dict[str, Any] | None
) -> None:
    assert judged(prompt) == reason
    if off is not None:
        assert judged(prompt, **off) == ""


def test_every_reason_is_explained() -> None:
    names = [name for name, drops in REASONS if drops]
    assert names == [*(rule.name for rule in RULES), "duplicate", "near_duplicate", "model"]


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("Write an essay of 2,000 words on tides.", ""),  # the limit itself is enough
        ("写一篇两千字的文章，谈谈潮汐。", ""),
        ("写一篇1800字的文章，谈谈潮汐。", "too_short"),
        ("Write a story of at most 1500 words about tides.", "too_short"),
        ("Write at least 3,000 words about tides.", ""),
    ],
)
def test_the_length_that_a_prompt_states_is_held_against_the_limit(prompt: str, reason: str) -> None:
    assert judged(logged(prompt)) == reason


def test_the_length_that_a_row_states_counts_too() -> None:
    assert judged(logged("Write an essay on tides, please.", required_words=Requirement(4000))) == ""


# --- repeats


def test_equal_prompts_are_kept_once_whatever_their_case_space_and_id() -> None:
    sifter = Sifter(Rules(max_similarity=1))
    assert isinstance(sifter.judge(logged()), Instruction)
    for other in (LONG, LONG.upper(), LONG.replace(" ", " \n"), f" {LONG} "):
        found = sifter.judge(logged(other, id="b"))
        assert isinstance(found, Drop)
        assert found.reason == "duplicate"
    assert isinstance(
        sifter.judge(
            logged(LONG + " He is old."),
        ),
        Instruction,
    )


def test_near_duplicates_name_the_prompt_that_they_are_like() -> None:
    prompt = LONG + " He has lived alone on the rock for thirty years, and the letter is older than the lighthouse."
    sifter = Sifter(Rules())
    sifter.judge(logged(prompt))
    found = sifter.judge(logged(prompt.replace("the lighthouse.", "the rock."), id="b"))
    assert isinstance(found, Drop)
    assert (found.reason, found.detail.split(" like ")[1]) == ("near_duplicate", "a")


def test_a_prompt_that_another_rule_drops_makes_no_later_one_a_duplicate() -> None:
    sifter = Sifter(Rules())
    assert isinstance(sifter.judge(logged(toxic="toxic")), Drop)
    assert isinstance(sifter.judge(logged(id="b")), Instruction)


@pytest.mark.parametrize("similarity", [0, -1, 1.5])
def test_a_similarity_that_is_none_is_refused(similarity: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Sifter(Rules(max_similarity=similarity))


# --- language


@pytest.mark.parametrize(
    ("prompt", "named", "code"),
    [
        ("Write a story about the sea.", "French", "en"),  # letters first: the log names that of the whole chat
        ("写一个关于大海的故事", "", "zh"),
        ("海についての物語を書いてください", "", "ja"),
        ("Escribe una historia", "Spanish", "es"),
        ("Naruto x Sasuke lemon", "English", "en"),
        ("Naruto x Sasuke", "", "und"),
        ("Escribe una historia larga sobre un viejo capitán que vuelve a su casa después de la guerra", "", "es"),
        ("1234 5678", "", "und"),
        ("", "", "und"),
    ],
)
def test_the_language_is_told_by_letters_then_by_the_log_then_by_words(prompt: str, named: str, code: str) -> None:
    assert prompt_language(prompt, named) == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("English", "en"), ("zh-CN", "zh"), ("pt_BR", "pt"), (" CHINESE ", "zh"), ("Klingon", ""), ("", "")],
)
def test_names_and_codes_of_languages(name: str, code: str) -> None:
    assert language_code(name) == code
