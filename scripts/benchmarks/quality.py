"""The default filters on the planted sets: what they catch, what they drop by mistake, and how fast they are.

The second set was written after the filters stood, and they were not changed for it: it shows what they do with what is
new, and has no targets.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from types import ModuleType

from planted import known, unseen_set
from planted.case import Case, finished, prompt
from planted.prose import Prose
from table import Row

from longwriter_cli.text.filters import FinishedText, Sieve

_CAUGHT, _DROPPED = 0.95, 0.01
_MB_PER_S = 5.0


def rows(*, short: bool) -> list[Row]:
    return [
        *_set("planted", known, _CAUGHT, _DROPPED),
        *_set("unseen", unseen_set),
        *(_speed(language, words, 10 if short else 40) for language, words in (("en", 700), ("zh", 1_500))),
    ]


def _set(name: str, cases: ModuleType, least: float | None = None, most: float | None = None) -> list[Row]:
    caught = [
        Row(f"{name}: {kind} caught", f"{found} of {all_of}", "", found / all_of, least, at_least=True, exact=True)
        for kind, (found, all_of) in _dropped(cases.bad()).items()
    ]
    clean = _dropped(cases.clean())
    plain, awkward = clean.pop("plain"), [sum(column) for column in zip(*clean.values(), strict=True)]
    dropped, all_of = plain[0] + awkward[0], plain[1] + awkward[1]
    return [
        *caught,
        Row(f"{name}: clean dropped", f"{dropped} of {all_of}", "", dropped / all_of, most, exact=True),
        Row("  of plain ones", f"{plain[0]} of {plain[1]}", "", plain[0] / plain[1]),
        Row("  of awkward ones", f"{awkward[0]} of {awkward[1]}", "", awkward[0] / awkward[1]),
    ]


def _dropped(cases: Iterable[Case]) -> dict[str, tuple[int, int]]:
    """For each kind, how many were dropped and how many there are."""
    sieve = Sieve()
    dropped: Counter[str] = Counter()
    all_of: Counter[str] = Counter()
    for case in cases:
        all_of[case.kind] += 1
        dropped[case.kind] += sieve.judge(case.text) is not None
    return {kind: (dropped[kind], all_of[kind]) for kind in all_of}


def _speed(language: str, words: int, texts: int) -> Row:
    """CPU of all default filters together on clean texts of about 60 KB, in 14 sections."""
    made = []
    for seed in range(texts):
        prose = Prose(language, seed)
        made.append(finished(prompt(language, seed), [prose.words(words) for _ in range(14)]))
    sieve = Sieve()
    best = 0.0
    for _ in range(3):
        # A text keeps what was made of it, so each round has its own.
        fresh = [FinishedText(text.instruction, text.steps, text.sections) for text in made]
        size = sum(len(section.text.encode()) for text in made for section in text.sections)
        start = time.process_time()
        for text in fresh:
            sieve.judge(text)
        best = max(best, size / 1e6 / (time.process_time() - start))
    return Row(f"filters, {language}: MB a second of CPU", f"{best:.1f} MB/s", "", best, _MB_PER_S, at_least=True)
