"""An OpenAI-compatible endpoint, over the openai SDK's HTTP client.

Of the SDK, transport and headers are used (`transport.py`); the call itself passes its `create` and `post` by. In CPU
per call with a 15 KB prompt and 64 in flight, against a bare aiohttp loop: `create` 10 times, `post` 5.4 times, this
2.7 times, with the retries around it 2.9 times.

API: https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.address import mask_url
from longwriter_cli.llm.answers import count_of, read_completion
from longwriter_cli.llm.base import CallKind, Completion, Request
from longwriter_cli.llm.faults import CallFailed, MaxTokensRenamed, ParameterRefused, sort_error
from longwriter_cli.llm.lenient_json import dumped
from longwriter_cli.llm.rates import read_rate_limits
from longwriter_cli.llm.said import Said, shorten
from longwriter_cli.llm.stream import BrokenStream, Stream, StreamForm, Streaming
from longwriter_cli.llm.topics import context_size
from longwriter_cli.llm.transport import Transport

if TYPE_CHECKING:
    import httpx2

_ASK_TIMEOUT_S = 10.0
# Routes calls with one beginning to where its prefix is cached (OpenAI, "Prompt caching"). Most others pass it over,
# and one that refuses it is asked without.
_CACHE_KEY = "prompt_cache_key"
_CONTEXT_KEYS = ("max_model_len", "context_length", "context_window", "max_context_length")
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
        self.transport = Transport(base_url, api_key, timeout_s=timeout_s, connections=connections)
        self._free = asyncio.Semaphore(connections)
        self._max_tokens_name = "max_tokens"
        self._form = StreamForm(stream)
        self._takes_cache_key: bool | None = None  # None until the first answer
        self._least_room: dict[CallKind, int] = {}
        self._context: dict[str, int | None] = {}
        self._given_context = context_tokens
        self._asking = asyncio.Lock()

    async def complete(self, request: Request) -> Completion:
        """One try.

        Raises:
            CallFailed: another try may succeed.
            InstructionFailed, EndpointRefused: none will.
        """
        keyed = self._takes_cache_key is not False and _CACHE_KEY not in request.params
        body, sent = self.body(request, keyed=keyed)
        response, content = await self._post(body, request)
        if any(hop.status_code in (301, 302) for hop in response.history):
            raise EndpointRefused(
                f"{self.transport.shown} has moved to {mask_url(str(response.url))}",
                "Give --base-url the new address, without /chat/completions.",
            )
        completion = self.outcome(response.status_code, content, request, sent, response.headers, keyed=keyed)
        limits = read_rate_limits(response.headers)
        return completion if limits is None else replace(completion, limits=limits)

    def outcome(
        self,
        status: int,
        content: bytes | Mapping[str, Any],
        request: Request,
        sent: Collection[str],
        headers: Mapping[str, str] = MappingProxyType({}),
        *,
        keyed: bool = False,
    ) -> Completion:
        """What an answer means, whichever way it came. `sent` and `keyed` are as for the body that was sent.

        Raises:
            CallFailed, InstructionFailed, EndpointRefused: as `complete`.
        """
        if not 200 <= status < 300:
            body = content if isinstance(content, bytes) else dumped(content)
            said = self.transport.said(body.decode("utf-8", "replace"))
            raise self._sorted(status, said, headers, request, sent, keyed)
        answer = self.transport.read(content) if isinstance(content, bytes) else content
        if answer.get("error") or "choices" not in answer:
            said = self.transport.said(json.dumps(answer))
            told = next((int(code) for code in said.codes if code.isdecimal() and 400 <= int(code) < 600), None)
            if told is None:
                raise CallFailed(f"an error in place of an answer: {shorten(said.message)}")
            raise self._sorted(told, said, headers, request, sent, keyed)
        if keyed:
            self._takes_cache_key = True
        completion = read_completion(answer, request)
        model = self.transport.hide(completion.model)
        return completion if model == completion.model else replace(completion, model=model)

    async def _post(self, body: bytes, request: Request) -> tuple[httpx2.Response, bytes | dict[str, Any]]:
        """The response and its body, of at most `MOST_BYTES`; the answer where it came as a stream."""
        import aiohttp
        import httpx2

        transport, stream = self.transport, Stream()
        http = transport.connected()
        async with self._free:
            try:
                async with asyncio.timeout(transport.timeout_s) as limit:
                    async with http.stream("POST", transport.chat_url, content=body) as response:
                        if not (response.is_success and _EVENTS in response.headers.get("content-type", "")):
                            return response, b"".join([part async for part in transport.parts_of(response)])
                        async for part in transport.parts_of(response):
                            limit.reschedule(asyncio.get_running_loop().time() + transport.timeout_s)
                            stream.feed(part)
                        return response, stream.answer()
            except BrokenStream as error:
                raise CallFailed(f"{transport.shown}: {error}", usage=stream.spent(request)) from None
            except TimeoutError:
                raise transport.timed_out(stream.spent(request)) from None
            except (httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError) as error:
                raise transport.failure(error, stream.spent(request)) from None

    def body(self, request: Request, *, keyed: bool = False) -> tuple[bytes, Collection[str]]:
        """The body, with the key of the prefix cache or without, and the names in it that the user has a say in."""
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

    def _sorted(
        self, status: int, said: Said, headers: Mapping[str, str], request: Request, sent: Collection[str], keyed: bool
    ) -> Exception:
        error = sort_error(
            status, said, headers, endpoint=self.transport.shown, model=request.model, now=time.time(), sent=sent
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
        try:
            async with (
                asyncio.timeout(_ASK_TIMEOUT_S),
                self.transport.exchange("GET", "/models") as response,
            ):
                content = b"".join([part async for part in self.transport.parts_of(response)])
            rows = [row for row in orjson.loads(content)["data"] if isinstance(row["id"], str)]
        except (CallFailed, TimeoutError, ValueError, KeyError, TypeError):
            return None
        return Listing(rows, response.headers.get("date"))

    async def close(self) -> None:
        await self.transport.close()


def _may_mean_cache_key(error: Exception, said: Said) -> bool:
    """Whether a refusal may be for the key: it is named, or nothing is."""
    if isinstance(error, ParameterRefused):
        return error.parameter == _CACHE_KEY
    return isinstance(error, InstructionFailed) and error.kind == "bad_request" and not said.parameter
