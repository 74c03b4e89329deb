"""`inspect --watch` in a terminal that is lower than the report."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from made_rows import open_run

from longwriter_cli.cli.watching import watch


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_top_stays_in_sight_while_the_run_is_written_and_all_is_shown_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    for name, value in {"TERM": "xterm", "LINES": "10", "COLUMNS": "80"}.items():
        monkeypatch.setenv(name, value)
    run = open_run(tmp_path / "run")
    shown: list[str] = []

    def look() -> int:
        sys.stdout.write("".join(f"line {n}\n" for n in range(40)))
        return 0

    def sleep(seconds: float) -> None:
        shown.append(terminal.getvalue())
        run.close()
        (tmp_path / "run" / "run.lock").write_text("")

    assert watch(tmp_path / "run", look, sleep) == 0
    assert "line 0\n" in shown[0]
    assert "line 8\n" in shown[0]
    assert "line 9\n" not in shown[0]
    assert "line 39\n" in terminal.getvalue()
