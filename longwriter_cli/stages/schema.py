"""Answers asked for along a JSON schema (`response_format`), as long as the endpoint takes one.

Nobody can tell beforehand whether it does, so the first calls try; from the first refusal on, this process asks
without.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Request
from longwriter_cli.llm.faults import ParameterRefused

RESPONSE_FORMAT = "response_format"

# Parameters that shape an answer in another way, whose user has made up their mind.
_OTHER_SHAPES = frozenset(
    {RESPONSE_FORMAT, "grammar", "json_schema", "format", "structured_outputs", "tools"}
    | {"guided_json", "guided_regex", "guided_choice", "guided_grammar"}
)

T = TypeVar("T")


def has_own_shape(request: Request) -> bool:
    """Whether the user's own parameters say what form the answer has."""
    return not _OTHER_SHAPES.isdisjoint(request.params)


def object_schema(name: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """The value of `response_format` for an object of these properties, all required.

    Without bounds: some endpoints refuse the keywords for them, and what an answer must be is checked here anyway.
    """
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "json_schema", "json_schema": {"name": name, "strict": True, "schema": schema}}


@dataclass
class AnswerSchema:
    """One schema, and what this process knows of the endpoint."""

    response_format: Mapping[str, Any]
    refused: bool = False

    async def ask(self, request: Request, ask: Callable[[Request], Awaitable[T]]) -> T:
        """Asks along the schema, and without it where the endpoint refuses that.

        Raises:
            EndpointRefused, InstructionFailed: what `ask` raises, where the schema is not to blame.
        """
        if self.refused or has_own_shape(request):
            return await ask(request)
        try:
            return await ask(replace(request, params={**request.params, RESPONSE_FORMAT: self.response_format}))
        except ParameterRefused as error:
            if error.parameter != RESPONSE_FORMAT:
                raise
            self.refused = True
        except InstructionFailed as error:
            # Some refuse it without naming it. Nothing was answered, so asking without it costs nothing.
            if error.kind != "bad_request":
                raise
        answer = await ask(request)
        self.refused = True
        return answer
