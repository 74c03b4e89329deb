"""A real HTTP server that speaks OpenAI's chat API, answers from a script and fails on purpose.

As a library it runs in a thread with a loop of its own::

    with FakeServer(faults=0.3) as server:
        client = openai.OpenAI(base_url=server.base_url, api_key="none", max_retries=0)
    assert server.stats.repeats_after_success == 0

As a program it prints its base URL as the first line and serves until it is killed::

    python tests/fake_server.py --port 8000 --seed 1 --faults 0.3 --latency 0.01

Plain asyncio streams: one coroutine a connection, HTTP/1.1 with keep-alive, nothing between the bytes and the test.
What is answered is in `fake_model`, what goes wrong in `fake_faults`, what is too much in `fake_limits`, the Batch API
(`server.batches`) in `fake_batches`. Whether a request meets a fault is a hash of (seed, request, how often it was
seen), so a run can be repeated; a request meets at most `max_faults` in a row, so trying again succeeds in the end.

Not covered: TLS, requests sent in chunks (411), `n` over 1, tools. A client that is killed after its answer reached
the socket counts as answered, though it may never have read it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import signal
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

import orjson
from fake_batches import FakeBatches
from fake_faults import (
    FAULT_KINDS,
    FINAL_FAULTS,
    MODES,
    RETRYABLE_FAULTS,
    SPOILED_ANSWERS,
    ApiError,
    error_fault,
    error_wire,
    mode_error,
    not_found,
    rate_error,
)
from fake_http import HttpRequest, Wire, frames_of, json_wire, read_request
from fake_limits import Rates
from fake_model import ScriptedModel, count_words, prompt_text

__all__ = ["FAULT_KINDS", "FINAL_FAULTS", "MODES", "RETRYABLE_FAULTS", "FakeServer", "Reply", "Stats"]

_CREATED = 1_700_000_000  # a constant: bodies must not depend on time
_CACHE_BLOCK_BYTES = 128 * 4
_CACHE_LEAST_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. With `body`, that is sent as it is with `status`; else a completion made of the other fields."""

    text: str | None = ""
    finish_reason: str = "stop"
    refusal: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(slots=True)
class Stats:
    """What the server has seen of chat calls. Other paths are not counted."""

    calls: int = 0
    answered: int = 0  # completions delivered whole, without a fault ("slow" is none in this sense)
    repeats: int = 0  # calls byte-identical to an earlier one
    repeats_after_success: int = 0  # of these, after that one had been answered: paid twice
    rejected: Counter[str] = field(default_factory=Counter)  # by the error's code: modes, limits, refused parameters
    faults: Counter[str] = field(default_factory=Counter)
    cut_at_max_tokens: int = 0
    abandoned: int = 0  # the client had gone, or the server was stopped, before the answer was sent
    in_flight: int = 0
    max_in_flight: int = 0
    serving: int = 0  # of those in flight: neither refused nor in the queue
    max_serving: int = 0
    distinct_prompts: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(slots=True)
class _Seen:
    """The history of one byte-identical request."""

    times: int = 0
    faults_in_row: int = 0
    succeeded: bool = False


