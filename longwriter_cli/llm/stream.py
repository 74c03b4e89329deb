"""An answer that comes as a stream of server-sent events, put together to the answer that it would have been whole.

Events are taken in as they come, so that a long answer needs no memory for its wrapping, which is ten times its text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from longwriter_cli.llm.answers import usage_of
from longwriter_cli.llm.base import CallKind, Request
from longwriter_cli.llm.lenient_json import loaded
from longwriter_cli.records import Usage

_DATA = b"data:"
_DONE = b"[DONE]"
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


Streaming = Literal["auto", "on", "off"]
STREAMED_KINDS: frozenset[CallKind] = frozenset({"direct"})
"""Answers of many thousand words: without a byte for minutes, many a proxy would cut the line."""


@dataclass
class StreamForm:
    """Which calls are streamed, and what the endpoint is found to take for it. `auto`: those that run for minutes."""

    mode: Streaming
    takes_stream: bool = True
    tells_usage: bool = True

    def fields(self, kind: CallKind) -> dict[str, Any]:
        """What goes into the body of such a call."""
        if not self.takes_stream or self.mode == "off" or (self.mode == "auto" and kind not in STREAMED_KINDS):
            return {}
        return {"stream": True} | ({"stream_options": {"include_usage": True}} if self.tells_usage else {})

    def learn(self, refused: str) -> bool:
        """Whether the refused parameter is one of streaming; it is then left out from now on."""
        match refused:
            case "stream_options" if self.tells_usage:
                self.tells_usage = False
            case "stream" if self.takes_stream:
                self.takes_stream = False
            case _:
                return False
        return True


class BrokenStream(Exception):
    """What came is no answer, or not all of one."""


class Stream:
    """Takes bytes as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._texts: dict[str, list[str]] = {}
        self._head: dict[str, Any] = {}
        self._choice: dict[str, Any] = {}
        self._has_choice = self._is_done = False

    def feed(self, part: bytes) -> None:
        """Takes the next bytes, cut anywhere.

        Raises:
            BrokenStream: an event is none.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        for line in lines:
            if line.startswith(_DATA):  # the rest is comments that keep the line alive, names of events, blank lines
                self._take(line[len(_DATA) :].strip())

    def _take(self, data: bytes) -> None:
        if data == _DONE:
            self._is_done = True
            return
        try:
            event = loaded(data)
        except ValueError:
            raise BrokenStream("an event that is not JSON") from None
        if not isinstance(event, dict):
            raise BrokenStream("an event that is not a JSON object")
        self._head |= {name: event[name] for name in ("model", "usage", "error") if event.get(name)}
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return
        self._has_choice = True
        if choice.get("finish_reason"):
            self._choice["finish_reason"] = choice["finish_reason"]
        delta = choice.get("delta") or choice.get("message")
        texts = {name: delta.get(name) for name in _TEXTS} if isinstance(delta, dict) else {}
        for name, text in texts.items():
            if isinstance(text, str):
                self._texts.setdefault(name, []).append(text)

    def answer(self) -> dict[str, Any]:
        """The answer in the form of one that was not streamed; with `error` where the endpoint told of one.

        Raises:
            BrokenStream: the stream ended before the answer did.
        """
        if self._rest.startswith(_DATA):
            rest, self._rest = self._rest, b""
            self._take(rest[len(_DATA) :].strip())
        if self._head.get("error"):
            return self._head
        if not (self._is_done or self._choice):
            raise BrokenStream("a stream that was cut off")
        if not self._has_choice:
            return {**self._head, "choices": []}
        message = {name: "".join(parts) for name, parts in self._texts.items()}
        return {**self._head, "choices": [{**self._choice, "message": message}]}

    def spent(self, request: Request) -> Usage:
        """What an answer that was broken off has cost, estimated; nothing where not a word of it had come."""
        written = "".join(part for parts in self._texts.values() for part in parts)
        return usage_of(self._head, request, written) if written else Usage()
