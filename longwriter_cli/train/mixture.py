"""How much of each dataset goes into a mixture: whole, or a share of the records."""

from __future__ import annotations

import random
from collections.abc import Sequence

from longwriter_cli.errors import UsageError


def records_taken(counts: Sequence[int], weights: Sequence[float | None]) -> list[int]:
    """How many of its records each dataset gives; no record is taken twice.

    A dataset without a weight is taken whole. Where all have weights, these are their shares in the largest mixture
    that there are records for. Where some have, a weight is a share of the whole mixture, and those without make up
    the rest of it: beside 6,000 records of a dataset that is taken whole, `0.97` asks for 194,000. A dataset that has
    fewer than its share asks for gives all it has.

    Raises:
        UsageError: weights leave no room for the datasets that are taken whole.
    """
    given = [weight for weight in weights if weight is not None]
    whole = sum(count for count, weight in zip(counts, weights, strict=True) if weight is None)
    if len(given) < len(weights):
        if sum(given) >= 1:
            raise UsageError(
                f"The weights add up to {sum(given):g}, which leaves nothing for the datasets without one.",
                "Beside a dataset that is taken whole, weights are shares of the mixture: less than 1 together.",
            )
        total = whole / (1 - sum(given))
    else:
        given_in_all = sum(given)
        weights = [weight / given_in_all for weight in given]
        total = min((count / weight for count, weight in zip(counts, weights, strict=True) if weight), default=0)
    return [
        count if weight is None else min(count, round(total * weight))
        for count, weight in zip(counts, weights, strict=True)
    ]


def chosen_rows(count: int, taken: int, seed: int, source: str) -> bytearray:
    """A 1 for each of the `taken` rows that a seeded choice takes out of `count`, a 0 for each other."""
    if taken == count:
        return bytearray(b"\1") * count
    chosen = bytearray(count)
    for row in random.Random(f"{seed}:{source}").sample(range(count), taken):
        chosen[row] = 1
    return chosen
