"""Near-duplicates among texts that come one after the other.

A text is known by a MinHash sketch of its word triples (character quintuples in a script without spaces), of 512 bytes
whatever its length. Sketches that agree in four places in a row are compared; so at a similarity of 0.8 all but 1 pair
in 10 million is found. Similarity is the estimated share of common shingles (Jaccard), with a standard error of 0.035.
"""

from __future__ import annotations

from collections import deque
from itertools import chain
from typing import Any

_PERMUTATIONS, _ROWS = 128, 4
_SEED = 1
_LONGEST_WORD = 12  # mean characters between spaces, above which a script is one without spaces


class NearDuplicates:
    """Takes texts in order and tells which of them is much like an earlier one. The first of its like is kept.

    Only the newest `remembered` kept texts are known: about 4 KB each, so that the memory is bounded.

    Raises:
        ValueError: `least` is not in (0, 1].
    """

    def __init__(self, least: float = 0.8, remembered: int = 200_000) -> None:
        from rensa import RMinHashLSH

        if not 0 < least <= 1:
            raise ValueError("a similarity is above 0 and at most 1")
        self._least = least
        self._remembered = remembered
        self._index: Any = RMinHashLSH(least, _PERMUTATIONS, _PERMUTATIONS // _ROWS)
        self._kept: dict[int, tuple[str, Any]] = {}
        self._order: deque[int] = deque()
        self._next = 0

    def like(self, name: str, text: str) -> tuple[str, float] | None:
        """The name of the earlier text that is most like this one, and how like; None, and this one is kept, without.

        A text too short for a shingle is like no other.
        """
        sketch = _sketch(text)
        if sketch is None:
            return None
        likeness = ((self._kept[key], sketch.jaccard(self._kept[key][1])) for key in self._index.query(sketch))
        (nearest, _), similarity = max(likeness, key=lambda pair: pair[1], default=(("", None), 0.0))
        if similarity >= self._least:
            return nearest, float(similarity)
        self._keep(name, sketch)
        return None

    def _keep(self, name: str, sketch: Any) -> None:
        self._index.insert(self._next, sketch)
        self._kept[self._next] = name, sketch
        self._order.append(self._next)
        self._next += 1
        if len(self._order) > self._remembered:
            oldest = self._order.popleft()
            self._index.remove(oldest)
            del self._kept[oldest]


def _sketch(text: str) -> Any:
    from rensa import RMinHash

    text = text.casefold()
    words = text.split()
    if len(text) <= _LONGEST_WORD * len(words):
        shingles = {" ".join(triple) for triple in zip(words, words[1:], words[2:], strict=False)}
    else:
        solid = "".join(chain.from_iterable(words))
        shingles = {solid[i : i + 5] for i in range(len(solid) - 4)}
    if not shingles:
        return None
    sketch = RMinHash(_PERMUTATIONS, _SEED)
    sketch.update(shingles)
    return sketch
