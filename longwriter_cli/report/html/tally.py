"""The figures behind the charts, taken in row by row; they need hardly more memory for a million rows than for ten."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field

from longwriter_cli.evals.longbench_write import RANGE_EDGES
from longwriter_cli.report.html.rows import UNTOLD, Row
from longwriter_cli.report.measures import spans

# Half an octave each, so that 2,000 and 32,000, where long outputs begin and end, are edges.
EDGES = tuple(2_000 * 2 ** (half / 2) for half in range(-6, 11))
BAND = (2_000, 32_000)

_MOST_KINDS = 1_000  # types that a source gives each row of are no types
_SHOWN_KINDS = 12
LAST_STEP = 40
_GRAIN = 24  # cells of the scatter to a doubling of the length

RANGES = spans(RANGE_EDGES)
OTHERS, UNNAMED = "others", "not told"
# The languages that are told by letters; the codes of others stand for themselves.
_NAMES = {
    UNTOLD: UNNAMED,
    "en": "English",
    "zh": "Chinese",
    "ja": "Japanese",
    "ko": "Korean",
    "th": "Thai",
    "el": "Greek",
    "he": "Hebrew",
    "ru": "Russian",
    "uk": "Ukrainian",
}


def range_of(required: int | None) -> int | None:
    """Which of `RANGES` a required length falls into."""
    return None if required is None else bisect_right(RANGE_EDGES, required)


@dataclass
class Sums:
    """Of the finished texts of one group."""

    n: int = 0
    words: int = 0
    s_l: float = 0.0
    s_l_n: int = 0
    s_q: float = 0.0
    s_q_n: int = 0

    def add(self, row: Row) -> None:
        self.n += 1
        self.words += row.words or 0
        if row.s_l is not None:
            self.s_l, self.s_l_n = self.s_l + row.s_l, self.s_l_n + 1
        if row.s_q is not None:
            self.s_q, self.s_q_n = self.s_q + row.s_q, self.s_q_n + 1

    @property
    def mean_s_l(self) -> float | None:
        return self.s_l / self.s_l_n if self.s_l_n else None

    @property
    def mean_s_q(self) -> float | None:
        return self.s_q / self.s_q_n if self.s_q_n else None


@dataclass
class StepSums:
    """Of the written sections of one place in their plans."""

    n: int = 0
    target: int = 0
    words: int = 0


@dataclass
class Tally:
    """Figures are of finished texts, those that a filter dropped included; `steps` are of all written sections."""

    rows: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    cells: Counter[tuple[int, int]] = field(default_factory=Counter)
    all: Sums = field(default_factory=Sums)
    ranges: dict[int, Sums] = field(default_factory=dict)
    types: dict[str, Sums] = field(default_factory=dict)
    languages: dict[str, Sums] = field(default_factory=dict)
    steps: dict[int, StepSums] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        self.rows += 1
        self.outcomes[row.outcome] += 1
        for n, target, words in row.sections:
            if words is not None:
                step = self.steps.setdefault(min(n, LAST_STEP), StepSums())
                step.n, step.target, step.words = step.n + 1, step.target + target, step.words + words
        if not row.has_text or row.words is None:
            return
        self.words[row.words] += 1
        self.all.add(row)
        if row.required:
            self.cells[cell(row.required), cell(row.words)] += 1
            self.ranges.setdefault(bisect_right(RANGE_EDGES, row.required), Sums()).add(row)
        kind = row.type or UNNAMED
        self.types.setdefault(kind if kind in self.types or len(self.types) < _MOST_KINDS else OTHERS, Sums()).add(row)
        self.languages.setdefault(row.language, Sums()).add(row)

    def histogram(self) -> list[int]:
        """How many texts fall before, between and behind `EDGES`."""
        bins = [0] * (len(EDGES) + 1)
        for words, times in self.words.items():
            bins[bisect_right(EDGES, words)] += times
        return bins

    def in_band(self) -> int:
        """Texts of 2,000 to 32,000 words."""
        return sum(times for words, times in self.words.items() if BAND[0] <= words <= BAND[1])

    def typed(self) -> dict[str, Sums]:
        """The most frequent types; none where no row has one."""
        return {} if set(self.types) <= {UNNAMED} else _most_frequent(self.types)

    def spoken(self) -> dict[str, Sums]:
        return _most_frequent({_NAMES.get(name, name): sums for name, sums in self.languages.items()})


def _most_frequent(groups: dict[str, Sums]) -> dict[str, Sums]:
    """The largest groups first; what is beyond them is put together as others."""
    ordered = sorted(groups.items(), key=lambda item: (item[0] == OTHERS, -item[1].n, item[0]))
    shown, rest = dict(ordered[:_SHOWN_KINDS]), ordered[_SHOWN_KINDS:]
    if rest:
        shown[OTHERS] = Sums()
        for _, sums in rest:
            _merge(shown[OTHERS], sums)
    return shown


def _merge(into: Sums, other: Sums) -> None:
    into.n, into.words = into.n + other.n, into.words + other.words
    into.s_l, into.s_l_n = into.s_l + other.s_l, into.s_l_n + other.s_l_n
    into.s_q, into.s_q_n = into.s_q + other.s_q, into.s_q_n + other.s_q_n


def cell(words: int) -> int:
    """The place of a length on the scatter's axes."""
    return round(math.log2(max(1, words)) * _GRAIN)


def words_at(place: float) -> float:
    """The length that stands at a place: the other way round."""
    return float(2 ** (place / _GRAIN))
