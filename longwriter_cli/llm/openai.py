"""An OpenAI-compatible endpoint, over the openai SDK's HTTP client.

The SDK brings the transport, with proxies and certificates from the environment, and the headers: key, organization,
project, headers of the user's own. The call itself passes its `create` and `post` by. In CPU per call with a 15 KB
prompt and 64 in flight, against a bare aiohttp loop: `create` 10 times, `post` 5.4 times, this 2.7 times, with the
retries around it 2.9 times.

API: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

import orjson

from longwriter_cli.errors import EndpointRefused, InstructionFailed, UsageError
from longwriter_cli.llm.base import CallKind, Completion, Request
from longwriter_cli.llm.faults import (
    CallFailed,
    MaxTokensRenamed,
    Said,
    context_size,
    mask_url,
    page_text,
    read_error,
    shorten,
    sort_error,
)
from longwriter_cli.llm.rates import read_rate_limits
from longwriter_cli.records import Usage

if TYPE_CHECKING:
    import httpx2

OPENAI_URL = "https://api.openai.com/v1"
CONNECT_TIMEOUT_S = 60.0  # the SDK's own 5 s fails at 1,000 calls in flight
# Below the 5 s after which uvicorn, and so vLLM, closes an idle connection: a call sent into a closing one is lost.
_KEEP_ALIVE_S = 4.0
_ASK_TIMEOUT_S = 10.0
_BYTES_PER_TOKEN = 4
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
_SHORTEST_SECRET = 6  # what is shorter is a stand-in ("none"), and a word that messages may hold
_SHORTEST_TOKEN = 16  # Azure's `api-version=2024-10-21` is none

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


@dataclass(frozen=True, slots=True)
class Address:
    """A base URL taken apart: what is called, what is shown, and the secrets that stand in neither.

    `url` has no slash at its end. `login` is the user and password of the URL for HTTP's Basic scheme, or "".
    """

    url: str
    query: str = field(repr=False)
    login: str = field(repr=False)
    shown: str

    @property
    def secrets(self) -> list[str]:
        """What no message may hold: the password, and values of the query that are long enough to be a token."""
        values = [value for _, value in parse_qsl(self.query) if len(value) >= _SHORTEST_TOKEN]
        return [self.login.partition(":")[2], *values]

    def of(self, path: str) -> str:
        return f"{self.url}{path}?{self.query}" if self.query else f"{self.url}{path}"


def read_address(base_url: str) -> Address:
    """Takes a base URL apart.

    Raises:
        UsageError: it is none, or the proxy for it is of a kind that cannot be used.
    """
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
        host.encode("idna")
        if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in base_url):
            raise ValueError
    except ValueError:
        raise UsageError(
            f"The base URL {mask_url(base_url)!r} is no address of an endpoint.",
            "It begins with http:// or https://, as in --base-url http://localhost:8000/v1.",
        ) from None
    netloc = f"[{host}]" if ":" in host else host
    netloc = netloc if port is None else f"{netloc}:{port}"
    path = parts.path.rstrip("/").removesuffix("/chat/completions")
    url = urlunsplit((parts.scheme, netloc, path, "", ""))
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if "@" in parts.netloc else ""
    _check_proxy(parts.scheme, host)
    return Address(url, parts.query, login, mask_url(base_url))


def _check_proxy(scheme: str, host: str) -> None:
    """The HTTP client would speak HTTP to a SOCKS proxy, and wait."""
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all") or ""
    kind = proxy.partition("://")[0] if "://" in proxy else "http"
    if kind not in ("http", "https") and not proxy_bypass(host):
        raise UsageError(
            f"The proxy {mask_url(proxy)} of the environment cannot be used: it is neither http nor https.",
            f"Set {scheme}_proxy to an HTTP proxy, or put {host} into no_proxy.",
        )


class OpenAIChat:
    """One endpoint. A call is one try; `retry.Retrying` makes it as many as are wanted.

    Redirects that keep the call (303, 307, 308) are followed; 301 and 302 would turn it into a GET, and stop the run.

    Args:
        base_url: with the version in it, as in `https://api.openai.com/v1`. A user and password in it are sent in
            place of the key.
        api_key: never shown, logged or stored.
        timeout_s: seconds for one whole call; waiting for one of `connections` does not count.
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
        self.base_url = base_url
        self._address = read_address(base_url)
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._connections = connections
        self._free = asyncio.Semaphore(connections)
        self._http: httpx2.AsyncClient | None = None
        self._max_tokens_name = "max_tokens"
        self._least_room: dict[CallKind, int] = {}
        self._context: dict[str, int | None] = {}
        self._given_context = context_tokens
        self._asking = asyncio.Lock()

    def _connected(self) -> httpx2.AsyncClient:
        if self._http is None:
            import httpx2
            import openai

            # At INFO it names every URL in full, with what is secret in a query or in a place redirected to.
            logging.getLogger("httpx2").setLevel(logging.WARNING)
            # Room for a few more than are in flight: a connection given up takes a moment to close.
            http = openai.DefaultAioHttpClient(
                timeout=httpx2.Timeout(self._timeout_s, connect=CONNECT_TIMEOUT_S, pool=None),
                limits=httpx2.Limits(max_connections=self._connections + 8, keepalive_expiry=_KEEP_ALIVE_S),
            )
            sdk = openai.AsyncOpenAI(base_url=self._address.url, api_key=self._api_key, http_client=http)
            headers = sdk.auth_headers | {k: v for k, v in sdk.default_headers.items() if isinstance(v, str)}
            if self._address.login:
                headers["Authorization"] = "Basic " + base64.b64encode(self._address.login.encode()).decode()
            http.headers.update(headers)
            self._chat_url = httpx2.URL(self._address.of("/chat/completions"))
            self._http = http
        return self._http

    async def complete(self, request: Request) -> Completion:
        """One try.

        Raises:
            CallFailed: another try may succeed.
            InstructionFailed, EndpointRefused: none will.
        """
        body, sent = self._body(request)
        response = await self._post(body)
        if any(hop.status_code in (301, 302) for hop in response.history):
            raise EndpointRefused(
                f"{self._address.shown} has moved to {mask_url(str(response.url))}",
                "Give --base-url the new address, without /chat/completions.",
            )
        if not response.is_success:
            said = read_error(self._hide(response.content.decode("utf-8", "replace")))
            raise self._sorted(response.status_code, said, response.headers, request.model, sent)
        answer = self._read(response.content)
        if answer.get("error") or "choices" not in answer:
            said = read_error(self._hide(json.dumps(answer)))
            status = next((int(code) for code in said.codes if code.isdecimal() and 400 <= int(code) < 600), None)
            if status is None:
                raise CallFailed(f"an error in place of an answer: {shorten(said.message)}")
            raise self._sorted(status, said, response.headers, request.model, sent)
        return replace(_completion(answer, request), limits=read_rate_limits(response.headers))

    async def _post(self, body: bytes) -> httpx2.Response:
        import aiohttp
        import httpx2

        http = self._connected()
        async with self._free:
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await http.post(self._chat_url, content=body)
            except TimeoutError:
                raise self._timed_out() from None
            except (httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError) as error:
                # The transport calls half of what goes wrong a time-out; what it was is the cause.
                cause = error.__cause__ or error
                connecting = isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
                if isinstance(cause, TimeoutError) and not connecting:
                    raise self._timed_out() from None
                problem = shorten(self._hide(str(cause))) or type(cause).__name__
                raise CallFailed(f"{self._address.shown}: {problem}", unreachable=connecting) from None

    def _timed_out(self) -> CallFailed:
        return CallFailed(f"{self._address.shown}: no answer within {self._timeout_s:g} s")

    def _body(self, request: Request) -> tuple[bytes, Collection[str]]:
        """The body, and the names in it that the user has a say in."""
        messages = [
            {"role": role, "content": content}
            for example in request.examples
            for role, content in zip(("user", "assistant"), example, strict=True)
        ]
        messages.append({"role": "user", "content": request.prompt})
        body: dict[str, Any] = {"model": request.model, "messages": messages}
        if request.max_tokens is not None:
            body["max_tokens"] = request.max_tokens
        body |= request.params
        if "max_tokens" in body:
            body[self._max_tokens_name] = body.pop("max_tokens")
        sent = body.keys() - {"model", "messages"}
        # More room than calls of this kind begin with is asked for after a cut, not by the user: where the endpoint
        # has no more, that is the end of this text and not of the run.
        room = _count(body.get(self._max_tokens_name))
        if room > self._least_room.setdefault(request.kind, room):
            sent -= {self._max_tokens_name}
        self._least_room[request.kind] = min(room, self._least_room[request.kind])
        return _dumped(body), sent

    def _read(self, payload: bytes) -> dict[str, Any]:
        try:
            answer = _loaded(payload)
        except ValueError:
            text = shorten(self._hide(page_text(payload.decode("utf-8", "replace"))))
            problem = f"an answer that is not JSON: {text[:80]}" if text else "an empty answer"
            hint = "" if self._address.url.endswith("/v1") else " (a base URL mostly ends in /v1)"
            raise CallFailed(f"{self._address.shown}: {problem}{hint}") from None
        if not isinstance(answer, dict):
            raise CallFailed(f"{self._address.shown}: an answer that is not a JSON object")
        return answer

    def _sorted(
        self, status: int, said: Said, headers: Mapping[str, str], model: str, sent: Collection[str]
    ) -> Exception:
        error = sort_error(status, said, headers, endpoint=self._address.shown, model=model, now=time.time(), sent=sent)
        if isinstance(error, MaxTokensRenamed):
            self._max_tokens_name = "max_completion_tokens"
        if isinstance(error, InstructionFailed) and error.kind == "context_length":
            size = context_size(said.message)
            if size is not None:
                self._context[model] = min(size, self._context.get(model) or size)
        return error

    def _hide(self, text: str) -> str:
        """The text without the key and what is secret in the address, which some servers quote."""
        for secret in (self._api_key, *self._address.secrets):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "***")
        return text

    async def context_tokens(self, model: str) -> int | None:
        """The context of the model: as given, else learned from an error, else asked of `/models`, once."""
        if self._given_context is not None:
            return self._given_context
        if model not in self._context:
            async with self._asking:
                if model not in self._context:
                    asked = await self._ask_context(model)
                    self._context.setdefault(model, asked)
        return self._context[model]

    async def _ask_context(self, model: str) -> int | None:
        import aiohttp
        import httpx2

        try:
            async with asyncio.timeout(_ASK_TIMEOUT_S):
                response = await self._connected().get(self._address.of("/models"))
            rows: list[dict[str, Any]] = orjson.loads(response.content)["data"]
            row = next((row for row in rows if row["id"] == model), {})
        except (httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError, ValueError, KeyError, TypeError):
            return None  # many endpoints have no such list; the context is then learned from an error
        sizes = [row.get(key) for key in _CONTEXT_KEYS]
        return next((size for size in sizes if isinstance(size, int) and size > 0), None)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None


