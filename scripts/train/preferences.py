"""Files of preference pairs, mixed. A pair is a line as `longwriter pairs` writes it, in trl's conversational form::

    {"prompt": [{"role": "user", "content": …}], "chosen": [{"role": "assistant", …}], "rejected": [{…}], …}

What else stands in a line (scores, ids) is not trained on.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from itertools import compress
from pathlib import Path
from typing import Any

from longwriter_cli.errors import InputError
from longwriter_cli.stages.mixing import Dataset
from longwriter_cli.train.mixture import chosen_rows, records_taken

_FIELDS = ("prompt", "chosen", "rejected")
# No byte of a text becomes more than one token, in any tokenizer with bytes to fall back on; the template adds few.
_TEMPLATE_TOKENS = 512

Pair = dict[str, list[dict[str, str]]]


def mix(sources: Sequence[Dataset], seed: int) -> tuple[list[Pair], list[int]]:
    """The pairs in random order, and how many each file gave. Weights mean what they mean to `longwriter pack`.

    Raises:
        InputError: a line is no pair.
        UsageError: the weights leave no room for the files that are taken whole.
    """
    pools = [list(_read(Path(source.source))) for source in sources]
    counts = records_taken([len(pool) for pool in pools], [source.weight for source in sources])
    mixed = []
    for source, pool, count in zip(sources, pools, counts, strict=True):
        mixed += compress(pool, chosen_rows(len(pool), count, seed, source.source))
    random.Random(seed).shuffle(mixed)
    return mixed, counts


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
