"""Samples on disk: what was added is there again, and a torn end costs no more than itself."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from longwriter_cli.errors import InputError
from longwriter_cli.store.samples import CHUNKS, TOKENS, Chunk, Plan, SampleStore, clear, read_plan, write_plan


def chunk(dataset: int, *samples: list[int]) -> Chunk:
    return Chunk(
        dataset,
        records=len(samples) + 1,
        tokens=numpy.array([token for sample in samples for token in sample], dtype=numpy.int32),
        lengths=[len(sample) for sample in samples],
        targets=[sum(token >= 0 for token in sample) for sample in samples],
        longest=max(map(len, samples), default=0),
        counts={"overlong": 1, "lost_tokens": 7},
    )


CHUNKS_ADDED = [chunk(0, [~1, 2], [~3, 4, 5]), chunk(1), chunk(1, [~6, 7])]


def filled(folder: Path) -> Path:
    with SampleStore(folder) as store:
        for one in CHUNKS_ADDED:
            store.add(one)
    return folder


def read(folder: Path) -> list[list[int]]:
    with SampleStore(folder) as store:
        store.freeze()
        return [store.sample(number).tolist() for number in range(len(store.lengths))]


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    assert read(filled(tmp_path)) == [[~1, 2], [~3, 4, 5], [~6, 7]]
    with SampleStore(tmp_path) as store:
        assert store.records == 3 + 1 + 2
        assert store.lengths.tolist() == [2, 3, 2]
        assert store.targets.tolist() == [1, 2, 1]
        assert store.datasets.tolist() == [0, 0, 1]
        assert store.counts_of(1) == {"refused": 0, "overlong": 2, "no_target": 0, "lost_tokens": 14}
        assert [store.longest_of(dataset) for dataset in range(3)] == [3, 2, 0]


def test_a_kill_at_any_byte_keeps_whole_chunks_and_the_rest_is_added_again(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole")
    rows, tokens = (whole / CHUNKS).read_bytes(), (whole / TOKENS).read_bytes()
    ends = [place + 1 for place, byte in enumerate(rows) if byte == ord("\n")]
    for size in range(0, len(rows), 7):
        torn = tmp_path / f"torn-{size}"
        torn.mkdir()
        (torn / CHUNKS).write_bytes(rows[:size])
        (torn / TOKENS).write_bytes(tokens)  # a chunk's tokens are there before its row
        with SampleStore(torn) as store:
            for one in CHUNKS_ADDED[sum(end <= size + 1 for end in ends) :]:
                store.add(one)
        assert read(torn) == read(whole)
        assert (torn / TOKENS).read_bytes() == tokens


def test_tokens_that_are_gone_are_told(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / TOKENS).write_bytes(b"")
    with pytest.raises(InputError, match="shorter"):
        SampleStore(tmp_path)


def test_an_empty_store_can_be_read(tmp_path: Path) -> None:
    assert read(tmp_path) == []


def test_a_plan_is_read_as_it_was_written_and_goes_with_its_samples(tmp_path: Path) -> None:
    plan = Plan({"seed": 3, "datasets": [{"source": "über.jsonl", "weight": None}]}, [(4, 0), (7, 2)])
    assert read_plan(tmp_path) is None
    write_plan(tmp_path, plan)
    filled(tmp_path)
    assert read_plan(tmp_path) == plan
    clear(tmp_path)
    assert read_plan(tmp_path) is None
    assert read(tmp_path) == []
