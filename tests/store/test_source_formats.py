"""Every format gives the same instructions, and its faults name the line an editor shows."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import zstandard

from longwriter_cli.errors import InputError
from longwriter_cli.records import Instruction, Step
from longwriter_cli.store.source import read_instructions

ROWS = [
    {"id": "a", "prompt": 'Write a story,\nwith "quotes"', "length": 3000, "tag": "x"},
    {"id": "b", "prompt": "写一篇关于茶的长文", "length": None, "tag": None},
]


def read(source: str | Path, **options: Any) -> list[Instruction]:
    return list(
        read_instructions(str(source), parse_plan=lambda plan: (), required_words=lambda prompt: None, **options)
    )


def located(path: Path) -> list[tuple[int | None, str]]:
    """The line and problem of each bad row."""
    bad: list[InputError] = []
    read(path, on_bad_row=bad.append)
    return [(error.line, error.problem) for error in bad]


def as_jsonl(path: Path) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")


def as_json(path: Path) -> None:
    path.write_text(json.dumps(ROWS, indent=1), encoding="utf-8")


def as_wrapped_json(path: Path) -> None:
    path.write_text(json.dumps({"version": 1, "data": ROWS, "note": {"lists": [1]}}), encoding="utf-8")


def as_csv(path: Path, separator: str = ",") -> None:
    lines = ["id,prompt,length,tag", 'a,"Write a story,\nwith ""quotes""",3000,x', "b,写一篇关于茶的长文,,"]
    lines = [line.replace("story,", "story;").replace(",", separator).replace("story;", "story,") for line in lines]
    path.write_bytes("\r\n".join(lines).encode() + b"\r\n")


def as_parquet(path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)


FORMATS: dict[str, Callable[[Path], None]] = {
    "in.jsonl": as_jsonl,
    "in.ndjson": as_jsonl,
    "IN.JSONL": as_jsonl,
    "in.json": as_json,
    "wrapped.json": as_wrapped_json,
    "lines.json": as_jsonl,
    "no-suffix": as_jsonl,
    "in.csv": as_csv,
    "semicolons.csv": lambda path: as_csv(path, ";"),
    "in.tsv": lambda path: as_csv(path, "\t"),
    "in.parquet": as_parquet,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}


@pytest.mark.parametrize("packed", PACKERS)
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_and_compression_gives_the_same_instructions(tmp_path, name, packed):
    FORMATS[name](tmp_path / name)
    path = tmp_path / (name + packed)
    path.write_bytes(PACKERS[packed]((tmp_path / name).read_bytes()))
    got = read(path)
    assert [(one.id, one.row, one.prompt) for one in got] == [
        ("a", 0, ROWS[0]["prompt"]),
        ("b", 1, ROWS[1]["prompt"]),
    ]
    assert [one.required_words and one.required_words.words for one in got] == [3000, None]
    assert [dict(one.meta) for one in got] == [{"tag": "x"}, {"tag": None}]


@pytest.mark.parametrize("packed", PACKERS)
def test_plain_text_is_one_instruction_a_line_without_blank_ones(tmp_path, packed):
    path = tmp_path / f"in.txt{packed}"
    path.write_bytes(PACKERS[packed]("\ufeffFirst \r\n\n  \n写第二篇".encode()))
    assert [one.prompt for one in read(path)] == ["First", "写第二篇"]


