"""Datasets of any tool: what is a record, and what is told of it."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.report.dataset import dataset_figures, dataset_record, read_dataset
from longwriter_cli.store.export import export


def record(prompt: str, text: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": prompt}, {"role": "assistant", "content": text}], **more}


def story(words: int) -> str:
    return "the keeper walks and " * (words // 4)


RECORDS = [
    record("Write a story of 400 words.", story(400), id="a", model="m1"),
    record("写一篇1000字的文章。", "长城内外" * 500, id="b", model="m1"),
    record("Tell me of rain.", story(8000), id="c", model="m2"),
]


def jsonl(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def test_records_words_languages_models_and_lengths_are_counted(tmp_path: Path) -> None:
    figures = dataset_figures(str(jsonl(tmp_path / "d.jsonl", RECORDS)))
    assert (figures.records, figures.words.total, figures.words.max) == (3, 10_400, 8000)
    assert figures.languages == {"en": 2, "zh": 1}
    assert figures.models == {"m1": 2, "m2": 1}
    assert (figures.lengths.all.n, figures.lengths.ranges[0].score) == (2, 100.0)
    assert figures.lengths.ranges[1].score == pytest.approx(66.67)


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "hf"])
def test_every_format_of_the_export_gives_the_same_figures(tmp_path: Path, kind: Any) -> None:
    bare = [record(*(turn["content"] for turn in row["messages"])) for row in RECORDS]
    path = tmp_path / (f"out.{kind}" if kind != "hf" else "out")
    export(bare, path, kind)
    expected = dataset_figures(str(jsonl(tmp_path / "plain.jsonl", bare)))
    assert dataset_figures(str(path)) == expected


def test_a_folder_is_read_shard_by_shard_in_the_order_of_names(tmp_path: Path) -> None:
    jsonl(tmp_path / "part-1.jsonl", RECORDS[:1])
    (tmp_path / "part-2.jsonl.gz").write_bytes(
        gzip.compress("".join(json.dumps(row) + "\n" for row in RECORDS[1:]).encode())
    )
    (tmp_path / "notes.md").write_text("no data")
    assert [(entry.number, entry.id) for entry in read_dataset(str(tmp_path))] == [(1, "a"), (2, "b"), (3, "c")]


def test_all_splits_of_a_saved_dataset_are_read(tmp_path: Path) -> None:
    import datasets

    datasets.disable_progress_bars()
    rows = datasets.Dataset.from_list(RECORDS)
    datasets.DatasetDict({"train": rows.select([0, 1]), "test": rows.select([2])}).save_to_disk(str(tmp_path / "d"))
    assert sorted(entry.id or "" for entry in read_dataset(str(tmp_path / "d"))) == ["a", "b", "c"]


def test_the_rows_own_required_length_counts_before_the_prompts(tmp_path: Path) -> None:
    row = record("Write 400 words.", story(800), required_words=800.0)
    assert dataset_figures(str(jsonl(tmp_path / "d.jsonl", [row]))).lengths.all.score == 100.0


def test_turns_in_the_names_of_sharegpt_are_read(tmp_path: Path) -> None:
    row = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "one two three"}]}
    assert dataset_figures(str(jsonl(tmp_path / "d.jsonl", [row]))).words.total == 3


def test_an_empty_dataset_holds_no_records(tmp_path: Path) -> None:
    assert dataset_figures(str(jsonl(tmp_path / "d.jsonl", []))).records == 0


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ([1], "an object with messages"),
        ({"prompt": "Write."}, 'no messages, but "prompt"'),
        ({"messages": "hello"}, "no messages"),
        ({"messages": [{"role": "user", "content": None}]}, "not a role with a text"),
        ({"messages": [{"role": "user", "content": "Write."}]}, "a user's or an assistant's"),
    ],
)
def test_what_is_no_record_is_named_with_its_line(tmp_path: Path, row: Any, problem: str) -> None:
    path = jsonl(tmp_path / "d.jsonl", [RECORDS[0], row])
    with pytest.raises(InputError) as caught:
        dataset_figures(str(path))
    assert (caught.value.line, problem in caught.value.problem) == (2, True), caught.value.problem
    assert caught.value.tip


def test_a_directory_without_data_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="neither a run nor a dataset") as caught:
        dataset_figures(str(tmp_path))
    assert ".jsonl" in caught.value.tip


def test_a_record_is_found_by_id_or_where_there_are_none_by_number(tmp_path: Path) -> None:
    with_ids = str(jsonl(tmp_path / "ids.jsonl", RECORDS))
    assert dataset_record(with_ids, "b").number == 2
    bare = str(jsonl(tmp_path / "bare.jsonl", [{"messages": row["messages"]} for row in RECORDS]))
    assert dataset_record(bare, "3").prompt == "Tell me of rain."
    with pytest.raises(UsageError) as caught:
        dataset_record(with_ids, "2")
    assert "a, b, c" in caught.value.tip
    with pytest.raises(UsageError) as caught:
        dataset_record(bare, "4")
    assert "from 1 to 3" in caught.value.tip
