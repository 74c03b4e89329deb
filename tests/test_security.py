"""What SECURITY.md promises, held against the whole program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import Program, Result, at, essays, run_longwriter, until, write_rows

KEY = "sk-planted-9f8e7d6c5b4a"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(3))


def assert_nowhere(secret: str, directory: Path, *results: Result) -> None:
    for result in results:
        assert secret not in result.stdout + result.stderr
    holding = [path for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]
    assert holding == []


@pytest.mark.parametrize(
    ("mode", "patch", "code"),
    [
        ("ok", "", 0),
        ("bad_key", "", 5),
        ("no_quota", "", 5),
        ("ok", "import longwriter_cli.stages.write as w; w.count_words = None", 1),
    ],
    ids=["all goes well", "the key is refused", "the quota is used up", "a bug"],
)
def test_the_key_is_in_no_output_file_or_log(
    mode: str, patch: str, code: int, source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    server.mode = mode
    (tmp_path / "logs").mkdir()
    env = {"OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug", "TMPDIR": str(tmp_path / "logs")}
    command = ("build-dataset", source, "-r", run, "-v", "--progress", "plain", *at(server))
    done = run_longwriter(*command, env=env, patch=patch, code=code)
    if code == 1:
        assert list((tmp_path / "logs").glob("longwriter-bug-*.log")), "a bug leaves a log"
    looked = run_longwriter("inspect", run, env=env, code=None)
    assert_nowhere(KEY, tmp_path, done, looked)


def test_the_key_is_in_no_process_list(source: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 0.2
    program = Program("build-dataset", source, "-r", run, *at(server), env={"OPENAI_API_KEY": KEY}, fresh=True)
    until(lambda: server.stats.calls >= 2)
    command_lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert program.wait().code == 0
    assert not any(KEY.encode() in line for line in command_lines)


def test_no_control_sequence_of_a_model_reaches_the_terminal(source: Path, run: Path, server: FakeServer) -> None:
    server.answer = lambda request: "A text \x1b[2J\x1b]0;owned\x07 with \u202e tricks. " * 30
    run_longwriter("plan", source, "-r", run, *at(server), code=None)
    server.answer = None
    run_longwriter("plan", source, "-r", run, "--retry-failed", *at(server), code=None)
    server.answer = lambda request: "It rained. \x1b[31mRed\x1b[0m \x9b2J rain \x07 fell. " * 30
    written = run_longwriter("build-dataset", source, "-r", run, *at(server), code=None)
    ids = [json.loads(line)["id"] for line in (run / "instructions.jsonl").read_text(encoding="utf-8").splitlines()]
    shown = [run_longwriter("inspect", run, "--id", one, code=None) for one in ids]
    for result in (written, run_longwriter("inspect", run), *shown):
        assert not set(result.stdout + result.stderr) & set("\x1b\x07\x9b\u202e")


def test_an_id_makes_no_path(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"id": "../../escaped", "prompt": "Write a 150-word note."}])
    before = set(tmp_path.iterdir())
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert set(tmp_path.iterdir()) == before | {run}
    assert "escaped" not in " ".join(path.name for path in run.rglob("*"))


def test_the_files_of_a_run_are_made_with_the_users_umask(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server), patch="import os; os.umask(0o077)")
    assert {path.stat().st_mode & 0o777 for path in run.rglob("*") if path.is_file()} == {0o600}
