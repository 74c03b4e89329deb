"""Every way in which a call can go wrong, sorted once: try it again, give up this instruction, or stop the run.

| what happened                                                  | sorted as                                 |
|----------------------------------------------------------------|-------------------------------------------|
| connection refused or cut, time-out, 408, 409, 425, 429, 5xx   | `CallFailed`: try again                   |
| 429 or 503 that says how long to wait, 402 with Retry-After    | the same, at no cost of an attempt        |
| an exhausted quota or balance (402, 429, or 400 in words)      | `EndpointRefused`: stop the run           |
| 401, 403, 407, or 400 that speaks of the API key               | `EndpointRefused`: the key                |
| 404, 405, 410, or 400 that knows no such model                 | `EndpointRefused`: the model, the address |
| 400 or 422 that names a parameter which was sent               | `ParameterRefused`, naming its option     |
| 400, 413, 422 or 500, context too long                         | `InstructionFailed("context_length")`     |
| 400, 403 or 451, content policy                                | `InstructionFailed("content_filter")`     |
| any other 4xx                                                  | `InstructionFailed("bad_request")`        |
| an answer that is not what the API document says               | `CallFailed`: try again                   |

Endpoints that call themselves OpenAI-compatible agree on the status at most, so what they say is read too. The shapes
and words are those of OpenAI, Azure, vLLM, SGLang, TGI, llama.cpp, Ollama, LM Studio, OpenRouter, Anthropic, Gemini,
Mistral, DeepSeek, DashScope (Qwen), Zhipu (GLM), Moonshot and FastAPI.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from longwriter_cli.errors import EndpointRefused, InstructionFailed, ModelUnknown
from longwriter_cli.llm.rates import RateLimits, read_rate_limits
from longwriter_cli.llm.said import Said, shorten
from longwriter_cli.llm.topics import (
    is_about_content,
    is_about_context,
    is_about_key,
    is_about_model,
    is_about_quota,
    is_too_large,
    names_model,
    parameter_meant,
    prefers_completion_tokens,
)
from longwriter_cli.llm.waits import retry_after_s, wait_in_words
from longwriter_cli.records import Usage

_OPTIONS = {
    "temperature": "--temperature",
    "top_p": "--top-p",
    "seed": "--seed",
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
}


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


class ParameterRefused(EndpointRefused):
    """The endpoint does not take one of the parameters that were sent."""

    def __init__(self, message: str, tip: str, parameter: str) -> None:
        super().__init__(message, tip)
        self.parameter = parameter


class MaxTokensRenamed(CallFailed):
    """The endpoint wants `max_completion_tokens` in place of `max_tokens`. No fault of the call: it costs nothing."""

    def __init__(self) -> None:
        super().__init__(
            "the endpoint wants max_completion_tokens in place of max_tokens", retry_after_s=0.0, costs_attempt=False
        )


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
    if status in (400, 403, 422, 451) and is_about_content(said):
        return InstructionFailed("content_filter", text, model=model)
    too_large = status == 413 or (status == 429 and is_too_large(said))
    if too_large or (status in (400, 422, 500) and is_about_context(said)):
        return InstructionFailed("context_length", text, model=model)
    if status in (402, 408, 409, 425, 429) or status >= 500:
        if status == 429 and wait_s is None:
            wait_s = wait_in_words(said.message)
        # A 500 may be the request's own fault: it would come forever, however long the wait it asks for.
        put_off = wait_s is not None and status in (402, 429, 503)
        failed = CallFailed(
            f"HTTP {status}: {text}", retry_after_s=wait_s, costs_attempt=not put_off, throttled=status == 429
        )
        failed.limits = read_rate_limits(headers)
        return failed
    if status in (401, 403, 404, 405, 407, 410):
        return _closed(status, text, endpoint, model, said)
    if "max_tokens" in sent and prefers_completion_tokens(said):
        return MaxTokensRenamed()
    parameter = parameter_meant(said, sent)
    if parameter:
        option = _OPTIONS.get(parameter)
        return ParameterRefused(
            f"{endpoint} does not take the parameter {parameter!r}: {text}",
            f"Leave out {option or '--extra-body'}, or give another value; add --new-settings if the run has it.",
            parameter,
        )
    return InstructionFailed("bad_request", f"HTTP {status}: {text}", model=model)


def _refused(
    status: int, said: Said, text: str, endpoint: str, model: str, wait_s: float | None
) -> EndpointRefused | None:
    """What stops the run whatever else the error says."""
    if (status in (400, 403, 429) and is_about_quota(said)) or (status == 402 and wait_s is None):
        return EndpointRefused(
            f"The quota at {endpoint} is used up: {text}", "Top it up or use another key, then go on."
        )
    if status == 400 and is_about_key(said):
        return _closed(401, text, endpoint, model, said)
    if status in (400, 422) and is_about_model(said) and not is_about_context(said):
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
    if status != 405 and names_model(said):
        return ModelUnknown(
            f"{endpoint} has no model {model!r}: {text}",
            "Name one it has with -m, and --new-settings where the run was begun with this one.",
        )
    return EndpointRefused(
        f"{endpoint} does not answer chat calls (HTTP {status}): {text}", "Mend --base-url; it mostly ends in /v1."
    )
