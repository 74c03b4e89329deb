"""What the judge of a run thinks of its finished texts, as far as the rows tell: no text is read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from longwriter_cli.evals.judge import Scores, dimension_scores, quality_score
from longwriter_cli.records import PART_SAMPLES, Judgement
from longwriter_cli.settings import Settings
from longwriter_cli.store.run import Run


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the newest judgements that each text got. `score` is the mean S_q of the `judged` texts, in [0, 100]."""

    judge: str
    judged: int
    score: float
    dimensions: Mapping[str, float]


def run_quality(run: Run) -> Quality | None:
    """The figures for the judge that the run is set to; None where nothing was judged."""
    scores = list(_newest(run).values())
    qualities = [quality for rows in scores if (quality := quality_score(rows)) is not None]
    dimensions = [means for rows in scores if (means := dimension_scores(rows)) is not None]
    judge = _judge_of(run)
    if judge is None or not qualities:
        return None
    means = {name: round(sum(each[name] for each in dimensions) / len(dimensions), 2) for name in dimensions[0]}
    return Quality(judge, len(qualities), round(sum(qualities) / len(qualities), 2), means)


def text_qualities(run: Run) -> dict[tuple[str, int], float]:
    """S_q in [0, 100] of each text that the run's judge has scored, by id and sample."""
    scores = {text: quality_score(rows) for text, rows in _newest(run).items()}
    return {text: score for text, score in scores.items() if score is not None}


def _judge_of(run: Run) -> str | None:
    return None if run.manifest is None else Settings.from_row(run.manifest.settings).judge_model


def _newest(run: Run) -> dict[tuple[str, int], list[Scores]]:
    """The judgements of each text by that judge, as it stands now."""
    judge = _judge_of(run)
    newest: defaultdict[tuple[str, int], dict[int, Scores]] = defaultdict(dict)
    of: dict[tuple[str, int], str] = {}
    for judgement in run.answers(Judgement):
        text = judgement.id, judgement.sample
        if judgement.judge != judge or judgement.sample >= PART_SAMPLES or run.index.position(judgement.id) is None:
            continue
        if of.setdefault(text, judgement.of) != judgement.of:  # written anew since
            of[text] = judgement.of
            newest[text].clear()
        newest[text][judgement.n] = judgement.scores
    return {text: list(rows.values()) for text, rows in newest.items()}
