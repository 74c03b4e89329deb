"""Every way in which a call can go wrong, sorted once: try it again, give up this instruction, or stop the run.

| what happened                                                  | sorted as                                 |
|----------------------------------------------------------------|-------------------------------------------|
| connection refused or cut, time-out, 408, 409, 425, 429, 5xx   | `CallFailed`: try again                   |
| 429 or 503 that says how long to wait, 402 with Retry-After    | the same, at no cost of an attempt        |
| an exhausted quota or balance (402, 429, or 400 in words)      | `EndpointRefused`: stop the run           |
| 401, 403, 407, or 400 that speaks of the API key               | `EndpointRefused`: the key                |
| 404, 405, 410, or 400 that knows no such model                 | `EndpointRefused`: the model, the address |
| 400 or 422 that names a parameter which was sent               | `EndpointRefused`, naming its option      |
| 400, 413, 422 or 500, context too long                         | `InstructionFailed("context_length")`     |
| 400, 403 or 451, content policy                                | `InstructionFailed("content_filter")`     |
| any other 4xx                                                  | `InstructionFailed("bad_request")`        |
| an answer that is not what the API document says               | `CallFailed`: try again                   |

Endpoints that call themselves OpenAI-compatible agree on the status at most, so what they say is read too. The shapes
and words are those of OpenAI, Azure, vLLM, SGLang, TGI, llama.cpp, Ollama, LM Studio, OpenRouter, Anthropic, Gemini,
Mistral, DeepSeek, DashScope (Qwen), Zhipu (GLM), Moonshot and FastAPI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.rates import RateLimits, read_rate_limits
from longwriter_cli.records import Usage

_SHOWN_CHARACTERS = 400
_READ_CHARACTERS = 10_000  # of what is not JSON
_DEEPEST = 3  # errors of a provider inside those of a router inside those of a gateway


class CallFailed(Exception):
    """One try failed in a way that another try may not.

    `retry_after_s` is the wait the endpoint asked for. `costs_attempt` is false where the request cannot be at fault
    and the endpoint has done no work: it only put the call off. `usage` is what an answer cost that cannot be used.
    `unreachable`: no connection could be made. `throttled`: too many requests at once. `limits` is what the endpoint
    says of its rate limits.
    """

    def __init__(
        self,
        problem: str,
        *,
        retry_after_s: float | None = None,
        costs_attempt: bool = True,
        usage: Usage | None = None,
        unreachable: bool = False,
        throttled: bool = False,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.retry_after_s = retry_after_s
        self.costs_attempt = costs_attempt
        self.usage = usage or Usage()
        self.unreachable = unreachable
        self.throttled = throttled
        self.limits: RateLimits | None = None


class MaxTokensRenamed(CallFailed):
    """The endpoint wants `max_completion_tokens` in place of `max_tokens`. No fault of the call: it costs nothing."""

    def __init__(self) -> None:
        super().__init__(
            "the endpoint wants max_completion_tokens in place of max_tokens", retry_after_s=0.0, costs_attempt=False
        )


# --- what an endpoint says


@dataclass(frozen=True, slots=True)
class Said:
    """An error in the endpoint's words: the message, all that looks like a code (lower case), the parameter named."""

    message: str = ""
    codes: frozenset[str] = frozenset()
    parameter: str = ""

    def has_code(self, codes: Collection[str]) -> bool:
        return not self.codes.isdisjoint(codes)


def read_error(body: str) -> Said:
    """Reads the body of an error, whatever its shape; never raises."""
    try:
        return said_by(json.loads(body))
    except (ValueError, RecursionError):
        return Said(page_text(body))


