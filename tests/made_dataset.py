"""A dataset's directory with things of the user's in it, and an export that is killed while it replaces one."""

from __future__ import annotations

from pathlib import Path

from longwriter_cli.store.export import export

OWN = {"README.md", "scripts", "latest", ".gitattributes"}

KILL_BETWEEN_THE_RENAMES = """
import os, signal
from pathlib import Path
from longwriter_cli.store.export import export
replace = os.replace
def dying(old, new):
    replace(old, new)
    if os.fspath(new).endswith("/old"):
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = dying
export([{"messages": []}], Path(sys.argv[1]), "hf")
"""


def record(n: int) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": f"{n}?"}, {"role": "assistant", "content": f"{n}!"}]}


def loaded(path: Path) -> int:
    import datasets

    return len(datasets.load_from_disk(str(path)))


def make_dataset(path: Path) -> Path:
    """An export of five records, with a card, a script in a folder, a link and a hidden file beside it."""
    export((record(n) for n in range(5)), path, "hf")
    (path / "README.md").write_text("A card.")
    (path / "scripts").mkdir()
    (path / "scripts" / "look.py").write_text("print()")
    (path / "latest").symlink_to("README.md")
    (path / ".gitattributes").write_text("*.arrow lfs")
    return path
