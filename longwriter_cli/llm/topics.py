"""What an error is about: a quota, a key, a policy, the context, the model, a parameter.

Endpoints that call themselves OpenAI-compatible agree on the status at most; codes and words are read here.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from longwriter_cli.llm.said import Said


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


def is_about_quota(said: Said) -> bool:
    return said.has_code(_QUOTA_CODES) or _QUOTA_WORDS.search(said.message) is not None


def is_about_key(said: Said) -> bool:
    return _KEY_WORDS.search(said.message) is not None


def is_about_content(said: Said) -> bool:
    """Whether a content policy is what the request met."""
    return said.has_code(_FILTER_CODES) or _FILTER_WORDS.search(said.message) is not None


def is_about_context(said: Said) -> bool:
    return said.has_code(_CONTEXT_CODES) or _CONTEXT_WORDS.search(said.message) is not None


def is_too_large(said: Said) -> bool:
    """Whether this request alone is above what a minute allows: waiting would not help."""
    return _TOO_LARGE_WORDS.search(said.message) is not None


def is_about_model(said: Said) -> bool:
    return said.parameter == "model" or said.has_code(_MODEL_CODES) or _MODEL_WORDS.search(said.message) is not None


def names_model(said: Said) -> bool:
    """Whether a model is spoken of at all: enough where the status says that something is not there."""
    return is_about_model(said) or _MODEL_NAMED.search(said.message) is not None


def prefers_completion_tokens(said: Said) -> bool:
    """Whether `max_completion_tokens` is wanted in place of `max_tokens`."""
    return _PREFERS_COMPLETION_TOKENS.search(said.message) is not None


def parameter_meant(said: Said, sent: Collection[str]) -> str:
    """The parameter that the error is about, of those that were sent."""
    named = re.split(r"[.\[]", said.parameter, maxsplit=1)[0]
    if named in sent:
        return named
    # Some name it in the message alone: "Unrecognized request argument supplied: top_k".
    if _PARAMETER_WORDS.search(said.message) is None:
        return ""
    return next((name for name in sent if re.search(rf"\b{re.escape(name)}\b", said.message)), "")


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
