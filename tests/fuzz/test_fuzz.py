"""A short form of `scripts/fuzz`, without its guide: the same targets, the same changes, a fixed seed."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fuzz.targets
import pytest
from fuzz.mutate import mutate
from fuzz.runs import packed_runs, unpack
from fuzz.targets import TARGETS, Target
from hypothesis import given, settings
from hypothesis import strategies as st
from made_rows import open_run, read_run

from longwriter_cli.records import Step
from longwriter_cli.store.jsonl import RowReader
from longwriter_cli.store.run import FAILURES, INSTRUCTIONS, PLANS, SECTIONS, Run

_INPUTS = 600  # for each target: 20 s in all
_SLOWEST_S = 5.0
_BY_NAME = {target.name: target for target in TARGETS}


def fuzz_some(target: Target, inputs: int = _INPUTS, seed: int = 1) -> None:
    """Checks that many changed inputs. The first one that breaks a promise stands in the error."""
    seeds, chance = target.seeds(), random.Random(seed)
    for _ in range(inputs):
        data = mutate(chance.choice(seeds), chance, seeds)
        began = time.monotonic()
        try:
            target.check(data)
        except Exception as error:
            raise AssertionError(f"{target.name} breaks its promise on {data!r}") from error
        assert time.monotonic() - began < _SLOWEST_S, f"{target.name} takes too long for {data!r}"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_promise_holds_for_every_seed_and_whatever_is_made_of_it(target: Target) -> None:
    for data in target.seeds():
        target.check(data)
    fuzz_some(target)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("reader.csv", b"prompt,length\nP," + b"1" * 5000 + b"\n"),
        ("reader.json", rb'[{"prompt": "P", "plan": [{"main_point": "\ud800", "words": 300}]}]'),
        ("cleaner", "Paragraph 2- \u2028Moon (5 words)".encode()),
        ("run", packed_runs()[0].replace(b'"created_at": "', b'"created_at": "\\ud800')),
        ("run", b"\x1e== plans.jsonl ==\n"),
        ("run", packed_runs()[0].replace(b'"cached_tokens":40', b'"cached_tokens":' + b"9" * 30)),
        ("run", packed_runs()[0].replace(b'"attempts":1', b'"attempts":' + b"9" * 30)),
        ("run", packed_runs()[0].replace(b'"low":2500', b'"low":-' + b"9" * 30)),
        ("run", packed_runs()[0].replace(b"1.5", b"9" * 30)),
        ("run", packed_runs()[0].replace(b'"line":3', b'"line":' + b"9" * 30)),
    ],
)
def test_what_was_found_once_stays_mended(name: str, data: bytes) -> None:
    _BY_NAME[name].check(data)


# --- what is broken is found


def test_a_parser_that_fails_on_some_texts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails_on_one_line(text: str) -> list[Step]:
        return [Step(1, text.splitlines()[1], 100)]

    monkeypatch.setattr(fuzz.targets, "parse_plan", fails_on_one_line)
    with pytest.raises(AssertionError, match="plan breaks its promise"):
        fuzz_some(_BY_NAME["plan"])


def test_a_loader_that_loses_a_row_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = RowReader.batches

    def without_the_last_row(self: RowReader[Any], path: Path, tip: str = "") -> Iterator[Any]:
        for batch in whole(self, path, tip):
            yield tuple(column[:-1] if path.name == SECTIONS else column for column in batch)

    monkeypatch.setattr(RowReader, "batches", without_the_last_row)
    with pytest.raises(AssertionError, match="run breaks its promise"):
        fuzz_some(_BY_NAME["run"])


def test_a_loader_that_changes_a_file_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Run.read

    def with_a_touch(directory: Path, *more: Any) -> Run:
        path = directory / PLANS
        if path.exists():
            path.write_bytes(path.read_bytes() + b"\n")
        return whole(directory, *more)

    monkeypatch.setattr(Run, "read", with_a_touch)
    with pytest.raises(AssertionError, match="run breaks its promise"):
        fuzz_some(_BY_NAME["run"])


# --- what changes no meaning


def _written_otherwise(data: bytes, chance: random.Random) -> bytes:
    """The same rows as another program, or a careful hand, would write them."""
    lines = []
    for line in data.splitlines():
        row = json.loads(line)
        row = {key: row[key] for key in chance.sample(list(row), len(row))} | {"note": {"by": ["me", None, 1.5]}}
        separators = chance.choice(((",", ":"), (", ", ": "), (" ,", "  : ")))
        written = json.dumps(row, ensure_ascii=chance.random() < 0.5, separators=separators).encode()
        lines.append(
            chance.choice((b"", b" ", b"\t")) + written + chance.choice((b"\n", b"\r\n", b"\n\n", b" \n \t\n"))
        )
    return chance.choice((b"", b"\xef\xbb\xbf")) + b"".join(lines)


def _known(run: Run) -> list[Any]:
    positions = range(len(run.index))
    records = [(run.instruction(position), run.plan(position), run.sections(position)) for position in positions]
    return [records, run.index.order(), run.usage(), run.index.failures]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_that_mean_the_same_are_read_as_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    chance, directory = random.Random(seed), tmp_path_factory.mktemp("run")
    unpack(packed_runs()[0], directory)
    with read_run(directory) as run:
        known = _known(run)
    for name in (INSTRUCTIONS, PLANS, SECTIONS, FAILURES):
        path = directory / name
        path.write_bytes(_written_otherwise(path.read_bytes(), chance))
    with open_run(directory) as run:
        assert _known(run) == known
