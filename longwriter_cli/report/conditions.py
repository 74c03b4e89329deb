"""Conditions on the figures of `inspect`, which make it a gate: `records>=5800`, `s_l>=75`."""

from __future__ import annotations

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from longwriter_cli.errors import UsageError

_FORM = re.compile(r"\s*([A-Za-z_][\w./-]*)\s*(>=|<=|==|!=|>|<|=)\s*([^\s%]+?)\s*(%?)\s*")
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
}
# The first one that there is: an evaluation has scores of its own.
_SHORT = {
    "s_l": ("evaluation.all.s_l.mean", "lengths.score"),
    "s_q": ("evaluation.all.s_q.mean", "quality.score"),
    "overall": ("evaluation.all.overall.mean",),
    "median_words": ("words.p50",),
}
_EXAMPLE = "As in --require 'records>=5800' or --require 's_l>=75'; in quotes, for a shell reads > itself."


@dataclass(frozen=True, slots=True)
class Condition:
    """`figure` is a key of the `--json` object, its parts joined by dots, or one of the short names."""

    text: str
    figure: str
    holds: Callable[[float], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A condition held against the figures; `value` is None where the figure is not known, and so nothing is met."""

    condition: Condition
    value: float | None

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.condition.holds(self.value)

    def told(self) -> str:
        found = "not known" if self.value is None else f"{self.value:,g}"
        return f"{self.condition.text}: it is {found}"


def read_condition(text: str) -> Condition:
    """Raises UsageError where it is none."""
    match = _FORM.fullmatch(text)
    try:
        bound = float(match[3].replace(",", "").replace("_", "")) if match else math.nan
    except ValueError:
        bound = math.nan
    if match is None or math.isnan(bound):
        raise UsageError(f"--require {text!r} is no condition.", _EXAMPLE)
    if match[4]:
        raise UsageError(f"--require {text!r}: figures are no shares.", "Scores go from 0 to 100: 's_l>=75'.")
    compare = _COMPARISONS[match[2]]
    return Condition(text.strip(), match[1], lambda value: compare(value, bound))


def hold_against(condition: Condition, row: Mapping[str, Any]) -> Outcome:
    """The condition against the figures of a `--json` object.

    Raises:
        UsageError: there is no such figure; names the nearest.
    """
    figures = dict(_figures(row))
    names = _SHORT.get(condition.figure, (condition.figure,))
    for name in names:
        if name in figures:
            return Outcome(condition, figures[name])
    parent = name.partition(".")[0]
    if "." in name and parent in row and row[parent] is None:
        return Outcome(condition, None)  # the whole group is not known: no judge, say
    if "." in name and isinstance(row.get(parent), Mapping) and parent in _COUNTED:
        return Outcome(condition, 0.0)  # none of that kind: `failures.refusal.n`, `rejects.loop`
    near = difflib.get_close_matches(condition.figure, [*figures, *_SHORT], n=3, cutoff=0.5)
    tip = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(sorted(figures))}."
    raise UsageError(f"--require {condition.text!r}: there is no figure {condition.figure!r} here.", tip)


_COUNTED = frozenset({"failures", "rejects"})


def _figures(row: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float | None]]:
    """All numbers of the object by their dotted names; a null is a number that is not known."""
    for key, value in row.items():
        name = f"{above}{key}"
        if isinstance(value, Mapping):
            yield from _figures(value, f"{name}.")
        elif value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
            yield name, value
