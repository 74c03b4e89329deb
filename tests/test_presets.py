"""`--preset`: what it sets, what wins over it, and what a run makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, essays, read_rows, run_longwriter, write_rows
from test_settings import manifest

from longwriter_cli.cli.app import load_command
from longwriter_cli.cli.presets import PRESETS

PRESET = ("--preset", "longwriter-6k")
RECIPE = {
    "max_steps": 50,
    "min_section_words": 200,
    "max_section_words": 1000,
    "min_words": 2000,
    "max_words": 32000,
    "drop_refusals": True,
    "drop_scaffolding": True,
    "drop_truncated": True,
    "drop_loops": True,
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", [*essays(1, 2400), *essays(1, 800)])


@pytest.mark.parametrize(("name", "command"), [(name, command) for name in PRESETS for command in PRESETS[name]])
def test_a_preset_sets_options_that_its_command_has(name: str, command: str) -> None:
    assert PRESETS[name][command].keys() <= {parameter.name for parameter in load_command(command).params}


def test_the_dry_run_shows_what_the_preset_sets(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *at(server), *PRESET, "--dry-run")
    shown = run_longwriter(*command).stdout
    for option in ("--max-section-words 1000", "--min-words 2000", "--max-words 32000", "--drop-truncated"):
        assert option in shown
    assert run_longwriter(*command, "--json").summary["preset"] == {"name": "longwriter-6k", "options": RECIPE}
    assert server.stats.calls == 0


def test_the_preset_makes_the_recipe_s_run_and_drops_what_is_short(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *at(server), *PRESET)
    summary = run_longwriter(*command, "--json").summary
    assert (summary["records"], summary["rejected"]) == (1, 1)
    assert [row["reason"] for row in read_rows(run / "rejects.jsonl")] == ["too_short"]
    settings = manifest(run)["settings"]
    assert (settings["min_section_words"], settings["max_section_words"], settings["max_steps"]) == (200, 1000, 50)
    calls = server.stats.calls
    assert run_longwriter(*command, "--json").summary["records"] == 1
    assert server.stats.calls == calls


def test_argument_environment_and_config_file_win_over_the_preset(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    config = tmp_path / "my.toml"
    config.write_text("max-words = 9000\n[build-dataset]\nmax-steps = 30\n")
    command = ("build-dataset", source, "-r", run, *at(server), "--dry-run", "--json", "--min-words", "100")
    env = {"LONGWRITER_MAX_SECTION_WORDS": "700"}
    left = {name: RECIPE[name] for name in RECIPE if name.startswith(("drop", "min_section"))}
    for order in ((*PRESET, "--config", config), ("--config", config, *PRESET)):
        assert run_longwriter(*command, *order, env=env).summary["preset"]["options"] == left
    run_longwriter("build-dataset", source, "-r", run, *at(server), *PRESET, "--config", config, env=env)
    settings = manifest(run)["settings"]
    assert (settings["max_steps"], settings["max_section_words"], settings["min_section_words"]) == (30, 700, 200)


@pytest.mark.parametrize("place", ["argument", "environment"])
def test_a_preset_may_be_named_by_the_config_file_and_by_the_environment(
    place: str, source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    config = tmp_path / "my.toml"
    config.write_text('preset = "longwriter-6k"\nmin-words = 10\n')
    env, named = ({}, ("--config", config)) if place == "argument" else ({"LONGWRITER_CONFIG": str(config)}, ())
    dry = run_longwriter("build-dataset", source, "-r", run, *at(server), *named, "--dry-run", "--json", env=env)
    assert dry.summary["preset"]["options"] == {name: RECIPE[name] for name in RECIPE if name != "min_words"}
    plain = run_longwriter(
        *("build-dataset", source, "-r", run, *at(server), "--dry-run", "--json"),
        env={"LONGWRITER_PRESET": "longwriter-6k"},
    )
    assert plain.summary["preset"]["options"] == RECIPE


def test_a_run_that_was_begun_otherwise_stops_with_what_differs(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *at(server))
    run_longwriter(*command)
    result = run_longwriter(*command, *PRESET, code=2)
    assert "--max-section-words is not set there and 1000 here" in result.stderr
    assert "(--min-section-words and --max-section-words by --preset longwriter-6k.)" in result.stderr
    run_longwriter(*command, *PRESET, "--new-settings")


def test_an_unknown_preset_is_an_error_that_names_the_known_one(source: Path, run: Path, server: FakeServer) -> None:
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), "--preset", "longwriter-7k", code=2)
    assert "longwriter-6k" in result.stderr
    assert not run.exists()


def test_select_takes_its_part_of_the_preset(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [*essays(1, 2400), *essays(1, 1500)])
    out = tmp_path / "instructions.jsonl"
    command = ("select", log, "-o", out, "--min-words", "1000", *PRESET)
    shown = run_longwriter(*command, "--dry-run", "--json").summary["preset"]
    assert shown == {"name": "longwriter-6k", "options": {"languages": "en,zh"}}, "what is said wins"
    run_longwriter("select", log, "-o", out, *PRESET)
    assert [row["required_words"] for row in read_rows(out)] == [2400]


def test_plan_takes_its_part_and_the_commands_after_it_go_on_with_that(
    source: Path, run: Path, server: FakeServer
) -> None:
    shown = run_longwriter("plan", source, "-r", run, *at(server), *PRESET, "--dry-run", "--json").summary["preset"]
    plans = ("max_steps", "min_section_words", "max_section_words")
    assert shown == {"name": "longwriter-6k", "options": {name: RECIPE[name] for name in plans}}
    run_longwriter("plan", source, "-r", run, *at(server), *PRESET)
    run_longwriter("write", "-r", run, *at(server))
    result = run_longwriter("build-dataset", "-r", run, *at(server), *PRESET, "--json").summary
    assert (result["records"], result["rejected"], result["calls"]) == (1, 1, 0)
    assert manifest(run)["settings"]["max_section_words"] == 1000


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--max-section-words", "100"), "(--min-section-words by --preset longwriter-6k.)"),
        (("--min-words", "40000"), "(--max-words by --preset longwriter-6k.)"),
    ],
)
def test_an_error_that_names_an_option_of_the_preset_says_who_gave_it(
    source: Path, run: Path, server: FakeServer, options: tuple[str, ...], named: str
) -> None:
    said = run_longwriter("build-dataset", source, "-r", run, *at(server), *PRESET, *options, code=2).stderr
    assert named in said
