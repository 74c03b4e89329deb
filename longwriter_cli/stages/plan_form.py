"""The form in which a plan is asked for: lines of text, as published, or JSON along a schema.

A schema is asked for with `response_format`, where the endpoint takes it. Nobody can tell beforehand, so the first
calls try; from the first refusal on, plans of this process are asked for as lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Request
from longwriter_cli.llm.faults import ParameterRefused
from longwriter_cli.prompts import Template
from longwriter_cli.records import Language
from longwriter_cli.settings import PlanFormat
from longwriter_cli.stages.schema import RESPONSE_FORMAT, has_own_shape, object_schema

_STEP = {
    "type": "object",
    "properties": {"main_point": {"type": "string"}, "words": {"type": "integer"}},
    "required": ["main_point", "words"],
    "additionalProperties": False,
}
_SCHEMA = object_schema("outline", {"steps": {"type": "array", "items": _STEP}})
_NOTE: dict[Language, str] = {
    "en": '\n\nIn place of the lines, output one JSON object: {"steps": [{"main_point": "…", "words": …}, …]}, '
    "one step for each paragraph.\n",
    "zh": '\n\n不输出上述的行，而是输出一个JSON对象：{"steps": [{"main_point": "……", "words": ……}, ……]}，'
    "每段一个step。\n",
}
_EMBEDDED = "local"  # has a grammar of its own


@dataclass
class PlanForm:
    """What this process knows of the endpoint. `shipped` holds the shipped planning templates."""

    wanted: PlanFormat
    shipped: Mapping[Language, Template]
    refused: bool = False
    taken: bool = False

    def structured(self, request: Request, template: Template) -> Request:
        """The request with a schema, where one is wanted; else the same request.

        `auto` asks for none with a template of the user's own: what that asks for is the user's to say.
        """
        wants = self.wanted == "json" or (self.wanted == "auto" and template == self.shipped[request.language])
        if not wants or self.refused or request.model == _EMBEDDED or has_own_shape(request):
            return request
        prompt = request.prompt.rstrip() + _NOTE[request.language]
        return replace(request, prompt=prompt, params={**request.params, RESPONSE_FORMAT: _SCHEMA})

    def learn(self, error: EndpointRefused | InstructionFailed) -> bool:
        """Whether the schema may be what a structured request was refused for, so that it is asked for as lines.

        Raises:
            EndpointRefused: it was, and the user has asked for it.
        """
        if isinstance(error, ParameterRefused):
            if error.parameter != RESPONSE_FORMAT:
                return False
            if self.wanted == "json":
                raise EndpointRefused(
                    error.message, "Leave out --plan-format json; add --new-settings if the run has it."
                )
            self.refused = True
            return True
        # Some refuse it without naming it. Nothing was answered, so asking without it costs nothing.
        return isinstance(error, InstructionFailed) and error.kind == "bad_request" and self.wanted == "auto"


def is_structured(request: Request) -> bool:
    """Whether the request was given a schema by `PlanForm`."""
    return request.params.get(RESPONSE_FORMAT) is _SCHEMA
