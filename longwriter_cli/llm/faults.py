"""Every way in which a call can go wrong, sorted once: try it again, give up this instruction, or stop the run.

| what happened                                             | sorted as                                |
|-----------------------------------------------------------|------------------------------------------|
| connection refused or cut, time-out, 408, 409, 425, 5xx   | `CallFailed`: try again                  |
| 429                                                       | `CallFailed`, with the wait it asks for  |
| 429 with an exhausted quota; 401, 402, 403, 404           | `EndpointRefused`: stop the run          |
| 400 or 422 that names a parameter                         | `EndpointRefused`, naming the parameter  |
| 400 or 413, context too long                              | `InstructionFailed("context_length")`    |
| 400, content policy                                       | `InstructionFailed("content_filter")`    |
| any other 4xx                                             | `InstructionFailed("bad_request")`       |
| an answer that is not what the API document says          | `CallFailed`: try again                  |
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.records import Usage

if TYPE_CHECKING:
    import openai

_RETRY_STATUS = frozenset({408, 409, 425, 429})
_REFUSED_STATUS = frozenset({401, 402, 403, 404})
_QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "account_deactivated", "access_terminated")
_CONTEXT_CODES = ("context_length_exceeded", "exceed_context_size_error", "string_above_max_length")
_CONTEXT_WORDS = re.compile(
    r"context (?:length|size|window)|maximum context|too many tokens|prompt is too long"
    r"|exceeds? the (?:model's )?max",
    re.IGNORECASE,
)
_FILTER_WORDS = re.compile(r"content[_ ](?:filter|policy|management)|responsible ?ai|safety system", re.IGNORECASE)
_PARAMETER_CODES = ("unsupported_parameter", "unsupported_value", "unknown_parameter", "invalid_value")
_CONTEXT_SIZE = re.compile(
    r"(?:maximum context length (?:is|of)|context (?:length|size|window)(?: is| of)?|n_ctx\D{0,12})"
    r"\D{0,12}?([\d,]{3,})",
    re.IGNORECASE,
)
_SHOWN_CHARACTERS = 400


class CallFailed(Exception):
    """One try failed in a way that another try may not.

    `retry_after_s` is the wait the endpoint asked for; such a try costs no attempt, for the endpoint has done no
    work. `usage` is what an answer cost that cannot be used.
    """

    def __init__(self, problem: str, *, retry_after_s: float | None = None, usage: Usage | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after_s = retry_after_s
        self.usage = usage or Usage()


class MaxTokensRenamed(Exception):
    """The endpoint wants `max_completion_tokens` in place of `max_tokens`."""


def sort_status_error(error: openai.APIStatusError, model: str, now: float) -> Exception:
    """Turns an HTTP error into what the caller has to do. `now` is Unix time in seconds, for Retry-After dates."""
    status, text = error.status_code, shorten(error.message)
    code, kind, parameter = (str(value or "") for value in (error.code, error.type, error.param))
    if status == 429 and (code in _QUOTA_CODES or kind in _QUOTA_CODES):
        return EndpointRefused(f"The quota is used up: {text}", "Raise the quota or use another key, then go on.")
    if status in _RETRY_STATUS or status >= 500:
        return CallFailed(f"HTTP {status}: {text}", retry_after_s=retry_after_s(error.response.headers, now))
    if status in _REFUSED_STATUS:
        return _refused(status, text, code, model)
    if code in _CONTEXT_CODES or kind in _CONTEXT_CODES or status == 413 or _CONTEXT_WORDS.search(text):
        return InstructionFailed("context_length", text, model=model)
    if code == "content_filter" or _FILTER_WORDS.search(text):
        return InstructionFailed("content_filter", text, model=model)
    if "max_completion_tokens" in text and "max_tokens" in text and "max_tokens" in (parameter or text):
        return MaxTokensRenamed()
    if parameter and parameter not in ("messages", "prompt", "model") and code in _PARAMETER_CODES:
        return EndpointRefused(
            f"The endpoint does not take the parameter {parameter!r}: {text}",
            f"Leave out --{parameter.replace('_', '-')}, or mend --extra-body; add --new-settings if the run has it.",
        )
    return InstructionFailed("bad_request", f"HTTP {status}: {text}", model=model)


def _refused(status: int, text: str, code: str, model: str) -> EndpointRefused:
    if status == 401:
        tip = "Set the key in OPENAI_API_KEY, or in the variable that --api-key-env names."
        return EndpointRefused(f"The endpoint refuses the key: {text}", tip)
    if status == 402:
        return EndpointRefused(f"The endpoint asks for payment: {text}", "Top up the account, then go on.")
    if status == 403:
        return EndpointRefused(f"The key may not do this: {text}", "Use a key that may use this model.")
    if "model" in code or "model" in text.lower():
        return EndpointRefused(f"The endpoint has no model {model!r}: {text}", "Name one it has with -m.")
    return EndpointRefused(f"There is no such address: {text}", "Mend --base-url; it mostly ends in /v1.")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that the endpoint asks for in seconds, at least 0, or None.

    Reads `retry-after-ms` and `retry-after` as seconds or as an HTTP date (RFC 9110 §10.2.3).
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return max(0.0, seconds)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now) if value else None
    except ValueError:
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and number == number and number != float("inf") else None


def context_size(message: str) -> int | None:
    """The model's context in tokens, where an error message names it."""
    found = _CONTEXT_SIZE.search(message)
    return int(found[1].replace(",", "")) if found else None


def shorten(text: Any) -> str:
    """An endpoint's words, on one line and at most 400 characters long."""
    line = " ".join(str(text).split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def mask_url(url: str) -> str:
    """The URL without a user name, password or query, any of which may be a secret."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        netloc = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return "(a URL that cannot be read)"
    if "@" in parts.netloc:
        netloc = f"***@{netloc}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
