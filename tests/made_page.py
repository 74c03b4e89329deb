"""Rows for pages, and what a page holds when its data is unpacked as its script does it."""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from typing import Any

from longwriter_cli.report.html.pack import Packed
from longwriter_cli.report.html.rows import Passage, Reading, Row


def row(id: str = "a", text: str = "A text.", words: int = 900, **more: Any) -> Row:  # noqa: A002
    prompt = more.pop("prompt", f"Write {id}.")
    passages = more.pop("passages", (Passage(1, "the start", 1000, words, text),))
    known: dict[str, Any] = {
        "outcome": "finished",
        "required": 1000,
        "words": words,
        "s_l": 90.0,
        "s_q": None,
        "language": "en",
        "type": "",
        "reason": "",
        "detail": "",
        "sections": ((1, 1000, words),),
    }
    return Row(id=id, prompt=prompt, read=lambda: Reading(prompt, passages), **(known | more))


def unpacked(packed: str) -> Any:
    return json.loads(zlib.decompress(b64decode(packed)))


def readings(packed: Packed) -> dict[str, Any]:
    """What can be read, by id."""
    columns = unpacked(packed.rows)
    blocks = [unpacked(block) for block in packed.blocks]
    places = zip(columns["id"], columns["block"], columns["at"], strict=True)
    return {id: blocks[block][at] for id, block, at in places if block >= 0}  # noqa: A001


def data_of(html: str) -> dict[str, Any]:
    """The data in a page, its rows unpacked."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data | {"rows": unpacked(data["rows"]), "blocks": [unpacked(block) for block in data["blocks"]]}