@dataclass(kw_only=True, eq=False)
class FakeServer:
    """The server. Every option may be changed while it runs; times are in seconds.

    `answer` is asked first, in the server's thread, and gives the text or the Reply for a parsed request; None leaves
    it to the scripted model. `faults` is the share of requests, 0 to 1, that meet one of `fault_kinds`, evenly mixed.
    With `spoil_once` one of `SPOILED_ANSWERS` is met once at most by all prompts for which it gives the same question.
    `latency_jitter` 0.5 makes the latency of each request 50% to 150%. `max_context_tokens` holds in every mode; in
    mode `context` it is 0 where not set, so that no request fits.

    Limits: beyond `rate_limit_rpm` requests or `rate_limit_tpm` tokens a minute, and beyond `max_concurrent` calls at
    once, the answer is 429; with the rates every answer tells what is left of them. `queue` is the limit of a server
    that never refuses: so many calls are served at once, the others wait. It is read at the start.
    """

    port: int = 0
    seed: int = 1
    bias: float = 1.0
    answer: Callable[[dict[str, Any]], str | Reply | None] | None = None
    models: Sequence[str] = ("fake-writer",)
    max_model_len: int | None = None  # told by GET /v1/models
    clock_off_s: float | None = None  # how far the clock is off that GET /v1/models tells; it tells none by itself
    mode: str = "ok"
    max_context_tokens: int | None = None
    refuse_param: Collection[str] = ()
    needs_max_completion_tokens: bool = False
    faults: float = 0.0
    fault_kinds: Sequence[str] = RETRYABLE_FAULTS
    max_faults: int = 2
    spoil_once: Callable[[str], str] | None = None
    retry_after_s: float = 0.05
    stall_s: float = 1.0
    slow_s: float = 0.2
    latency_s: float = 0.0
    latency_jitter: float = 0.0
    latency_per_word_s: float = 0.0
    rate_limit_rpm: float | None = None
    rate_limit_tpm: float | None = None
    max_concurrent: int | None = None
    queue: int | None = None
    prefix_cache: bool = True
    usage: bool = True
    keep_requests: bool = False
    # With keep_requests: each parsed chat body in order of arrival, and at the same index the text of its completion
    # (None where there was none). A fault may have kept that text from arriving.
    requests: list[dict[str, Any]] = field(default_factory=list, init=False)
    answers: list[str | None] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        unknown = set(self.fault_kinds) - set(FAULT_KINDS)
        if unknown:
            raise ValueError(f"no such fault: {', '.join(sorted(unknown))}; there are {', '.join(FAULT_KINDS)}")
        self.batches = FakeBatches(self._answer_line)
        self._stats = Stats()
        self._seats: asyncio.Semaphore | None = None
        self._seen: dict[bytes, _Seen] = {}
        self._prompts: set[bytes] = set()
        self._spoiled: set[str] = set()
        self._cached_blocks: set[bytes] = set()
        self._connections: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = asyncio.Event()

    def __setattr__(self, name: str, value: object) -> None:
        if name == "mode" and value not in MODES:
            raise ValueError(f"no such mode: {value}; there are {', '.join(MODES)}")
        super().__setattr__(name, value)
        if name in ("rate_limit_rpm", "rate_limit_tpm"):
            self._rates = Rates(self.rate_limit_rpm, self.rate_limit_tpm)

    # --- life -----------------------------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def stats(self) -> Stats:
        """A copy of the counters as they stand."""
        now = self._stats
        return replace(now, faults=Counter(now.faults), rejected=Counter(now.rejected))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> Self:
        """Listens on 127.0.0.1; port 0 becomes the port that was found, and stays it for a restart."""
        if self._thread is not None:
            return self
        started: Future[int] = Future()

        async def serve() -> None:
            self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
            self._seats = asyncio.Semaphore(self.queue) if self.queue is not None else None
            try:
                listener = await asyncio.start_server(
                    self._connected, "127.0.0.1", self.port, backlog=4096, limit=2**20
                )
            except OSError as error:
                started.set_exception(error)
                return
            started.set_result(listener.sockets[0].getsockname()[1])
            await self._stopping.wait()
            listener.close()
            for task in self._connections:
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

        thread = threading.Thread(target=asyncio.run, args=(serve(),), name="fake-server", daemon=True)
        thread.start()
        self.port = started.result()
        self._thread = thread
        return self

    def stop(self) -> None:
        """Closes the port and every connection, whatever is in flight. What was counted stays."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    def restart(self) -> None:
        """Begins again on the same port, after `stop` or instead of it. What was counted stays."""
        self.stop()
        self.start()

    def reset(self) -> None:
        """Forgets every call; options and mode stay."""
        self._stats = Stats()
        self._rates = Rates(self.rate_limit_rpm, self.rate_limit_tpm)
        self._seen.clear()
        self._prompts.clear()
        self._spoiled.clear()
        self._cached_blocks.clear()
        self.requests.clear()
        self.answers.clear()

    # --- HTTP -----------------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (request := await read_request(reader, writer)) is not None:
                kept = await self._respond(request, reader, writer)
                if not (kept and request.keep_alive):
                    break
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone
        except asyncio.CancelledError:
            pass  # the server stops; let out, asyncio before 3.12 would log it as an error
        finally:
            writer.transport.abort()
            self._connections.discard(task)

    async def _respond(self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answers one request; True if the connection can take another."""
        if (request.method, request.path) == ("POST", "/v1/chat/completions"):
            return await self._chat(request, reader, writer)
        if request.path.startswith(("/v1/files", "/v1/batches")):
            return await self._send(writer, self._batch_wire(request))
        routes: dict[tuple[str, str], Callable[[HttpRequest], Wire]] = {
            ("GET", "/v1/models"): self._list_models,
            ("GET", "/stats"): self._show_stats,
            ("POST", "/reset"): self._take_reset,
            ("POST", "/mode"): self._take_mode,
        }
        route = routes.get((request.method, request.path), not_found)
        return await self._send(writer, route(request))

    async def _send(
        self, writer: asyncio.StreamWriter, wire: Wire, before_last: Callable[[], None] = lambda: None
    ) -> bool:
        """Sends a response, or what its fault leaves of it; True if the connection can take another request.

        `before_last` is called when nothing but the last bytes is left to send: what it counts is counted before the
        client can know that it has the answer, so that no test and no repeat comes too early.
        """
        frames = frames_of(wire)
        if wire.fault in ("stall", "cut_before"):
            frames = []
        elif wire.fault in ("stall_middle", "cut_middle"):
            frames = frames[: len(frames) // 2 + 1]
        if wire.stretch_s:
            for frame in frames[:-1]:
                writer.write(frame)
                await writer.drain()
                await asyncio.sleep(wire.stretch_s / len(frames))
            frames = frames[-1:]
        if wire.fault in ("stall", "stall_middle"):
            writer.write(b"".join(frames))
            frames = []
            await asyncio.sleep(self.stall_s)
        if writer.is_closing():
            return False
        before_last()
        writer.write(b"".join(frames))
        await writer.drain()
        return wire.fault not in ("stall", "cut_before", "stall_middle", "cut_middle")

    # --- batches --------------------------------------------------------------------------------------------------

    def _batch_wire(self, request: HttpRequest) -> Wire:
        """What the Batch API answers; the modes that refuse hold for it too."""
        if self.mode not in ("ok", "context"):
            return error_wire(mode_error(self.mode, ""))
        return self.batches.respond(request)

    def _answer_line(self, body: bytes) -> Wire:
        """What a line of a batch gets: as a chat call, counted like one."""
        stats = self._stats
        key = blake2b(body, digest_size=16).digest()
        seen = self._seen.setdefault(key, _Seen())
        stats.calls += 1
        stats.repeats += seen.times > 0
        stats.repeats_after_success += seen.succeeded
        wire = self._decide(HttpRequest("POST", "/v1/chat/completions", body, True), key, seen)
        seen.times += 1
        if wire.status == 200 and wire.fault in (None, "slow"):
            stats.answered += 1
            seen.succeeded, seen.faults_in_row = True, 0
        return wire

    # --- the other paths ------------------------------------------------------------------------------------------

    def _list_models(self, request: HttpRequest) -> Wire:
        if self.mode in ("bad_key", "forbidden", "down"):
            return error_wire(mode_error(self.mode, ""))
        models = [{"id": name, "object": "model", "created": _CREATED, "owned_by": "fake"} for name in self.models]
        if self.max_model_len is not None:
            models = [{**model, "max_model_len": self.max_model_len} for model in models]
        headers = {} if self.clock_off_s is None else {"Date": formatdate(time.time() + self.clock_off_s, usegmt=True)}
        return json_wire({"object": "list", "data": models}, headers=headers)

    def _show_stats(self, request: HttpRequest) -> Wire:
        return json_wire({name: getattr(self._stats, name) for name in Stats.__slots__} | {"mode": self.mode})

    def _take_reset(self, request: HttpRequest) -> Wire:
        self.reset()
        return self._show_stats(request)

    def _take_mode(self, request: HttpRequest) -> Wire:
        """Switches the mode; `max_context_tokens` and `faults` may come along."""
        try:
            for name, value in orjson.loads(request.body).items():
                if name not in ("mode", "max_context_tokens", "faults"):
                    raise ValueError(f"no such switch: {name}")
                setattr(self, name, value)
        except (ValueError, AttributeError) as problem:
            return error_wire(ApiError(400, str(problem), "bad_mode"))
        return self._show_stats(request)

    # --- chat -----------------------------------------------------------------------------------------------------

    async def _chat(self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        stats = self._stats
        key = blake2b(request.body, digest_size=16).digest()
        seen = self._seen.setdefault(key, _Seen())
        stats.calls += 1
        stats.repeats += seen.times > 0
        stats.repeats_after_success += seen.succeeded
        stats.in_flight += 1
        stats.max_in_flight = max(stats.max_in_flight, stats.in_flight)
        wire = self._decide(request, key, seen)
        wire = replace(wire, headers={**self._rates.headers(), **wire.headers})
        seen.times += 1
        finished = False

        def finish() -> None:
            nonlocal finished
            finished = True
            stats.in_flight -= 1
            if wire.status == 200 and wire.fault in (None, "slow"):
                stats.answered += 1
                seen.succeeded = True
                seen.faults_in_row = 0

        try:
            async with self._seat(wire):
                if wire.delay_s:
                    await asyncio.sleep(wire.delay_s)
                # A client that has closed its side is not there to read the answer.
                return not reader.at_eof() and await self._send(writer, wire, finish)
        finally:
            if not finished:
                stats.in_flight -= 1
                stats.abandoned += 1

    @contextlib.asynccontextmanager
    async def _seat(self, wire: Wire) -> AsyncIterator[None]:
        """A place among the calls being served, waited for where there is a queue; a refusal needs none."""
        if wire.status != 200 and wire.fault is None:
            yield
            return
        async with self._seats or contextlib.nullcontext():
            self._stats.serving += 1
            self._stats.max_serving = max(self._stats.max_serving, self._stats.serving)
            try:
                yield
            finally:
                self._stats.serving -= 1

    def _decide(self, request: HttpRequest, key: bytes, seen: _Seen) -> Wire:
        """What this call gets: an error for good, a fault, or a completion."""
        try:
            asked = orjson.loads(request.body)
            prompt = prompt_text(asked)
        except (ValueError, AttributeError, TypeError):
            return error_wire(ApiError(400, "We could not parse the JSON body of your request.", "invalid_json"))
        prompt_bytes = prompt.encode()
        stats = self._stats
        self._prompts.add(blake2b(prompt_bytes, digest_size=16).digest())
        stats.distinct_prompts = len(self._prompts)
        if self.keep_requests:
            self.requests.append(asked)
            self.answers.append(None)
        error = self._rejection(asked, _tokens(prompt_bytes))
        if error is not None:
            stats.rejected[error.code] += 1
            return error_wire(error)
        limited = self._limited(_tokens(prompt_bytes))
        if limited is not None:
            return limited
        fault = self._fault(key, seen, prompt)
        if fault is not None:
            stats.faults[fault] += 1
            seen.faults_in_row += 1
            if fault[:3].isdigit():
                return error_fault(fault, self.retry_after_s)
            if fault in ("stall", "cut_before"):
                return Wire(200, b"", fault=fault)
        return self._completion(asked, self._reply(asked, fault), fault, key, prompt_bytes)

    def _rejection(self, asked: Mapping[str, Any], prompt_tokens: int) -> ApiError | None:
        """The error for good that this request gets, if any."""
        if self.mode not in ("ok", "context"):
            return mode_error(self.mode, str(asked.get("model")))
        for param in self.refuse_param:
            if param in asked:
                message = f"Unsupported parameter: '{param}' is not supported with this model."
                return ApiError(400, message, "unsupported_parameter", param=param)
        if self.needs_max_completion_tokens and "max_tokens" in asked:
            message = (
                "Unsupported parameter: 'max_tokens' is not supported with this model. "
                "Use 'max_completion_tokens' instead."
            )
            return ApiError(400, message, "unsupported_parameter", param="max_tokens")
        limit = self.max_context_tokens
        if limit is None and self.mode == "context":
            limit = 0
        room = _max_tokens(asked) or 0
        if limit is None or prompt_tokens + room <= limit:
            return None
        asks = f"your messages resulted in {prompt_tokens} tokens"
        if room:
            total = prompt_tokens + room
            asks = f"you requested {total} tokens ({prompt_tokens} in the messages, {room} in the completion)"
        message = (
            f"This model's maximum context length is {limit} tokens. However, {asks}. "
            "Please reduce the length of the messages or completion."
        )
        return ApiError(400, message, "context_length_exceeded", param="messages")

    def _limited(self, prompt_tokens: int) -> Wire | None:
        """The 429 for a call that is one too many, if it is."""
        if self.max_concurrent is not None and self._stats.serving >= self.max_concurrent:
            wait_s, code = self.retry_after_s, "concurrency_limit_exceeded"
        elif wait_s := self._rates.take(prompt_tokens):
            code = "rate_limit_exceeded"
        else:
            return None
        self._stats.rejected[code] += 1
        return rate_error(code, wait_s)

    def _fault(self, key: bytes, seen: _Seen, prompt: str) -> str | None:
        if not self.faults or not self.fault_kinds or seen.faults_in_row >= self.max_faults:
            return None
        roll = blake2b(key + b"%d %d" % (self.seed, seen.times), digest_size=16).digest()
        if _share(roll[:8]) >= self.faults:
            return None
        fault = self.fault_kinds[int.from_bytes(roll[8:]) % len(self.fault_kinds)]
        if fault in SPOILED_ANSWERS and self.spoil_once is not None:
            question = self.spoil_once(prompt)
            if question in self._spoiled:
                return None
            self._spoiled.add(question)
        return fault

    def _reply(self, asked: dict[str, Any], fault: str | None) -> Reply:
        """The answer without its wrapping, spoiled where the fault is one of content."""
        reply = self.answer(asked) if self.answer is not None else None
        if reply is None:
            reply = ScriptedModel(self.seed, self.bias).answer(asked)
        if isinstance(reply, str):
            reply = Reply(reply)
        text = reply.text or ""
        match fault:
            case "null_content":
                return replace(reply, text=None)
            case "empty_content":
                return replace(reply, text="")
            case "refusal":
                return replace(reply, text=None, refusal="I'm sorry, I can't assist with that request.")
            case "refusal_text":
                return replace(reply, text="I'm sorry, but I can't assist with that request.")
            case "content_filter":
                return replace(reply, text="", finish_reason="content_filter")
            case "length":
                return replace(reply, text=_cut(text, len(text.encode()) * 11 // 20), finish_reason="length")
        room = _max_tokens(asked)
        if room is not None and len(text.encode()) > room * 4:
            self._stats.cut_at_max_tokens += 1
            return replace(reply, text=_cut(text, room * 4), finish_reason="length")
        return reply

    def _completion(self, asked: Mapping[str, Any], reply: Reply, fault: str | None, key: bytes, prompt: bytes) -> Wire:
        if self.keep_requests:
            self.answers[-1] = reply.text
        delay_s = self.latency_s * (1 + self.latency_jitter * (2 * _share(key[:8]) - 1))
        writing_s = self.latency_per_word_s * count_words(reply.text or "") if self.latency_per_word_s else 0.0
        slow_s = self.slow_s if fault == "slow" else 0.0
        if reply.body is not None:
            return Wire(reply.status, reply.body, reply.headers, fault, delay_s, slow_s)
        if fault == "error_in_200":
            failed = {"error": {"message": "The server had an error.", "type": "server_error", "code": None}}
            body: bytes | list[bytes] = [orjson.dumps(failed)] if asked.get("stream") else orjson.dumps(failed)
            return Wire(200, body, reply.headers, fault, delay_s)
        usage = self._usage(str(asked.get("model")), prompt, (reply.text or "").encode())
        base = {"id": f"chatcmpl-{key.hex()}", "created": _CREATED, "model": asked.get("model")}
        if asked.get("stream"):
            wants_usage = self.usage and (asked.get("stream_options") or {}).get("include_usage")
            events = _events(base, reply, fault, usage if wants_usage else None)
            return Wire(reply.status, events, reply.headers, fault, delay_s, writing_s + slow_s)
        message = {"role": "assistant", "content": reply.text, "refusal": reply.refusal}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        choices = [] if fault == "empty_choices" else [choice]
        whole = orjson.dumps({**base, "object": "chat.completion", "choices": choices, "usage": usage})
        if fault == "broken_json":
            whole = whole[: len(whole) * 2 // 3]
        return Wire(reply.status, whole, reply.headers, fault, delay_s + writing_s, slow_s)

    def _usage(self, model: str, prompt: bytes, text: bytes) -> dict[str, Any] | None:
        """Counts the tokens, UTF-8 bytes / 4, and gives the usage object; None where the server keeps it back."""
        cached = self._cached_tokens(model, prompt) if self.prefix_cache else 0
        prompt_tokens, completion_tokens = _tokens(prompt), _tokens(text)
        self._stats.prompt_tokens += prompt_tokens
        self._stats.cached_tokens += cached
        self._stats.completion_tokens += completion_tokens
        self._rates.write(completion_tokens)
        if not self.usage:
            return None
        return {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
            "prompt_tokens_details": {"cached_tokens": cached},
        }

    def _cached_tokens(self, model: str, prompt: bytes) -> int:
        """The longest prefix shared with an earlier prompt, in whole blocks of 128 tokens, 1,024 tokens at least."""
        chain = blake2b(model.encode(), digest_size=16)
        hits = 0
        for start in range(0, len(prompt) - _CACHE_BLOCK_BYTES + 1, _CACHE_BLOCK_BYTES):
            chain.update(prompt[start : start + _CACHE_BLOCK_BYTES])
            block = chain.digest()
            hits += block in self._cached_blocks
            self._cached_blocks.add(block)
        tokens = hits * _CACHE_BLOCK_BYTES // 4
        return tokens if tokens >= _CACHE_LEAST_TOKENS else 0


# --- helpers ----------------------------------------------------------------------------------------------------

_EVENT_CHARACTERS = 24


def _max_tokens(asked: Mapping[str, Any]) -> int | None:
    return asked.get("max_completion_tokens") or asked.get("max_tokens")


def _tokens(text: bytes) -> int:
    return math.ceil(len(text) / 4)


def _share(digest: bytes) -> float:
    """A number in [0, 1) from eight bytes."""
    return int.from_bytes(digest) / 2**64


def _cut(text: str, size_bytes: int) -> str:
    """The first bytes of the text without half a character, and without the stop that would make it look whole."""
    return text.encode()[:size_bytes].decode(errors="ignore").rstrip(" .。\n")


def _events(base: Mapping[str, Any], reply: Reply, fault: str | None, usage: Mapping[str, Any] | None) -> list[bytes]:
    """The answer as server-sent events: the role, the text in pieces, the finish reason, the usage if asked for."""

    def event(delta: Mapping[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        choices = [] if fault == "empty_choices" else [choice]
        return orjson.dumps({**base, "object": "chat.completion.chunk", "choices": choices})

    text = reply.text or ""
    events = [event({"role": "assistant", "content": None if reply.text is None else ""})]
    if reply.refusal is not None:
        events.append(event({"refusal": reply.refusal}))
    pieces = range(0, len(text), _EVENT_CHARACTERS)
    events += [event({"content": text[i : i + _EVENT_CHARACTERS]}) for i in pieces]
    events.append(event({}, reply.finish_reason))
    if fault == "broken_json":
        middle = len(events) // 2
        events[middle] = events[middle][: len(events[middle]) * 2 // 3]
    if usage is not None:
        events.append(orjson.dumps({**base, "object": "chat.completion.chunk", "choices": [], "usage": usage}))
    return events


# --- the program ------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until killed. The first line printed is the base URL."""
    parser = argparse.ArgumentParser(description="A fake OpenAI endpoint; see the module for what it does.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bias", type=float, default=1.0, help="words written for each word asked")
    parser.add_argument("--mode", choices=MODES, default="ok")
    parser.add_argument("--max-context-tokens", type=int)
    parser.add_argument("--max-model-len", type=int)
    parser.add_argument("--faults", type=float, default=0.0, help="share of requests that fail, 0 to 1")
    parser.add_argument("--fault-kinds", default=",".join(RETRYABLE_FAULTS), help="with commas between")
    parser.add_argument("--max-faults", type=int, default=2, help="most faults in a row for one request")
    parser.add_argument("--retry-after", dest="retry_after_s", type=float, default=0.05, metavar="SECONDS")
    parser.add_argument("--stall", dest="stall_s", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument(
        "--rpm", dest="rate_limit_rpm", type=float, metavar="N", help="429 beyond so many requests a minute"
    )
    parser.add_argument(
        "--tpm", dest="rate_limit_tpm", type=float, metavar="N", help="429 beyond so many tokens a minute"
    )
    parser.add_argument("--max-concurrent", type=int, metavar="N", help="429 beyond so many calls at once")
    parser.add_argument("--queue", type=int, metavar="N", help="serve so many calls at once, let the others wait")
    parser.add_argument("--latency", dest="latency_s", type=float, default=0.0, metavar="SECONDS")
    parser.add_argument("--latency-jitter", type=float, default=0.0, metavar="SHARE")
    parser.add_argument("--latency-per-word", dest="latency_per_word_s", type=float, default=0.0, metavar="SECONDS")
    options = vars(parser.parse_args(arguments))
    options["fault_kinds"] = [kind for kind in options["fault_kinds"].split(",") if kind]
    try:
        server = FakeServer(**options)
    except ValueError as problem:
        parser.error(str(problem))
    with server, contextlib.suppress(KeyboardInterrupt):
        print(server.base_url, flush=True)  # noqa: T201 - the one line that is for the caller
        signal.pause()


if __name__ == "__main__":
    main()
