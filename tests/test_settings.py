"""Settings: what a run was begun with holds, what differs is named, and where each value comes from."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from fake_model import prompt_text
from fake_server import FakeServer
from program import Program, at, audit, essays, read_rows, run_longwriter, texts, write_rows

from longwriter_cli.prompts import shipped_directory


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(2))


def manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "manifest.json").read_text())
    return found


def asked(server: FakeServer, name: str) -> set[Any]:
    """The values of a parameter in all calls."""
    return {request.get(name) for request in server.requests}


# --- the manifest -----------------------------------------------------------------------------------------------


def test_manifest_and_templates_are_there_before_the_first_call(source: Path, run: Path, server: FakeServer) -> None:
    found: list[dict[str, Any]] = []

    def look(request: dict[str, Any]) -> None:
        if not found:
            found.append(manifest(run))
            assert (run / "prompts" / "zh" / "write.txt").read_bytes()

    server.answer = look
    run_longwriter("build-dataset", source, "-r", run, "--seed", "5", *at(server))
    (before,) = found
    assert list(before)[:5] == ["format", "tool_version", "created_at", "settings", "fingerprint"]
    assert isinstance(before["format"], int)
    assert (before["settings"]["model"], before["settings"]["seed"]) == ("fake-writer", 5)
    assert manifest(run) == before


def test_endpoint_key_limits_and_prices_are_no_settings(source: Path, run: Path, server: FakeServer) -> None:
    secret = "sk-very-secret"
    env = {"OPENAI_API_KEY": secret, "MY_KEY": secret}
    run_longwriter("plan", source, "-r", run, *at(server), env=env)
    with FakeServer() as other:
        options = ("-c", "3", "--timeout", "50", "--max-attempts", "2", "--price-in", "1", "--grace", "1")
        more = ("--max-failed", "5", "--give-up-after", "9", "--api-key-env", "MY_KEY")
        run_longwriter("build-dataset", source, "-r", run, "--base-url", other.base_url, *options, *more, env=env)
        assert other.stats.calls > 0
    for path in run.rglob("*"):
        assert path.is_dir() or secret.encode() not in path.read_bytes(), f"{path} holds the key"
    assert "base_url" not in (run / "manifest.json").read_text()
    assert audit(run) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"format": 99}', "format 99"),
        ('{"format": "2"}', "format"),
        ("{", "not a manifest"),
        ("[]", "not a manifest"),
        ('{"format": 1}', "lacks 'settings'"),
        ('{"format": 1, "settings": {}}', "no settings with a model"),
    ],
)
def test_a_manifest_that_cannot_be_used_ends_in_2_and_nothing_is_touched(
    text: str, words: str, source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    (run / "manifest.json").write_text(text)
    before = {path: path.read_bytes() for path in run.glob("*.json*")}
    for command in (("plan", source), ("build-dataset", "--export-only")):
        result = run_longwriter(*command, "-r", run, *at(server), code=2)
        assert words in result.stderr
        assert "manifest.json" in result.stderr
    assert {path: path.read_bytes() for path in run.glob("*.json*")} == before


def test_rows_without_a_manifest_end_in_2(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    (run / "manifest.json").unlink()
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), code=2)
    assert "manifest.json" in result.stderr
    assert server.stats.calls == 2


def test_a_directory_without_a_run_is_named(tmp_path: Path, server: FakeServer) -> None:
    for command in ("plan", "write", "build-dataset"):
        result = run_longwriter(command, "-r", tmp_path / "none", *at(server), code=2)
        assert "holds no run" in result.stderr
    assert not (tmp_path / "none").exists()


def test_a_new_run_without_a_model_is_told_the_choices(source: Path, run: Path) -> None:
    result = run_longwriter("build-dataset", source, "-r", run, code=2)
    assert "-m local" in result.stderr
    assert not run.exists()


# --- a setting that differs -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "begun", "given"),
    [
        ("--temperature", "0.5", "0.7"),
        ("--top-p", "0.5", "0.7"),
        ("--seed", "1", "2"),
        ("--max-tokens", "4000", "5000"),
        ("--extra-body", '{"top_k": 1}', '{"top_k": 2}'),
        ("--language", "en", "zh"),
        ("--mode", "serial", "parallel"),
        ("--history-words", "500", "600"),
        ("--max-steps", "40", "30"),
        ("--plan-tolerance", "0.5", "0.4"),
        ("--plan-model", "a", "b"),
        ("--model", "a", "b"),
    ],
)
def test_a_setting_that_differs_ends_in_2_and_is_named_with_both_values(
    option: str, begun: str, given: str, source: Path, run: Path, server: FakeServer
) -> None:
    command = ("build-dataset", source, "-r", run, *at(server))
    run_longwriter(*command, option, begun, "--limit", "1")
    calls, before = server.stats.calls, (run / "manifest.json").read_bytes()
    result = run_longwriter(*command, option, given, code=2)
    shown = [json.dumps(value) if not value.startswith("{") else value for value in (begun, given)]
    assert option in result.stderr
    for value in shown:
        assert value in result.stderr or value.strip('"') in result.stderr
    assert "--new-settings" in result.stderr
    assert (server.stats.calls, (run / "manifest.json").read_bytes()) == (calls, before)
    assert len(read_rows(run / "instructions.jsonl")) == 1
    if option != "--model":
        run_longwriter(*command, option, begun)


def test_the_run_goes_on_with_its_own_settings_where_none_are_given(
    source: Path, run: Path, server: FakeServer
) -> None:
    options = ("--temperature", "0.25", "--seed", "7", "--extra-body", '{"top_k": 3}')
    run_longwriter("plan", source, "-r", run, *options, *at(server))
    run_longwriter("build-dataset", "-r", run, "--base-url", server.base_url)
    assert asked(server, "model") == {"fake-writer"}
    assert (asked(server, "temperature"), asked(server, "seed"), asked(server, "top_k")) == ({0.25}, {7}, {3})
    assert audit(run) == 2


def test_new_settings_are_recorded_and_hold_for_what_is_not_yet_written(
    source: Path, run: Path, server: FakeServer
) -> None:
    command = ("build-dataset", source, "-r", run, *at(server))
    run_longwriter(*command, "--temperature", "0.2", "--limit", "1")
    calls, old, written = server.stats.calls, manifest(run), (run / "sections.jsonl").read_bytes()
    run_longwriter(*command, "--temperature", "0.9", "--new-settings")
    assert {request["temperature"] for request in server.requests[calls:]} == {0.9}
    assert (run / "sections.jsonl").read_bytes().startswith(written)
    new = manifest(run)
    assert new["fingerprint"] != old["fingerprint"]
    assert new["created_at"] == old["created_at"]
    (change,) = new["changes"]
    assert (change["settings"], change["fingerprint"]) == (old["settings"], old["fingerprint"])
    run_longwriter(*command, "--temperature", "0.9")
    run_longwriter(*command, "--temperature", "0.2", code=2)


def test_write_compares_no_plan_settings_once_every_plan_exists(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, "--max-steps", "40", *at(server))
    other = ("-r", run, "--max-steps", "30", "--plan-tolerance", "0.1", "--plan-model", "another")
    run_longwriter("plan", *other, *at(server), code=2)
    run_longwriter("write", *other, *at(server))
    run_longwriter("write", "-r", run, "--mode", "parallel", *at(server), code=2)
    rows = read_rows(run / "plans.jsonl")
    write_rows(run / "plans.jsonl", rows[:1])
    run_longwriter("write", *other, *at(server), code=2)


def test_export_only_compares_nothing(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    before = (run / "manifest.json").read_bytes()
    run_longwriter("build-dataset", "-r", run, "--export-only", "-m", "another", "--temperature", "1")
    assert (run / "manifest.json").read_bytes() == before


# --- templates --------------------------------------------------------------------------------------------------

NEWER_VERSION = """
from pathlib import Path
from longwriter_cli import prompts
prompts.shipped_directory = lambda: Path({directory!r})
"""


def test_a_run_goes_on_with_its_own_templates_whatever_a_newer_version_ships(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(shipped_directory(), newer)
    for path in newer.glob("*/*.txt"):
        path.write_text("NEWER\n" + path.read_text())
    patch = NEWER_VERSION.format(directory=str(newer))
    run_longwriter("plan", source, "-r", tmp_path / "old", *at(server))
    run_longwriter("build-dataset", source, "-r", tmp_path / "old", *at(server), patch=patch)
    assert not any("NEWER" in prompt_text(request) for request in server.requests)
    calls = server.stats.calls
    run_longwriter("build-dataset", source, "-r", tmp_path / "new", *at(server), patch=patch)
    assert all(prompt_text(request).startswith("NEWER") for request in server.requests[calls:])


def test_other_templates_than_the_run_s_are_a_setting_that_differs(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "write.txt").write_text("Instruction: $INST$\n$PLAN$\n\n$TEXT$\n\nNow, due now: $STEP$")
    run_longwriter("plan", source, "-r", run, *at(server))
    result = run_longwriter("write", "-r", run, "--prompts", own, *at(server), code=2)
    assert "template en/write" in result.stderr
    assert "due now: $STEP$" not in (run / "prompts" / "en" / "write.txt").read_text()
    run_longwriter("write", "-r", run, "--prompts", own, "--new-settings", *at(server))
    assert (run / "prompts" / "en" / "write.txt").read_text() == (own / "write.txt").read_text()
    assert prompt_text(server.requests[-1]).startswith("Instruction: ")


def test_a_template_edited_in_the_run_is_noticed(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    path = run / "prompts" / "en" / "write.txt"
    path.write_text(path.read_text().replace("Write this paragraph now.", "Write it now."))
    result = run_longwriter("write", "-r", run, *at(server), code=2)
    assert "template en/write" in result.stderr
    run_longwriter("write", "-r", run, "--new-settings", *at(server))
    assert prompt_text(server.requests[-1]).rstrip().endswith("Write it now.")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"write.txt": "no placeholder"}, "$STEP$"),
        ({"plan.txt": "no placeholder"}, "$INST$"),
        ({"wirte.txt": "$STEP$"}, "wirte.txt"),
        ({}, "no template"),
    ],
)
def test_templates_that_cannot_work_are_told_before_a_call(
    files: dict[str, str], words: str, source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for name, text in files.items():
        (own / name).write_text(text)
    result = run_longwriter("build-dataset", source, "-r", run, "--prompts", own, *at(server), code=2)
    assert words in result.stderr
    assert server.stats.calls == 0


# --- where a value comes from -----------------------------------------------------------------------------------


def test_argument_over_environment_over_config_file_over_manifest(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    config = tmp_path / "my.toml"
    config.write_text('temperature = 0.1\ntop-p = 0.1\nseed = 1\n[plan]\nseed = 2\n[build-dataset]\nmodel = "x"\n')
    env = {"LONGWRITER_CONFIG": str(config), "LONGWRITER_TEMPERATURE": "0.2", "LONGWRITER_TOP_P": "0.2"}
    run_longwriter("plan", source, "-r", tmp_path / "a", "--temperature", "0.3", *at(server), env=env)
    (first, *_) = server.requests
    assert (first["temperature"], first["top_p"], first["seed"], first["model"]) == (0.3, 0.2, 2, "fake-writer")
    run_longwriter("write", "-r", tmp_path / "a", *at(server), env=env, code=2)
    server.reset()
    run_longwriter("build-dataset", source, "-r", tmp_path / "b", "--config", config, "--base-url", server.base_url)
    (first, *_) = server.requests
    assert (first["temperature"], first["top_p"], first["seed"], first["model"]) == (0.1, 0.1, 1, "x")
    result = run_longwriter("write", "-r", tmp_path / "b", "--config", config, "--seed", "3", *at(server), code=2)
    assert "--seed is 1 there and 3 here" in result.stderr


def test_every_kind_of_value_may_stand_in_the_environment_and_in_the_config_file(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    (tmp_path / "my.toml").write_text(
        f'base-url = ["{server.base_url}"]\nmodel = "fake-writer"\nconcurrency = 2\nmax-failed = 3\njson = true\n'
        "limit = 1\n[extra-body]\ntop_k = 4\n"
    )
    result = run_longwriter("build-dataset", source, "-r", tmp_path / "a", "--config", tmp_path / "my.toml")
    assert result.summary["records"] == 1
    assert asked(server, "top_k") == {4}
    env = {
        "LONGWRITER_BASE_URL": server.base_url,
        "LONGWRITER_MODEL": "fake-writer",
        "LONGWRITER_JSON": "1",
        "LONGWRITER_LIMIT": "1",
        "LONGWRITER_EXTRA_BODY": '{"top_k": 4}',
        "LONGWRITER_RUN": str(tmp_path / "b"),
    }
    assert run_longwriter("build-dataset", source, env=env).summary["records"] == 1
    assert texts(tmp_path / "a") == texts(tmp_path / "b")


def test_the_endpoint_comes_from_the_environment_where_none_is_named(
    source: Path, run: Path, server: FakeServer
) -> None:
    run_longwriter("plan", source, "-r", run, "-m", "fake-writer", env={"OPENAI_BASE_URL": server.base_url})
    assert server.stats.calls == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("temprature = 0.5\n", "temperature"),
        ("max_cots = 3\n[plan]\n", "max_cots"),
        ("[plan]\nmax-stepz = 3\n", "max-steps"),
        ("[writ]\nseed = 3\n", "writ"),
        ("temperature = 'hot'\n", "'--temperature'"),
        ("temperature = \n", "not TOML"),
    ],
)
def test_a_config_file_that_is_wrong_is_named_with_what_was_probably_meant(
    text: str, words: str, source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    config = tmp_path / "my.toml"
    config.write_text(text)
    result = run_longwriter("plan", source, "-r", run, "--config", config, *at(server), code=2)
    assert words in result.stderr
    assert server.stats.calls == 0
    assert not run.exists()


def test_a_config_file_is_read_only_when_it_is_named(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    (tmp_path / "longwriter.toml").write_text("nonsense = 1\n")
    run_longwriter("plan", source, "-r", run, *at(server), cwd=tmp_path)
    result = run_longwriter("plan", source, "-r", run, "--config", tmp_path / "none.toml", *at(server), code=2)
    assert "none.toml" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--temperature", "3"),
        ("--temperature", "warm"),
        ("--concurrency", "0"),
        ("--extra-body", "{"),
        ("--extra-body", "[1]"),
        ("--max-failed", "many"),
        ("--max-failed", "101%"),
        ("--retry-failed", "--keep-failures"),
        ("--language", "fr"),
        ("--base-url", "localhost:8000"),
        ("--no-such-option",),
    ],
)
def test_a_wrong_option_ends_in_2_without_a_traceback_a_call_or_a_run(
    options: tuple[str, ...], source: Path, run: Path, server: FakeServer
) -> None:
    result = run_longwriter("plan", source, "-r", run, "-m", "x", "--base-url", server.base_url, *options, code=2)
    assert options[0].lstrip("-") in result.stderr
    assert "Traceback" not in result.stderr
    assert server.stats.calls == 0
    assert not (run / "manifest.json").exists()


# --- one process at a time --------------------------------------------------------------------------------------


def test_a_second_command_on_a_run_ends_in_75_and_names_the_process(
    source: Path, run: Path, server: FakeServer
) -> None:
    server.latency_s = 60.0
    first = Program("build-dataset", source, "-r", run, *at(server))
    while server.stats.in_flight == 0:
        pass
    for command in (("build-dataset", source), ("plan",), ("write",), ("build-dataset", "--export-only")):
        result = run_longwriter(*command, "-r", run, *at(server), code=75)
        assert f"process {first.pid} " in result.stderr
    first.signal(signal.SIGKILL)
    first.wait()
    server.latency_s = 0.0
    run_longwriter("build-dataset", source, "-r", run, *at(server))  # a lock is never left over
    assert audit(run) == 2
