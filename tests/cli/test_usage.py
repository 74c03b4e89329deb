"""A command that is typed wrong ends in 2, and what is said next works as it is printed."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, run_longwriter, write_rows


@pytest.fixture
def work(tmp_path: Path, server: FakeServer) -> Path:
    """A directory with a file of instructions and a run that is begun."""
    write_rows(tmp_path / "in.jsonl", [{"id": "story", "prompt": "Write a 300-word story about rain."}])
    run_longwriter("plan", "in.jsonl", "-r", "run", *at(server), cwd=tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("bild", "Did you mean 'build-dataset'?"),
        ("dataset", "Did you mean 'build-dataset'?"),
        ("inspekt", "Did you mean 'inspect'?"),
        ("help", "There are build-dataset, plan, write"),
    ],
)
def test_a_command_that_is_none_is_told_with_those_there_are(typed: str, said: str) -> None:
    assert said in run_longwriter(typed, code=2).stderr


def test_a_value_that_is_none_is_told_without_a_librarys_words() -> None:
    told = run_longwriter("build-dataset", "-r", "run", "--format", "csv", code=2).stderr
    assert "Invalid value for '--format': 'csv' is not one of 'jsonl', 'parquet', 'hf'." in told


def test_a_run_that_is_typed_without_r_is_told_with_it(work: Path, server: FakeServer) -> None:
    told = run_longwriter("build-dataset", "run", cwd=work, code=2).stderr
    assert "tip: run is one: -r run" in told
    run_longwriter("build-dataset", "-r", "run", *at(server), cwd=work)
    assert "Say -r RUN" in run_longwriter("build-dataset", "in.jsonl", cwd=work, code=2).stderr


def test_a_run_in_the_place_of_a_file_is_told_with_r(work: Path, server: FakeServer) -> None:
    told = run_longwriter("build-dataset", "run", "-r", "other", *at(server), cwd=work, code=2).stderr
    assert "is a run, and no file of instructions" in told
    assert "-r run" in told
    assert not (work / "other").exists()


def test_a_benchmark_that_is_none_is_told_with_those_there_are(work: Path, server: FakeServer) -> None:
    told = run_longwriter("evaluate", "nope", "-r", "eval", *at(server), cwd=work, code=2).stderr
    assert "BENCHMARK is builtin, a file, or hf:NAME." in told


def test_the_embedded_model_costs_nothing_in_a_dry_run(work: Path) -> None:
    shown = run_longwriter("build-dataset", "in.jsonl", "-r", "new", "-m", "local", "--dry-run", cwd=work).stdout
    assert "cost  nothing" in shown


@pytest.mark.parametrize(
    "name", ["--min-length-score", "--keep-scaffolding", "--drop-other-languages", "--max-similarity"]
)
def test_help_on_80_columns_cuts_no_name_that_is_to_be_typed(name: str) -> None:
    shown = run_longwriter("build-dataset", "--help", env={"COLUMNS": "80"}).stdout
    assert f"{name} " in shown
    assert "<bool>" not in shown


def test_plain_text_on_standard_input_is_told_where_it_belongs(work: Path, server: FakeServer) -> None:
    typed = b"Write a 300-word story about snow.\n"
    told = run_longwriter("plan", "-", "-r", "new", *at(server), cwd=work, stdin=typed, code=2).stderr
    assert "plain text is read from a .txt file" in told
