"""Options and variables that mean nothing where they stand are told, and not offered."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, essays, run_longwriter, write_rows

from longwriter_cli.cli.app import load_command
from longwriter_cli.cli.fitting import HELP, IDLE


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(1, 2400))


@pytest.mark.parametrize(("command", "name"), [*((c, n) for c in IDLE for n in sorted(IDLE[c])), *HELP])
def test_each_option_that_is_fitted_to_a_command_is_one_of_it(command: str, name: str) -> None:
    assert name in {parameter.name for parameter in load_command(command).params}


def help_of(command: str) -> str:
    """The help on one line, without its frames."""
    shown = run_longwriter(command, "--help", env={"COLUMNS": "200"}).stdout
    return " ".join(word for word in shown.split() if word != "│")


def test_the_help_of_a_command_offers_what_has_a_meaning_there() -> None:
    shown = help_of("select")
    for option in ("--judge-model", "--plan-model", "--mode ", "--max-steps"):
        assert option not in shown
    assert "--stream" in shown
    assert "Stop reading at the Nth prompt that the rules keep." in shown
    assert "every prompt that passes the rules is asked about" in shown
    assert "--judge-model" not in help_of("write")
    assert "--judge-model" in help_of("build-dataset")
    assert "The first N instructions." in help_of("build-dataset")


def test_the_help_says_how_bad_rows_end_and_how_an_instruction_is_taken_out() -> None:
    shown = help_of("build-dataset")
    assert "the command ends in 3 unless --max-failed allows for them" in shown
    assert "delete its line from RUN/instructions.jsonl" in shown


def test_an_option_that_was_typed_for_nothing_is_told(tmp_path: Path, source: Path) -> None:
    result = run_longwriter("select", source, "-o", tmp_path / "out.jsonl", "--judge-model", "j")
    assert "note: --judge-model changes nothing in select." in result.stderr
    env = {"LONGWRITER_JUDGE_MODEL": "j"}
    assert "note" not in run_longwriter("select", source, "-o", tmp_path / "out.jsonl", env=env).stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("LONGWRITER_MAX_COTS", "LONGWRITER_MAX_COTS is no variable of longwriter and is not read. Did you mean"),
        ("LONGWRITER_ZZZ", "LONGWRITER_ZZZ is no variable of longwriter and is not read.\n"),
        ("LONGWRITER_MIN_PROMPT_WORDS", ""),  # another command's
        ("LONGWRITER_CACHE", ""),
        ("LONGWRITERS", ""),
    ],
)
def test_a_variable_that_no_command_reads_is_told_with_the_nearest(
    source: Path, run: Path, server: FakeServer, name: str, said: str
) -> None:
    result = run_longwriter("plan", source, "-r", run, "--progress", "none", *at(server), env={name: "3"})
    assert said in result.stderr
    assert ("is not read" in result.stderr) == bool(said)
    if name.endswith("COTS"):
        assert "Did you mean LONGWRITER_MAX_COST?" in result.stderr


def test_an_instruction_that_is_taken_out_of_its_run_is_out_of_the_export(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    rows = [{"id": f"r{n}", **row} for n, row in enumerate(essays(3))]
    source = write_rows(tmp_path / "in.jsonl", rows)
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    kept = [line for line in (run / "instructions.jsonl").read_bytes().splitlines(True) if b'"r1"' not in line]
    (run / "instructions.jsonl").write_bytes(b"".join(kept))
    write_rows(source, [rows[0], rows[2]])
    summary = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server)).summary
    assert (summary["instructions"], summary["records"], summary["failed"], summary["calls"]) == (2, 2, 0, 0)
    assert run_longwriter("inspect", run, "--json").summary["written"] == 2
