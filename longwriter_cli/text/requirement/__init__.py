"""The length that a writing instruction asks for, in English or Chinese.

Every number that counts words is a *mention*. What stands around it tells what it is: a length to write, a bound,
a part of the whole, one of several equal parts, or no demand at all (a source that is given, a rate, a vocabulary).
The mention with the best evidence wins. Known limits: a count without a number ("a few thousand words", 几千字) is
none, nor is a time ("a five-minute speech"), a number of English characters, or a length for each of an unstated
number of parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from longwriter_cli.records import Requirement
from longwriter_cli.text.requirement.evidence import is_no_demand, is_too_few, score_of
from longwriter_cli.text.requirement.kinds import kind_of, requirement, total
from longwriter_cli.text.requirement.mentions import MOST_WORDS, Mention, find_matches, read_mention
from longwriter_cli.text.requirement.pages import CHARACTERS_A_PAGE, WORDS_A_PAGE, words_a_page
from longwriter_cli.text.requirement.prompt import pasted_span, readable
from longwriter_cli.text.requirement.roles import Role, role_of
from longwriter_cli.text.requirement.several import side_by_side

__all__ = ["CHARACTERS_A_PAGE", "WORDS_A_PAGE", "required_words"]

_RANK: dict[Role, int] = {"total": 3, "whole": 2, "product": 1, "part": 0}


@dataclass(frozen=True, slots=True)
class _Demand:
    """A mention that asks for words, what of the whole it measures, and how sure that is."""

    mention: Mention
    words: Requirement
    role: Role
    score: int


def required_words(prompt: str) -> Requirement | None:
    """The length that `prompt` demands of its answer, or None where it states none.

    `words` is in 1..10,000,000: the number itself for "about", the bound for "at least" and "at most", the middle of
    a range. Chinese lengths are in characters, which is how `count_words` counts Chinese; "characters" in an English
    prompt count only where they are Chinese ones. Equal parts are multiplied out unless a total is stated too, texts
    asked for side by side ("a 500-word story and a 300-word poem") are added up, and pages are taken at WORDS_A_PAGE
    where no words are given. Reads the first and last 8,000 characters; never raises.
    """
    demands = list(_demands(readable(prompt)))
    demands = [demand for demand in demands if not demand.mention.page] or demands
    if not demands:
        return None
    best = max(demands, key=lambda demand: (demand.score, _RANK[demand.role], demand.words.words))
    found = total([demand.words for demand in _together(best, demands)])
    return found if 1 <= found.words <= MOST_WORDS else None


def _together(best: _Demand, demands: list[_Demand]) -> list[_Demand]:
    """The demands that are only whole together: the parts of a text, or texts that are asked for side by side."""
    equals = [demand for demand in demands if demand.score == best.score]
    if best.role == "total":
        return [best]
    if best.role == "part":
        return [demand for demand in equals if demand.role == "part"]
    texts = sorted((demand for demand in equals if demand.role in ("whole", "product")), key=_place)
    run: list[_Demand] = []
    for text in texts:
        if run and not side_by_side(run[-1].mention, text.mention):
            if best in run:
                break
            run = []
        run.append(text)
    return run


def _place(demand: _Demand) -> int:
    return demand.mention.start


def _demands(text: str) -> Iterator[_Demand]:
    matches = list(find_matches(text))
    if not matches:  # most prompts of a chat: what was pasted into them is not looked for
        return
    pasted = pasted_span(text)
    taken: set[int] = set()
    for match in matches:
        numbers = {match.end("first"), match.end("second")} - {-1}
        if not numbers & taken and (demand := _judged(text, match, pasted)):
            taken |= numbers
            yield demand


def _judged(text: str, match: re.Match[str], pasted: range) -> _Demand | None:
    """What a match demands; None where it demands nothing, or where that is too doubtful."""
    mention = read_mention(text, match)
    if mention is None or is_no_demand(mention):
        return None
    kind = kind_of(mention)
    role, times = role_of(mention)
    if times is None or is_too_few(mention, kind):
        return None
    score = score_of(mention, pasted)
    if kind != "about" or role == "total":  # a bound or a total is a demand by itself
        score = max(score, min(score + 2, 2))
    if role == "part":
        score -= 1
    if score < (-1 if role == "part" else 0):
        return None
    return _Demand(mention, requirement(mention, kind, times * words_a_page(mention)), role, score)
