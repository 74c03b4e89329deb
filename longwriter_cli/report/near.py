"""Ids that resemble one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import islice

_MOST = 3
_COMPARED = 20_000  # comparing takes about 5 µs an id: a million of them would take longer than the user waits


def near_ids(wanted: str, ids: Sequence[str]) -> list[str]:
    """At most three ids that were probably meant: those that begin with `wanted`, else the most similar ones."""
    folded = wanted.casefold()
    begin = list(islice((id for id in ids if id.casefold().startswith(folded)), _MOST))  # noqa: A001
    return begin or difflib.get_close_matches(wanted, ids[:_COMPARED], n=_MOST)


def did_you_mean(wanted: str, ids: Sequence[str]) -> str:
    """The same as a tip; where nothing is near, the first ids, to show what they look like."""
    near = near_ids(wanted, ids)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"The first ids are {', '.join(ids[:_MOST])}." if ids else ""
