"""The scores in a judge's answer: JSON of several shapes, fenced or not, with or without remarks around it, or prose.

An answer that can be read in two ways is not read: better asked again than guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import zip_longest

from longwriter_cli.evals.answers import json_values, without_thoughts

DIMENSIONS = ("Relevance", "Accuracy", "Coherence", "Clarity", "Breadth and Depth", "Reading Experience")
LOWEST, HIGHEST = 1, 5

# Judges translate and abbreviate. Compared in lower case, letters alone, without "and".
_ALSO: Mapping[str, tuple[str, ...]] = {
    "Relevance": ("relevancy", "相关性", "切题性", "切题"),
    "Accuracy": ("准确性", "准确度", "正确性"),
    "Coherence": ("coherency", "连贯性", "一致性"),
    "Clarity": ("清晰度", "清晰性", "明晰性"),
    "Breadth and Depth": ("depth and breadth", "广度与深度", "广度和深度", "深度与广度", "深度和广度"),
    "Reading Experience": ("reader experience", "readability", "阅读体验", "可读性"),
}
_DEEPEST = 4  # objects and lists around the scores
_SCORE_KEYS = ("score", "rating", "value", "points", "mark", "grade", "评分", "得分", "分数", "打分")
_NAME_KEYS = ("dimension", "name", "criterion", "criteria", "aspect", "respect", "category", "metric", "维度", "指标")


Found = dict[str, set[str]]
"""What an answer gives for each dimension, as it stands there."""


class NoScores(Exception):
    """Why an answer gives no scores, in words that can be told to the judge."""


def read_scores(answer: str) -> dict[str, int]:
    """One score from 1 to 5 for each dimension, in their order.

    Raises:
        NoScores: a dimension is missing, a score is no whole number from 1 to 5, or there are two sets that differ.
    """
    text = without_thoughts(answer)
    sets = [found for value in json_values(text, lambda value: bool(_in_json(value))) if (found := _in_json(value))]
    if not sets:
        prose = _in_prose(text)
        if not prose:
            raise NoScores("it held no scores")
        sets = [prose]
    # A set that lacks something may be a remark; beside a whole one it counts for nothing.
    whole = [found for found in sets if len(found) == len(DIMENSIONS)] or [_merged(sets)]
    checked = [_checked(found) for found in whole]
    if any(other != checked[0] for other in checked):
        raise NoScores("it held several sets of scores that differ")
    return checked[0]


def _merged(sets: Iterable[Found]) -> Found:
    """Sets that came one dimension at a time."""
    return _together((name, given) for found in sets for name, amounts in found.items() for given in amounts)


def _checked(found: Mapping[str, set[str]]) -> dict[str, int]:
    scores = {}
    for name in DIMENSIONS:
        given = found.get(name, set())
        if not given:
            raise NoScores(f"it held no score for {name}")
        if len(given) > 1:
            raise NoScores(f"it held several scores for {name}: {', '.join(sorted(given))}")
        scores[name] = _score(name, next(iter(given)))
    return scores


_NUMBER = re.compile(
    r"(-?\d{1,6}(?:\.\d{1,6})?)\s*(?:(?:/|out\s+of|of)\s*(\d{1,3})(?:\.0*)?)?\s*(?:分|points?|stars?)?"
)


def _score(name: str, given: str) -> int:
    number = _NUMBER.fullmatch(given.strip())
    value = float(number[1]) if number else -1.0
    if number and number[2] is not None and int(number[2]) != HIGHEST:
        raise NoScores(f"its score for {name}, {given[:20]}, is on another scale than {LOWEST} to {HIGHEST}")
    if not value.is_integer() or not LOWEST <= value <= HIGHEST:
        raise NoScores(f"its score for {name}, {given[:20]}, is no whole number from {LOWEST} to {HIGHEST}")
    return int(value)


# --- names


def _bare(name: str) -> str:
    return "".join(re.findall(r"[^\W\d_]+", re.sub(r"(?i)\band\b|_and_|&|与|和|及", " ", name))).casefold()


_BY_NAME = {_bare(alias): name for name in DIMENSIONS for alias in (name, *_ALSO[name])}


def _dimension(name: object) -> str | None:
    if not isinstance(name, str) or len(name) > 60:
        return None
    bare = _bare(re.sub(r"([a-z])(?=[A-Z])", r"\1 ", name))
    return _BY_NAME.get(bare) or _BY_NAME.get(bare.removesuffix("score").removesuffix("rating"))


# --- JSON


def _in_json(value: object, depth: int = _DEEPEST) -> Found:
    """What is given for each dimension in a decoded value; the outermost object or list that gives any."""
    if depth == 0:
        return {}
    if isinstance(value, Mapping):
        found = _together(_entry(name, inner) for name, inner in value.items())
        return found or next(filter(None, (_in_json(inner, depth - 1) for inner in value.values())), {})
    if isinstance(value, list):
        rows = [row for row in value if isinstance(row, Mapping)]
        found = _together(_row(row) for row in rows)
        return found or next(filter(None, (_in_json(row, depth - 1) for row in rows)), {})
    return {}


def _together(entries: Iterable[tuple[str, str] | None]) -> Found:
    found: Found = {}
    for entry in entries:
        if entry is not None:
            found.setdefault(entry[0], set()).add(entry[1])
    return found


def _entry(name: object, value: object) -> tuple[str, str] | None:
    """`"Clarity": 4`, or `"Clarity": {"score": 4, "reason": "…"}`."""
    dimension = _dimension(name)
    if dimension is None:
        return None
    if isinstance(value, Mapping):
        value = _of(value, _SCORE_KEYS)
    return None if value is None else (dimension, _as_given(value))


def _row(row: Mapping[object, object]) -> tuple[str, str] | None:
    """`{"dimension": "Clarity", "score": 4}`, or `{"Clarity": 4}`."""
    dimension, value = _dimension(_of(row, _NAME_KEYS)), _of(row, _SCORE_KEYS)
    if dimension is None:
        return _entry(*next(iter(row.items()))) if len(row) == 1 else None
    return None if value is None else (dimension, _as_given(value))


def _of(row: Mapping[object, object], keys: tuple[str, ...]) -> object:
    by_name = {str(key).strip().lower(): value for key, value in row.items()}
    return next((by_name[key] for key in keys if key in by_name), None)


def _as_given(value: object) -> str:
    """A score as text: 4, 4.0 and "4" are the same, true is none."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.strip() if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- prose

