"""The one seam to a language model: `Chat.complete(request) -> Completion`.

Everything that talks to a model stands behind this Protocol: the OpenAI-compatible client, the embedded server, the
scripted model of the tests. Stages know nothing else of models.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from longwriter_cli.llm.rates import RateLimits
from longwriter_cli.records import Language, Usage

CallKind = Literal["plan", "section", "select", "judge", "compare", "direct"]


@dataclass(frozen=True, slots=True)
class Request:
    """One call. The prompt is sent as a single user message, after `examples`: (prompt, answer) of earlier turns.

    `affinity` is the instruction's id: equal values go to the same endpoint, so that its prefix cache hits.
    `params` go into the request's body as they are (temperature, seed, extra body). `max_tokens` is sent when
    given. `target_words` is what the text should measure, where that is known.

    `language` and `fields`, what filled the template's placeholders, are for a model that must be asked in other
    words; the others get the prompt.
    """

    kind: CallKind
    affinity: str
    model: str
    prompt: str
    max_tokens: int | None = None
    target_words: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    examples: tuple[tuple[str, str], ...] = ()
    language: Language = "en"
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer. `usage` and `attempts` include the answers that were thrown away on the way to this one.

    `limits` is what the endpoint says of its rate limits.

    `refused` is true where the endpoint itself marks the answer as a refusal.
    """

    text: str
    finish_reason: str
    model: str
    usage: Usage
    attempts: int = 1
    refused: bool = False
    limits: RateLimits | None = None


class Chat(Protocol):
    async def complete(self, request: Request) -> Completion:
        """Answers the request.

        Raises:
            InstructionFailed: this request cannot be answered; others may be.
            EndpointRefused: no request can be answered (key, permission, model, quota).
            EndpointDown: no success for as long as the caller is ready to wait.
        """
        ...

    async def context_tokens(self, model: str) -> int | None:
        """The tokens of prompt and answer together that the model takes, or None where that is not known."""
        ...

    async def close(self) -> None: ...