def said_by(value: Any, depth: int = 0) -> Said:
    """Reads a parsed error: `{"error": {…}}`, `{"error": "…"}`, its fields at top level, a list of these, a string."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), {})
    if isinstance(value, str):
        return Said(value)
    if not isinstance(value, dict) or depth > _DEEPEST:
        return Said()
    error = value.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else {}
    fields = value | inner
    details = fields.get("detail") or fields.get("message") or (error if isinstance(error, str) else "")
    message, parameter = _details(details)
    codes = {str(fields[name]).lower() for name in ("code", "type", "status", "error_type") if fields.get(name)}
    for name in ("innererror", "metadata"):
        if isinstance(further := fields.get(name), dict):
            codes |= said_by(further, depth + 1).codes
            if "reasons" in further:  # OpenRouter's moderation: why the input was flagged
                codes.add("content_filter")
            if (raw := _parsed(further.get("raw"))) is not None:  # the provider behind OpenRouter
                provider = said_by(raw, depth + 1)
                message, codes = f"{message}: {provider.message}", codes | provider.codes
    if "n_ctx" in fields:  # llama.cpp tells the context beside its message
        message += f" (n_ctx = {fields['n_ctx']})"
    named = fields.get("param")
    return Said(message, frozenset(codes), named if isinstance(named, str) else parameter)


def _details(value: Any) -> tuple[str, str]:
    """The message, and the parameter where it is a list of pydantic's, as FastAPI and Mistral send it."""
    if isinstance(value, dict):
        value = value.get("detail") or [value]
    if not isinstance(value, list):
        return str(value or ""), ""
    faults = [fault for fault in value if isinstance(fault, dict)]
    # Only place and reason: `input` would bring the prompt into the message.
    places = [[str(part) for part in loc] if isinstance(loc := fault.get("loc"), list) else [] for fault in faults]
    reasons = [str(fault.get("msg") or fault.get("message") or "") for fault in faults]
    message = "; ".join(f"{'.'.join(place)}: {why}".strip(": ") for place, why in zip(places, reasons, strict=True))
    return message, places[0][-1] if places and places[0] else ""


def _parsed(raw: Any) -> Any:
    if isinstance(raw, str):
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return raw
    return raw


def page_text(text: str) -> str:
    """What can be read of a proxy's page: its title, else its text."""
    text = text[:_READ_CHARACTERS].lstrip()
    if not text.startswith("<"):
        return text
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return title[1].strip() if title else re.sub(r"<[^<>]*>", " ", text)


# --- what it means


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


_QUOTA_CODES = (
    "insufficient_quota",
    "billing_hard_limit_reached",
    "billing_not_active",
    "account_deactivated",
    "access_terminated",
    "arrearage",
    "1113",  # Zhipu: no balance
)
_QUOTA_WORDS = _words(
    r"insufficient (?:account )?balance", r"credit balance is too low", r"access denied.*good standing"
)
_KEY_WORDS = _words(r"api[_ -]?key (?:not valid|expired|is invalid)", r"invalid api[_ -]?key")
_FILTER_CODES = (
    "content_filter",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "data_inspection_failed",
    "datainspectionfailed",
    "invalid_prompt",  # OpenAI: flagged before a reasoning model sees it
    "1301",  # Zhipu
)
_FILTER_WORDS = _words(
    r"content[_ ]?(?:filter|policy|management|moderation)",
    r"responsible ?ai",
    r"safety system",
    r"usage (?:policy|policies|guidelines)",
    r"content exists risk",  # DeepSeek
    r"inappropriate content|DataInspectionFailed",  # DashScope
    r"considered high risk",  # Moonshot
    r"input was flagged|requires moderation",  # OpenRouter
    r"不安全或敏感内容",  # Zhipu
)
_CONTEXT_CODES = (
    "context_length_exceeded",
    "exceed_context_size_error",
    "string_above_max_length",
    "request_too_large",
    "1261",  # Zhipu
)
_CONTEXT_WORDS = _words(
    r"context (?:length|size|window|limit)",
    r"maximum (?:context|prompt|model|input|sequence) length",
    r"too many (?:input )?tokens",
    r"prompt is too long|input is too long|prompt exceeds max",
    r"exceeds the maximum number of tokens",  # Gemini
    r"range of input length",  # DashScope
    r"max_new_tokens.{0,3} must be <=|must have less than \d+ tokens",  # TGI
    r"exceeded model token limit",  # Moonshot
)
_TOO_LARGE_WORDS = _words(r"request too large")  # OpenAI, Groq: a single request above the tokens of a minute
_MODEL_CODES = ("model_not_found", "model_not_supported", "invalid_model", "deploymentnotfound", "1211")
_MODEL_WORDS = _words(
    r"invalid model",
    r"not a valid model",
    r"no such model|unknown model",
    r"model (?:does )?not exist",
    r"model .{0,200}(?:not found|does not exist)",
    r"模型不存在",
)
_MODEL_NAMED = _words(r"\bmodels?\b", r"no endpoints found")
_PARAMETER_WORDS = _words(
    r"parameter|argument|field|value|option",
    r"unsupported|unrecognized|unknown|not support|not permitted|extra",
    r"must be|should be|too (?:large|small|high|low)|at (?:most|least)|exceed",
)
_PREFERS_COMPLETION_TOKENS = _words(r"\buse\W+max_completion_tokens")
_ASKS_TO_WAIT = _words(r"(?:try again|retry) (?:in|after) (?:(\d+)m)?(\d+(?:\.\d+)?) ?(ms|s)")

