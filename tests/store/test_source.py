"""Instruction files as a whole: order, ids, duplicates, rows that are skipped, memory."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from longwriter_cli.errors import InputError
from longwriter_cli.records import Instruction, Requirement, Step
from longwriter_cli.store.source import read_instructions


def parse_plan(value: object) -> list[Step]:
    return [Step(1, str(value), 400)] if value and value != "nonsense" else []


def required_words(prompt: str) -> Requirement | None:
    return Requirement(5000) if "5000" in prompt else None


def read(source: str | Path, **options: Any) -> list[Instruction]:
    return list(read_instructions(str(source), parse_plan=parse_plan, required_words=required_words, **options))


@pytest.fixture
def write(tmp_path: Path):
    def write(*rows: object) -> Path:
        path = tmp_path / "in.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return write


def test_rows_come_in_their_order_counted_from_0(write):
    got = read(write({"prompt": "a"}, {"prompt": "b"}, {"prompt": "c"}))
    assert [(one.prompt, one.row) for one in got] == [("a", 0), ("b", 1), ("c", 2)]


def test_an_id_is_made_from_the_prompt_where_the_row_has_none(write):
    [got] = read(write({"prompt": "写一篇长文"}))
    assert got.id == hashlib.sha256("写一篇长文".encode()).hexdigest()[:16]


def test_equal_prompts_without_ids_are_one_instruction_and_rows_are_counted_after_that(write):
    got = read(write({"prompt": "a"}, {"prompt": "a", "x": 1}, {"prompt": "b"}))
    assert [(one.prompt, one.row, one.meta) for one in got] == [("a", 0, {}), ("b", 1, {})]


def test_equal_prompts_with_ids_of_their_own_are_two_instructions(write):
    assert [one.id for one in read(write({"id": 1, "prompt": "a"}, {"id": 2, "prompt": "a"}))] == ["1", "2"]


def test_the_same_id_with_the_same_prompt_is_one_instruction(write):
    assert len(read(write({"id": "x", "prompt": "a"}, {"id": "x", "prompt": "a"}))) == 1


def test_one_id_with_two_prompts_is_an_error_that_names_both_lines(write):
    with pytest.raises(
        InputError, match=r'in\.jsonl line 3: the id "x" already stands on line 1 with another'
    ) as caught:
        read(write({"id": "x", "prompt": "a"}, {"prompt": "c"}, {"id": "x", "prompt": "b"}))
    assert caught.value.line == 3


def test_bad_rows_are_handed_over_and_reading_goes_on(write):
    path = write({"prompt": "a"}, {"prompt": ""}, ["no"], {"id": True, "prompt": "z"}, {"prompt": "b"})
    bad: list[InputError] = []
    got = read(path, on_bad_row=bad.append)
    assert [(one.prompt, one.row) for one in got] == [("a", 0), ("b", 1)]
    assert [(error.file, error.line) for error in bad] == [(str(path), 2), (str(path), 3), (str(path), 4)]
    assert all(error.problem and error.tip for error in bad)


def test_the_first_bad_row_stops_the_reading_otherwise(write):
    with pytest.raises(InputError, match="line 2: the prompt is empty") as caught:
        read(write({"prompt": "a"}, {"prompt": " \n"}, {"prompt": "b"}))
    assert "--skip-bad-rows" in caught.value.tip


def test_a_later_row_with_a_taken_id_can_be_skipped(write):
    bad: list[InputError] = []
    got = read(write({"id": 1, "prompt": "a"}, {"id": 1, "prompt": "b"}), on_bad_row=bad.append)
    assert [one.prompt for one in got] == ["a"]
    assert bad[0].line == 2


@pytest.mark.parametrize("rows", [(), ({"prompt": ""},)])
def test_a_source_without_a_usable_row_is_an_error(write, rows):
    with pytest.raises(InputError, match="holds no"):
        read(write(*rows), on_bad_row=lambda error: None)


def test_a_field_that_no_row_has_is_named_with_the_nearest_one(write):
    path = write({"question": "a"}, {"question": "b"})
    with pytest.raises(InputError, match='no row has the field "questoin"') as caught:
        read(path, field="questoin", on_bad_row=lambda error: None)
    assert "--field question?" in caught.value.tip
    with pytest.raises(InputError, match=r'line 1: has no field "questoin"; it holds "question"') as caught:
        read(path, field="questoin")
    assert "--field question?" in caught.value.tip


def test_nothing_is_opened_before_the_first_row_is_asked_for():
    read_instructions("no/such/file.jsonl", parse_plan=parse_plan, required_words=required_words)


def test_standard_input_is_json_lines(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'\xef\xbb\xbf{"prompt": "a"}\n{"prompt": 1}\n')))
    bad: list[InputError] = []
    assert [one.prompt for one in read("-", on_bad_row=bad.append)] == ["a"]
    assert bad[0].message.startswith("standard input line 2:")


def test_memory_does_not_grow_with_the_prompts(tmp_path):
    path = tmp_path / "big.jsonl"
    with path.open("w") as file:
        for n in range(4_000):
            file.write(json.dumps({"prompt": f"{n} " + "words " * 1_000}) + "\n")  # 24 MB
    tracemalloc.start()
    rows = sum(1 for _ in read_instructions(str(path), parse_plan=parse_plan, required_words=required_words))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows == 4_000
    assert peak < 6_000_000
