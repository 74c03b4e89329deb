"""`longwriter init`: what it writes works as it stands, and nothing that is there is lost."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import MODEL, read_rows, run_longwriter


def test_what_it_writes_begins_a_run(server: FakeServer, tmp_path: Path) -> None:
    made = run_longwriter("init", "-m", MODEL, "--base-url", server.base_url, cwd=tmp_path)
    assert "Put your model" not in made.stdout, "it has been named"
    steps = [line.split()[1:] for line in made.stdout.splitlines() if line.startswith("  longwriter ")]
    assert [step[0] for step in steps] == ["check", "build-dataset"]
    for step in steps:
        run_longwriter(*step, cwd=tmp_path)
    assert server.stats.calls == 5, "check tries; --dry-run makes no call"
    built = run_longwriter(*(part for part in steps[1] if part != "--dry-run"), "--limit", "2", "--json", cwd=tmp_path)
    assert built.summary["records"] == 2


def test_every_line_of_the_config_is_an_option(tmp_path: Path) -> None:
    """Those that are commented out too, once they are not."""
    run_longwriter("init", tmp_path / "new", "-m", "gpt-4o", "--base-url", "http://127.0.0.1:1/v1")
    config = tmp_path / "new" / "longwriter.toml"
    text = config.read_text("utf-8")
    lines = re.sub(r"^# (?=[a-z-]+ = )", "", text, flags=re.MULTILINE)
    assert lines.count(" = ") > text.count("\n# ") / 3
    config.write_text(lines, encoding="utf-8")
    run_longwriter(
        "build-dataset",
        tmp_path / "new" / "instructions.jsonl",
        "-r",
        tmp_path / "run",
        "--config",
        config,
        "--dry-run",
        *("--price-in", 1, "--price-out", 1),
    )


def test_the_sample_holds_both_languages(tmp_path: Path) -> None:
    assert "Put your model and endpoint into" in run_longwriter("init", tmp_path).stdout
    prompts = [row["prompt"] for row in read_rows(tmp_path / "instructions.jsonl")]
    chinese = [prompt for prompt in prompts if re.search("[\u4e00-\u9fff]", prompt)]
    assert 0 < len(chinese) < len(prompts)


@pytest.mark.parametrize("name", ["longwriter.toml", "instructions.jsonl"])
def test_a_file_that_is_there_stays_and_nothing_is_written(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine")
    result = run_longwriter("init", tmp_path, code=2)
    assert name in result.stderr
    assert (tmp_path / name).read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "file" in run_longwriter("init", tmp_path / "file" / "below", code=2).stderr
