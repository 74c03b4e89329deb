"""What a call will use, before it is made."""

from __future__ import annotations

from longwriter_cli.llm.base import Request
from longwriter_cli.records import Usage
from longwriter_cli.text.tokens import tokens_to_come

_BYTES_PER_TOKEN = 4
_STEP_TOKENS = 45  # a line of a plan
_STEP_WORDS = 450  # what it plans, on average
_VERDICT_TOKENS = 60  # a sentence, a number and a word
JUDGEMENT_TOKENS = 150  # a few sentences and six scores
_UNKNOWN_TOKENS = 500  # the answer to a question that names no length


def expected_usage(request: Request) -> Usage:
    """Bytes / 4 of the prompt, and the tokens of the answer, as far as `max_tokens` lets it."""
    answer = expected_answer(request)
    if request.max_tokens is not None:
        answer = min(answer, request.max_tokens)
    turns = (request.prompt, *(turn for example in request.examples for turn in example))
    prompt = sum(len(turn) if turn.isascii() else len(turn.encode("utf-8", "replace")) for turn in turns)
    return Usage(prompt // _BYTES_PER_TOKEN, 0, answer)


def expected_answer(request: Request) -> int:
    """Tokens of the text that the request asks for."""
    if request.kind == "plan":
        return _STEP_TOKENS * max(3, (request.target_words or 3000) // _STEP_WORDS)
    if request.kind == "select":
        return _VERDICT_TOKENS
    if request.kind in ("judge", "compare"):
        return JUDGEMENT_TOKENS
    if request.target_words is not None:
        return round(tokens_to_come(request.target_words, request.language))
    return _UNKNOWN_TOKENS