_NAMES = "|".join(
    re.escape(alias).replace(r"\ and\ ", r"\s*(?:and|&|/)\s*").replace(r"\ ", r"[\s_-]*")
    for name in DIMENSIONS
    for alias in sorted((name, *_ALSO[name]), key=len, reverse=True)
)
_NAMED = re.compile(rf"(?<![^\W\d_])({_NAMES})(?![^\W\d_])|({_NAMES})", re.IGNORECASE)
_TO = r"[ \t]*(?:-|–|—|~|～|to|至|到)[ \t]*"
_AMOUNT = rf"(-?\d{{1,6}}(?:\.\d{{1,6}})?(?:\s*(?:/|out\s+of)\s*\d{{1,3}})?)(?![A-Za-z0-9_%])(?!{_TO}\d)"
# "(1-5)" behind a name is the scale, and what stands in another scale is not read.
_SCALE = rf"(?:[ \t*_]{{0,4}}[(（\[]\s?(?:{LOWEST}{_TO}{HIGHEST}|(?:out\s+of|满分)\s?{HIGHEST})\s?分?\s?[)）\]])?"
_PUNCTUATION = r"[ \t*_`|:：=()（）\[\]\"'“”→>–—-]{0,20}"
_WORD_FOR_IT = r"(?:score|rating|评分|得分|分数)"
# "Clarity: 4", "**Clarity** (4/5)", "| Clarity | 4 |", "Clarity score: 4", "Clarity (1-5): 4".
_DIRECTLY = re.compile(rf"{_SCALE}{_PUNCTUATION}(?:{_WORD_FOR_IT}{_SCALE}{_PUNCTUATION})?{_AMOUNT}", re.IGNORECASE)
# Below the heading of a dimension, or behind a sentence on it: "Score: 4", "4/5".
_LATER = re.compile(
    rf"{_WORD_FOR_IT}{_SCALE}{_PUNCTUATION}(?:of\s+)?{_AMOUNT}|(?<![\w.])(\d\s*/\s*5)(?!\w)", re.IGNORECASE
)


def _in_prose(text: str) -> Found:
    """What is given for each dimension behind its name, up to the next name."""
    names = [found for found in _NAMED.finditer(text) if found[1] or not found[2].isascii()]
    given: Found = {}
    later: Found = {}
    for name, after in zip_longest(names, names[1:]):
        end = after.start() if after else len(text)
        dimension = _BY_NAME[_bare(name[0])]
        if direct := _DIRECTLY.match(text, name.end(), end):
            given.setdefault(dimension, set()).add(_tidy(direct[1]))
        else:
            amounts = {_tidy(found[1] or found[2]) for found in _LATER.finditer(text, name.end(), end)}
            later.setdefault(dimension, set()).update(amounts)
    return {name: amounts for name, amounts in (later | given).items() if amounts}


def _tidy(amount: str) -> str:
    """4, 4.0 and 4/5 are one score, not several."""
    number = _NUMBER.fullmatch(amount)
    if number is None or (number[2] is not None and int(number[2]) != HIGHEST):
        return amount
    return number[1].removesuffix(".0")
