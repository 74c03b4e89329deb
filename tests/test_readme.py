"""The README is true: its commands run, in their order, and its tables name what there is."""

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
SHOWN = [
    line.partition("  #")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]
COMMAND_LINES = [line for line in SHOWN if line.startswith("longwriter ")]


def test_the_first_two_commands_are_the_demo_and_the_tests() -> None:
    assert [line.split()[0] for line in SHOWN[:2]] == ["./scripts/demo", "./scripts/test"]
    for script in SHOWN[:2]:
        assert os.access(ROOT / script.split()[0], os.X_OK)


def test_every_command_of_the_program_is_shown_or_named() -> None:
    for name in COMMANDS:
        assert re.search(rf"longwriter {name}\b", README), f"the README does not show {name}"


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    assert len(COMMAND_LINES) >= 8
    with FakeServer() as server:
        env = {name: value for name, value in os.environ.items() if not name.startswith("LONGWRITER_")}
        env |= {"OPENAI_BASE_URL": server.base_url, "OPENAI_API_KEY": "a-key-for-the-fake-server"}
        for line in COMMAND_LINES:
            words = shlex.split(line.replace("http://localhost:8000/v1", server.base_url))
            done = subprocess.run(
                [sys.executable, "-m", "longwriter_cli", *words[1:]],
                cwd=tmp_path,
                env=env,
                capture_output=True,
                text=True,
                timeout=120,
            )
            assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    assert (tmp_path / "run" / "dataset.jsonl").exists()
    assert (tmp_path / "run" / "dataset.parquet").exists()
    assert (tmp_path / "run" / "dataset").is_dir()


@pytest.mark.parametrize("link", re.findall(r"\]\((?!https?:)([^)]+)\)", README))
def test_a_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()
