"""The length that a writing instruction asks for, in English or Chinese.

Every number that counts words is a *mention*. What stands around it tells what it is: a length to write, a bound,
a part of the whole, one of several equal parts, or no demand at all (a source that is given, a rate, a vocabulary).
The mention with the best evidence wins. Known limits: a count without a number ("a few thousand words", 几千字) is
none, nor is a time ("a five-minute speech"), a number of English characters, or a length for each of an unstated
number of parts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from longwriter_cli.records import Requirement
from longwriter_cli.text.requirement.evidence import is_no_demand, score_of
from longwriter_cli.text.requirement.kinds import kind_of, requirement
from longwriter_cli.text.requirement.mentions import MOST_WORDS, Mention, find_matches, read_mention
from longwriter_cli.text.requirement.pages import CHARACTERS_A_PAGE, WORDS_A_PAGE, words_a_page
from longwriter_cli.text.requirement.prompt import pasted_span, readable
from longwriter_cli.text.requirement.roles import Role, role_of

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
    prompt count only where they are Chinese ones. Equal parts are multiplied out unless a total is stated too, and
    pages are taken at WORDS_A_PAGE where no words are given. Reads the first and last 8,000 characters; never raises.
    """
    demands = list(_demands(readable(prompt)))
    demands = [demand for demand in demands if not demand.mention.page] or demands
    if not demands:
        return None
    best = max(demands, key=lambda demand: (demand.score, _RANK[demand.role], demand.words.words))
    parts = [demand.words for demand in demands if demand.role == "part" and demand.score == best.score]
    found = _sum(parts) if best.role == "part" else best.words
    return found if 1 <= found.words <= MOST_WORDS else None


def _demands(text: str) -> Iterator[_Demand]:
    pasted = pasted_span(text)
    taken: set[int] = set()
    for match in find_matches(text):
        numbers = {match.end("first"), match.end("second")} - {-1}
        if not numbers & taken and (demand := _judged(text, match, pasted)):
            taken |= numbers
            yield demand
