"""When a run spent its tokens, as its rows tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from longwriter_cli.records import Usage
from longwriter_cli.report.money import CostOf
from longwriter_cli.store.jsonl import RowReader
from longwriter_cli.store.load import ANSWERS
from longwriter_cli.store.run import FAILURES, PLANS, SECTIONS, Run

_POINTS = 60
_MOST_TIMES = 20_000  # times that are told apart while the rows are read


@dataclass(frozen=True, slots=True)
class _Tokens:
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Spent:
    at: str = ""
    model: str = ""
    usage: _Tokens = field(default_factory=_Tokens)


@dataclass(frozen=True, slots=True)
class Point:
    """What was spent up to `after_s` seconds after the first answer, all models together. `cost_usd` may be unknown."""

    after_s: int
    usage: Usage
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """From the first answer on, at most 61 points in equal steps. `begun` is UTC."""

    begun: datetime
    points: tuple[Point, ...]


def timeline(run: Run, cost_of: CostOf) -> Timeline | None:
    """Reads the heads of all rows that a call stands behind; None where no row says when it was made.

    Raises:
        InputError: a row of the run cannot be read.
    """
    spent = _spent(run)
    if not spent:
        return None
    first, last = min(at for at, _ in spent), max(at for at, _ in spent)
    step = max(1, -(-(last - first) // _POINTS))
    by_step: dict[int, Counter[tuple[str, str]]] = {}
    for (at, model), tokens in spent.items():
        counter = by_step.setdefault(-(-(at - first) // step), Counter())
        for name, amount in tokens.items():
            counter[model, name] += amount
    total: Counter[tuple[str, str]] = Counter()
    points = []
    for place in range(max(by_step) + 1):
        total.update(by_step.get(place, Counter()))
        points.append(_point(place * step, total, cost_of))
    return Timeline(datetime.fromtimestamp(first, UTC), tuple(points))


def _spent(run: Run) -> dict[tuple[int, str], Counter[str]]:
    """Tokens by time in seconds and model; the times of a long run are rounded down so that they stay few."""
    spent: dict[tuple[int, str], Counter[str]] = {}
    grain = 1
    for name in (PLANS, SECTIONS, FAILURES, *ANSWERS.values()):
        for _, _, row in RowReader(_Spent).scan(run.directory / name):
            try:
                at = int(datetime.fromisoformat(row.at).timestamp())
            except (ValueError, OverflowError):
                continue  # a row that was put in by hand
            usage = row.usage
            if not (usage.prompt_tokens or usage.completion_tokens):
                continue
            _add(spent, at - at % grain, row.model, _amounts(usage))
            if len(spent) > _MOST_TIMES:
                grain *= 4
                spent = _coarser(spent, grain)
    return spent


def _amounts(usage: _Tokens) -> Mapping[str, int]:
    return {"prompt": usage.prompt_tokens, "cached": usage.cached_tokens, "completion": usage.completion_tokens}


def _add(spent: dict[tuple[int, str], Counter[str]], at: int, model: str, amounts: Mapping[str, int]) -> None:
    spent.setdefault((at, model), Counter()).update(amounts)


def _coarser(spent: dict[tuple[int, str], Counter[str]], grain: int) -> dict[tuple[int, str], Counter[str]]:
    fewer: dict[tuple[int, str], Counter[str]] = {}
    for (at, model), amounts in spent.items():
        _add(fewer, at - at % grain, model, amounts)
    return fewer


def _point(after_s: int, total: Counter[tuple[str, str]], cost_of: CostOf) -> Point:
    models = {model for model, _ in total}
    usage = {
        model: Usage(total[model, "prompt"], total[model, "cached"], total[model, "completion"]) for model in models
    }
    return Point(after_s, sum(usage.values(), Usage()), cost_of(usage))
