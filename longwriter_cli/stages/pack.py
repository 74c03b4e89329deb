"""From records to packs of tokens: which records, their tokens, the packs, the loss weights.

Lengths alone say what is packed with what. The packs are written in an order of their own, drawn by the seed, for
best-fit decreasing opens them with the longest samples first.

A command that is stopped goes on behind the last chunk of its store of tokens; what comes after takes seconds and is
done anew.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.engine.processes import cores
from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.stages.mixing import Dataset, Share, count_rows, shares, short_shares, taken_chats
from longwriter_cli.stages.tokenizing import Cutting, Taken, tokenize
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.lock import RunLock
from longwriter_cli.store.packs import DatasetPacked, PackFigures, PackFormat, PackPlace
from longwriter_cli.store.samples import Plan, SampleStore, clear, read_plan, write_plan
from longwriter_cli.store.source.folder import stamp
from longwriter_cli.train.packing import pack
from longwriter_cli.train.samples import Overlong, Pack, Weighting, assemble
from longwriter_cli.train.tokenize import ChatTokenizer, TokenizerName, load_tokenizer

# To load a tokenizer takes a process two seconds: it must have that much to do.
_RECORDS_FOR_A_PROCESS = 500


@dataclass(frozen=True)
class PackTask:
    """What is to be packed, and how. `processes` None: as many as there are cores and work for them."""

    datasets: tuple[Dataset, ...]
    out: Path
    tokenizer: TokenizerName
    max_tokens: int
    overlong: Overlong
    weighting: Weighting
    kind: PackFormat
    seed: int
    skip_bad_rows: bool
    processes: int | None


@dataclass(frozen=True, slots=True)
class PackProgress:
    """How far a step is; `total` is None where that is not known."""

    step: str
    done: int
    total: int | None


@dataclass(frozen=True)
class Packed:
    """What came of it. `is_new` is false where all was there already."""

    figures: PackFigures
    is_new: bool


Listener = Callable[[PackProgress], None]
Note = Callable[[str], None]


def pack_datasets(task: PackTask, listen: Listener, note: Note) -> Packed:
    """Does the work, or what is left of it. `note` is told what a user should know of the result.

    Raises:
        LongwriterError: what stopped it. What was tokenized is kept, and the same command goes on.
    """
    place = PackPlace(task.out)
    place.check()
    tokenizer = load_tokenizer(task.tokenizer)
    token_settings = _token_settings(task, tokenizer)
    settings = token_settings | {"loss_weighting": task.weighting, "format": task.kind}
    if (figures := place.finished(settings)) is not None:
        return Packed(figures, is_new=False)
    try:
        place.workshop.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise disk_error(error, place.workshop) from None
    lock = RunLock(place.workshop, "Wait until it is done, or name another folder with -o.")
    try:
        mixture = shares(task.datasets, _counts(task, place.workshop, token_settings, listen, note))
        for shortage in short_shares(mixture):
            note(shortage)
        with SampleStore(place.workshop) as store:
            _tokenize(task, tokenizer, store, mixture, listen, note)
            packs = _packs(task, store)
            figures = _figures(task, store, mixture, len(packs))
            place.make(_assembled(task, store, packs, listen), task.kind, figures, settings, tokenizer.pad_id)
    finally:
        if read_plan(place.workshop) is None:  # nothing to go on with: a path was wrong, say
            shutil.rmtree(place.workshop, ignore_errors=True)
        lock.release()
    shutil.rmtree(place.workshop, ignore_errors=True)
    return Packed(figures, is_new=True)


def _token_settings(task: PackTask, tokenizer: ChatTokenizer) -> dict[str, Any]:
    """All that the tokens and their order depend on, as `pack.json` keeps it."""
    return {
        "datasets": [
            {"source": dataset.source, "weight": dataset.weight, "files": stamp(dataset.source)}
            for dataset in task.datasets
        ],
        "tokenizer": task.tokenizer.name,
        "tokenizer_digest": tokenizer.digest(),
        "answers": task.tokenizer.answers,
        "max_tokens": task.max_tokens,
        "overlong": task.overlong,
        "seed": task.seed,
        "skip_bad_rows": task.skip_bad_rows,
    }


def _counts(
    task: PackTask, workshop: Path, settings: dict[str, Any], listen: Listener, note: Note
) -> Sequence[tuple[int, int]]:
    """The rows of each dataset, counted once: the plan, written when they are, is what a later command goes on with."""
    plan = read_plan(workshop)
    if plan is not None and plan.settings == settings:
        return plan.counts
    if plan is not None:
        note(f"what an earlier command had tokenized for {task.out} was of other data or options: it is done anew.")
    clear(workshop)

    def count(source: str) -> tuple[int, int]:
        def done(rows: int) -> None:
            listen(PackProgress(f"reading {source}", rows, None))

        return count_rows(source, skip_bad_rows=task.skip_bad_rows, done=done)

    counts = [count(dataset.source) for dataset in task.datasets]
    write_plan(workshop, Plan(settings, counts))
    return counts


def _tokenize(
    task: PackTask,
    tokenizer: ChatTokenizer,
    store: SampleStore,
    mixture: Sequence[Share],
    listen: Listener,
    note: Note,
) -> None:
    total = sum(share.taken for share in mixture)

    def done(records: int) -> None:
        listen(PackProgress("tokenizing", records, total))

    done(store.records)
    if store.records < total:
        most = max(1, (total - store.records) // _RECORDS_FOR_A_PROCESS)
        tokenize(
            _with_a_look(taken_chats(mixture, task.seed), tokenizer, note),
            store,
            task.tokenizer,
            Cutting(task.max_tokens, task.overlong),
            processes=task.processes or min(cores(), most),
            on_refused=_pass_over if task.skip_bad_rows else None,
            done=done,
        )
    store.freeze()


def _pass_over(_: InputError) -> None:
    """The store counts what the template refuses."""


def _with_a_look(taken: Iterator[Taken], tokenizer: ChatTokenizer, note: Note) -> Iterator[Taken]:
    """The same chats; the first one shows whether the template says where an answer ends."""
    for number, (place, chat) in enumerate(taken):
        if number == 0 and not tokenizer.ends_answers(chat.messages):
            note(
                f"the chat template of {tokenizer.name} closes an answer with no special token: a model that learns "
                "from it does not learn to stop."
            )
        yield place, chat


def _packs(task: PackTask, store: SampleStore) -> list[list[int]]:
    if not len(store.lengths):
        longest = max(map(store.longest_of, range(len(task.datasets))))
        raise UsageError(
            f"Nothing to pack: no record has anything to learn within {task.max_tokens:,} tokens.",
            f"Raise --max-tokens (the longest record has {longest:,} tokens), or keep what fits "
            "with --overlong truncate.",
        )
    packs = pack(store.lengths.tolist(), task.max_tokens)
    random.Random(task.seed).shuffle(packs)
    return packs


def _assembled(task: PackTask, store: SampleStore, packs: Sequence[Sequence[int]], listen: Listener) -> Iterator[Pack]:
    for number, samples in enumerate(packs, 1):
        yield assemble([store.sample(sample) for sample in samples], task.weighting)
        listen(PackProgress("writing packs", number, len(packs)))


def _figures(task: PackTask, store: SampleStore, mixture: Sequence[Share], packs: int) -> PackFigures:
    samples, tokens, targets = ([0] * len(mixture) for _ in range(3))
    for dataset, length, target in zip(store.datasets, store.lengths, store.targets, strict=True):
        samples[dataset] += 1
        tokens[dataset] += length
        targets[dataset] += target
    loss = targets if task.weighting == "token" else samples
    return PackFigures(
        packs=packs,
        max_tokens=task.max_tokens,
        utilisation=sum(tokens) / (packs * task.max_tokens),
        datasets=tuple(
            DatasetPacked(
                source=share.dataset.source,
                weight=share.dataset.weight,
                rows=share.rows,
                bad_rows=share.bad_rows,
                taken=share.taken,
                **store.counts_of(n),
                longest_tokens=store.longest_of(n),
                samples=samples[n],
                tokens=tokens[n],
                target_tokens=targets[n],
                loss_share=loss[n] / sum(loss),
            )
            for n, share in enumerate(mixture)
        ),
    )
