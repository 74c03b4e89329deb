"""An error in the endpoint's own words, whatever the shape it comes in."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

_SHOWN_CHARACTERS = 400
_READ_CHARACTERS = 10_000  # of what is not JSON
_DEEPEST = 3  # errors of a provider inside those of a router inside those of a gateway


@dataclass(frozen=True, slots=True)
class Said:
    """An error in the endpoint's words: the message, all that looks like a code (lower case), the parameter named."""

    message: str = ""
    codes: frozenset[str] = frozenset()
    parameter: str = ""

    def has_code(self, codes: Collection[str]) -> bool:
        return not self.codes.isdisjoint(codes)


def read_error(body: str) -> Said:
    """Reads the body of an error, whatever its shape; never raises."""
    try:
        return said_by(json.loads(body))
    except (ValueError, RecursionError):
        return Said(page_text(body))


def said_by(value: Any, depth: int = 0) -> Said:
    """Reads a parsed error: `{"error": {…}}`, `{"error": "…"}`, its fields at top level, a list of these, a string."""
    if isinstance(value, list):
        value = next((item for item in value if isinstance(item, dict)), {})
    if isinstance(value, str):
        return Said(value)
    if not isinstance(value, dict) or depth > _DEEPEST:
        return Said()
    error = value.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else {}
    fields = value | inner
    details = fields.get("detail") or fields.get("message") or (error if isinstance(error, str) else "")
    message, parameter = _details(details)
    codes = {str(fields[name]).lower() for name in ("code", "type", "status", "error_type") if fields.get(name)}
    for name in ("innererror", "metadata"):
        if isinstance(further := fields.get(name), dict):
            codes |= said_by(further, depth + 1).codes
            if "reasons" in further:  # OpenRouter's moderation: why the input was flagged
                codes.add("content_filter")
            if (raw := _parsed(further.get("raw"))) is not None:  # the provider behind OpenRouter
                provider = said_by(raw, depth + 1)
                message, codes = f"{message}: {provider.message}", codes | provider.codes
    if "n_ctx" in fields:  # llama.cpp tells the context beside its message
        message += f" (n_ctx = {fields['n_ctx']})"
    named = fields.get("param")
    return Said(message, frozenset(codes), named if isinstance(named, str) else parameter)


def _details(value: Any) -> tuple[str, str]:
    """The message, and the parameter where it is a list of pydantic's, as FastAPI and Mistral send it."""
    if isinstance(value, dict):
        value = value.get("detail") or [value]
    if not isinstance(value, list):
        return str(value or ""), ""
    faults = [fault for fault in value if isinstance(fault, dict)]
    # Only place and reason: `input` would bring the prompt into the message.
    places = [[str(part) for part in loc] if isinstance(loc := fault.get("loc"), list) else [] for fault in faults]
    reasons = [str(fault.get("msg") or fault.get("message") or "") for fault in faults]
    message = "; ".join(f"{'.'.join(place)}: {why}".strip(": ") for place, why in zip(places, reasons, strict=True))
    return message, places[0][-1] if places and places[0] else ""


def _parsed(raw: Any) -> Any:
    if isinstance(raw, str):
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return raw
    return raw


def page_text(text: str) -> str:
    """What can be read of a proxy's page: its title, else its text."""
    text = text[:_READ_CHARACTERS].lstrip()
    if not text.startswith("<"):
        return text
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return title[1].strip() if title else re.sub(r"<[^<>]*>", " ", text)


def shorten(text: Any) -> str:
    """An endpoint's words, on one line and at most 400 characters long."""
    line = " ".join(str(text).split())
    return line if len(line) <= _SHOWN_CHARACTERS else line[: _SHOWN_CHARACTERS - 1] + "…"
