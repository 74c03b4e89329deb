"""Prompts that were asked before."""

from __future__ import annotations

from hashlib import blake2b

from longwriter_cli.text.dedup import NearDuplicates

# Each takes 4 KB: 200 MB at most, however long the log is.
_REMEMBERED = 50_000


class Repeats:
    """Takes prompts in order and tells which one was there before.

    Case and white space aside, equal prompts are found wherever they stand, at about 90 bytes a prompt. Prompts at
    least as much alike as `least_similarity` (0 to 1; 1 finds none) are found among the newest 50,000 that were kept:
    copies of one pattern mostly come close together.
    """

    def __init__(self, least_similarity: float, remembered: int = _REMEMBERED) -> None:
        self._known: set[bytes] = set()
        self._near = NearDuplicates(least_similarity, remembered) if least_similarity < 1 else None

    def equal(self, prompt: str) -> bool:
        """Whether an earlier one is equal; if not, this one is known from now on."""
        key = blake2b(" ".join(prompt.casefold().split()).encode(), digest_size=16).digest()
        if key in self._known:
            return True
        self._known.add(key)
        return False

    def like(self, name: str, prompt: str) -> tuple[str, float] | None:
        """As `NearDuplicates.like`."""
        return self._near.like(name, prompt) if self._near is not None else None