_OPTIONS = {
    "temperature": "--temperature",
    "top_p": "--top-p",
    "seed": "--seed",
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
}


def sort_error(
    status: int,
    said: Said,
    headers: Mapping[str, str],
    *,
    endpoint: str,
    model: str,
    now: float,
    sent: Collection[str] = (),
) -> Exception:
    """Turns an error into what the caller has to do about it.

    Args:
        status: of HTTP.
        endpoint: its address as it may be shown.
        now: Unix time in seconds, for Retry-After dates.
        sent: names of the parameters that the user has set for all calls of this kind.
    """
    text = shorten(said.message or "without a reason")
    wait_s = retry_after_s(headers, now)
    refused = _refused(status, said, text, endpoint, model, wait_s)
    if refused is not None:
        return refused
    if status in (400, 403, 422, 451) and (said.has_code(_FILTER_CODES) or _FILTER_WORDS.search(said.message)):
        return InstructionFailed("content_filter", text, model=model)
    too_large = status == 413 or (status == 429 and _TOO_LARGE_WORDS.search(said.message))
    if too_large or (status in (400, 422, 500) and _is_about_context(said)):
        return InstructionFailed("context_length", text, model=model)
    if status in (402, 408, 409, 425, 429) or status >= 500:
        if status == 429 and wait_s is None:
            wait_s = _wait_in_words(said.message)
        # A 500 may be the request's own fault: it would come forever, however long the wait it asks for.
        put_off = wait_s is not None and status in (402, 429, 503)
        failed = CallFailed(
            f"HTTP {status}: {text}", retry_after_s=wait_s, costs_attempt=not put_off, throttled=status == 429
        )
        failed.limits = read_rate_limits(headers)
        return failed
    if status in (401, 403, 404, 405, 407, 410):
        return _closed(status, text, endpoint, model, said)
    if "max_tokens" in sent and _PREFERS_COMPLETION_TOKENS.search(said.message):
        return MaxTokensRenamed()
    parameter = _parameter(said, sent)
    if parameter:
        option = _OPTIONS.get(parameter)
        return EndpointRefused(
            f"{endpoint} does not take the parameter {parameter!r}: {text}",
            f"Leave out {option or '--extra-body'}, or give another value; add --new-settings if the run has it.",
        )
    return InstructionFailed("bad_request", f"HTTP {status}: {text}", model=model)


def _refused(
    status: int, said: Said, text: str, endpoint: str, model: str, wait_s: float | None
) -> EndpointRefused | None:
    """What stops the run whatever else the error says."""
    quota = said.has_code(_QUOTA_CODES) or _QUOTA_WORDS.search(said.message)
    if (status in (400, 403, 429) and quota) or (status == 402 and wait_s is None):
        return EndpointRefused(
            f"The quota at {endpoint} is used up: {text}", "Top it up or use another key, then go on."
        )
    if status == 400 and _KEY_WORDS.search(said.message):
        return _closed(401, text, endpoint, model, said)
    if status in (400, 422) and _is_about_model(said) and not _is_about_context(said):
        return _closed(404, text, endpoint, model, said)
    return None


