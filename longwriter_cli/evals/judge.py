"""S_q: how good a text is, in the eyes of a judge model (LongWriter, arXiv 2408.07055, section 4.1).

Six dimensions, each rated with a whole number from 1 to 5; the score of texts is the mean over dimensions of
(mean - 1) · 25, in [0, 100]. Here are the call, the form of the answer and the arithmetic; `evals.scores` reads
answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from longwriter_cli.evals.scores import DIMENSIONS, HIGHEST, LOWEST
from longwriter_cli.llm.base import Request
from longwriter_cli.prompts import Template
from longwriter_cli.settings import Settings
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.quotation import quote

Scores = Mapping[str, int]

_SCORE = {"type": "integer", "enum": list(range(LOWEST, HIGHEST + 1))}
ANSWER_FIELDS: Mapping[str, Any] = {"analysis": {"type": "string"}, **dict.fromkeys(DIMENSIONS, _SCORE)}
"""What an answer holds, as properties of a JSON schema. The analysis comes first, so that the scores rest on it."""


def judge_request(prompt: str, response: str, affinity: str, settings: Settings, template: Template) -> Request:
    """The call that has `response`, a text written for `prompt`, rated by the judge of the settings."""
    assert settings.judge_model is not None
    return Request(
        kind="judge",
        affinity=affinity,
        model=settings.judge_model,
        prompt=template.fill(INST=quote(prompt), RESPONSE=quote(response)),
        params=dict(settings.judge_extra_body or {}),
        language=detect_language(prompt),
    )


def dimension_scores(judgements: Iterable[Scores]) -> dict[str, float] | None:
    """The mean score of each dimension, in [0, 100]; None without judgements.

    One that lacks a dimension, which only an edit of its row can do, counts as none.
    """
    rows = [row for row in judgements if row.keys() >= set(DIMENSIONS)]
    if not rows:
        return None
    return {name: _on_scale(sum(row[name] for row in rows) / len(rows)) for name in DIMENSIONS}


def quality_score(judgements: Sequence[Scores]) -> float | None:
    """S_q in [0, 100]: of one text that was judged several times, or of many texts judged once. None without any."""
    means = dimension_scores(judgements)
    return None if means is None else sum(means.values()) / len(means)


def _on_scale(mean: float) -> float:
    return (mean - LOWEST) * 100 / (HIGHEST - LOWEST)
