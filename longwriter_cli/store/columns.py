"""The columns that a dataset may have, by name: what kind of value each holds.

Told by name and not by value: a column may begin with a thousand times None, and each file of a dataset must have the
same kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# A kind is a type of Arrow, or a list of objects with these fields, all of them strings.
_KINDS: Mapping[str, str | tuple[str, ...]] = {
    "messages": ("role", "content"),
    "conversations": ("from", "value"),
    "instruction": "string",
    "input": "string",
    "output": "string",
    "id": "string",
    "words": "int64",
    "required_words": "int64",
    "length_score": "float64",
    "sections": "int64",
    "model": "string",
    "language": "string",
    "quality": "float64",
}


def arrow_schema(names: Sequence[str]) -> Any:
    """The schema of a table with these columns."""
    import pyarrow

    def kind_of(name: str) -> Any:
        kind = _KINDS[name]
        if isinstance(kind, str):
            return pyarrow.type_for_alias(kind)
        return pyarrow.list_(pyarrow.struct([(field, pyarrow.string()) for field in kind]))

    return pyarrow.schema([(name, kind_of(name)) for name in names])


def features(names: Sequence[str]) -> list[dict[str, Any]]:
    """The same as the head of a dataset card says it, so that `load_dataset` need not guess from the first rows."""
    return [
        {"name": name, "dtype": kind}
        if isinstance(kind := _KINDS[name], str)
        else {"name": name, "list": [{"name": field, "dtype": "string"} for field in kind]}
        for name in names
    ]
