"""Files of preference pairs, mixed. A pair is a line as `longwriter pairs` writes it, in trl's conversational form::

    {"prompt": [{"role": "user", "content": …}], "chosen": [{"role": "assistant", …}], "rejected": [{…}], …}

What else stands in a line (scores, ids) is not trained on.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError, UsageError

_FIELDS = ("prompt", "chosen", "rejected")
# No byte of a text becomes more than one token, in any tokenizer with bytes to fall back on; the template adds few.
_TEMPLATE_TOKENS = 512

Pair = dict[str, list[dict[str, str]]]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of pairs, and its share of the mix: relative to the shares of the others; None: all that it holds."""

    path: Path
    share: float | None


def parse_source(text: str) -> Source:
    """`FILE` or `FILE:SHARE`; a colon that no number follows belongs to the name."""
    name, colon, share = text.rpartition(":")
    try:
        value = float(share) if colon else None
    except ValueError:
        value = None
    if value is None:
        return Source(Path(text), None)
    if not 0 < value < float("inf"):
        raise UsageError(f"{text}: a share must be above 0", "Leave the file out, or give it a share.")
    return Source(Path(name), value)


def mix(sources: Sequence[Source], seed: int) -> tuple[list[Pair], list[int]]:
    """The pairs in random order, and how many each source gave.

    With shares, the largest mix that keeps to them and takes no pair twice: the source that is scarcest for its share
    gives all that it holds. Which pairs of the others are left out is up to the seed.
    """
    shares = [source.share for source in sources]
    if None in shares and any(share is not None for share in shares):
        raise UsageError(
            "some files of pairs have shares and others none", "Give each one a share as FILE:SHARE, or none."
        )
    generator = random.Random(seed)
    pools = [list(_read(source.path)) for source in sources]
    rows_per_share = min((len(pool) / share for pool, share in zip(pools, shares, strict=True) if share), default=0.0)
    taken = [
        generator.sample(pool, min(len(pool), round(share * rows_per_share))) if share else pool
        for pool, share in zip(pools, shares, strict=True)
    ]
    mixed = [pair for pairs in taken for pair in pairs]
    generator.shuffle(mixed)
    return mixed, [len(pairs) for pairs in taken]


def split_overlong(pairs: Sequence[Pair], tokenizer: Any, max_length_tokens: int) -> tuple[list[Pair], int]:
    """The pairs of which both answers fit, and how many do not.

    A chosen answer that lost its end would teach to stop in the middle, so such pairs are left out. Only texts with
    more bytes than there is room for tokens are tokenized to find out.
    """
    fitting = [pair for pair in pairs if _fits(pair, tokenizer, max_length_tokens)]
    return fitting, len(pairs) - len(fitting)


def _fits(pair: Pair, tokenizer: Any, max_length_tokens: int) -> bool:
    for answer in ("chosen", "rejected"):
        messages = pair["prompt"] + pair[answer]
        size_bytes = sum(len(message["content"].encode()) for message in messages)
        if size_bytes + _TEMPLATE_TOKENS > max_length_tokens:
            tokens = tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"]
            if len(tokens) > max_length_tokens:
                return False
    return True


def _read(path: Path) -> Iterator[Pair]:
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield _pair(path, number, line)
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(path, None, "is not UTF-8") from error


def _pair(path: Path, number: int, line: str) -> Pair:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(path, number, f"is no JSON: {error}") from error
    for field in _FIELDS:
        messages = row.get(field) if isinstance(row, dict) else None
        if not (isinstance(messages, list) and messages and all(map(_is_message, messages))):
            raise InputError(
                path, number, f"`{field}` is no list of messages", "`longwriter pairs` writes rows of the form needed."
            )
    return {field: [{"role": m["role"], "content": m["content"]} for m in row[field]] for field in _FIELDS}


def _is_message(message: object) -> bool:
    return (
        isinstance(message, dict) and isinstance(message.get("role"), str) and isinstance(message.get("content"), str)
    )
