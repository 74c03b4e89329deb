"""A locale that knows ASCII alone: paths and texts of any script do not end a command, and JSON stays what it is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from program import at, essays, read_rows, run_longwriter, write_rows

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}


def run_in_ascii(*arguments: object, **options: Any) -> Any:
    return run_longwriter(*arguments, env=ASCII, fresh=True, **options)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "数据 é 🌊"
    folder.mkdir()
    return folder


def test_a_run_in_a_place_of_another_script_is_made_and_told(place: Path, server: FakeServer) -> None:
    source = write_rows(place / "指令.jsonl", essays(1))
    shown = run_in_ascii("build-dataset", source, "-r", place / "run", *at(server)).stdout
    assert "1 record in " in shown
    assert "\\u6570\\u636e" in shown
    summary = run_in_ascii("build-dataset", "-r", place / "run", "--json", *at(server)).summary
    assert summary["dataset"] == str(place / "run" / "dataset.jsonl")
    assert len(read_rows(place / "run" / "dataset.jsonl")) == 1


def test_folders_cards_and_selections_are_made_too(place: Path, server: FakeServer) -> None:
    log = write_rows(place / "日志.jsonl", essays(2, 3000))
    run_in_ascii("select", log, "-o", place / "选.jsonl")
    assert read_rows(place / "选.jsonl")[0]["source"] == str(log)
    run_in_ascii(
        "build-dataset", place / "选.jsonl", "-r", place / "run", "-o", place / "d", "--split", "train=1", *at(server)
    )
    export = ("build-dataset", "-r", place / "run", "--export-only", "--format")
    for _ in range(2):
        run_in_ascii(*export, "parquet", "-o", place / "数.parquet", "--card")
    run_in_ascii(*export, "parquet", "-o", place / "数.parquet", "--min-words", "9000", code=2)
    assert run_in_ascii("inspect", place / "数.parquet", "--json").summary["records"] == 2
    assert "LC_ALL=C.UTF-8" in run_in_ascii(*export, "hf", "-o", place / "hf", code=2).stderr
    run_in_ascii(*export, "hf", "-o", place.parent / "hf")
    seen = run_in_ascii("inspect", place / "run", "--json").summary
    assert seen["run"] == str(place / "run")


def test_an_error_names_the_path(place: Path) -> None:
    said = run_in_ascii("inspect", place / "没有", code=2)
    assert "there is no such file or directory" in said.stderr
    assert said.code == 2


def test_an_object_stays_the_object_that_it_is(place: Path) -> None:
    row = {"messages": [{"role": "user", "content": "写 🌊"}, {"role": "assistant", "content": "长城 😀 é"}]}
    data = write_rows(place / "d.jsonl", [row])
    result = run_in_ascii("inspect", data, "--id", "1", "--json")
    assert result.stdout.isascii()
    assert json.loads(result.stdout)["record"] == row


def test_a_name_that_is_no_utf_8_is_shown_as_it_is(tmp_path: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    run = os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9n")
    for env in (ASCII, {"PYTHONUTF8": "1"}):
        run_longwriter("build-dataset", source, "-r", run, *at(server), env=env, fresh=True)
        run_longwriter("inspect", run, env=env, fresh=True)
