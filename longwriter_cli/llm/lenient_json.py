"""JSON as endpoints send it, and as they can read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import orjson


def dumped(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except TypeError:  # a number over 64 bits in --extra-body, or half of a surrogate pair in a prompt
        return _whole(json.dumps(body, ensure_ascii=False)).encode()


def loaded(payload: bytes) -> Any:
    """The JSON. Some servers cut a token inside a character and send half of a surrogate pair, others send NaN.

    Raises:
        ValueError: it is none.
    """
    try:
        return orjson.loads(payload)
    except orjson.JSONDecodeError:
        pass
    try:
        answer = json.loads(payload.decode("utf-8-sig", "replace"))
        return json.loads(_whole(json.dumps(answer, ensure_ascii=False)))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(text: str) -> str:
    """The text with a replacement character for each half of a surrogate pair that stands alone."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
