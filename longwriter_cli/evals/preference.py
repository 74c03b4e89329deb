"""Which of two texts a judge prefers, asked in both orders: judges favour the one that they read first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeGuard

from longwriter_cli.evals.answers import json_values, without_thoughts
from longwriter_cli.llm.base import Request
from longwriter_cli.prompts import Template
from longwriter_cli.settings import Settings
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.quotation import quote

Better = Literal["first", "second", "tie"]
_CHOICES: tuple[Better, ...] = ("first", "second", "tie")
ANSWER_FIELDS: Mapping[str, Any] = {"analysis": {"type": "string"}, "better": {"type": "string", "enum": [*_CHOICES]}}

_VERDICT = re.compile(r"""["'*]{0,3}better["'*]{0,3}\s*[:=]\s*["'*]{0,3}(first|second|tie)\b""", re.IGNORECASE)


def compare_request(
    prompt: str, first: str, second: str, affinity: str, settings: Settings, template: Template
) -> Request:
    """The call that has two texts, written for the same prompt, compared by the judge of the settings."""
    assert settings.judge_model is not None
    responses = f"The first response:\n\n{quote(first)}\n\nThe second response:\n\n{quote(second)}"
    return Request(
        kind="compare",
        affinity=affinity,
        model=settings.judge_model,
        prompt=template.fill(INST=quote(prompt), RESPONSE=responses),
        params=dict(settings.judge_extra_body or {}),
        language=detect_language(prompt),
    )


def read_better(answer: str) -> Better | None:
    """The verdict in an answer, or None where it holds none, or two that differ."""
    text = without_thoughts(answer)
    found = {str(value["better"]).strip().lower() for value in json_values(text, _has_verdict) if _has_verdict(value)}
    found = found or {verdict.lower() for verdict in _VERDICT.findall(text)}
    return next((choice for choice in _CHOICES if found == {choice}), None)


def _has_verdict(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict) and "better" in value


@dataclass(frozen=True, slots=True)
class Tally:
    """Over `n` texts that were compared in both orders. A verdict that turns with the order is a tie, `turned`."""

    n: int
    wins: int
    losses: int
    ties: int
    turned: int


def tally(verdicts: Iterable[tuple[Better, Better]]) -> Tally:
    """Each text's two verdicts: where this run's text stood first, and where it stood second."""
    pairs = list(verdicts)
    wins = sum(pair == ("first", "second") for pair in pairs)
    losses = sum(pair == ("second", "first") for pair in pairs)
    turned = sum(pair[0] == pair[1] != "tie" for pair in pairs)
    return Tally(len(pairs), wins, losses, len(pairs) - wins - losses, turned)
