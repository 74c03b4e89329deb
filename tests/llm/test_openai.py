"""The client of OpenAI-compatible endpoints, against real sockets: answers, accidents, secrets, proxies, load."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from fake_server import FakeServer, Reply
from program import MODEL, essays, run_longwriter, write_rows

from longwriter_cli.errors import EndpointRefused, InstructionFailed, UsageError
from longwriter_cli.llm.address import read_address
from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import CallFailed, MaxTokensRenamed
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.transport import MOST_BYTES
from longwriter_cli.records import Usage

KEY = "sk-planted-5f2a9c71e0"
TOKEN = "tk-planted-77d01c3b5a"
PROMPT = "Write of the sea."
USAGE = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}


def request(prompt: str = PROMPT, **fields: Any) -> Request:
    return Request("section", "id", "m", prompt, **fields)


@asynccontextmanager
async def client(base_url: str, key: str = "none", **options: Any) -> AsyncIterator[OpenAIChat]:
    chat = OpenAIChat(base_url, key, **options)
    try:
        yield chat
    finally:
        await chat.close()


class Wire:
    """A server of bytes: it gives each request what `respond` returns for its first line, and keeps the request."""

    def __init__(self, respond: Callable[[str], bytes]) -> None:
        self.respond = respond
        self.requests: list[str] = []
        self.connections = 0

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.host = f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                size = next(
                    (int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length")), 0
                )
                self.requests.append(head + (await reader.readexactly(size)).decode())
                response = self.respond(head.partition("\r\n")[0])
                writer.write(response)
                await writer.drain()
                if b"Content-Length" not in response:
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass
        finally:
            writer.close()


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body


def completion(message: Any = None, finish_reason: Any = "stop", usage: Any = USAGE, **fields: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "The sea."} if message is None else message
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "x", "model": "m-2024", "choices": [choice], "usage": usage, **fields}


GOOD = http("200 OK", orjson.dumps(completion()), Content_Type="application/json")


async def answered(body: dict[str, Any] | bytes, asked: Request | None = None) -> Completion:
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    with FakeServer(answer=lambda _: Reply(body=raw)) as server:
        async with client(server.base_url) as chat:
            return await chat.complete(asked or request())


# --- answers


async def test_an_answer_has_text_reason_model_and_tokens() -> None:
    assert await answered(completion()) == Completion("The sea.", "stop", "m-2024", Usage(100, 0, 20))


async def test_the_call_is_what_the_request_says() -> None:
    with FakeServer(keep_requests=True) as server:
        async with client(server.base_url) as chat:
            await chat.complete(
                request(max_tokens=50, params={"seed": 7, "top_k": 3}, examples=(("one", "two"), ("three", "four")))
            )
    (asked,) = server.requests
    assert [(m["role"], m["content"]) for m in asked.pop("messages")] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
        ("assistant", "four"),
        ("user", PROMPT),
    ]
    assert len(asked.pop("prompt_cache_key")) == 16
    assert asked == {"model": "m", "max_tokens": 50, "seed": 7, "top_k": 3}


async def test_parts_of_an_answer_that_are_text_are_joined() -> None:
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": "The "},
        {"type": "text", "text": "sea."},
    ]
    assert (await answered(completion({"role": "assistant", "content": parts}))).text == "The sea."


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": []},
        {"role": "assistant"},
        {"role": "assistant", "content": None, "reasoning_content": "Let me think."},
        {"role": "assistant", "content": "", "reasoning": "Let me think.", "tool_calls": []},
    ],
)
async def test_an_answer_without_text_is_empty_and_paid_for(message: dict[str, Any]) -> None:
    completed = await answered(completion(message))
    assert (completed.text, completed.refused, completed.usage) == ("", False, Usage(100, 0, 20))


async def test_a_refusal_in_its_own_field_is_marked_as_one() -> None:
    completed = await answered(completion({"role": "assistant", "content": None, "refusal": "I can't."}))
    assert (completed.text, completed.refused) == ("I can't.", True)
    assert not (await answered(completion({"role": "assistant", "content": "The sea.", "refusal": None}))).refused


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("stop", "stop"),
        (None, "stop"),
        ("length", "length"),
        ("MAX_TOKENS", "length"),
        ("model_length", "length"),
        ("content_filter", "content_filter"),
        ("content_filter: RECITATION", "content_filter"),
        ("sensitive", "content_filter"),
        ("eos_token", "stop"),
        ("end_turn", "stop"),
        ("tool_calls", "tool_calls"),
    ],
)
async def test_reasons_to_finish_are_told_in_one_language(said: str | None, reason: str) -> None:
    assert (await answered(completion(finish_reason=said))).finish_reason == reason


@pytest.mark.parametrize("reason", ["error", "abort", "insufficient_system_resource"])
async def test_an_answer_that_the_endpoint_broke_off_is_asked_for_again_and_counted(reason: str) -> None:
    with pytest.raises(CallFailed, match=reason) as raised:
        await answered(completion(finish_reason=reason))
    assert raised.value.usage == Usage(100, 0, 20)


async def test_half_a_surrogate_pair_in_an_answer_becomes_one_replacement_character() -> None:
    body = json.dumps(completion({"role": "assistant", "content": "\ud83d sea \udc00, \U0001f30a"})).encode()
    text = (await answered(body)).text
    assert text == "\ufffd sea \ufffd, \U0001f30a"
    assert text.encode()
    assert orjson.dumps(text)


async def test_json_that_only_python_takes_is_taken() -> None:
    lenient = json.dumps(completion(logprobs=float("nan"))).encode()
    assert (await answered(lenient)).text == "The sea."
    assert (await answered(b"\xef\xbb\xbf" + orjson.dumps(completion()))).text == "The sea."
    invalid = orjson.dumps(completion()).replace(b"sea", b"s\xffa")
    assert (await answered(invalid)).text == "The s\ufffda."


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "an empty answer"),
        (b"  \n", "an empty answer"),
        (b'{"choices": [{"mess', "not JSON"),
        (b"<!doctype html><html><head><title>Open WebUI</title></head></html>", "not JSON: Open WebUI"),
        (b"[]", "not a JSON object"),
        (b"[" * 50_000, "not JSON"),
        (b'"text"', "not a JSON object"),
        (b"{}", "an error in place of an answer"),
        (b'{"choices": []}', "without a message"),
        (b'{"choices": null}', "without a message"),
        (b'{"choices": [{}]}', "without a message"),
        (b'{"choices": [null]}', "without a message"),
        (b'{"choices": [{"message": null}]}', "without a message"),
        (b'{"choices": [{"message": "text"}]}', "without a message"),
        (b'{"choices": [{"message": {"content": 7}}]}', "without a message"),
        (b'{"choices": [{"message": {"content": {"text": "x"}}}]}', "without a message"),
        (b'{"error": {"message": "out of memory"}}', "out of memory"),
        (b'{"error": "out of memory", "choices": []}', "out of memory"),
    ],
)
async def test_what_is_no_answer_is_asked_for_again_and_says_what_it_was(body: bytes, said: str) -> None:
    with pytest.raises(CallFailed) as raised:
        await answered(body)
    assert said in raised.value.problem


async def test_a_page_in_place_of_an_answer_hints_at_the_address() -> None:
    page = http("200 OK", b"<html><title>Chat</title></html>")
    async with Wire(lambda _: page) as wire, client(f"http://{wire.host}") as chat:
        with pytest.raises(CallFailed, match="ends in /v1"):
            await chat.complete(request())


# --- tokens

ESTIMATE = Usage(len(PROMPT) // 4, 0, len("The sea.") // 4, estimated=True)


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (USAGE, Usage(100, 0, 20)),
        (USAGE | {"prompt_tokens_details": {"cached_tokens": 64}}, Usage(100, 64, 20)),
        (USAGE | {"prompt_tokens_details": None}, Usage(100, 0, 20)),
        (USAGE | {"prompt_tokens_details": {"cached_tokens": None}}, Usage(100, 0, 20)),
        (USAGE | {"prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36}, Usage(100, 64, 20)),  # DeepSeek
        (USAGE | {"cached_tokens": 64}, Usage(100, 64, 20)),  # Moonshot
        (USAGE | {"prompt_tokens_details": {"cached_tokens": 999}}, Usage(100, 100, 20)),
        (USAGE | {"total_tokens": 500}, Usage(100, 0, 400)),  # Gemini: thoughts stand in the total alone
        (USAGE | {"total_tokens": None}, Usage(100, 0, 20)),
        ({"prompt_tokens": 100.0, "completion_tokens": 20.0}, Usage(100, 0, 20)),
        ({"prompt_tokens": 100, "completion_tokens": None, "total_tokens": 120}, Usage(100, 0, 20)),
        ({"prompt_tokens": 100, "completion_tokens": None}, Usage(100, 0, 2, estimated=True)),
        ({"prompt_tokens": None, "completion_tokens": 20}, Usage(4, 0, 20, estimated=True)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, ESTIMATE),
        ({"prompt_tokens": -1, "completion_tokens": "20"}, ESTIMATE),
        (None, ESTIMATE),
        ({}, ESTIMATE),
        ([], ESTIMATE),
    ],
)
async def test_tokens_are_as_reported_else_estimated_and_marked(reported: Any, usage: Usage) -> None:
    assert (await answered(completion(usage=reported))).usage == usage


async def test_an_estimate_counts_bytes_of_all_turns_and_of_the_thoughts() -> None:
    message = {"role": "assistant", "content": "海" * 4, "reasoning_content": "x" * 8}
    asked = request("海" * 8, examples=(("a" * 8, "b" * 8),))
    assert (await answered(completion(message, usage=None), asked)).usage == Usage(10, 0, 5, estimated=True)


async def test_an_unusable_answer_is_paid_for_as_it_says() -> None:
    with pytest.raises(CallFailed) as raised:
        await answered(completion(usage=USAGE) | {"choices": []})
    assert raised.value.usage == Usage(100, 0, 20)


# --- accidents


async def accident(base_url: str, **options: Any) -> CallFailed:
    async with client(base_url, **options) as chat:
        with pytest.raises(CallFailed) as raised:
            await chat.complete(request())
    return raised.value


async def test_an_endpoint_that_is_not_there_is_unreachable_and_no_time_out() -> None:
    for base_url in ("http://127.0.0.1:9/v1", "http://no-such-host.invalid/v1"):
        failed = await accident(base_url)
        assert failed.unreachable
        assert "Cannot connect" in failed.problem
        assert "answer within" not in failed.problem
        assert base_url in failed.problem


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        http("200 OK", orjson.dumps(completion()))[:-9].replace(b"Content-Length", b"content-length"),
        b"\x15\x03\x01\x00\x02\x02\x46",  # the alert that a TLS port sends to a plain call
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\ncontent-length: 3\r\n\r\nabc",
    ],
    ids=["nothing", "half a head", "half a body", "TLS", "SSH", "bad chunk", "bad gzip"],
)
async def test_a_connection_that_breaks_is_tried_again_and_is_no_time_out(response: bytes) -> None:
    async with Wire(lambda _: response) as wire:
        failed = await accident(f"http://{wire.host}/v1", timeout_s=5)
    assert not failed.unreachable
    assert "within" not in failed.problem
    assert len(wire.requests) == 1, "the HTTP client must not repeat a call on its own"


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_body_of_gigabytes_is_given_up_at_the_cap(status: str, encoding: str) -> None:
    body = b" " * (2 * MOST_BYTES)
    if encoding == "gzip":
        body = gzip.compress(body, 1)
    async with Wire(lambda _: http(status, body, Content_Encoding=encoding)) as wire:
        failed = await accident(f"http://{wire.host}/v1")
        assert "an answer of more than 64 MiB" in failed.problem
        async with client(f"http://{wire.host}/v1") as chat:
            assert await chat.context_tokens("m") is None


async def test_an_answer_of_megabytes_is_read_whole() -> None:
    text = "The sea. " * 200_000
    with FakeServer(answer=lambda _: text) as server:
        async with client(server.base_url) as chat:
            assert (await chat.complete(request())).text == text


async def test_a_tls_call_to_a_plain_port_is_a_failed_connection() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        failed = await accident(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", timeout_s=5)
    assert "within" not in failed.problem


@pytest.mark.parametrize("fault", ["stall", "stall_middle"])
async def test_silence_ends_at_the_time_out(fault: str) -> None:
    with FakeServer(faults=1.0, fault_kinds=[fault], stall_s=20) as server:
        began = time.monotonic()
        failed = await accident(server.base_url, timeout_s=0.3)
        assert time.monotonic() - began < 5
    assert failed.problem.endswith("no answer within 0.3 s")
    assert not failed.unreachable


async def test_a_client_goes_on_after_every_accident() -> None:
    kinds = ("cut_before", "cut_middle", "broken_json", "500", "502_html", "429_bare", "stall")
    with FakeServer(faults=0.5, fault_kinds=kinds, stall_s=10, max_faults=99) as server:
        async with client(server.base_url, timeout_s=2) as chat:

            async def call_all(about: str) -> set[type]:
                calls = (chat.complete(request(f"{PROMPT} {about} {n}")) for n in range(60))
                return {type(result) for result in await asyncio.gather(*calls, return_exceptions=True)}

            assert await call_all("stormy") == {Completion, CallFailed}
            assert set(server.stats.faults) == set(kinds)
            server.faults = 0.0
            assert await call_all("calm") == {Completion}


async def test_a_redirect_that_loses_the_call_stops_the_run_and_names_the_new_address() -> None:
    def respond(first_line: str) -> bytes:
        moved = http("301 Moved Permanently", Location="/v1/chat/completions?key=hidden-one")
        return moved if first_line.startswith("POST") else http("405 Method Not Allowed")

    async with Wire(respond) as wire, client(f"http://{wire.host}") as chat:
        with pytest.raises(EndpointRefused, match=f"has moved to http://{wire.host}/v1/chat/completions") as raised:
            await chat.complete(request())
    assert "hidden-one" not in raised.value.message


async def test_a_redirect_that_keeps_the_call_is_followed() -> None:
    def respond(first_line: str) -> bytes:
        return GOOD if " /there" in first_line else http("307 Temporary Redirect", Location="/there")

    async with Wire(respond) as wire, client(f"http://{wire.host}/v1") as chat:
        assert (await chat.complete(request())).text == "The sea."
    assert PROMPT in wire.requests[1]


async def test_the_place_where_a_long_call_will_be_answered_is_asked() -> None:
    def respond(first_line: str) -> bytes:
        return GOOD if first_line.startswith("GET /later") else http("303 See Other", Location="/later")

    async with Wire(respond) as wire, client(f"http://{wire.host}/v1") as chat:
        assert (await chat.complete(request())).text == "The sea."


async def test_a_redirect_to_another_host_does_not_take_the_key_along() -> None:
    def respond(first_line: str) -> bytes:
        return http("307 Temporary Redirect", Location=f"http://{other.host}/")

    async with Wire(lambda _: GOOD) as other, Wire(respond) as wire:
        async with client(f"http://{wire.host}/v1", KEY) as chat:
            await chat.complete(request())
        assert KEY in wire.requests[0]
        assert KEY not in other.requests[0]


async def test_calls_share_connections() -> None:
    async with Wire(lambda _: GOOD) as wire, client(f"http://{wire.host}/v1") as chat:
        for _ in range(5):
            await chat.complete(request())
        assert wire.connections == 1


async def test_what_json_cannot_hold_in_a_request_is_no_crash() -> None:
    with FakeServer(keep_requests=True) as server:
        async with client(server.base_url) as chat:
            await chat.complete(request("half a pair: \ud83d", params={"seed": 2**70}))
    assert server.requests[0]["messages"][0]["content"] == "half a pair: \ufffd"


# --- parameters


async def test_an_endpoint_that_takes_neither_name_of_max_tokens_is_refused_and_not_asked_forever() -> None:
    with FakeServer(needs_max_completion_tokens=True, refuse_param=["max_completion_tokens"]) as server:
        async with client(server.base_url) as chat:
            with pytest.raises(MaxTokensRenamed):
                await chat.complete(request(max_tokens=50))
            with pytest.raises(EndpointRefused, match="max_completion_tokens") as raised:
                await chat.complete(request(max_tokens=50))
    assert "--max-tokens" in raised.value.tip


async def test_max_tokens_in_the_extra_body_gets_its_other_name_too() -> None:
    with FakeServer(needs_max_completion_tokens=True, keep_requests=True) as server:
        async with client(server.base_url) as chat:
            with pytest.raises(MaxTokensRenamed):
                await chat.complete(request(params={"max_tokens": 50}))
            await chat.complete(request(params={"max_tokens": 50}))
    assert server.requests[1]["max_completion_tokens"] == 50
    assert "max_tokens" not in server.requests[1]


async def test_a_parameter_refused_is_named_with_its_option() -> None:
    with FakeServer(refuse_param=["top_p"]) as server:
        async with client(server.base_url) as chat:
            with pytest.raises(EndpointRefused, match="'top_p'") as raised:
                await chat.complete(request(params={"top_p": 0.9}))
    assert "--top-p" in raised.value.tip


async def test_calls_of_one_instruction_share_a_cache_key_that_tells_nothing_of_its_id() -> None:
    with FakeServer(keep_requests=True) as server:
        async with client(server.base_url) as chat:
            for affinity in ("anna", "anna", "bert"):
                await chat.complete(replace(request(), affinity=affinity))
    first, second, other = (sent["prompt_cache_key"] for sent in server.requests)
    assert first == second != other
    assert "anna" not in first


async def test_an_endpoint_that_refuses_the_cache_key_is_asked_without_at_no_cost() -> None:
    with FakeServer(refuse_param=["prompt_cache_key"], keep_requests=True) as server:
        async with client(server.base_url) as chat:
            with pytest.raises(CallFailed) as raised:
                await chat.complete(request())
            await chat.complete(request())
            assert not raised.value.costs_attempt
            with pytest.raises(EndpointRefused, match="prompt_cache_key"):  # the user's own is the user's to mend
                await chat.complete(request(params={"prompt_cache_key": "mine"}))
    assert "prompt_cache_key" not in server.requests[1]


async def test_more_room_than_the_endpoint_has_fails_the_text_that_needs_it_and_not_the_run() -> None:
    """After a cut the stages ask for more room than the user did; the user cannot mend that."""

    def answer(asked: dict[str, Any]) -> Reply | None:
        if asked.get("max_tokens", 0) <= 100:
            return None
        error = {"message": "max_tokens is too large: 200. This model supports at most 100 completion tokens."}
        return Reply(status=400, body=orjson.dumps({"error": error | {"param": "max_tokens"}}))

    with FakeServer(answer=answer) as server:
        for first in (None, 80):
            async with client(server.base_url) as chat:
                await chat.complete(request(max_tokens=first))
                with pytest.raises(InstructionFailed) as raised:
                    await chat.complete(request(max_tokens=200))
                assert raised.value.kind == "bad_request"
        async with client(server.base_url) as chat:
            with pytest.raises(EndpointRefused):
                await chat.complete(request(max_tokens=200))


# --- context


async def test_the_context_is_asked_of_the_endpoint_once() -> None:
    listing = http(
        "200 OK", orjson.dumps({"data": [{"id": "n", "max_model_len": 1}, {"id": "m", "max_model_len": 8192}]})
    )
    async with Wire(lambda _: listing) as wire, client(f"http://{wire.host}/v1/?v=2") as chat:
        assert await asyncio.gather(*(chat.context_tokens("m") for _ in range(20))) == [8192] * 20
        assert await chat.context_tokens("unknown") is None
        assert await chat.context_tokens("unknown") is None
    assert [asked.partition(" HTTP")[0] for asked in wire.requests] == ["GET /v1/models?v=2"] * 2


@pytest.mark.parametrize(
    "listing", [b"", b"[]", b'{"data": null}', b'{"data": ["m"]}', b'{"data": [{"id": "m", "max_model_len": "8k"}]}']
)
async def test_a_list_of_models_that_is_none_tells_nothing(listing: bytes) -> None:
    async with Wire(lambda _: http("200 OK", listing)) as wire, client(f"http://{wire.host}/v1") as chat:
        assert await chat.context_tokens("m") is None
    async with client("http://127.0.0.1:9/v1") as chat:
        assert await chat.context_tokens("m") is None


async def test_the_context_is_learned_from_an_error() -> None:
    with FakeServer(mode="context", max_context_tokens=600, models=["m"], max_model_len=131_072) as server:
        async with client(server.base_url) as chat:
            assert await chat.context_tokens("m") == 131_072
            with pytest.raises(InstructionFailed) as raised:
                await chat.complete(request("word " * 1000))
            assert raised.value.kind == "context_length"
            assert await chat.context_tokens("m") == 600


async def test_the_context_that_the_user_gives_wins() -> None:
    with FakeServer(mode="context", max_context_tokens=600, models=["m"], max_model_len=131_072) as server:
        async with client(server.base_url, context_tokens=2000) as chat:
            with pytest.raises(InstructionFailed):
                await chat.complete(request("word " * 1000))
            assert await chat.context_tokens("m") == 2000


# --- addresses


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://h/v1", "http://h/v1/chat/completions"),
        ("http://h/v1/", "http://h/v1/chat/completions"),
        ("http://h/v1/chat/completions", "http://h/v1/chat/completions"),
        ("https://h:8443", "https://h:8443/chat/completions"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
        ("https://h/deployments/d?api-version=2024-10-21", "https://h/deployments/d/chat/completions?api-version=2024-10-21"),
        ("http://user:p%40ss@h/v1#top", "http://h/v1/chat/completions"),
    ],
)  # fmt: skip
def test_an_address_becomes_the_one_of_chat_calls(base_url: str, url: str) -> None:
    assert read_address(base_url).of("/chat/completions") == url


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "localhost:8000/v1",
        "http://",
        "http:///v1",
        "ftp://h/v1",
        "http://h:port/v1",
        "http://h:99999/v1",
        "http://[::1/v1",
        "http://two words/v1",
        "http://h/v1\n",
        "http://" + "a" * 80 + ".example/v1",
        "/v1",
        "gpt-4o",
    ],
)
def test_what_is_no_address_is_a_wrong_usage(base_url: str) -> None:
    with pytest.raises(UsageError) as raised:
        OpenAIChat(base_url, "none")
    assert "http://" in raised.value.tip


def test_a_wrong_address_ends_the_command_before_the_first_call(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    for base_url in ("localhost:8000/v1", "http://user:hidden-one@[::1/v1"):
        result = run_longwriter("plan", source, "-r", tmp_path / "run", "-m", MODEL, "--base-url", base_url, code=2)
        assert "base URL" in result.stderr
        assert "hidden-one" not in result.stderr


# --- secrets


async def test_the_key_and_the_users_own_headers_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: ink")
    async with Wire(lambda _: GOOD) as wire, client(f"http://{wire.host}/v1", KEY) as chat:
        await chat.complete(request())
        await chat.context_tokens("m")
    for asked in wire.requests:
        head = asked.lower()
        assert f"authorization: bearer {KEY}" in head
        assert "openai-organization: org-1" in head
        assert "x-team: ink" in head
    assert "content-type: application/json" in wire.requests[0].lower()


async def test_user_and_password_of_the_address_are_sent_in_place_of_the_key_and_never_shown() -> None:
    login = "ann:p@ss:word"
    quoting = http("500 Internal Server Error", f"no such user {login}".encode())
    async with Wire(lambda _: quoting) as wire, client(f"http://ann:p%40ss:word@{wire.host}/v1", KEY) as chat:
        with pytest.raises(CallFailed) as raised:
            await chat.complete(request())
    (asked,) = wire.requests
    assert f"Basic {base64.b64encode(login.encode()).decode()}" in asked
    assert KEY not in asked
    assert "p@ss" not in raised.value.problem
    assert "p%40ss" not in (await accident("http://ann:p%40ss:word@127.0.0.1:9/v1")).problem


@pytest.mark.parametrize(
    "response",
    [
        http("401 Unauthorized", orjson.dumps({"error": {"message": f"Incorrect API key provided: {KEY}."}})),
        http("400 Bad Request", f"<html>{KEY}</html>".encode()),
        http("500 E", ("x" * 390 + KEY).encode()),
        http("200 OK", orjson.dumps({"error": {"message": f"bad key {KEY}", "code": 401}})),
        http("200 OK", orjson.dumps({"error": f"bad key {KEY}"})),
        http("200 OK", f"<title>{KEY}</title>".encode()),
        http("500 E", f"no such token: {TOKEN}".encode()),
        http("302 Found", Location=f"/login?key={KEY}"),
        f"HTTP/1.1 {KEY}\r\n\r\n".encode(),
        b"",
    ],
)
async def test_no_error_and_no_log_holds_the_key(response: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Wire(lambda _: response) as wire, client(f"http://{wire.host}/v1?token={TOKEN}", KEY) as chat:
        with pytest.raises((CallFailed, EndpointRefused, InstructionFailed)) as raised:
            await chat.complete(request())
        assert KEY in wire.requests[0]
        assert TOKEN in wire.requests[0]
    error = raised.value
    logged = "\n".join(record.getMessage() for record in caplog.records)
    for text in ("".join(traceback.format_exception(error)), repr(error), str(vars(error)), repr(chat), logged):
        assert KEY[:12] not in text
        assert TOKEN[:12] not in text


def test_a_run_with_the_sdks_debug_log_leaves_the_key_nowhere(tmp_path: Path) -> None:
    def quoting(asked: dict[str, Any]) -> Reply:
        return Reply(status=400, body=orjson.dumps({"error": {"message": f"{KEY} may not write of this"}}))

    source, run = write_rows(tmp_path / "in.jsonl", essays(2)), tmp_path / "run"
    with FakeServer(answer=quoting) as server:
        result = run_longwriter(
            "build-dataset", source, "-r", run, "-m", MODEL, "--base-url", server.base_url, "-v", "--json",
            code=3, fresh=True, env={"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug"},
        )  # fmt: skip
    assert "may not write of this" in (run / "failures.jsonl").read_text()
    for text in (result.stdout, result.stderr, *(p.read_text() for p in run.rglob("*") if p.is_file())):
        assert KEY not in text


def test_a_key_that_no_header_can_carry_is_named_by_its_variable_and_not_shown(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    with FakeServer() as server:
        for key in (f"“{KEY}”", f"{KEY}\n{KEY}"):
            result = run_longwriter(
                "plan", source, "-r", tmp_path / "run", "-m", MODEL, "--base-url", server.base_url,
                code=2, env={"OPENAI_API_KEY": key},
            )  # fmt: skip
            assert "OPENAI_API_KEY" in result.stderr
            assert KEY not in result.stderr
        assert server.stats.calls == 0


# --- proxies


async def test_the_proxy_of_the_environment_is_used_and_no_proxy_is_heeded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Wire(lambda _: GOOD) as proxy:
        monkeypatch.setenv("http_proxy", f"http://ann:hidden-one@{proxy.host}")
        async with client("http://model.example/v1") as chat:
            assert (await chat.complete(request())).text == "The sea."
        assert proxy.requests[0].startswith("POST http://model.example/v1/chat/completions HTTP/1.1")
        assert base64.b64encode(b"ann:hidden-one").decode() in proxy.requests[0]

        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with FakeServer() as server:
            async with client(server.base_url) as chat:
                await chat.complete(request())
            assert server.stats.calls == 1
        assert len(proxy.requests) == 1


async def test_a_proxy_that_is_gone_or_wants_a_password_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://ann:hidden-one@127.0.0.1:9")
    failed = await accident("http://model.example/v1")
    assert failed.unreachable
    assert "127.0.0.1:9" in failed.problem
    assert "hidden-one" not in failed.problem
    async with Wire(lambda _: http("407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
        async with client("http://model.example/v1") as chat:
            with pytest.raises(EndpointRefused, match="proxy"):
                await chat.complete(request())


def test_a_proxy_that_cannot_be_used_is_a_wrong_usage_unless_the_host_needs_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://ann:hidden-one@127.0.0.1:1080")
    monkeypatch.setenv("no_proxy", "localhost")
    with pytest.raises(UsageError, match="socks5") as raised:
        OpenAIChat("https://model.example/v1", "none")
    assert "hidden-one" not in raised.value.message
    assert "https_proxy" in raised.value.tip
    OpenAIChat("http://localhost:8000/v1", "none")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    OpenAIChat("https://model.example/v1", "none")


# --- load


async def test_waiting_for_a_connection_of_our_own_is_no_part_of_the_time_out() -> None:
    with FakeServer(latency_s=0.1) as server:
        async with client(server.base_url, timeout_s=1.0, connections=4) as chat:
            await asyncio.gather(*(chat.complete(request(f"{PROMPT} {n}")) for n in range(60)))
        assert server.stats.max_in_flight <= 4


async def test_a_thousand_calls_in_flight_get_their_answers() -> None:
    with FakeServer(latency_s=1.0, answer=lambda _: "The sea.") as server:
        async with client(server.base_url, timeout_s=30.0, connections=1000) as chat:
            await asyncio.gather(*(chat.complete(request(f"{PROMPT} {n}")) for n in range(1000)))
        assert server.stats.answered == 1000
        assert server.stats.max_in_flight > 500


async def test_a_call_that_is_given_up_frees_its_place() -> None:
    with FakeServer(latency_s=0.2) as server:
        async with client(server.base_url, connections=1) as chat:
            given_up = asyncio.create_task(chat.complete(request()))
            await asyncio.sleep(0.05)
            given_up.cancel()
            assert (await chat.complete(request("again"))).text


@pytest.mark.parametrize(
    "escape", [lambda key: key.replace("+", "\\u002B"), lambda key: key.replace("+", "%2B").replace("/", "%2F")]
)
async def test_a_key_that_an_error_quotes_escaped_is_hidden_too(escape: Callable[[str], str]) -> None:
    key = "sk-a+b/c-0123456789"
    body = b'{"error": {"message": "wrong key: ' + escape(key).encode() + b'"}}'
    with FakeServer(answer=lambda asked: Reply(status=400, body=body)) as server:
        async with client(server.base_url, key) as chat:
            with pytest.raises((InstructionFailed, CallFailed, EndpointRefused)) as raised:
                await chat.complete(request(params={"prompt_cache_key": "mine"}))
    assert "***" in str(raised.value)
    assert key not in str(raised.value)
