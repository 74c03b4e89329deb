"""What an answer says: its text, how it ended, what it cost. In OpenAI's words, whoever the endpoint is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.records import Usage

_BYTES_PER_TOKEN = 4

# How endpoints call OpenAI's reasons to finish: Gemini, Mistral, Anthropic, TGI, Zhipu.
_FINISH_REASONS = {
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "sensitive": "content_filter",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "eos_token": "stop",
}
# The endpoint gave up in the middle: OpenRouter, vLLM and SGLang, DeepSeek, Zhipu.
_BROKEN_OFF = frozenset({"error", "abort", "insufficient_system_resource", "network_error"})


def read_completion(answer: Mapping[str, Any], request: Request) -> Completion:
    """Reads an answer.

    Raises:
        CallFailed: it has no message, or was broken off.
    """
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise CallFailed("an answer without a message", usage=usage_of(answer, request, "")) from None
    refusal = message.get("refusal") if isinstance(message.get("refusal"), str) else None
    thought = message.get("reasoning_content") or message.get("reasoning")
    usage = usage_of(answer, request, text + thought if isinstance(thought, str) else text)
    finish_reason = _finish_reason(choice.get("finish_reason"))
    if finish_reason in _BROKEN_OFF:
        raise CallFailed(f"an answer broken off by the endpoint ({finish_reason})", usage=usage)
    model = answer.get("model")
    return Completion(
        text=text or refusal or "",
        finish_reason=finish_reason,
        model=model if isinstance(model, str) and model else request.model,
        usage=usage,
        refused=not text and bool(refusal),
    )


def _text(content: Any) -> str:
    """The text of a message: a string, or parts of which those that are text count."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise TypeError
    parts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return "".join(part for part in parts if isinstance(part, str))


def _finish_reason(value: Any) -> str:
    """In OpenAI's words; "stop" where nothing is said. Gemini adds details: `content_filter: RECITATION`."""
    reason = str(value or "stop").partition(":")[0].strip().lower()
    return _FINISH_REASONS.get(reason, reason)


def usage_of(answer: Mapping[str, Any], request: Request, written: str) -> Usage:
    """The tokens that the endpoint reports; where it reports none, an estimate from bytes."""
    reported = answer.get("usage")
    usage = reported if isinstance(reported, dict) else {}
    prompt, completion, total = (count_of(usage.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    if prompt and total > prompt:
        completion = max(completion, total - prompt)  # Gemini and xAI bill thoughts in the total alone
    details = usage.get("prompt_tokens_details")
    cached = count_of(details.get("cached_tokens")) if isinstance(details, dict) else 0
    cached = cached or count_of(usage.get("prompt_cache_hit_tokens")) or count_of(usage.get("cached_tokens"))
    if prompt and (completion or not written):
        return Usage(prompt, min(cached, prompt), completion)
    asked = (request.prompt, *(turn for example in request.examples for turn in example))
    prompt = prompt or sum(map(_size, asked)) // _BYTES_PER_TOKEN
    return Usage(prompt, min(cached, prompt), completion or _size(written) // _BYTES_PER_TOKEN, True)


_MOST_TOKENS = 2**40  # a number beyond that is none of tokens, and could not be stored


def count_of(value: Any) -> int:
    """A number of tokens; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and 0 < value < _MOST_TOKENS else 0


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
