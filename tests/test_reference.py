"""docs/reference.md is what the commands say of themselves."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from longwriter_cli.cli.app import COMMANDS, load_command

ROOT = Path(__file__).parent.parent


def checked(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "scripts" / "reference.py"), "--check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_reference_is_that_of_the_program() -> None:
    result = checked(ROOT)
    assert result.returncode == 0, result.stderr


def test_a_reference_that_says_something_else_is_told(tmp_path: Path) -> None:
    for name in ("scripts/reference.py", "docs/reference.md"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(ROOT / name, tmp_path / name)
    assert checked(tmp_path).returncode == 0
    page = tmp_path / "docs" / "reference.md"
    page.write_text(page.read_text("utf-8").replace("--max-cost", "--most-cost"), encoding="utf-8")
    result = checked(tmp_path)
    assert result.returncode == 1
    assert "scripts/docs" in result.stderr


def test_every_option_stands_in_it() -> None:
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    for name in COMMANDS:
        for parameter in load_command(name).params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert f"`{option}`" in text, (name, option)
