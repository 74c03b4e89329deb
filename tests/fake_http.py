"""Bytes of HTTP/1.1 for the fake server: one request in, one response out, in pieces a fault can stop at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import orjson

_BODY_PIECES = 8


@dataclass(frozen=True, slots=True)
class HttpRequest:
    method: str
    path: str
    body: bytes
    keep_alive: bool
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    query: str = ""


@dataclass(frozen=True, slots=True)
class Wire:
    """A response ready to send: one body, or the events of a stream."""

    status: int
    body: bytes | Sequence[bytes]
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    delay_s: float = 0.0  # before the first byte
    stretch_s: float = 0.0  # between the first byte and the last


async def read_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> HttpRequest | None:
    """The next request on the connection; None when the client has closed it in between."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").rstrip().split("\r\n")
    method, target, version = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if "transfer-encoding" in headers:
        writer.write(b"HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return None
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    keep_alive = headers.get("connection", "").lower() != "close" and version != "HTTP/1.0"
    path, _, query = target.partition("?")
    return HttpRequest(method, path, body, keep_alive, headers, query)


def frames_of(wire: Wire) -> list[bytes]:
    """The response in the pieces it may be sent in, the head first."""
    streamed = not isinstance(wire.body, bytes)
    headers = {"Content-Type": "text/event-stream" if streamed else "application/json", **wire.headers}
    if streamed:
        headers["Transfer-Encoding"] = "chunked"
    else:
        headers["Content-Length"] = str(len(wire.body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {wire.status} {_phrase(wire.status)}\r\n{lines}\r\n".encode()
    if isinstance(wire.body, bytes):
        size = len(wire.body) // _BODY_PIECES + 1
        return [head, *(wire.body[i : i + size] for i in range(0, len(wire.body), size))]
    events = (b"data: " + event + b"\n\n" for event in (*wire.body, b"[DONE]"))
    return [head, *(b"%x\r\n%b\r\n" % (len(event), event) for event in events), b"0\r\n\r\n"]


def _phrase(status: int) -> str:
    """The status in words; nothing for what no standard names, as 529 of Anthropic and Cloudflare's 52x."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def json_wire(value: object, headers: Mapping[str, str] | None = None) -> Wire:
    return Wire(200, orjson.dumps(value), headers or {})
