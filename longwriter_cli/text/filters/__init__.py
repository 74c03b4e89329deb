"""Which finished texts are fit to train on: keep, or drop with a reason.

Each filter is one question, asked of a text alone and answered from the text, its plan and its instruction.
`FILTERS` is the one table of them: options, defaults and documentation are made from it. To sift an export:

    sieve = Sieve({"too_short": 2000})
    drop = sieve.judge(FinishedText(instruction, plan.steps, sections))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from longwriter_cli.text.filters import limits
from longwriter_cli.text.filters.finished import FinishedText, Judge
from longwriter_cli.text.filters.language import language
from longwriter_cli.text.filters.loops import loops
from longwriter_cli.text.filters.refusal import refusal
from longwriter_cli.text.filters.scaffolding import scaffolding
from longwriter_cli.text.filters.truncation import truncation

__all__ = ["FILTERS", "NO_FILTERS", "Drop", "Filter", "FinishedText", "Sieve"]


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a text is not kept: `reason` is the name of the filter, `detail` is for a reader."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Filter:
    """One row of the table. `name` is the reason in rejects.jsonl; `option` is without its hyphens.

    A switch has the option that turns it off in `keep`. Any other filter takes a threshold in `unit`, and is off
    without one. `make` gives the judge for a threshold; a switch's is not looked at.
    """

    name: str
    drops: str
    option: str
    make: Callable[[float], Judge]
    keep: str | None = None
    unit: str | None = None

    @property
    def on(self) -> bool:
        """Whether it is on by default."""
        return self.keep is not None


def _switch(judge: Judge) -> Callable[[float], Judge]:
    return lambda _: judge


# In the order in which they are asked: what is remembered as the first of its like has passed all others.
FILTERS = (
    Filter(
        "refusal",
        "refusals and policy notices, as the whole text or at the edges of a section",
        "drop-refusals",
        _switch(refusal),
        keep="keep-refusals",
    ),
    Filter(
        "scaffolding",
        'plan lines, "Paragraph 3", counts of words, "as an AI", preambles, "to be continued", thoughts, chat tokens',
        "drop-scaffolding",
        _switch(scaffolding),
        keep="keep-scaffolding",
    ),
    Filter(
        "truncation",
        "texts that end in mid-sentence, with a last section cut before its length, or with an open code fence",
        "drop-truncated",
        _switch(truncation),
        keep="keep-truncated",
    ),
    Filter(
        "loops",
        "loops, and passages of 40 words and more that stand in the text twice",
        "drop-loops",
        _switch(loops),
        keep="keep-loops",
    ),
    Filter(
        "language",
        "texts with a section in another language than the instruction is in or asks for",
        "drop-other-languages",
        _switch(language),
        keep="keep-other-languages",
    ),
    Filter("too_short", "texts of fewer words", "min-words", limits.too_short, unit="words"),
    Filter("too_long", "texts of more words", "max-words", limits.too_long, unit="words"),
    Filter(
        "length_score",
        "texts with a lower S_l, where the instruction states a length",
        "min-length-score",
        limits.length_score,
        unit="0 to 100",
    ),
    Filter("quality", "texts that the judge gave a lower S_q, or none", "min-quality", limits.quality, unit="0 to 100"),
    Filter(
        "near_duplicate",
        "texts at least this much like an earlier one that was kept",
        "max-similarity",
        limits.near_duplicate,
        unit="0 to 1",
    ),
)

NO_FILTERS: Mapping[str, bool | float | None] = {each.name: False for each in FILTERS}


class Sieve:
    """The filters of one pass over the finished texts, in instruction order.

    `given` says for filter names what differs from the defaults: False turns one off, True a switch on, a number is a
    threshold; None is the default.

    Raises:
        KeyError: there is no filter of that name.
        ValueError: a threshold is missing, or is none that the filter can work with.
    """

    def __init__(self, given: Mapping[str, bool | float | None] = MappingProxyType({})) -> None:
        if unknown := given.keys() - {each.name for each in FILTERS}:
            raise KeyError(f"no filter {min(unknown)!r}")
        self._judges = {each.name: judge for each in FILTERS if (judge := _made(each, given.get(each.name)))}

    def judge(self, text: FinishedText) -> Drop | None:
        """The first reason to drop the text; None to keep it. Texts are to be given in their order, each once."""
        for name, judge in self._judges.items():
            if (detail := judge(text)) is not None:
                return Drop(name, detail)
        return None


def _made(each: Filter, given: bool | float | None) -> Judge | None:
    if given is None:
        given = each.on
    if given is False:
        return None
    if each.unit is None:
        return each.make(0)
    if given is True:
        raise ValueError(f"{each.name} needs a threshold ({each.unit})")
    return each.make(given)
