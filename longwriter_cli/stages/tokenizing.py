"""From chats to samples on the disk, over all cores: what `pack` does before it packs."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from longwriter_cli.engine.processes import in_order
from longwriter_cli.errors import InputError
from longwriter_cli.records import Message
from longwriter_cli.store.samples import Chunk, SampleStore
from longwriter_cli.store.source.conversations import Conversation
from longwriter_cli.train.samples import Overlong, count_targets, cut, joined
from longwriter_cli.train.tokenize import TokenizerName, Unusable, load_tokenizer

if TYPE_CHECKING:
    from longwriter_cli.train.samples import Tokens

_CHUNK_RECORDS = 512
_CHUNK_CHARACTERS = 1 << 21

Taken = tuple[int, Conversation]
"""A chat that the mixture takes, and which dataset it is of."""


@dataclass(frozen=True, slots=True)
class Cutting:
    """What becomes of a sample that is too long."""

    max_tokens: int
    overlong: Overlong


@dataclass(frozen=True, slots=True)
class _Encoded:
    """What a process makes of some chats; `refused` says which the template refuses, by their place, and why."""

    tokens: Tokens
    lengths: list[int]
    targets: list[int]
    longest: int
    counts: dict[str, int]
    refused: list[tuple[int, str, str]]


def tokenize(
    taken: Iterable[Taken],
    store: SampleStore,
    which: TokenizerName,
    cutting: Cutting,
    *,
    processes: int,
    on_refused: Callable[[InputError], None] | None,
    done: Callable[[int], None],
) -> None:
    """Adds the samples of all chats to the store, behind those that it holds. `done` is told the chats done so far.

    Raises:
        InputError: the template refuses a chat, and there is no `on_refused`.
    """
    under_way: deque[tuple[int, list[Conversation]]] = deque()

    def chunks() -> Iterator[list[tuple[Message, ...]]]:
        for dataset, chats in _chunks(islice(taken, store.records, None)):
            under_way.append((dataset, chats))
            yield [chat.messages for chat in chats]

    for encoded in in_order(partial(_encode, which, cutting), chunks(), processes):
        dataset, chats = under_way.popleft()
        for place, problem, tip in encoded.refused:
            error = InputError(*chats[place].place, problem, tip)
            if on_refused is None:
                raise error
            on_refused(error)
        store.add(
            Chunk(
                dataset,
                len(chats),
                encoded.tokens,
                encoded.lengths,
                encoded.targets,
                encoded.longest,
                {**encoded.counts, "refused": len(encoded.refused)},
            )
        )
        done(store.records)


def _chunks(taken: Iterator[Taken]) -> Iterator[tuple[int, list[Conversation]]]:
    """Chats of one dataset, as many as take a process a second or so."""
    chunk: list[Conversation] = []
    current = size = 0
    for dataset, chat in taken:
        if chunk and (dataset != current or size >= _CHUNK_CHARACTERS or len(chunk) == _CHUNK_RECORDS):
            yield current, chunk
            chunk, size = [], 0
        current = dataset
        chunk.append(chat)
        size += sum(len(message.content) for message in chat.messages)
    if chunk:
        yield current, chunk


def _encode(which: TokenizerName, cutting: Cutting, chats: Sequence[tuple[Message, ...]]) -> _Encoded:
    """Runs in a process of its own."""
    tokenizer = load_tokenizer(which)
    counts: Counter[str] = Counter()
    samples: list[Tokens] = []
    refused = []
    longest = 0
    for place, messages in enumerate(chats):
        try:
            sample = tokenizer.sample(messages)
        except Unusable as why:
            refused.append((place, why.problem, why.tip))
            continue
        pieces = cut(sample, cutting.max_tokens, cutting.overlong)
        useful = [piece for piece in pieces if count_targets(piece)]
        longest = max(longest, len(sample))
        counts["overlong"] += len(sample) > cutting.max_tokens
        counts["no_target"] += bool(pieces) and not useful
        counts["lost_tokens"] += len(sample) - sum(map(len, useful))
        samples += useful
    return _Encoded(
        tokens=joined(samples),
        lengths=[len(sample) for sample in samples],
        targets=[count_targets(sample) for sample in samples],
        longest=longest,
        counts=dict(counts),
        refused=refused,
    )