@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.csv", "in.tsv"])
def test_a_byte_order_mark_is_skipped(tmp_path, name):
    FORMATS[name](tmp_path / name)
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + (tmp_path / name).read_bytes())
    assert [one.id for one in read(tmp_path / name)] == ["a", "b"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.csv", "in.txt"])
def test_utf_16_is_named_with_the_way_to_convert_it(tmp_path, name, encoding):
    path = tmp_path / name
    path.write_bytes('{"prompt": "写"}\n'.encode(encoding))
    with pytest.raises(InputError, match=r"is UTF-(16|32)(LE|BE)?, not UTF-8") as caught:
        read(path, on_bad_row=lambda error: None)
    wide = caught.value.problem.split()[1].rstrip(",")
    assert f"iconv -f {wide} -t UTF-8" in caught.value.tip
    assert wide == encoding.upper().replace("-LE", "LE").replace("-BE", "BE")


# JSON Lines


def test_faults_of_json_lines_name_line_and_column(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b'{"prompt": "ok"}\r\n'
        b"\n"
        b'{"prompt": "cut\n'
        b'{"prompt": "\xff"}\n'
        b'{"prompt": "\\ud800"}\n'
        b'{"prompt": NaN}\n'
        b"\0\0\0\0\n"
        b'{"prompt": "a"} {"prompt": "b"}\n'
        b'{"prompt": "ok too"}'
    )
    bad = located(path)
    assert [line for line, _ in bad] == [3, 4, 5, 6, 7, 8]
    for (_, problem), said in zip(
        bad,
        ["is cut off", "not valid UTF-8 at byte 13", "half of a surrogate pair", "at column 12", "NUL", "column 17"],
        strict=True,
    ):
        assert said in problem


@pytest.mark.parametrize(
    "text", ['[\n{"prompt": "a"}\n]', '{\n"prompt": "a"}', '[{"prompt": "a"}]', '[{"prompt": "a"},\n']
)
def test_a_json_document_named_jsonl_is_told_apart(tmp_path, text):
    path = tmp_path / "in.jsonl"
    path.write_text(text)
    with pytest.raises(InputError, match="line 1") as caught:
        read(path)
    assert ".json" in caught.value.tip


def test_a_line_of_50_megabytes_is_read(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_bytes(b'{"prompt": "' + b"long " * 10_000_000 + b'"}\n{"prompt": "next"}\n')
    assert [len(one.prompt) for one in read(path)] == [50_000_000, 4]


# JSON


def test_rows_of_a_json_list_know_their_line(tmp_path):
    path = tmp_path / "in.json"
    path.write_text('[\n {"prompt": "a"},\n\n {"prompt":\n  ""}, "a string",\n 7,\n {"prompt": "\\ud800"}\n]\n')
    assert [line for line, _ in located(path)] == [4, 6, 7]


def test_a_list_of_strings_is_a_list_of_prompts(tmp_path):
    path = tmp_path / "in.json"
    path.write_text('["one", "two"]')
    assert [one.prompt for one in read(path)] == ["one", "two"]


def test_one_object_with_a_prompt_is_one_row(tmp_path):
    path = tmp_path / "in.json"
    path.write_text('{"messages": [{"role": "user", "content": "U"}]}\n')
    assert [one.prompt for one in read(path)] == ["U"]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ('[{"prompt": "a"},\n{"prompt": "b"', 2, "the file ends in the middle of it"),
        ('[{"prompt": "a"}\n{"prompt": "b"}]', 2, "column 1: expected , or ]"),
        ('{"data": [{"prompt": "a"}\n', 2, "the file ends"),
        ('[{"prompt": "a"}]\n[]', 2, "has ended before"),
        ('[{"prompt": NaN}]', 1, "NaN is not JSON"),
        ('[{"prompt": "a",}]', 1, "column 1"),
        ('{"a": [1], "b": [2]}', None, 'holds 2 lists: "a", "b"'),
        ('{"a": {}}', None, "holds no list"),
        ("{}", None, "holds no list"),
        ("7", 1, "neither a list nor an object"),
        ("[" * 100_000, None, "nested too deeply"),
        (" \n", None, "holds no instruction"),
        ("[]", None, "holds no instruction"),
    ],
)
def test_a_faulty_json_document_names_its_place(tmp_path, text, line, problem):
    path = tmp_path / "in.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path, on_bad_row=lambda error: None)
    assert caught.value.line == line
    assert problem in caught.value.problem


def test_bytes_that_are_no_utf_8_in_json_name_the_line(tmp_path):
    path = tmp_path / "in.json"
    path.write_bytes(b'[\n{"prompt": "\xff"}]')
    with pytest.raises(InputError, match="line 2: is not valid UTF-8"):
        read(path)


# CSV and TSV


def test_a_csv_row_is_named_by_the_line_it_starts_on(tmp_path):
    path = tmp_path / "in.csv"
    path.write_bytes(b'id,prompt\n1,"two\nlines"\n\n2,a,b\n3\n5,ok\n6,"bad\n\xff byte"\n7,"a"b\n8,\n9,"also ok"\n')
    bad = located(path)
    assert [line for line, _ in bad] == [5, 6, 9, 10, 11]
    assert "number of its fields is 3, the header's 2" in bad[0][1]
    assert "number of its fields is 1" in bad[1][1]
    assert "UTF-8" in bad[2][1]
    assert "not valid CSV" in bad[3][1]
    assert "empty" in bad[4][1]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        (",,\na,b,c\n", 1, "the header names no column"),
        ("prompt,id,prompt\na,1,b\n", 1, '"prompt" twice'),
        ('prompt\nok\n"never closed\nand so on\n', 3, "never closed"),
        ('prompt\n"a\nb" c\nok\n', 3, "not valid CSV"),
        ("prompt\n", None, "holds no instruction"),
        ("", None, "holds no instruction"),
    ],
)
def test_a_csv_file_that_nobody_can_read_on_is_an_error(tmp_path, text, line, problem):
    path = tmp_path / "in.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path, on_bad_row=lambda error: None)
    assert (caught.value.line, problem in caught.value.problem) == (line, True)


