"""Plans whose sections keep within limits of length, with every word of the plan kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil

from longwriter_cli.records import Language, Step
from longwriter_cli.text.plan.item import Item

_PART: dict[Language, str] = {"en": "{point} (part {part} of {parts})", "zh": "{point}（第{part}部分，共{parts}部分）"}
_BOTH: dict[Language, str] = {"en": "{first}; {second}", "zh": "{first}；{second}"}
# Up to this share beyond a limit, a neighbour gives or takes the words; beyond, the step is split or joined.
_SLIGHT = 0.5


def outside(steps: Sequence[Step], least: int | None, most: int | None) -> list[Step]:
    """The steps with fewer than `least` words or more than `most`; None is no limit."""
    return [step for step in steps if step.words < (least or 0) or (most is not None and step.words > most)]


def fit_to_limits(steps: Sequence[Step], least: int | None, most: int | None, language: Language) -> tuple[Step, ...]:
    """The steps, mended so that each has `least` to `most` words; their sum stays. Numbered anew, from 1.

    A step that is slightly too long or too short trades words with a neighbour; else it is split into parts, or joined
    with the smaller neighbour. All are within the limits where `most` is at least twice `least` and the plan has
    `least` words in all; else as many as can be. May give more or fewer steps than there were.
    """
    items = [Item(step.main_point, step.words) for step in steps]
    if most is not None:
        items = _shorten(items, most, language)
    if least is not None:
        items = _lengthen(items, least, most, language)
    return tuple(Step(n, item.main_point, item.words) for n, item in enumerate(items, 1))


def _shorten(items: list[Item], most: int, language: Language) -> list[Item]:
    for place, item in enumerate(items):
        excess = item.words - most
        if 0 < excess <= most * _SLIGHT:
            taker = min(_neighbours(items, place), key=lambda other: items[other].words, default=place)
            if taker != place and items[taker].words + excess <= most:
                _move(items, place, taker, excess)
    return [part for item in items for part in _split(item, most, language)]


def _split(item: Item, most: int, language: Language) -> Iterable[Item]:
    parts = ceil(item.words / most)
    if parts == 1:
        return [item]
    borders = [item.words * part // parts for part in range(parts + 1)]
    return [
        Item(_PART[language].format(point=item.main_point, part=part, parts=parts), borders[part] - borders[part - 1])
        for part in range(1, parts + 1)
    ]


def _lengthen(items: list[Item], least: int, most: int | None, language: Language) -> list[Item]:
    items = list(items)
    place = 0
    while place < len(items):
        lack, near = least - items[place].words, list(_neighbours(items, place))
        if lack <= 0 or not near:
            place += 1
            continue
        giver = max(near, key=lambda other: items[other].words)
        smaller = min(near, key=lambda other: items[other].words)
        can_give = items[giver].words - lack >= least
        can_join = most is None or items[smaller].words + items[place].words <= most
        if can_give and (lack <= least * _SLIGHT or not can_join):
            _move(items, giver, place, lack)
        elif can_join:
            first, second = sorted((place, smaller))
            point = _BOTH[language].format(first=items[first].main_point.rstrip(".。"), second=items[second].main_point)
            items[first : second + 1] = [Item(point, items[first].words + items[second].words)]
            place = max(0, first - 1)
        else:
            place += 1
    return items


def _neighbours(items: Sequence[Item], place: int) -> Iterable[int]:
    return (other for other in (place - 1, place + 1) if 0 <= other < len(items))


def _move(items: list[Item], giver: int, taker: int, words: int) -> None:
    items[giver] = items[giver]._replace(words=items[giver].words - words)
    items[taker] = items[taker]._replace(words=items[taker].words + words)