def _closed(status: int, text: str, endpoint: str, model: str, said: Said) -> EndpointRefused:
    match status:
        case 401:
            tip = "Set the key in OPENAI_API_KEY, or in the variable that --api-key-env names."
            return EndpointRefused(f"{endpoint} refuses the key: {text}", tip)
        case 403:
            return EndpointRefused(f"{endpoint} forbids this: {text}", "Use a key that may use this model.")
        case 407:
            tip = "Put its user and password into http_proxy, or the endpoint's host into no_proxy."
            return EndpointRefused(f"The proxy before {endpoint} wants a password: {text}", tip)
    if status != 405 and (_is_about_model(said) or _MODEL_NAMED.search(said.message)):
        return EndpointRefused(f"{endpoint} has no model {model!r}: {text}", "Name one it has with -m.")
    return EndpointRefused(
        f"{endpoint} does not answer chat calls (HTTP {status}): {text}", "Mend --base-url; it mostly ends in /v1."
    )


def _is_about_context(said: Said) -> bool:
    return said.has_code(_CONTEXT_CODES) or _CONTEXT_WORDS.search(said.message) is not None


def _is_about_model(said: Said) -> bool:
    return said.parameter == "model" or said.has_code(_MODEL_CODES) or _MODEL_WORDS.search(said.message) is not None


def _parameter(said: Said, sent: Collection[str]) -> str:
    """The parameter that the error is about, of those that were sent."""
    named = re.split(r"[.\[]", said.parameter, maxsplit=1)[0]
    if named in sent:
        return named
    # Some name it in the message alone: "Unrecognized request argument supplied: top_k".
    if _PARAMETER_WORDS.search(said.message) is None:
        return ""
    return next((name for name in sent if re.search(rf"\b{re.escape(name)}\b", said.message)), "")


def retry_after_s(headers: Mapping[str, str], now: float) -> float | None:
    """The wait that the headers ask for in seconds, at least 0, or None.

    Reads `retry-after-ms` and `retry-after` as seconds or as an HTTP date (RFC 9110 §10.2.3). A negative wait or a
    date in the past is 0; what is no number and no date is None. There is no upper limit: the caller has one.
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
    except (ValueError, OverflowError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value else None
    except ValueError:
        return None
    return number if number is not None and number == number and abs(number) != float("inf") else None


def _wait_in_words(message: str) -> float | None:
    """Seconds, from "Please retry in 34.07s" and the like: Gemini sends no header."""
    found = _ASKS_TO_WAIT.search(message)
    if found is None:
        return None
    minutes, number, unit = found.groups()
    return float(minutes or 0) * 60 + float(number) * (0.001 if unit == "ms" else 1.0)


_TOKENS = r"(\d[\d,]{2,})"
_CONTEXT_SIZES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"(?<![-=])> ?{_TOKENS}",  # 208310 tokens > 200000 maximum
        rf"{_TOKENS} maximum context",
        rf"maximum (?:context|prompt|model|input|sequence) length(?: is| of|:)? {_TOKENS}",
        rf"context (?:length|size|window|limit)(?: of)?(?: only| is)?:?\W{{0,3}}{_TOKENS}",
        rf"n_ctx\D{{0,5}}{_TOKENS}",
        rf"tokens allowed\W{{1,3}}{_TOKENS}",
        rf"input length should be \[\d+, ?{_TOKENS}\]",
        rf"must be <= ?{_TOKENS}",
        rf"less than {_TOKENS} tokens",
        rf"token limit: ?{_TOKENS}",
    )
)


def context_size(message: str) -> int | None:
    """The model's context in tokens, where an error message names it."""
    found = next((match for pattern in _CONTEXT_SIZES if (match := pattern.search(message))), None)
    return int(found[1].replace(",", "")) if found else None


# --- what may be shown


def shorten(text: Any) -> str:
    """An endpoint's words, on one line and at most 400 characters long."""
    line = " ".join(str(text).split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"


def mask_url(url: str) -> str:
    """The URL without a user name, password or query, any of which may be a secret."""
    try:
        parts = urlsplit(url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
        netloc = f"{host}:{parts.port}" if parts.port else host
    except ValueError:
        return "(a URL that cannot be read)"
    if "@" in parts.netloc:
        netloc = f"***@{netloc}"
    return urlunsplit((parts.scheme, netloc, parts.path, "", ""))
