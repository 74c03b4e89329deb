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
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.address import mask_url, read_address
from longwriter_cli.llm.answers import count_of, read_completion
from longwriter_cli.llm.base import CallKind, Completion, Request
from longwriter_cli.llm.faults import CallFailed, MaxTokensRenamed, ParameterRefused, sort_error
from longwriter_cli.llm.lenient_json import dumped, loaded
from longwriter_cli.llm.rates import read_rate_limits
from longwriter_cli.llm.said import Said, page_text, read_error, shorten
from longwriter_cli.llm.stream import BrokenStream, Stream, StreamForm, Streaming
from longwriter_cli.llm.topics import context_size
from longwriter_cli.records import Usage

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT_S = 60.0  # the SDK's own 5 s fails at 1,000 calls in flight
# Below the 5 s after which uvicorn, and so vLLM, closes an idle connection: a call sent into a closing one is lost.
_KEEP_ALIVE_S = 4.0
# No text of a model is near that long. A body of gigabytes, which gzip makes of a few megabytes, would end the process.
MOST_BYTES = 64 << 20
_ASK_TIMEOUT_S = 10.0
# Routes calls with one beginning to where its prefix is cached (OpenAI, "Prompt caching"). Most others pass it over,
# and one that refuses it is asked without.
_CACHE_KEY = "prompt_cache_key"
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
_SHORTEST_SECRET = 6  # what is shorter is a stand-in ("none"), and a word that messages may hold


_EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Listing:
    """The rows of `/models`, each with its `id`; `date` is the time of day by the server's clock, as HTTP writes it."""

    rows: list[dict[str, Any]]
    date: str | None


