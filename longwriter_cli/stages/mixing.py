"""Which records are packed: every row is read and checked, then each dataset gives what its weight says.

Reading all first costs one more pass over the files; a bad row is told before an hour of work and not after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from longwriter_cli.errors import InputError
from longwriter_cli.stages.tokenizing import Taken
from longwriter_cli.store.source.conversations import Conversation, read_conversations
from longwriter_cli.train.mixture import chosen_rows, records_taken


@dataclass(frozen=True)
class Dataset:
    """`weight` is its share of the mixture, or None where it is taken whole."""

    source: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """What a dataset holds, rows that are chats and rows that are not, and how many of the first the mixture takes."""

    dataset: Dataset
    rows: int
    bad_rows: int
    taken: int


def count_rows(source: str, *, skip_bad_rows: bool, done: Callable[[int], None]) -> tuple[int, int]:
    """How many rows of a dataset are chats, and how many are not.

    Raises:
        InputError: a row is no chat, unless such rows are skipped; or the dataset holds none.
    """
    bad: list[InputError] = []
    rows = 0
    for rows, _ in enumerate(read_conversations(source, bad.append if skip_bad_rows else None), 1):
        done(rows)
    if not rows:
        raise bad[0] if bad else InputError(source, None, "holds no record", "Leave it out, or name another dataset.")
    return rows, len(bad)


def shares(datasets: Sequence[Dataset], counts: Sequence[tuple[int, int]]) -> tuple[Share, ...]:
    """The mixture, out of what `count_rows` found. Raises what `records_taken` does."""
    taken = records_taken([rows for rows, _ in counts], [dataset.weight for dataset in datasets])
    return tuple(
        Share(dataset, rows, bad, count) for dataset, (rows, bad), count in zip(datasets, counts, taken, strict=True)
    )


def short_shares(mixture: Sequence[Share]) -> Iterator[str]:
    """Says which dataset has fewer records than its weight asks for, for then the mixture is not as it was ordered."""
    weighted = [share for share in mixture if share.dataset.weight is not None]
    if len(weighted) == len(mixture):
        return
    records = sum(share.taken for share in mixture)
    for share in weighted:
        asked = share.dataset.weight or 0.0
        if share.taken == share.rows and share.taken < round(asked * records):
            yield (
                f"{share.dataset.source} is taken whole and makes up {share.taken / records:.1%} of the records, not "
                f"the {asked:.1%} asked for: it has no more."
            )


def taken_chats(mixture: Sequence[Share], seed: int) -> Iterator[Taken]:
    """The chats of the mixture, one dataset after the other, each in its own order. Other rows are passed over."""

    def of(place: int, share: Share) -> Iterator[Taken]:
        chosen = chosen_rows(share.rows, share.taken, seed, share.dataset.source)
        chats: Iterator[Conversation] = read_conversations(share.dataset.source, _pass_over)
        for is_taken, chat in zip(chosen, chats, strict=False):
            if is_taken:
                yield place, chat

    return chain.from_iterable(of(place, share) for place, share in enumerate(mixture))


def _pass_over(_: InputError) -> None:
    """It was told, or counted, when the rows were checked."""
