"""An OpenAI-compatible endpoint, over the openai SDK.

The SDK brings keys, proxies, Azure and its error classes. Its typed `create` is passed by: building and checking the
request and the answer as models costs more CPU than all the rest (4.8 times a bare aiohttp loop for a call with a
15 KB prompt; posting bytes and reading them with orjson, 3.0 times). Its retries are off, so that `retry.py` sees
every refusal.

API: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import orjson

from longwriter_cli.errors import InstructionFailed, UsageError
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import (
    CallFailed,
    MaxTokensRenamed,
    context_size,
    mask_url,
    shorten,
    sort_status_error,
)
from longwriter_cli.records import Usage

if TYPE_CHECKING:
    import openai

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 60.0  # the SDK's own 5 s fails at 1,000 calls in flight
_ASK_TIMEOUT_S = 10.0
_BYTES_PER_TOKEN = 4
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")


class OpenAIChat:
    """One endpoint. A call is one try; `retry.Retrying` makes it as many as are wanted.

    Args:
        base_url: with the version in it, as in `https://api.openai.com/v1`.
        api_key: never shown, logged or stored.
        timeout_s: seconds for one whole call.
        connections: most calls in flight.
        context_tokens: the model's context where the user has named it; else the endpoint is asked.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 600.0,
        connections: int = 32,
        context_tokens: int | None = None,
    ) -> None:
        if not base_url.startswith(("http://", "https://")):
            raise UsageError(
                f"--base-url {mask_url(base_url)}: an address begins with http:// or https://.",
                "As in --base-url http://localhost:8000/v1.",
            )
        self.base_url = base_url
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._connections = connections
        self._client: openai.AsyncOpenAI | None = None
        self._max_tokens_name = "max_tokens"
        self._context: dict[str, int | None] = {}
        self._given_context = context_tokens

    def _connected(self) -> openai.AsyncOpenAI:
        if self._client is None:
            import httpx2
            import openai

            timeout = httpx2.Timeout(self._timeout_s, connect=max(CONNECT_TIMEOUT_S, 30.0), pool=None)
            limits = httpx2.Limits(max_connections=self._connections + 8, max_keepalive_connections=self._connections)
            self._client = openai.AsyncOpenAI(
                base_url=self.base_url,
                api_key=self._api_key,
                max_retries=0,
                timeout=timeout,
                http_client=openai.DefaultAioHttpClient(timeout=timeout, limits=limits),
            )
        return self._client

    async def complete(self, request: Request) -> Completion:
        """One try.

        Raises:
            CallFailed: another try may succeed.
            InstructionFailed, EndpointRefused: none will.
        """
        try:
            payload = await self._post(request)
        except MaxTokensRenamed:
            self._max_tokens_name = "max_completion_tokens"
            payload = await self._post(request)
        return _completion(payload, request)

    async def _post(self, request: Request) -> bytes:
        import httpx2
        import openai

        client = self._connected()
        try:
            async with asyncio.timeout(self._timeout_s):
                response = await client.post(
                    "/chat/completions",
                    cast_to=httpx2.Response,
                    content=self._body(request),
                    options={"headers": {"Content-Type": "application/json"}},
                )
            return response.content
        except openai.APIStatusError as error:
            sorted_error = sort_status_error(error, request.model, time.time())
            self._learn(sorted_error, request.model)
            raise sorted_error from None
        except (TimeoutError, openai.APITimeoutError):
            raise CallFailed(f"no answer within {self._timeout_s:g} s") from None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            raise CallFailed(f"{mask_url(self.base_url)}: {shorten(cause) or type(cause).__name__}") from None
        except httpx2.HTTPError as error:
            raise CallFailed(f"{mask_url(self.base_url)}: {shorten(error) or type(error).__name__}") from None

    def _body(self, request: Request) -> bytes:
        messages = [
            {"role": role, "content": content}
            for example in request.examples
            for role, content in zip(("user", "assistant"), example, strict=True)
        ]
        messages.append({"role": "user", "content": request.prompt})
        body: dict[str, Any] = {"model": request.model, "messages": messages}
        if request.max_tokens is not None:
            body[self._max_tokens_name] = request.max_tokens
        return orjson.dumps(body | dict(request.params))

    def _learn(self, error: Exception, model: str) -> None:
        if isinstance(error, InstructionFailed) and error.kind == "context_length":
            size = context_size(error.message)
            if size is not None:
                self._context[model] = size

    async def context_tokens(self, model: str) -> int | None:
        """The context of the model: as given, else learned from an error, else asked of `/models`, once."""
        if self._given_context is not None:
            return self._given_context
        if model not in self._context:
            self._context[model] = None
            asked = await self._ask_context(model)
            self._context[model] = self._context[model] or asked
        return self._context[model]

    async def _ask_context(self, model: str) -> int | None:
        import httpx2
        import openai

        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                response = await self._connected().get("/models", cast_to=httpx2.Response)
            rows: list[dict[str, Any]] = orjson.loads(response.content)["data"]
            row = next((row for row in rows if row["id"] == model), {})
        except (openai.OpenAIError, httpx2.HTTPError, TimeoutError, ValueError, KeyError, TypeError):
            return None  # many endpoints have no such list; the context is then learned from an error
        sizes = [row.get(key) for key in _CONTEXT_KEYS]
        return next((size for size in sizes if isinstance(size, int) and size > 0), None)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None


def _completion(payload: bytes, request: Request) -> Completion:
    answer = _load(payload)
    usage = _usage(answer, request)
    if isinstance(answer.get("error"), dict):
        raise CallFailed(f"an error in place of an answer: {shorten(answer['error'].get('message', ''))}")
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        content = message.get("content")
        if content is not None and not isinstance(content, str):
            raise TypeError("content is not a string")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise CallFailed("an answer without a message", usage=usage) from None
    refusal = message.get("refusal")
    return Completion(
        text=content or (refusal if isinstance(refusal, str) else "") or "",
        finish_reason=choice.get("finish_reason") or "stop",
        model=answer.get("model") or request.model,
        usage=usage,
        refused=not content and bool(refusal),
    )


def _load(payload: bytes) -> dict[str, Any]:
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError:
        answer = _load_leniently(payload)
    if not isinstance(answer, dict):
        raise CallFailed("an answer that is not a JSON object")
    return answer


def _load_leniently(payload: bytes) -> Any:
    """Some servers cut a token inside a character and send half of a surrogate pair, which orjson refuses."""
    try:
        text = payload.decode("utf-8", "replace")
        return json.loads(json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace"))
    except ValueError:
        raise CallFailed("an answer that is not JSON") from None


def _usage(answer: dict[str, Any], request: Request) -> Usage:
    """The tokens that the endpoint reports, else an estimate from bytes."""
    usage = answer.get("usage")
    if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int):
        details = usage.get("prompt_tokens_details")
        cached = details.get("cached_tokens") if isinstance(details, dict) else None
        return Usage(usage["prompt_tokens"], cached or 0, usage.get("completion_tokens") or 0)
    try:
        content = answer["choices"][0]["message"]["content"] or ""
    except (KeyError, IndexError, TypeError):
        content = ""
    size = len(request.prompt.encode("utf-8", "replace"))
    return Usage(size // _BYTES_PER_TOKEN, 0, len(str(content).encode("utf-8", "replace")) // _BYTES_PER_TOKEN, True)
