"""What endpoints say when they fail, each over a real socket, and what the client makes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from email.utils import formatdate
from typing import Any

import pytest
import pytest_asyncio
from fake_server import FakeServer, Reply
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.address import mask_url
from longwriter_cli.llm.base import Request
from longwriter_cli.llm.faults import CallFailed, sort_error
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.said import read_error, shorten
from longwriter_cli.llm.topics import context_size
from longwriter_cli.llm.waits import retry_after_s

over_a_socket = pytest.mark.asyncio(loop_scope="module")

PARAMS = {"temperature": 0.7, "top_k": 20}


def openai_error(message: str, code: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": code, **fields}}


def vllm_error(message: str, kind: str = "BadRequestError", code: int = 400) -> dict[str, Any]:
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


class Endpoint:
    """One client and one server; `fails` tells what a call comes to when the server answers so."""

    def __init__(self, server: FakeServer, chat: OpenAIChat) -> None:
        self.server, self.chat = server, chat

    async def fails(self, status: int, body: Any, headers: dict[str, str] | None = None) -> Exception:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.server.answer = lambda asked: Reply(status=status, body=raw, headers=headers or {})
        with pytest.raises((CallFailed, InstructionFailed, EndpointRefused)) as raised:
            await self.chat.complete(Request("section", "i", "m", "Write.", max_tokens=500, params=PARAMS))
        return raised.value


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def endpoint() -> AsyncIterator[Endpoint]:
    with FakeServer() as server:
        chat = OpenAIChat(server.base_url, "none")
        await chat.complete(
            Request("section", "i", "m", "Write.", max_tokens=500)
        )  # an endpoint that is known to take what we send
        yield Endpoint(server, chat)
        await chat.close()


TOO_LONG = {
    "openai": (400, openai_error("This model's maximum context length is 8192 tokens. However, your messages resulted "
                                 "in 9000 tokens.", "context_length_exceeded", param="messages"), 8192),
    "azure": (400, openai_error("This model's maximum context length is 128000 tokens. However, you requested 131072 "
                                "tokens (3072 in the messages, 128000 in the completion).", "context_length_exceeded"),
              128_000),
    "vllm": (400, vllm_error("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens "
                             "(8500 in the messages, 500 in the completion)."), 8192),
    "vllm, wrapped": (400, {"error": vllm_error("This model's maximum context length is 4096 tokens. However, your "
                                                "request has 5000 input tokens.")}, 4096),
    "vllm, max_tokens": (400, {"error": {"message": "'max_tokens' or 'max_completion_tokens' is too large: 9000. This "
                                         "model's maximum context length is 8192 tokens and your request has 500 input "
                                         "tokens (9000 > 8192 - 500).", "type": "BadRequestError",
                                         "param": "max_tokens", "code": 400}}, 8192),
    "vllm, decoder": (400, vllm_error("The decoder prompt (length 10000) is longer than the maximum model length of "
                                      "8192. Make sure that `max_model_len` is no smaller."), 8192),
    "sglang": (400, vllm_error("The input (40973 tokens) is longer than the model's context length (40960 tokens)."),
               40_960),
    "tgi": (422, {"error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3900 "
                  "`inputs` tokens and 500 `max_new_tokens`", "error_type": "validation"}, 4096),
    "llama.cpp": (400, {"error": {"code": 400, "message": "the request exceeds the available context size, try "
                                  "increasing it", "type": "exceed_context_size_error", "n_prompt_tokens": 14429,
                                  "n_ctx": 8192}}, 8192),
    "llama.cpp, older": (500, {"error": {"code": 500, "message": "the request exceeds the available context size",
                                         "type": "exceed_context_size_error", "n_ctx": 2048}}, 2048),
    "llama-cpp-python": (500, openai_error("Requested tokens (2285) exceed context window of 2048")
                         | {"type": "internal_server_error"}, 2048),
    "lm studio": (400, {"error": "The number of tokens to keep from the initial prompt is greater than the context "
                        "length (n_keep: 4705>= n_ctx: 4096). Try to load the model with a larger context length."},
                  4096),
    "openrouter": (400, {"error": {"code": 400, "message": "Provider returned error", "metadata": {
        "provider_name": "X", "raw": json.dumps(vllm_error("This endpoint's maximum context length is 32768 tokens."))
    }}}, 32_768),
    "anthropic": (400, openai_error("prompt is too long: 208310 tokens > 200000 maximum"), 200_000),
    "anthropic, native": (400, {"type": "error", "error": {
        "type": "invalid_request_error",
        "message": "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length",
    }}, 200_000),
    "gemini": (400, [{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message":
               "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."}}], 1_048_576),
    "deepseek": (400, openai_error("This model's maximum context length is 65536 tokens. However, you requested 85302 "
                                   "tokens (77110 in the messages, 8192 in the completion)."), 65_536),
    "dashscope": (400, openai_error("<400> InternalError.Algo.InvalidParameter: Range of input length should be "
                                    "[1, 30720]", "invalid_parameter_error"), 30_720),
    "mistral": (400, {"object": "error", "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for "
                      "model with 32768 maximum context length", "type": "invalid_request_error", "code": "3051"},
                32_768),
    "moonshot": (400, openai_error("Invalid request: Your request exceeded model token limit: 8192"), 8192),
    "zhipu": (400, {"error": {"code": "1261", "message": "Prompt exceeds max length"}}, None),
    "fireworks": (400, openai_error("The prompt is too long: 4108, model maximum context length: 4095"), 4095),
    "xai": (400, {"code": "Client specified an invalid argument", "error": "This model's maximum prompt length is "
                  "131072 but the request contains 150000 tokens."}, 131_072),
    "litellm": (400, openai_error("litellm.ContextWindowExceededError: This model's maximum context length is 16385 "
                                  "tokens.", "400"), 16_385),
    "nginx": (413, b"<html><head><title>413 Request Entity Too Large</title></head></html>", None),
    "groq": (413, openai_error("Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 7000",
                               "rate_limit_exceeded", type="tokens"), None),
    "openai, one call above the minute": (429, openai_error("Request too large for gpt-4o on tokens per min (TPM): "
                                          "Limit 30000, Requested 42000.", "rate_limit_exceeded", type="tokens"), None),
}  # fmt: skip


@over_a_socket
@pytest.mark.parametrize("name", TOO_LONG)
async def test_a_prompt_that_is_too_long_fails_its_instruction(name: str, endpoint: Endpoint) -> None:
    status, body, _ = TOO_LONG[name]
    error = await endpoint.fails(status, body)
    assert isinstance(error, InstructionFailed)
    assert error.kind == "context_length"


@pytest.mark.parametrize("name", TOO_LONG)
def test_the_context_is_read_out_of_the_message(name: str) -> None:
    _, body, size = TOO_LONG[name]
    text = body.decode() if isinstance(body, bytes) else json.dumps(body)
    assert context_size(read_error(text).message) == size


FILTERED = {
    "azure": (400, openai_error("The response was filtered due to the prompt triggering Azure OpenAI's content "
                                "management policy.", "content_filter", innererror={"code": "x"})),
    "azure, inner": (400, {"error": {"code": "BadRequest", "message": "Blocked.",
                                     "innererror": {"code": "ResponsibleAIPolicyViolation"}}}),
    "openai": (400, openai_error("Your request was rejected by our safety system.", "content_policy_violation")),
    "openai, reasoning": (400, openai_error("Invalid prompt: your prompt was flagged as potentially violating our "
                                            "usage policy.", "invalid_prompt")),
    "dashscope": (400, openai_error("Input data may contain inappropriate content.", "data_inspection_failed")),
    "dashscope, other": (400, openai_error("<400> InternalError.Algo.DataInspectionFailed: Input text data may "
                                           "contain inappropriate content.", "invalid_parameter_error")),
    "deepseek": (400, openai_error("Content Exists Risk", "invalid_request_error")),
    "openrouter": (403, {"error": {"code": 403, "message": "The chosen model requires moderation and your input was "
                                   "flagged", "metadata": {"reasons": ["violence"], "flagged_input": "…"}}}),
    "anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error",
                                                   "message": "Output blocked by content filtering policy"}}),
    "moonshot": (400, {"error": {"type": "content_filter", "message":
                 "The request was rejected because it was considered high risk"}}),
    "zhipu": (400, {"error": {"code": "1301", "message": "系统检测到输入或生成内容可能包含不安全或敏感内容。"}}),
    "xai": (403, {"code": "The caller does not have permission", "error": "Content violates usage guidelines."}),
}  # fmt: skip


@over_a_socket
@pytest.mark.parametrize("name", FILTERED)
async def test_a_content_filter_fails_its_instruction_alone(name: str, endpoint: Endpoint) -> None:
    error = await endpoint.fails(*FILTERED[name])
    assert isinstance(error, InstructionFailed)
    assert error.kind == "content_filter"


REFUSED = {
    "key": (401, openai_error("Incorrect API key provided: none.", "invalid_api_key"), "refuses the key", "OPENAI_API"),
    "key, vllm": (401, {"error": "Unauthorized"}, "refuses the key: Unauthorized", "--api-key-env"),
    "key, azure": (401, {"statusCode": 401, "message": "Access denied due to invalid subscription key."}, "key", "key"),
    "key, gemini": (400, [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.",
                                     "status": "INVALID_ARGUMENT"}}], "refuses the key", "--api-key-env"),
    "permission": (403, openai_error("Your project has no permission."), "forbids", "key"),
    "payment": (402, openai_error("Insufficient Balance"), "quota", "Top it up"),
    "payment, openrouter": (402, {"error": {"code": 402, "message": "Insufficient credits"}}, "quota", "Top it up"),
    "quota": (429, openai_error("You exceeded your current quota", "insufficient_quota"), "quota", "Top it up"),
    "quota, by type": (429, openai_error("…", None, type="insufficient_quota"), "quota", "Top it up"),
    "quota, zhipu": (429, {"error": {"code": "1113", "message": "余额不足或无可用资源包,请充值。"}}, "quota", "Top"),
    "quota, anthropic": (400, {"type": "error", "error": {"type": "invalid_request_error", "message":
                         "Your credit balance is too low to access the Anthropic API."}}, "quota", "Top"),
    "model": (404, openai_error("The model `m` does not exist or you do not have access to it.", "model_not_found"),
              "has no model 'm'", "-m"),
    "model, vllm": (404, vllm_error("The model `m` does not exist.", "NotFoundError", 404), "has no model 'm'", "-m"),
    "model, ollama": (404, openai_error('model "m" not found, try pulling it first', type="api_error"), "model", "-m"),
    "model, old ollama": (404, {"error": "model 'm' not found, try pulling it first"}, "has no model 'm'", "-m"),
    "model, azure": (404, {"error": {"code": "DeploymentNotFound", "message":
                     "The API deployment for this resource does not exist."}}, "has no model 'm'", "-m"),
    "model, openrouter": (400, {"error": {"code": 400, "message": "m is not a valid model ID"}}, "no model", "-m"),
    "model, deepseek": (400, openai_error("Model Not Exist", "invalid_request_error"), "has no model 'm'", "-m"),
    "model, mistral": (400, {"object": "error", "message": "Invalid model: m", "type": "invalid_model"}, "no", "-m"),
    "address": (404, openai_error("Invalid URL (POST /chat/completions)"), "HTTP 404", "--base-url"),
    "address, fastapi": (404, {"detail": "Not Found"}, "HTTP 404): Not Found", "--base-url"),
    "address, nginx": (404, b"<html><head><title>404 Not Found</title></head></html>", "404 Not Found", "--base-url"),
    "address, method": (405, {"detail": "Method Not Allowed"}, "HTTP 405", "--base-url"),
    "proxy": (407, b"", "proxy", "http_proxy"),
    "temperature": (400, openai_error("Unsupported value: 'temperature' does not support 0.7 with this model. Only the "
                                      "default (1) value is supported.", "unsupported_value", param="temperature"),
                    "parameter 'temperature'", "--temperature"),
    "temperature, out of range": (400, openai_error("Invalid 'temperature': decimal above maximum value.",
                                  "decimal_above_max_value", param="temperature"), "'temperature'", "--temperature"),
    "extra": (400, openai_error("Unrecognized request argument supplied: top_k"), "'top_k'", "--extra-body"),
    "extra, mistral": (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "top_k"],
                       "msg": "Extra inputs are not permitted", "input": 20}]}, "'top_k'", "--extra-body"),
    "extra, mistral wrapped": (422, {"object": "error", "message": {"detail": [{"loc": ["body", "top_k"],
                               "msg": "Extra inputs are not permitted"}]}}, "'top_k'", "--extra-body"),
    "max_tokens": (400, openai_error("max_tokens is too large: 500. This model supports at most 100 completion tokens.",
                                     "invalid_value", param="max_tokens"), "'max_tokens'", "--max-tokens"),
    "max_tokens, dashscope": (400, openai_error("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should "
                              "be [1, 100]", "invalid_parameter_error"), "'max_tokens'", "--max-tokens"),
}  # fmt: skip


@over_a_socket
@pytest.mark.parametrize("name", REFUSED)
async def test_what_would_fail_every_call_stops_the_run_and_says_what_to_mend(name: str, endpoint: Endpoint) -> None:
    status, body, said, tip = REFUSED[name]
    error = await endpoint.fails(status, body)
    assert isinstance(error, EndpointRefused)
    assert error.exit_code == 5
    assert said in error.message
    assert tip in error.tip
    assert endpoint.server.base_url in error.message, "with several endpoints, one wants to know which"


AGAIN = {
    "timeout": (408, b""),
    "conflict": (409, openai_error("Conflict")),
    "too early": (425, b""),
    "rate limit": (429, openai_error("Rate limit reached", "rate_limit_exceeded")),
    "rate limit that speaks of tokens": (429, openai_error("Too many tokens, please wait before trying again.")),
    "server error": (500, openai_error("The server had an error.")),
    "bad gateway": (502, b"<html><head><title>502 Bad Gateway</title></head></html>"),
    "loading": (503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}),
    "overloaded": (503, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    "empty": (500, b""),
    "neither JSON nor HTML": (500, b"\xff\xfe\x00 upstream connect error"),
}  # fmt: skip


@over_a_socket
@pytest.mark.parametrize("name", AGAIN)
async def test_what_may_pass_is_tried_again_and_costs_an_attempt(name: str, endpoint: Endpoint) -> None:
    error = await endpoint.fails(*AGAIN[name])
    assert isinstance(error, CallFailed)
    assert error.costs_attempt
    assert not error.unreachable
    assert f"HTTP {AGAIN[name][0]}" in error.problem


@over_a_socket
@pytest.mark.parametrize(
    ("status", "headers", "wait_s", "costs_attempt"),
    [
        (429, {"Retry-After": "7"}, 7.0, False),
        (429, {"retry-after-ms": "250", "Retry-After": "1"}, 0.25, False),
        (503, {"Retry-After": "7"}, 7.0, False),
        (402, {"Retry-After": "7"}, 7.0, False),
        (500, {"Retry-After": "7"}, 7.0, True),
        (429, {"Retry-After": "soon"}, None, True),
    ],
)
async def test_a_wait_that_is_asked_for_is_known_and_only_being_put_off_is_free(
    status: int, headers: dict[str, str], wait_s: float | None, costs_attempt: bool, endpoint: Endpoint
) -> None:
    error = await endpoint.fails(status, openai_error("Wait."), headers)
    assert isinstance(error, CallFailed)
    assert error.retry_after_s == wait_s
    assert error.costs_attempt is costs_attempt


@over_a_socket
@pytest.mark.parametrize(
    ("message", "wait_s"),
    [
        ("You exceeded your current quota, please check your plan. Please retry in 34.5s.", 34.5),
        ("Rate limit reached for gpt-4o: Limit 3, Used 3. Please try again in 20s.", 20.0),
        ("Please try again in 6ms. Visit the site.", 0.006),
        ("Please try again in 1m12.5s.", 72.5),
        ("Rate limit is exceeded. Try again in 26 seconds.", 26.0),
        ("Please retry after 26 seconds.", 26.0),
        ("Try again later.", None),
    ],
)
async def test_a_wait_is_read_from_the_words_where_no_header_has_it(
    message: str, wait_s: float | None, endpoint: Endpoint
) -> None:
    error = await endpoint.fails(429, openai_error(message, "rate_limit_exceeded"))
    assert isinstance(error, CallFailed)
    assert error.retry_after_s == wait_s
    assert error.costs_attempt is (wait_s is None)


@over_a_socket
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, openai_error("Invalid 'messages[0].content': string too strange.", param="messages[0].content")),
        (400, openai_error("We could not parse the JSON body of your request.")),
        (422, {"detail": [{"loc": ["body", "messages", 0], "msg": "value is not a valid dict", "input": "Write."}]}),
        (418, b"I am a teapot"),
        (400, b""),
    ],
)
async def test_any_other_refusal_fails_its_instruction_alone(status: int, body: Any, endpoint: Endpoint) -> None:
    error = await endpoint.fails(status, body)
    assert isinstance(error, InstructionFailed)
    assert error.kind == "bad_request"
    assert f"HTTP {status}" in error.message


@over_a_socket
async def test_a_prompt_that_an_error_quotes_is_neither_shown_nor_taken_for_the_reason(endpoint: Endpoint) -> None:
    quoted = {"detail": [{"loc": ["body", "messages"], "msg": "not valid", "input": "an essay on the context window"}]}
    error = await endpoint.fails(422, quoted)
    assert isinstance(error, InstructionFailed)
    assert (error.kind, "essay" in error.message) == ("bad_request", False)


@over_a_socket
async def test_an_error_in_place_of_an_answer_is_sorted_by_its_own_code(endpoint: Endpoint) -> None:
    """OpenRouter answers 200 and then fails; llama.cpp does so when a stream has begun."""
    _, body, _ = TOO_LONG["llama.cpp"]
    assert isinstance(await endpoint.fails(200, body), InstructionFailed)
    upstream = {"error": {"code": 502, "message": "Provider returned error"}, "choices": []}
    assert isinstance(await endpoint.fails(200, upstream), CallFailed)
    assert isinstance(await endpoint.fails(200, {"error": "out of memory"}), CallFailed)
    assert isinstance(await endpoint.fails(200, vllm_error("The model `m` does not exist.", code=404)), EndpointRefused)


def test_a_retry_after_date_counts_from_now() -> None:
    assert retry_after_s({"retry-after": formatdate(1_700_000_060, usegmt=True)}, 1_700_000_000) == 60.0


@pytest.mark.parametrize(
    ("value", "wait_s"),
    [
        ("0", 0.0),
        ("-5", 0.0),
        ("1.5", 1.5),
        (formatdate(0, usegmt=True), 0.0),
        ("1e12", 1e12),
        ("nan", None),
        ("inf", None),
        ("-inf", None),
        ("", None),
        ("tomorrow", None),
        ("Wed, 99 Foo 99999 99:99:99 GMT", None),
    ],
)
def test_an_absurd_retry_after_is_no_wait_below_zero_and_no_crash(value: str, wait_s: float | None) -> None:
    assert retry_after_s({"retry-after": value}, 1_700_000_000) == wait_s
    assert retry_after_s({"retry-after-ms": value}, 0.0) in (None, wait_s and wait_s / 1000, 0.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "error",
                    "message",
                    "detail",
                    "code",
                    "param",
                    "type",
                    "metadata",
                    "raw",
                    "innererror",
                    "loc",
                    "msg",
                    "n_ctx",
                ]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from([400, 401, 402, 403, 404, 413, 422, 429, 500, 503]))
def test_no_error_body_whatever_its_shape_is_a_crash(value: Any, status: int) -> None:
    said = read_error(json.dumps(value))
    sorted_error = sort_error(status, said, {}, endpoint="e", model="m", now=0.0, sent={"temperature"})
    assert isinstance(sorted_error, CallFailed | InstructionFailed | EndpointRefused)


@given(st.text())
def test_no_text_in_place_of_a_body_is_a_crash(body: str) -> None:
    read_error(body)


def test_a_body_nested_without_end_is_no_crash() -> None:
    read_error("[" * 100_000)
    deep: dict[str, Any] = {"message": "deep"}
    for _ in range(50):
        deep = {"error": deep}
        deep = {"message": "m", "metadata": {"raw": json.dumps(deep) if len(json.dumps(deep)) < 10_000 else "…"}}
    read_error(json.dumps(deep))


def test_what_is_shown_is_one_line_of_at_most_400_characters() -> None:
    assert shorten("a\n\n  b\t") == "a b"
    assert len(shorten("word " * 1000)) == 400


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("https://user:secret@host/v1", "https://***@host/v1"),
        ("https://host/v1?key=secret", "https://host/v1"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://[::1", "(a URL that cannot be read)"),
        ("http://user:secret@host:port/v1", "(a URL that cannot be read)"),
    ],
)
def test_a_url_is_shown_without_what_may_be_a_secret(url: str, shown: str) -> None:
    assert mask_url(url) == shown
