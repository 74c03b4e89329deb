"""Numbers inside English and Chinese prose: "2k", "twenty-five hundred", "2w" (short for 2万), 两千."""

from __future__ import annotations

import re

from longwriter_cli.text.numerals import HAN_NUMERALS, parse_number

_BELOW_TWENTY = (
    "zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|"
    "eighteen|nineteen"
)
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_VALUE = {word: n for n, word in enumerate(_BELOW_TWENTY.split("|"))} | {
    word: 10 * n for n, word in enumerate(_TENS.split("|"), 2)
}
_SCALE = {"hundred": 100, "k": 1000, "thousand": 1000, "w": 10_000, "million": 1_000_000}

_SMALL = "|".join(sorted(_VALUE, key=len, reverse=True))
_LARGE = "hundred|thousand|million"

# A space groups thousands only behind a word that makes a number likely: "about 2 500 words" is 2500, but an essay
# on "World War 2 500 words" is one of 500.
_LIKELY = ("of", "about", "around", "approximately", "least", "most", "than", "is", "in", "exactly", "to", "over")
_SPACED = "|".join(rf"(?<=\b{word} )" for word in _LIKELY) + "|(?<=~)"
_DIGITS = (
    rf"(?:(?:{_SPACED})[0-9]{{1,3}}(?: [0-9]{{3}}){{1,2}}(?![0-9])"
    r"|[0-9]{1,3}(?:[,.'’][0-9]{3}){1,2}(?![0-9])"
    r"|[0-9]{1,8}(?:\.[0-9]{1,2})?)"
)
_SPELLED = (
    rf"(?:\b(?:an?[ ](?:{_LARGE})|(?:{_SMALL}))"
    # "two hundred and fifty" is one number, "between two hundred and three hundred" holds two.
    rf"(?:[ -](?:(?:{_SMALL}|{_LARGE})(?![a-z])|and[ ](?:{_SMALL})(?![a-z])(?![ -](?:{_LARGE})))){{0,8}}(?![a-z]))"
)

# To stand inside other patterns, on folded lower-case text. Repetitions are bounded, so matching stays linear.
ENGLISH_NUMBER = rf"(?:(?<![a-z0-9])(?<![a-z]-)(?<![0-9][.,]){_DIGITS}(?:[ -]?(?:k|{_LARGE})(?![a-z]))?|{_SPELLED})"
CHINESE_NUMBER = (
    r"(?:(?<![a-z0-9])(?<![0-9][.,])(?:[0-9]{1,3}(?:,[0-9]{3}){1,2}(?![0-9])|[0-9]{1,8}(?:\.[0-9]{1,2})?)"
    rf"(?:[ ]?(?:[kw](?![a-z])|[十百千万][0-9{HAN_NUMERALS}]{{0,8}}))?"
    rf"|[{HAN_NUMERALS}]{{1,12}})"
)

_WITH_SCALE = re.compile(rf"([0-9][0-9,.'’ ]*?)[ -]?(k|w|{_LARGE})")
_NEIGHBOURS = re.compile("(一两|[一两二]三|三四|四五|五六|六七|七八|八九)([十百千万]+)")


def value_of(token: str) -> float | None:
    """The value of one match of ENGLISH_NUMBER or CHINESE_NUMBER; None where it stands for no number."""
    if scaled := _WITH_SCALE.fullmatch(token):
        number = parse_number(scaled[1]) if "." not in scaled[1] else float(scaled[1].replace(",", ""))
        return None if number is None else number * _SCALE[scaled[2]]
    if token[0].isdigit() or token[0] in HAN_NUMERALS:
        return parse_number(token)
    return _spelled(token)


def neighbours(token: str) -> tuple[int, int] | None:
    """The two ends of a Chinese guess between neighbouring digits: 两三百 is (200, 300). None for anything else."""
    guess = _NEIGHBOURS.fullmatch(token)
    if not guess:
        return None
    low, high = (parse_number(digit + guess[2]) for digit in guess[1])
    return None if low is None or high is None else (low, high)


def scale_of(token: str) -> str:
    """What multiplies the digits of a token, to be lent to another: "k" of "3k", "thousand" of "three thousand"."""
    scale = re.search(rf"(?:[kw]|{_LARGE}|[十百千万]+)$", token)
    return scale[0] if scale else ""


def _spelled(token: str) -> float:
    total = part = 0
    for word in re.split(r"[ -]+", token):
        if word in _VALUE:
            part += _VALUE[word]
        elif word == "hundred":
            part = max(part, 1) * 100
        elif word in _SCALE:
            total, part = total + max(part, 1) * _SCALE[word], 0
    return total + part
