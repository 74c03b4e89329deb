"""Answers that are streamed: put together to what they would have been whole, and never taken for whole when cut."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
from fake_faults import RETRYABLE_FAULTS
from fake_server import FakeServer, Reply
from hypothesis import given
from hypothesis import strategies as st

from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.llm.faults import CallFailed
from longwriter_cli.llm.openai import OpenAIChat
from longwriter_cli.llm.stream import BrokenStream, Stream, Streaming

PROMPT = "Write of the sea."


def ask(server: FakeServer, stream: Streaming = "on", times: int = 1, **options: Any) -> Completion:
    async def complete() -> Completion:
        chat = OpenAIChat(server.base_url, "none", stream=stream, **options)
        try:
            for left in reversed(range(times)):
                try:
                    return await chat.complete(Request("direct", "id", "m", PROMPT, params={"seed": 1}))
                except CallFailed:
                    if not left:
                        raise
            raise AssertionError
        finally:
            await chat.close()

    return asyncio.run(complete())


def events(*rows: object, done: bool = True) -> bytes:
    lines = [b"data: " + orjson.dumps(row) + b"\n\n" for row in rows]
    return b": keep-alive\n\n" + b"".join(lines) + (b"data: [DONE]\n\n" if done else b"")


def chunk(delta: object, finish_reason: str | None = None) -> dict[str, Any]:
    return {"model": "m-1", "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


WHOLE = events(
    chunk({"role": "assistant", "content": ""}),
    chunk({"reasoning_content": "hm"}),
    chunk({"content": "The wide sea: 长江"}),
    chunk({"content": " ends."}),
    chunk({}, "length"),
    {"model": "m-1", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 9}},
)


@given(st.lists(st.integers(0, len(WHOLE)), max_size=12))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    stream, start = Stream(), 0
    for end in [*sorted(cuts), len(WHOLE)]:
        stream.feed(WHOLE[start:end])
        start = end
    assert stream.answer() == {
        "model": "m-1",
        "usage": {"prompt_tokens": 7, "completion_tokens": 9},
        "choices": [
            {
                "finish_reason": "length",
                "message": {"content": "The wide sea: 长江 ends.", "reasoning_content": "hm"},
            }
        ],
    }


@given(st.integers(0, WHOLE.index(b'"length"') - 1))
def test_a_stream_that_ends_before_its_answer_is_broken(end: int) -> None:
    stream = Stream()
    stream.feed(WHOLE[:end])
    with pytest.raises(BrokenStream):
        stream.answer()


def test_a_streamed_answer_is_the_one_that_comes_whole(server: FakeServer) -> None:
    streamed, whole = ask(server), ask(server, "off")
    assert streamed.text == whole.text != ""
    assert (streamed.usage, streamed.finish_reason, streamed.model) == (whole.usage, "stop", "m")
    assert [request.get("stream") for request in server.requests] == [True, None]


def test_only_direct_answers_are_streamed_unless_the_user_says_so(server: FakeServer) -> None:
    ask(server, "auto")
    assert server.requests[-1]["stream"] is True

    async def section() -> None:
        chat = OpenAIChat(server.base_url, "none")
        await chat.complete(Request("section", "id", "m", PROMPT))
        await chat.close()

    asyncio.run(section())
    assert "stream" not in server.requests[-1]


TEXT_IS_EMPTY = ("null_content", "empty_content")
COSTS_SOMETHING = ("stall_middle", "cut_middle", "broken_json", "empty_choices")


@pytest.mark.parametrize("fault", [fault for fault in RETRYABLE_FAULTS if fault not in ("slow", "length")])
def test_whatever_goes_wrong_is_no_answer_and_the_next_try_is_whole(fault: str, server: FakeServer) -> None:
    whole = ask(server, "off").text
    server.faults, server.fault_kinds, server.max_faults, server.stall_s = 1.0, (fault,), 1, 0.05
    if fault in TEXT_IS_EMPTY:
        assert ask(server).text == ""
    else:
        with pytest.raises(CallFailed) as caught:
            ask(server)
        assert (caught.value.usage.total_tokens > 0) == (fault in COSTS_SOMETHING)
    assert ask(server).text == whole


def test_a_time_out_is_of_silence_and_not_of_the_whole_answer(server: FakeServer) -> None:
    server.faults, server.fault_kinds, server.max_faults, server.slow_s = 1.0, ("slow",), 9, 4.0
    assert ask(server, timeout_s=2.0).text, "slower than the time-out, and never silent for so long"
    server.answer = lambda request: Reply("x" * 500)
    with pytest.raises(CallFailed, match="no answer within 2 s"):
        ask(server, "off", timeout_s=2.0)


def test_silence_in_mid_stream_is_told_with_what_it_has_cost(server: FakeServer) -> None:
    server.faults, server.fault_kinds, server.stall_s = 1.0, ("stall_middle",), 30.0
    with pytest.raises(CallFailed, match=r"nothing more of the answer within 0\.5 s") as caught:
        ask(server, timeout_s=0.5)
    assert caught.value.usage.estimated
    assert caught.value.usage.completion_tokens > 5


@pytest.mark.parametrize("parameter", ["stream", "stream_options"])
def test_what_an_endpoint_does_not_know_of_streaming_is_left_out(parameter: str, server: FakeServer) -> None:
    server.refuse_param = (parameter,)
    answer = ask(server, times=2)
    assert answer.text
    assert parameter not in server.requests[-1]
    assert answer.usage.estimated == (parameter == "stream_options")


def test_an_endpoint_that_does_not_stream_after_all_is_understood(server: FakeServer) -> None:
    body = {"choices": [{"message": {"content": "Whole."}}], "model": "m"}
    server.answer = lambda request: Reply(body=orjson.dumps(body), headers={"Content-Type": "application/json"})
    assert ask(server).text == "Whole."