def test_a_saved_index_column_does_no_harm(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(", prompt ,id\n0,a,\n1,b,\n")
    assert [(one.prompt, dict(one.meta)) for one in read(path)] == [
        ("a", {"column_1": "0"}),
        ("b", {"column_1": "1"}),
    ]


def test_a_csv_field_may_be_longer_than_the_modules_default_limit(tmp_path):
    path = tmp_path / "in.csv"
    path.write_text("prompt\n" + "long " * 100_000 + "\n")
    assert len(read(path)[0].prompt) == 500_000


def test_a_plan_that_could_not_be_written_again_makes_a_bad_row(tmp_path):
    path = tmp_path / "in.json"
    path.write_text('[{"prompt": "P", "plan": "one"}]')
    steps = (Step(1, "half of a pair: \ud800", 300),)
    with pytest.raises(InputError, match=r"in\.json line 1: its plan cannot be kept as JSON"):
        list(read_instructions(str(path), parse_plan=lambda rows: steps, required_words=lambda prompt: None))


# Parquet and Hugging Face data


def test_parquet_values_become_what_json_can_hold(tmp_path):
    import pyarrow
    import pyarrow.parquet

    rows = [{"prompt": "a", "id": 7.0, "day": date(2024, 8, 13), "image": b"\xff\xd8", "score": float("nan"), "n": [1]}]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "in.parquet")
    [got] = read(tmp_path / "in.parquet")
    assert got.id == "7"
    assert got.meta == {"day": "2024-08-13", "image": None, "score": None, "n": [1]}


def test_a_bad_parquet_row_is_called_a_row(tmp_path):
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist([{"prompt": "a"}, {"prompt": " "}, {"prompt": "c"}])
    pyarrow.parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(InputError, match=r"in\.parquet row 2: the prompt is empty") as caught:
        read(tmp_path / "in.parquet")
    assert caught.value.line == 2


def test_a_parquet_value_that_cannot_be_read_spoils_its_row_alone(tmp_path):
    import pyarrow
    import pyarrow.parquet

    never = pyarrow.array([None, 2**62, None], pyarrow.timestamp("ms"))
    table = pyarrow.table({"prompt": ["a", "b", "no text"], "day": never})
    path = tmp_path / "in.parquet"
    pyarrow.parquet.write_table(table, path, use_dictionary=False, compression="none", write_statistics=False)
    path.write_bytes(path.read_bytes().replace(b"no text", b"\xff\xffo text"[:7]))
    bad: list[InputError] = []
    assert [one.prompt for one in read(path, on_bad_row=bad.append)] == ["a"]
    assert [error.line for error in bad] == [2, 3]
    assert all("cannot be read" in error.message for error in bad)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"x" * 500,
        lambda data: data.replace(b"prompt", b"pr\xffmpt"),  # the name of a column
    ],
)
def test_a_corrupt_parquet_file_is_an_error(tmp_path, damage):
    as_parquet(tmp_path / "in.parquet")
    (tmp_path / "in.parquet").write_bytes(damage((tmp_path / "in.parquet").read_bytes()))
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read(tmp_path / "in.parquet")


def test_a_folder_of_data_files_is_a_dataset(tmp_path):
    (tmp_path / "data").mkdir()
    as_jsonl(tmp_path / "data" / "train.jsonl")
    (tmp_path / "data" / "test.jsonl").write_text('{"id": "t", "prompt": "T", "length": 9, "tag": ""}\n')
    assert [one.id for one in read(f"hf:{tmp_path}/data")] == ["a", "b"]
    assert [one.id for one in read(f"hf:{tmp_path}/data@default:test")] == ["t"]
    with pytest.raises(InputError, match=r"Bad split: dev.*test"):
        read(f"hf:{tmp_path}/data:dev")


def test_a_saved_dataset_is_read(tmp_path):
    import datasets

    datasets.disable_progress_bars()
    saved = datasets.Dataset.from_list(ROWS)
    saved.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": saved, "test": saved.select([1])}).save_to_disk(tmp_path / "splits")
    assert [one.id for one in read(f"hf:{tmp_path}/one")] == ["a", "b"]
    assert [one.id for one in read(f"hf:{tmp_path}/one/data-00000-of-00001.arrow")] == ["a", "b"]
    assert [one.id for one in read(f"hf:{tmp_path}/splits:test")] == ["b"]


def test_a_folder_whose_own_name_looks_like_a_split_is_found(tmp_path):
    (tmp_path / "tea@2024:final").mkdir()
    as_jsonl(tmp_path / "tea@2024:final" / "train.jsonl")
    assert [one.id for one in read(f"hf:{tmp_path}/tea@2024:final")] == ["a", "b"]


