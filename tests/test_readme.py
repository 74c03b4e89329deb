"""README and docs are true: their commands run, in their order, and their links lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_server import FakeServer

from longwriter_cli.cli.app import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
RECIPES = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown(text: str) -> list[str]:
    """The lines of the blocks that a reader may copy into a shell."""
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    return [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]


SHOWN = shown(README)


def test_the_first_two_commands_are_the_demo_and_the_tests() -> None:
    assert [line.split()[0] for line in SHOWN[:2]] == ["./scripts/demo", "./scripts/test"]
    for script in SHOWN[:2]:
        assert os.access(ROOT / script.split()[0], os.X_OK)


def test_every_command_of_the_program_is_shown_or_named() -> None:
    for name in COMMANDS:
        assert re.search(rf"longwriter {name}\b", README), f"the README does not show {name}"


def run_all(text: str, directory: Path) -> None:
    """Runs what a page shows, from a directory that holds the examples, against a server of its own."""
    shutil.copytree(ROOT / "examples", directory / "examples")
    lines = [line for line in shown(text) if line.startswith("longwriter ")]
    assert len(lines) >= 8
    with FakeServer() as server:
        env = {name: value for name, value in os.environ.items() if not name.startswith("LONGWRITER_")}
        env |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "a-key-for-the-fake-server"}
        for line in lines:
            words = shlex.split(line.replace("http://localhost:8000/v1", server.base_url))
            done = subprocess.run(
                [sys.executable, "-m", "longwriter_cli", *words[1:]],
                cwd=directory,
                env=env,
                capture_output=True,
                text=True,
                timeout=120,
            )
            codes = (0, 75) if "--no-wait" in words else (0,)  # 75: its batch is under way
            assert done.returncode in codes, f"{line}\n{done.stdout}\n{done.stderr}"


def test_the_commands_of_the_readme_run_in_their_order(tmp_path: Path) -> None:
    run_all(README, tmp_path)
    assert (tmp_path / "run" / "dataset.jsonl").exists()
    assert (tmp_path / "run" / "dataset.parquet").exists()
    assert (tmp_path / "run" / "dataset").is_dir()


def test_the_recipes_run_in_their_order(tmp_path: Path) -> None:
    run_all(RECIPES, tmp_path)
    assert (tmp_path / "six" / "splits" / "README.md").exists()
    assert (tmp_path / "dpo" / "pairs.jsonl").exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_to_a_file(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link
