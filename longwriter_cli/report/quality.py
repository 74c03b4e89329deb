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
    judge = None if run.manifest is None else Settings.from_row(run.manifest.settings).judge_model
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
    scores = [list(rows.values()) for rows in newest.values()]
    qualities = [quality for rows in scores if (quality := quality_score(rows)) is not None]
    dimensions = [means for rows in scores if (means := dimension_scores(rows)) is not None]
    if judge is None or not qualities:
        return None
    means = {name: round(sum(each[name] for each in dimensions) / len(dimensions), 2) for name in dimensions[0]}
    return Quality(judge, len(qualities), round(sum(qualities) / len(qualities), 2), means)
