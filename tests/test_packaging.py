"""What is built and given away: the wheel holds the templates and works from an empty directory."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import longwriter_cli
from longwriter_cli.prompts import shipped_directory

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    return target


def run_installed(installed: Path, *command: str) -> str:
    env = os.environ | {"PYTHONPATH": str(installed)}
    return subprocess.run(command, cwd=installed, env=env, check=True, capture_output=True, text=True).stdout


def test_the_wheel_holds_the_package_its_templates_a_starter_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = {f"longwriter_cli/{path.relative_to(ROOT / 'longwriter_cli')}" for path in source_files()}
    templates = {
        f"longwriter_cli/_prompts/{path.relative_to(ROOT / 'prompts')}" for path in (ROOT / "prompts").rglob("*.txt")
    }
    starter = {f"longwriter_cli/_starter/{name}" for name in ("instructions.jsonl", "longwriter.toml")}
    assert names == package | templates | starter
    assert len(templates) >= 4


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="what belongs into it, the checkout tells")
def test_the_sdist_holds_all_that_a_stranger_needs_to_build_and_test_it(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split(
        "\n"
    )
    wanted = {name for name in tracked if name and not name.startswith(".ci/")}
    assert wanted - names == set()
    assert names - wanted == {"PKG-INFO"}


def source_files() -> list[Path]:
    package = ROOT / "longwriter_cli"
    return [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def test_the_installed_program_shows_its_help(installed: Path) -> None:
    assert "--model" in run_installed(
        installed, sys.executable, str(installed / "bin" / "longwriter"), "plan", "--help"
    )


def test_the_installed_package_finds_its_templates_in_itself(installed: Path) -> None:
    code = (
        "from longwriter_cli.prompts import load_templates, shipped_directory\n"
        "print(shipped_directory()); print(load_templates().get('plan', 'zh').source)"
    )
    directory, _, template = run_installed(installed, sys.executable, "-c", code).partition("\n")
    assert Path(directory) == installed / "longwriter_cli" / "_prompts"
    assert template.strip() == (ROOT / "prompts" / "zh" / "plan.txt").read_text(encoding="utf-8").strip()


def test_an_editable_install_finds_the_templates_of_the_checkout() -> None:
    assert Path(longwriter_cli.__file__).parent == ROOT / "longwriter_cli"
    assert shipped_directory() == ROOT / "prompts"