def test_images_of_a_dataset_are_not_decoded_nor_carried_along(tmp_path):
    import datasets
    import pyarrow

    image = {"bytes": b"\xff\xd8 no real image", "path": None}
    features = datasets.Features({"prompt": datasets.Value("string"), "image": datasets.Image()})
    table = pyarrow.Table.from_pylist([{"prompt": "a", "image": image}], schema=features.arrow_schema)
    datasets.Dataset(table, info=datasets.DatasetInfo(features=features)).save_to_disk(tmp_path / "one")
    [got] = read(f"hf:{tmp_path}/one")
    assert got.meta == {"image": {"bytes": None, "path": None}}


@pytest.mark.parametrize("source", ["hf:", "hf:{}/none", "hf:{}/in.jsonl"])
def test_a_dataset_that_cannot_be_loaded_is_an_error_with_the_form(tmp_path, source):
    as_jsonl(tmp_path / "in.jsonl")
    with pytest.raises(InputError) as caught:
        read(source.format(tmp_path))
    assert "hf:NAME" in caught.value.tip


# Streams


def test_a_missing_file_names_its_neighbour(tmp_path):
    as_jsonl(tmp_path / "instructions.jsonl")
    for name in ["instrutions.jsonl", "instructions.json", "instructions.csv"]:
        with pytest.raises(InputError, match="there is no such file") as caught:
            read(tmp_path / name)
        assert caught.value.tip == f"Did you mean {tmp_path}/instructions.jsonl?"


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "none" / "in.jsonl")
    assert caught.value.tip == f"There is no folder {tmp_path}/none either."


def test_an_address_is_not_taken_for_a_file():
    with pytest.raises(InputError) as caught:
        read("https://example.org/in.jsonl")
    assert "download it first" in caught.value.tip


def test_a_directory_is_an_error_that_names_the_way(tmp_path):
    (tmp_path / "in.jsonl").mkdir()
    with pytest.raises(InputError, match="is a directory") as caught:
        read(tmp_path / "in.jsonl")
    assert f"hf:{tmp_path}/in.jsonl" in caught.value.tip


NOBODY = 65534


def test_a_forbidden_file_is_an_error(tmp_path):
    as_jsonl(tmp_path / "in.jsonl")
    (tmp_path / "in.jsonl").chmod(0)
    me = os.geteuid()
    if me == 0:  # root may read everything
        os.seteuid(NOBODY)
    try:
        with pytest.raises(InputError, match="may not be read"):
            read(tmp_path / "in.jsonl")
    finally:
        os.seteuid(me)


def test_an_unknown_suffix_names_the_known_ones(tmp_path):
    path = tmp_path / "in.md"
    path.write_text("# Instructions\n")
    with pytest.raises(InputError, match="does not tell its format") as caught:
        read(path)
    for suffix in [".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".gz", ".zst"]:
        assert suffix in caught.value.tip


def test_a_pipe_without_a_suffix_is_read_as_json_lines(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=as_jsonl, args=[pipe])
    writer.start()
    assert [one.id for one in read(pipe)] == ["a", "b"]
    writer.join()


@pytest.mark.parametrize("packed", [".gz", ".zst"])
@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.csv", "in.txt", "in.parquet"])
def test_a_compressed_file_that_is_cut_off_is_an_error_and_no_early_end(tmp_path, name, packed):
    data = os.urandom(300_000).hex().encode()
    path = tmp_path / (name + packed)
    path.write_bytes(PACKERS[packed](b'{"prompt": "' + data + b'"}\n' + data + b"\n" + data)[:-20])
    with pytest.raises(InputError, match="is cut off: its compressed data ends too early"):
        read(path, on_bad_row=lambda error: None)


@pytest.mark.parametrize("packed", [".gz", ".zst"])
def test_data_that_is_not_compressed_as_its_name_says_is_an_error(tmp_path, packed):
    as_jsonl(tmp_path / f"in.jsonl{packed}")
    with pytest.raises(InputError, match="cannot be decompressed"):
        read(tmp_path / f"in.jsonl{packed}")


@pytest.mark.parametrize("packed", [".gz", ".zst"])
def test_files_that_were_concatenated_after_compression_are_read_to_the_end(tmp_path, packed):
    path = tmp_path / f"in.txt{packed}"
    padding = b"\0" * 700 if packed == ".gz" else b""
    path.write_bytes(PACKERS[packed](b"one\n") + PACKERS[packed](b"two\n") + padding)
    assert [one.prompt for one in read(path)] == ["one", "two"]


@pytest.mark.parametrize(("packed", "said"), [(".gz", "compressed with gzip"), (".zst", "compressed with zstd")])
def test_compressed_data_under_a_plain_name_is_recognised(tmp_path, packed, said):
    path = tmp_path / "in.jsonl"
    path.write_bytes(PACKERS[packed](b'{"prompt": "a"}\n'))
    with pytest.raises(InputError, match=said) as caught:
        read(path)
    assert packed in caught.value.tip
