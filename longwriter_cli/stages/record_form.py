"""The forms of a record that trainers read: one user turn, one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

RecordForm = Literal["messages", "sharegpt", "alpaca"]


def messages(prompt: str, text: str) -> dict[str, Any]:
    """As OpenAI and TRL have it; the contract's own form."""
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}]}


def sharegpt(prompt: str, text: str) -> dict[str, Any]:
    return {"conversations": [{"from": "human", "value": prompt}, {"from": "gpt", "value": text}]}


def alpaca(prompt: str, text: str) -> dict[str, Any]:
    """`input` is empty: a prompt that was read from two fields is one by now."""
    return {"instruction": prompt, "input": "", "output": text}


FORMS: Mapping[RecordForm, Callable[[str, str], dict[str, Any]]] = {
    "messages": messages,
    "sharegpt": sharegpt,
    "alpaca": alpaca,
}
