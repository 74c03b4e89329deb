"""Steps that say the same twice."""

from __future__ import annotations

import re
from collections.abc import Sequence

from longwriter_cli.records import Step

_BETWEEN_WORDS = re.compile(r"[\W_]+")


def repeated_points(steps: Sequence[Step]) -> list[int]:
    """The places, from 1, of steps whose main point an earlier step has too.

    Case and punctuation make no difference; numbers do ("Chapter 1", "Chapter 2"). Points that say the same in other
    words are not found.
    """
    seen: set[str] = set()
    places = []
    for place, step in enumerate(steps, 1):
        point = _BETWEEN_WORDS.sub(" ", step.main_point.casefold()).strip()
        if point and point in seen:
            places.append(place)
        seen.add(point)
    return places