class OpenAIChat:
    """One endpoint. A call is one try; `retry.Retrying` makes it as many as are wanted.

    Redirects that keep the call (303, 307, 308) are followed; 301 and 302 would turn it into a GET, and stop the run.

    Args:
        base_url: with the version in it, as in `https://api.openai.com/v1`. A user and password in it are sent in
            place of the key.
        api_key: never shown, logged or stored.
        timeout_s: seconds for one whole call, or without a byte where the answer is streamed; waiting for one of
            `connections` does not count.
        connections: most calls in flight.
        context_tokens: the model's context where the user has named it; else the endpoint is asked.
        stream: which answers come in pieces; `auto`: those that run for many minutes.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout_s: float = 600.0,
        connections: int = 32,
        context_tokens: int | None = None,
        stream: Streaming = "auto",
    ) -> None:
        self.base_url = base_url
        self._address = read_address(base_url)
        self._api_key = api_key
        secrets = [secret for secret in (api_key, *self._address.secrets) if len(secret) >= _SHORTEST_SECRET]
        self._secrets = tuple(dict.fromkeys([*secrets, *(quote(secret, safe="") for secret in secrets)]))
        self._timeout_s = timeout_s
        self._connections = connections
        self._free = asyncio.Semaphore(connections)
        self._http: httpx2.AsyncClient | None = None
        self._max_tokens_name = "max_tokens"
        self._form = StreamForm(stream)
        self._takes_cache_key: bool | None = None  # None until the first answer
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
        keyed = self._takes_cache_key is not False and _CACHE_KEY not in request.params
        body, sent = self._body(request, keyed=keyed)
        response, content = await self._post(body, request)
        if any(hop.status_code in (301, 302) for hop in response.history):
            raise EndpointRefused(
                f"{self._address.shown} has moved to {mask_url(str(response.url))}",
                "Give --base-url the new address, without /chat/completions.",
            )
        if isinstance(content, bytes) and not response.is_success:
            said = self._said(content.decode("utf-8", "replace"))
            raise self._sorted(response.status_code, said, response.headers, request, sent, keyed)
        answer = content if isinstance(content, dict) else self._read(content)
        if answer.get("error") or "choices" not in answer:
            said = self._said(json.dumps(answer))
            status = next((int(code) for code in said.codes if code.isdecimal() and 400 <= int(code) < 600), None)
            if status is None:
                raise CallFailed(f"an error in place of an answer: {shorten(said.message)}")
            raise self._sorted(status, said, response.headers, request, sent, keyed)
        if keyed:
            self._takes_cache_key = True
        completion = read_completion(answer, request)
        model = self._hide(completion.model)
        return replace(completion, model=model, limits=read_rate_limits(response.headers))

    async def _post(self, body: bytes, request: Request) -> tuple[httpx2.Response, bytes | dict[str, Any]]:
        """The response and its body, which is at most `MOST_BYTES` long; the answer where it came as a stream."""
        import aiohttp
        import httpx2

        http, stream = self._connected(), Stream()
        async with self._free:
            try:
                async with asyncio.timeout(self._timeout_s) as limit:
                    async with http.stream("POST", self._chat_url, content=body) as response:
                        if not (response.is_success and _EVENTS in response.headers.get("content-type", "")):
                            return response, b"".join([part async for part in self._parts_of(response)])
                        async for part in self._parts_of(response):
                            limit.reschedule(asyncio.get_running_loop().time() + self._timeout_s)
                            stream.feed(part)
                        return response, stream.answer()
            except BrokenStream as error:
                raise CallFailed(f"{self._address.shown}: {error}", usage=stream.spent(request)) from None
            except TimeoutError:
                raise self._timed_out(stream.spent(request)) from None
            except (httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError) as error:
                # The transport calls half of what goes wrong a time-out; what it was is the cause.
                cause = error.__cause__ or error
                connecting = isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
                if isinstance(cause, TimeoutError) and not connecting:
                    raise self._timed_out(stream.spent(request)) from None
                problem = shorten(self._hide(str(cause)).replace(" ssl:default", "")) or type(cause).__name__
                raise CallFailed(
                    f"{self._address.shown}: {problem}", unreachable=connecting, usage=stream.spent(request)
                ) from None

    async def _parts_of(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        size = 0
        async for part in response.aiter_bytes():  # in pieces of at most 1 MiB, however well they were compressed
            size += len(part)
            if size > MOST_BYTES:
                raise CallFailed(f"{self._address.shown}: an answer of more than {MOST_BYTES >> 20} MiB")
            yield part

    def _timed_out(self, spent: Usage) -> CallFailed:
        what = "nothing more of the answer" if spent.total_tokens else "no answer"
        return CallFailed(f"{self._address.shown}: {what} within {self._timeout_s:g} s", usage=spent)

    def _body(self, request: Request, *, keyed: bool) -> tuple[bytes, Collection[str]]:
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
        if keyed:
            # A digest: an id may be a name, and what the endpoint need not know it is not told.
            body[_CACHE_KEY] = hashlib.blake2b(request.affinity.encode("utf-8", "replace"), digest_size=8).hexdigest()
        body = self._form.fields(request.kind) | body
        sent = body.keys() - {"model", "messages"}
        # More room than calls of this kind begin with is asked for after a cut, not by the user: where the endpoint
        # has no more, that is the end of this text and not of the run.
        room = count_of(body.get(self._max_tokens_name))
        if room > self._least_room.setdefault(request.kind, room):
            sent -= {self._max_tokens_name}
        self._least_room[request.kind] = min(room, self._least_room[request.kind])
        return dumped(body), sent

    def _read(self, payload: bytes) -> dict[str, Any]:
        try:
            answer = loaded(payload)
        except ValueError:
            text = shorten(self._hide(page_text(payload.decode("utf-8", "replace"))))
            problem = f"an answer that is not JSON: {text[:80]}" if text else "an empty answer"
            hint = "" if self._address.url.endswith("/v1") else " (a base URL mostly ends in /v1)"
            raise CallFailed(f"{self._address.shown}: {problem}{hint}") from None
        if not isinstance(answer, dict):
            raise CallFailed(f"{self._address.shown}: an answer that is not a JSON object")
        return answer

    def _sorted(
        self, status: int, said: Said, headers: Mapping[str, str], request: Request, sent: Collection[str], keyed: bool
    ) -> Exception:
        error = sort_error(
            status, said, headers, endpoint=self._address.shown, model=request.model, now=time.time(), sent=sent
        )
        if isinstance(error, MaxTokensRenamed):
            self._max_tokens_name = "max_completion_tokens"
        if isinstance(error, ParameterRefused) and self._form.learn(error.parameter):
            return CallFailed(f"the endpoint does not take {error.parameter}", retry_after_s=0.0, costs_attempt=False)
        if keyed and not self._takes_cache_key and _may_mean_cache_key(error, said):
            self._takes_cache_key = False
            return CallFailed(f"the endpoint does not take {_CACHE_KEY}", retry_after_s=0.0, costs_attempt=False)
        if isinstance(error, InstructionFailed) and error.kind == "context_length":
            size = context_size(said.message)
            if size is not None:
                self._context[request.model] = min(size, self._context.get(request.model) or size)
        return error

    def _said(self, body: str) -> Said:
        """An error in the endpoint's words. What is secret is hidden where it stands escaped, and where it does not."""
        said = read_error(self._hide(body))
        return replace(said, message=self._hide(said.message), parameter=self._hide(said.parameter))

    def _hide(self, text: str) -> str:
        """The text without the key and what is secret in the address, which some servers quote."""
        for secret in self._secrets:
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
        listing = await self.listing()
        row = next((row for row in listing.rows if row["id"] == model), {}) if listing else {}
        sizes = [row.get(key) for key in _CONTEXT_KEYS]  # where none is told, the context is learned from an error
        return next((size for size in sizes if isinstance(size, int) and size > 0), None)

    async def listing(self) -> Listing | None:
        """What the endpoint says of its models; None where it has no such list, or cannot be reached."""
        import aiohttp
        import httpx2

        try:
            async with (
                asyncio.timeout(_ASK_TIMEOUT_S),
                self._connected().stream("GET", self._address.of("/models")) as response,
            ):
                content = b"".join([part async for part in self._parts_of(response)])
            rows = [row for row in orjson.loads(content)["data"] if isinstance(row["id"], str)]
        except (CallFailed, httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError, ValueError, KeyError, TypeError):
            return None
        return Listing(rows, response.headers.get("date"))

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None


def _may_mean_cache_key(error: Exception, said: Said) -> bool:
    """Whether a refusal may be for the key: it is named, or nothing is."""
    if isinstance(error, ParameterRefused):
        return error.parameter == _CACHE_KEY
    return isinstance(error, InstructionFailed) and error.kind == "bad_request" and not said.parameter