# --- bytes in and out


def _dumped(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a number over 64 bits in --extra-body, or half of a surrogate pair in a prompt
        return _whole(json.dumps(body, ensure_ascii=False)).encode()


def _loaded(payload: bytes) -> Any:
    """The JSON. Some servers cut a token inside a character and send half of a surrogate pair, others send NaN.

    Raises:
        ValueError: it is none.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        answer = json.loads(payload.decode("utf-8-sig", "replace"))
        return json.loads(_whole(json.dumps(answer, ensure_ascii=False)))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(text: str) -> str:
    """The text with a replacement character for each half of a surrogate pair that stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# --- what an answer says


def _completion(answer: Mapping[str, Any], request: Request) -> Completion:
    """Reads an answer.

    Raises:
        CallFailed: it has no message, or was broken off.
    """
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = _text(message.get("content"))
    except (KeyError, IndexError, TypeError, AttributeError):
        raise CallFailed("an answer without a message", usage=_usage(answer, request, "")) from None
    refusal = message.get("refusal") if isinstance(message.get("refusal"), str) else None
    thought = message.get("reasoning_content") or message.get("reasoning")
    usage = _usage(answer, request, text + thought if isinstance(thought, str) else text)
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


def _usage(answer: Mapping[str, Any], request: Request, written: str) -> Usage:
    """The tokens that the endpoint reports; where it reports none, an estimate from bytes."""
    reported = answer.get("usage")
    usage = reported if isinstance(reported, dict) else {}
    prompt, completion, total = (_count(usage.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
    if prompt and total > prompt:
        completion = max(completion, total - prompt)  # Gemini and xAI bill thoughts in the total alone
    details = usage.get("prompt_tokens_details")
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else 0
    cached = cached or _count(usage.get("prompt_cache_hit_tokens")) or _count(usage.get("cached_tokens"))
    if prompt and (completion or not written):
        return Usage(prompt, min(cached, prompt), completion)
    asked = (request.prompt, *(turn for example in request.examples for turn in example))
    prompt = prompt or sum(map(_size, asked)) // _BYTES_PER_TOKEN
    return Usage(prompt, min(cached, prompt), completion or _size(written) // _BYTES_PER_TOKEN, True)


def _count(value: Any) -> int:
    """A number of tokens; 0 for what is none."""
    return int(value) if isinstance(value, int | float) and 0 < value < float("inf") else 0


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))
