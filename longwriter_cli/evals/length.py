"""S_l: how near a text's length comes to the length that was asked for."""

from __future__ import annotations


def length_score(required: int, actual: int) -> float:
    """Score in [0, 100]; 100 is the required length exactly. LongWriter (arXiv 2408.07055), section 4.1, S_l.

    Both lengths are in words. Too long falls linearly in actual/required and is 0 from four times the length on;
    too short falls linearly in required/actual and is 0 from a third of the length down. Does not judge content.
    0 for an empty output, and 0 where `required` is not positive: nothing can be the right length then.
    """
    if required <= 0 or actual <= 0:
        return 0.0
    miss = (actual / required - 1) / 3 if actual > required else (required / actual - 1) / 2
    return 100.0 * max(0.0, 1.0 - miss)
