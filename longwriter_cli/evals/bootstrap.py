"""How sure a mean is: percentile bootstrap, over texts drawn with replacement (Efron 1979)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

RESAMPLES = 1000
_SEED = 20240813  # the same figures give the same intervals
_TAIL = 0.025

T = TypeVar("T")
Statistic = Callable[[Sequence[T]], float | None]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over `n` texts, with the interval that holds it at 95%."""

    n: int
    mean: float
    low: float
    high: float


def resampled(items: Sequence[T], resamples: int = RESAMPLES) -> list[list[T]]:
    """The draws over which all figures of one set of texts are taken, so that they vary together."""
    rng = random.Random(_SEED)
    return [rng.choices(items, k=len(items)) for _ in range(resamples)] if items else []


def estimate(items: Sequence[T], draws: Sequence[Sequence[T]], statistic: Statistic[T], n: int) -> Estimate | None:
    """The statistic with its interval; None where it cannot be had. Draws that do not give it are left out."""
    found = statistic(items)
    if found is None:
        return None
    values = sorted(value for draw in draws if (value := statistic(draw)) is not None)
    last = len(values) - 1
    low, high = (values[round(share * last)] for share in (_TAIL, 1 - _TAIL))
    return Estimate(n, round(found, 2), round(low, 2), round(high, 2))


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
