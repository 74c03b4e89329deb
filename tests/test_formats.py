"""Every form that instructions may come in gives the same records, and a source that cannot be used says where."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from fake_server import FakeServer
from program import at, audit, essays, read_rows, run_longwriter, texts, write_rows

PROMPTS = [
    "Write an essay of 900 words on tea, coffee and chocolate.",
    "写一篇900字的文章，谈谈茶。",
    'Write a story of 800 words that begins with "Once".',
]
ROWS = [{"prompt": prompt} for prompt in PROMPTS]


def as_jsonl(path: Path) -> None:
    write_rows(path, ROWS)


def as_json(path: Path) -> None:
    path.write_text(json.dumps(ROWS, ensure_ascii=False, indent=2), encoding="utf-8")


def as_table(path: Path, delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([["prompt"], *([prompt] for prompt in PROMPTS)])


def as_parquet(path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)


def as_text(path: Path) -> None:
    path.write_text("\n".join(PROMPTS) + "\n", encoding="utf-8")


def packed(write: Callable[[Path], None], pack: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def write_packed(path: Path) -> None:
        write(path)
        path.write_bytes(pack(path.read_bytes()))

    return write_packed


FORMATS: dict[str, Callable[[Path], None]] = {
    "in.jsonl": as_jsonl,
    "in.json": as_json,
    "in.csv": as_table,
    "in.tsv": lambda path: as_table(path, "\t"),
    "in.parquet": as_parquet,
    "in.txt": as_text,
    "in.jsonl.gz": packed(as_jsonl, gzip.compress),
    "in.csv.zst": packed(as_table, zstandard.compress),
    "in.txt.gz": packed(as_text, gzip.compress),
    "in.json.zst": packed(as_json, zstandard.compress),
}


def test_every_format_gives_the_same_dataset_from_the_same_calls(tmp_path: Path, server: FakeServer) -> None:
    for name, write in FORMATS.items():
        write(tmp_path / name)
        run_longwriter("build-dataset", tmp_path / name, "-r", tmp_path / f"run-{name}", *at(server))
    stdin = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
    run_longwriter("build-dataset", "-", "-r", tmp_path / "run-stdin", *at(server), stdin=stdin)
    runs = [tmp_path / "run-stdin", *(tmp_path / f"run-{name}" for name in FORMATS)]
    assert {(run / "dataset.jsonl").read_bytes() for run in runs} == {(runs[0] / "dataset.jsonl").read_bytes()}
    assert list(texts(runs[0])) == PROMPTS
    assert audit(runs[0]) == 3
    assert server.stats.calls == len(runs) * server.stats.distinct_prompts
    rows = [read_rows(run / "instructions.jsonl") for run in runs]
    assert all(row == rows[0] for row in rows)


@pytest.mark.parametrize("kind", ["saved", "folder"])
def test_a_hugging_face_dataset_gives_the_same_dataset(
    kind: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    folder = tmp_path / "data"
    if kind == "saved":
        import datasets

        datasets.Dataset.from_list(ROWS).save_to_disk(str(folder))
    else:
        folder.mkdir()
        write_rows(folder / "train.jsonl", ROWS)
    run_longwriter("build-dataset", f"hf:{folder}", "-r", run, *at(server))
    assert list(texts(run)) == PROMPTS
    assert audit(run) == 3


def test_the_prompt_is_found_under_each_of_its_names(tmp_path: Path, run: Path, server: FakeServer) -> None:
    turns = [{"role": "system", "content": "s"}, {"role": "user", "content": "Write 300 words on C."}]
    rows: list[dict[str, Any]] = [
        {"prompt": "Write 300 words on A."},
        {"instruction": "Write 300 words on B.", "input": "Mention a boat."},
        {"messages": [*turns, {"role": "assistant", "content": "no"}]},
        {"conversations": [{"from": "human", "value": "Write 300 words on D."}]},
    ]
    source = write_rows(tmp_path / "in.jsonl", rows)
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    wanted = [f"Write 300 words on {letter}." for letter in "ABCD"]
    wanted[1] += "\n\nMention a boat."
    assert list(texts(run)) == wanted
    own = write_rows(tmp_path / "own.jsonl", [{"text": "Write 300 words on E."}])
    failed = run_longwriter("build-dataset", own, "-r", tmp_path / "other", *at(server), code=2)
    assert "own.jsonl line 1" in failed.stderr
    assert "--field" in failed.stderr
    assert not (tmp_path / "other").exists() or read_rows(tmp_path / "other" / "instructions.jsonl") == []
    run_longwriter("build-dataset", own, "-r", tmp_path / "other", "--field", "text", *at(server))
    assert list(texts(tmp_path / "other")) == ["Write 300 words on E."]


STEPS = [{"n": 1, "main_point": "The spring", "words": 210}, {"n": 2, "main_point": "The mouth", "words": 230}]
PLAN_TEXT = (
    "Paragraph 1 - Main Point: The spring - Word Count: 210 words\n"
    "Paragraph 2 - Main Point: The mouth - Word Count: 230 words"
)


def test_a_plan_that_a_row_brings_makes_no_planning_call(tmp_path: Path, run: Path, server: FakeServer) -> None:
    rows = [{"prompt": "An essay on a river.", "plan": PLAN_TEXT}, {"prompt": "Another one.", "plan": STEPS}]
    source = write_rows(tmp_path / "in.jsonl", rows)
    assert run_longwriter("plan", source, "-r", run, "--json", *at(server)).summary["calls"] == 0
    assert [row["steps"] for row in read_rows(run / "plans.jsonl")] == [STEPS, STEPS]
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["calls"] == 4
    assert audit(run) == 2


def test_equal_prompts_are_one_instruction_and_own_ids_are_kept(tmp_path: Path, run: Path, server: FakeServer) -> None:
    one, two = "Write 300 words on tea.", "Write 300 words on rum."
    rows = [{"prompt": one}, {"prompt": two, "id": 7, "topic": "rum"}, {"prompt": one}, {"prompt": one, "id": "own"}]
    source = write_rows(tmp_path / "in.jsonl", rows)
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server)).summary
    assert (summary["instructions"], summary["records"]) == (3, 3)
    taken = read_rows(run / "instructions.jsonl")
    own_id = hashlib.sha256(one.encode()).hexdigest()[:16]
    assert [(row["id"], row["row"]) for row in taken] == [(own_id, 0), ("7", 1), ("own", 2)]
    assert taken[1]["meta"] == {"topic": "rum"}
    assert taken[0]["required_words"] == {"words": 300, "kind": "about", "low": None, "high": None}


@pytest.mark.parametrize("second", ["Write 300 words on rum.", "Write 300 words on gin."])
def test_one_id_with_two_prompts_is_an_error_that_takes_nothing_in(
    second: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = tmp_path / "in.jsonl"
    write_rows(source, [{"id": "a", "prompt": "Write 300 words on tea."}, {"id": "a", "prompt": second}])
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), code=2)
    assert "line 2" in result.stderr
    assert read_rows(run / "instructions.jsonl") == []
    write_rows(source, [{"id": "a", "prompt": "Write 300 words on tea."}])
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    write_rows(source, [{"id": "b", "prompt": "Write 300 words on ale."}, {"id": "a", "prompt": second}])
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), code=2)
    assert "'a'" in result.stderr
    assert len(read_rows(run / "instructions.jsonl")) == 1, "a row of a source with an error was taken in"


def test_the_required_length_of_a_row_counts_over_the_prompt(tmp_path: Path, run: Path, server: FakeServer) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": "An essay on tea.", "length": 1200},
        {"prompt": "An essay on rum.", "required_words": {"words": 300, "kind": "at_most", "high": 300}},
        {"prompt": "An essay of 900 words on ale."},
        {"prompt": "An essay on gin."},
    ]
    source = write_rows(tmp_path / "in.jsonl", rows)
    run_longwriter("build-dataset", source, "-r", run, "--metadata", *at(server))
    records = read_rows(run / "dataset.jsonl")
    assert [record["required_words"] for record in records] == [1200, 300, 900, None]
    assert [record["messages"][0]["content"] for record in records] == [row["prompt"] for row in rows]
    for record in records[:3]:
        assert abs(record["words"] / record["required_words"] - 1) < 0.1
        assert record["length_score"] > 90
    assert set(records[0]) == {
        "messages",
        *("id", "words", "required_words", "length_score", "sections", "model", "language"),
    }


# --- bad rows ---------------------------------------------------------------------------------------------------

BAD = ['{"prompt": "Write 300 words on tea."}', "{not json", '{"prompt": ""}', '{"prompt": "Write 300 words on rum."}']


def test_a_bad_row_stops_with_file_and_line_and_takes_nothing_in(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(BAD) + "\n")
    result = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server), code=2)
    assert f"{source} line 2" in result.stderr
    assert "--skip-bad-rows" in result.stderr
    assert result.summary["exit_code"] == 2
    assert server.stats.calls == 0
    assert read_rows(run / "instructions.jsonl") == read_rows(run / "failures.jsonl") == []


def test_skipped_bad_rows_are_recorded_until_the_file_is_mended(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(BAD) + "\n")
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    for _ in range(2):
        summary = run_longwriter(*command, "--skip-bad-rows", code=3).summary
        assert (summary["instructions"], summary["failed"], summary["records"]) == (2, 2, 2)
    rows = read_rows(run / "failures.jsonl")
    assert [(row["id"], row["kind"], row["file"], row["line"]) for row in rows] == [
        (None, "bad_row", str(source), 2),
        (None, "bad_row", str(source), 3),
    ], "each bad row is recorded once"
    run_longwriter(*command, "--skip-bad-rows", "--max-failed", "2")
    source.write_text("\n".join([BAD[0], '{"prompt": "Write 300 words on ale."}', BAD[3]]) + "\n")
    summary = run_longwriter(*command).summary
    assert (summary["failed"], summary["records"]) == (0, 3)
    assert server.stats.calls == 3


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "holds no instruction"),
        ("empty.csv", b"prompt\n", "holds no instruction"),
        ("in.json", b'[{"prompt": "a"}, {"prompt": ', "in.json"),
        ("in.jsonl", '{"prompt": "a"}\n{"prompt": "é"}\n'.encode("latin-1"), "line 2"),
        ("in.jsonl.gz", b"not gzip", "in.jsonl.gz"),
        ("in.parquet", b"not parquet", "in.parquet"),
    ],
)
def test_a_source_that_cannot_be_read_ends_in_2_and_makes_no_run(
    name: str, content: bytes, words: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    (tmp_path / name).write_bytes(content)
    result = run_longwriter("build-dataset", tmp_path / name, "-r", run, *at(server), code=2)
    assert words in result.stderr
    assert "Traceback" not in result.stderr
    assert server.stats.calls == 0
    assert not (run / "manifest.json").exists()


def test_a_missing_source_ends_in_2_and_makes_no_directory(tmp_path: Path, run: Path, server: FakeServer) -> None:
    result = run_longwriter("build-dataset", tmp_path / "none.jsonl", "-r", run, *at(server), code=2)
    assert "none.jsonl" in result.stderr
    assert not run.exists()


# --- a source that changes --------------------------------------------------------------------------------------


def test_only_the_new_rows_of_a_source_that_grew_are_paid(tmp_path: Path, run: Path, server: FakeServer) -> None:
    rows = essays(6)
    source = write_rows(tmp_path / "in.jsonl", rows[:2])
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    run_longwriter(*command)
    calls = server.stats.calls
    write_rows(source, rows[:4])
    summary = run_longwriter(*command).summary
    assert (summary["records"], summary["calls"]) == (4, server.stats.calls - calls)
    assert server.stats.repeats == 0
    write_rows(source, rows[4:])
    summary = run_longwriter(*command).summary
    assert (summary["records"], server.stats.repeats) == (6, 0), "rows that are gone from the source stay in the run"
    assert audit(run) == 6


def test_a_source_whose_rows_moved_pays_nothing_and_follows_the_new_order(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    rows = essays(4)
    source = write_rows(tmp_path / "in.jsonl", rows)
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    run_longwriter(*command)
    write_rows(source, rows[::-1])
    assert run_longwriter(*command).summary["calls"] == 0
    assert list(texts(run)) == [row["prompt"] for row in rows[::-1]]


def test_limit_takes_the_first_and_a_larger_one_goes_on(tmp_path: Path, run: Path, server: FakeServer) -> None:
    rows = essays(5)
    source = write_rows(tmp_path / "in.jsonl", rows)
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    assert run_longwriter(*command, "--limit", "2").summary["records"] == 2
    assert list(texts(run)) == [row["prompt"] for row in rows[:2]]
    assert run_longwriter(*command, "--limit", "2").summary["calls"] == 0
    assert run_longwriter(*command, "--limit", "4").summary["records"] == 4
    assert run_longwriter(*command).summary["records"] == 5
    assert server.stats.repeats == 0


# --- exports ----------------------------------------------------------------------------------------------------


def test_every_export_holds_the_same_records(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", ROWS)
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    wanted = read_rows(run / "dataset.jsonl")
    export = ("build-dataset", "-r", run, "--export-only", "--json")
    assert run_longwriter(*export, "--format", "parquet").summary["dataset"] == str(run / "dataset.parquet")
    import datasets
    import pyarrow.parquet

    assert pyarrow.parquet.read_table(run / "dataset.parquet").to_pylist() == wanted
    for _ in range(2):  # the second time an earlier folder stands there
        assert run_longwriter(*export, "--format", "hf").summary["dataset"] == str(run / "dataset")
        assert datasets.load_from_disk(str(run / "dataset")).to_list() == wanted
    out = tmp_path / "deep" / "down" / "out.jsonl"
    assert run_longwriter(*export, "-o", out).summary["dataset"] == str(out)
    assert read_rows(out) == wanted


def test_standard_input_of_bytes_that_are_no_utf8_is_an_error_that_names_it(run: Path, server: FakeServer) -> None:
    stdin = b'{"prompt": "caf\xe9"}\n'
    result = run_longwriter("build-dataset", "-", "-r", run, *at(server), stdin=stdin, code=2)
    assert "line 1" in result.stderr


def test_an_id_that_stands_for_another_prompt_in_the_run_is_told_with_file_and_line(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    rows = [{"id": f"r{n}", **row} for n, row in enumerate(essays(3))]
    run_longwriter("plan", write_rows(tmp_path / "in.jsonl", rows), "-r", run, *at(server))
    other = write_rows(tmp_path / "other.jsonl", [*rows[:2], {"id": "r2", "prompt": "Write 900 words on moss."}])
    said = run_longwriter("plan", other, "-r", run, *at(server), code=2).stderr
    assert f"{other} line 3: the id 'r2' stands for another prompt in {run / 'instructions.jsonl'}" in said


def test_what_the_filters_drop_is_told_the_same_way_again_and_again(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    command = ("build-dataset", "-r", run, "--export-only", "--json")
    for _ in range(2):
        (run / "dataset.jsonl").unlink(missing_ok=True)
        summary = run_longwriter(*command, "--min-words", "100000").summary
        assert (summary["records"], summary["rejected"], summary["exit_code"]) == (0, 2, 0)
        assert [row["reason"] for row in read_rows(run / "rejects.jsonl")] == ["too_short"] * 2
    assert run_longwriter(*command).summary["rejected"] == 0
    assert (run / "rejects.jsonl").read_bytes() == b""
