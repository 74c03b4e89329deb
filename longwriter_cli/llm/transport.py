"""The way to one endpoint: connections, key, time limits, and what is secret hidden from every message.

The SDK brings the transport, with proxies and certificates from the environment, and the headers: key, organization,
project, headers of the user's own.
"""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from longwriter_cli.llm.address import read_address
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.lenient_json import loaded
from longwriter_cli.llm.said import Said, page_text, read_error, shorten
from longwriter_cli.records import Usage

if TYPE_CHECKING:
    import httpx2

CONNECT_TIMEOUT_S = 60.0  # the SDK's own 5 s fails at 1,000 calls in flight
# Below the 5 s after which uvicorn, and so vLLM, closes an idle connection: a call sent into a closing one is lost.
_KEEP_ALIVE_S = 4.0
# No text of a model is near that long. A body of gigabytes, which gzip makes of a few megabytes, would end the process.
MOST_BYTES = 64 << 20
_SHORTEST_SECRET = 6  # what is shorter is a stand-in ("none"), and a word that messages may hold


class Transport:
    """One endpoint's HTTP client. Connects when it is first used.

    Args:
        base_url: with the version in it. A user and password in it are sent in place of the key.
        api_key: never shown, logged or stored.
        timeout_s: seconds without a byte.
        connections: most calls in flight.
    """

    def __init__(self, base_url: str, api_key: str, *, timeout_s: float, connections: int) -> None:
        self._address = read_address(base_url)
        self.shown = self._address.shown
        self.url = self._address.url
        self._api_key = api_key
        secrets = [secret for secret in (api_key, *self._address.secrets) if len(secret) >= _SHORTEST_SECRET]
        self._secrets = tuple(dict.fromkeys([*secrets, *(quote(secret, safe="") for secret in secrets)]))
        self.timeout_s = timeout_s
        self._connections = connections
        self._http: httpx2.AsyncClient | None = None

    def connected(self) -> httpx2.AsyncClient:
        if self._http is None:
            import httpx2
            import openai

            # At INFO it names every URL in full, with what is secret in a query or in a place redirected to.
            logging.getLogger("httpx2").setLevel(logging.WARNING)
            # Room for a few more than are in flight: a connection given up takes a moment to close.
            http = openai.DefaultAioHttpClient(
                timeout=httpx2.Timeout(self.timeout_s, connect=CONNECT_TIMEOUT_S, pool=None),
                limits=httpx2.Limits(max_connections=self._connections + 8, keepalive_expiry=_KEEP_ALIVE_S),
            )
            sdk = openai.AsyncOpenAI(base_url=self.url, api_key=self._api_key, http_client=http)
            headers = sdk.auth_headers | {k: v for k, v in sdk.default_headers.items() if isinstance(v, str)}
            if self._address.login:
                headers["Authorization"] = "Basic " + base64.b64encode(self._address.login.encode()).decode()
            http.headers.update(headers)
            self.chat_url = httpx2.URL(self.of("/chat/completions"))  # to read an address costs as much as to send it
            self._http = http
        return self._http

    def of(self, path: str) -> str:
        """The URL of a path such as `/chat/completions`."""
        return self._address.of(path)

    @asynccontextmanager
    async def exchange(self, method: str, path: str, **content: Any) -> AsyncIterator[httpx2.Response]:
        """Sends a request and gives the response, its body still to be read. `content` is as httpx takes it.

        Raises:
            CallFailed: the connection failed, or was silent for too long.
        """
        import aiohttp
        import httpx2

        try:
            async with self.connected().stream(method, self.of(path), **content) as response:
                yield response
        except (httpx2.HTTPError, aiohttp.ClientError, OSError, EOFError) as error:
            raise self.failure(error) from None

    def failure(self, error: Exception, spent: Usage | None = None) -> CallFailed:
        """What an error of the transport is to the caller. The transport calls half of them a time-out."""
        import aiohttp

        cause = error.__cause__ or error
        connecting = isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError)
        if isinstance(cause, TimeoutError) and not connecting:
            return self.timed_out(spent)
        problem = shorten(self.hide(str(cause)).replace(" ssl:default", "")) or type(cause).__name__
        return CallFailed(f"{self.shown}: {problem}", unreachable=connecting, usage=spent)

    def timed_out(self, spent: Usage | None = None) -> CallFailed:
        what = "nothing more of the answer" if spent is not None and spent.total_tokens else "no answer"
        return CallFailed(f"{self.shown}: {what} within {self.timeout_s:g} s", usage=spent)

    async def parts_of(self, response: httpx2.Response) -> AsyncIterator[bytes]:
        """The body in pieces, at most `MOST_BYTES` in all."""
        size = 0
        async for part in response.aiter_bytes():  # in pieces of at most 1 MiB, however well they were compressed
            size += len(part)
            if size > MOST_BYTES:
                raise CallFailed(f"{self.shown}: an answer of more than {MOST_BYTES >> 20} MiB")
            yield part

    def read(self, payload: bytes) -> Mapping[str, Any]:
        """The JSON object in an answer.

        Raises:
            CallFailed: it is none.
        """
        try:
            answer = loaded(payload)
        except ValueError:
            text = shorten(self.hide(page_text(payload.decode("utf-8", "replace"))))
            problem = f"an answer that is not JSON: {text[:80]}" if text else "an empty answer"
            hint = "" if self.url.endswith("/v1") else " (a base URL mostly ends in /v1)"
            raise CallFailed(f"{self.shown}: {problem}{hint}") from None
        if not isinstance(answer, dict):
            raise CallFailed(f"{self.shown}: an answer that is not a JSON object")
        return answer

    def said(self, body: str) -> Said:
        """An error in the endpoint's words. What is secret is hidden where it stands escaped, and where it does not."""
        said = read_error(self.hide(body))
        return replace(said, message=self.hide(said.message), parameter=self.hide(said.parameter))

    def hide(self, text: str) -> str:
        """The text without the key and what is secret in the address, which some servers quote."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None
