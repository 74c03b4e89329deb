"""Pieces that the patterns of several cues share. All of them run on the text that `prompt.readable` gives."""

from __future__ import annotations


def any_of(*alternatives: str) -> str:
    return f"(?:{'|'.join(alternatives)})"


# What may stand between a cue and its number: "at least [another] 500 words", 不少于[约]500字.
FILL = (
    r"(?:[\s:=(,\"'-]+(?:of|an?|the|to|be|is|in|it|at|for|about|around|approximately|roughly|total|words?|count|"
    r"length|limit|requirement|should|set|another|additional|further|least|some|only)(?![a-z]))*"
    r"[\s:=(\"'为是在于约达到共有大概]*$"
)
_HEDGES = any_of(
    "about|around|approximately|roughly|nearly|over|almost|only|just|at least|more than|the|a|most|some",
    "近|约|大约|超过|多达",
)
HEDGE = rf"(?:\s?{_HEDGES})*\s?"
