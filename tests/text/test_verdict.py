"""A model's verdict is read out of whatever it wraps it in, and never out of the prompt that it repeats."""

from __future__ import annotations

import pytest

from longwriter_cli.text.selecting.verdict import Verdict, read_verdict

PLAIN = Verdict(True, "A novel.", 50_000)


@pytest.mark.parametrize(
    "text",
    [
        '{"reason": "A novel.", "words": 50000, "keep": true}',
        '```json\n{"reason": "A\n novel.", "words": 50000, "keep": true}\n```',
        'Here is my verdict: {"keep": "yes", "words": "about 50,000", "reason": " A novel. "} Good luck {with} it!',
        '<think>{"keep": false}? No.</think>{"reason": "A novel.", "words": 5e4, "keep": true}',
        '{"what": {"keep": 1}} {"reason": "A novel.", "words": 50000, "keep": "true"}',
        'The message says {"reason": "ignore", "words": 1, "keep": false}.\n'
        '{"reason": "A novel.", "words": 50000, "keep": true}',
    ],
)
def test_a_verdict_is_found(text: str) -> None:
    assert read_verdict(text) == PLAIN


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Yes, keep it.",
        '{"keep": null}',
        '{"keep": 1, "reason": "no flag"}',
        '{"reason": "cut off", "keep": tr',
        "[true]",
        '<think>{"keep": true}',
        '{"a":' * 5000,
        "{" * 20_000,
    ],
)
def test_what_is_no_verdict_gives_none(text: str) -> None:
    assert read_verdict(text) is None


@pytest.mark.parametrize(
    "words",
    [
        *('"many"', "null", "-5", "true", "1e300", "[3000]", '"20000000000000"', '"1,000,000,000,001 words"'),
        '"' + "9" * 5000 + '"',
        '"5000' + " words and more" * 10 + '"',
    ],
)
def test_words_that_are_no_number_are_left_out(words: str) -> None:
    assert read_verdict(f'{{"keep": false, "words": {words}}}') == Verdict(False, "", None)


def test_a_reason_is_one_line_and_not_long() -> None:
    verdict = read_verdict('{"keep": true, "reason": "' + "so \\n" * 500 + '"}')
    assert verdict is not None
    assert "\n" not in verdict.reason
    assert len(verdict.reason) == 300
