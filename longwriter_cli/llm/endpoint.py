"""How to reach an endpoint: all that a client of it is made with, on this machine or on another."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from longwriter_cli.llm.stream import Streaming

if TYPE_CHECKING:
    from longwriter_cli.llm.openai import OpenAIChat


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The arguments of `OpenAIChat`. What is secret, the key and what may stand in the URL, is in no repr."""

    url: str = field(repr=False)
    api_key: str = field(repr=False)
    timeout_s: float = 600.0
    connections: int = 32
    context_tokens: int | None = None
    stream: Streaming = "auto"

    def connect(self) -> OpenAIChat:
        from longwriter_cli.llm.openai import OpenAIChat

        return OpenAIChat(
            self.url,
            self.api_key,
            timeout_s=self.timeout_s,
            connections=self.connections,
            context_tokens=self.context_tokens,
            stream=self.stream,
        )
