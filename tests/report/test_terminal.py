"""What is shown: aligned at any width, without colour where none is wanted, and never obeyed by a terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from longwriter_cli.records import Instruction, Plan, Requirement, Section, Step
from longwriter_cli.report.dataset import Entry, dataset_figures
from longwriter_cli.report.record import RecordView, StepView
from longwriter_cli.report.terminal import show_dataset
from longwriter_cli.report.terminal_record import show_entry, show_record

EVIL = "\x1b[2J\x1b]0;owned\x07[bold red]not markup[/bold red] :smile: \u202eright to left\r"


def shown(width: int, show, *values) -> str:  # type: ignore[no-untyped-def]  # any of the show_ functions
    file = io.StringIO()
    show(Console(file=file, width=width, markup=False, highlight=False, emoji=False), *values)
    return file.getvalue()


def evil_record() -> RecordView:
    step = Step(1, EVIL, 300)
    section = Section("x", 1, "0", 3, 300, "stop", "m", Plan("x", ()).usage, 1, "", f"one {EVIL} two")
    plan = Plan("x", (step,), flag=EVIL)
    return RecordView(Instruction(EVIL, 0, EVIL, Requirement(300)), plan, (StepView(step, section, None),), None)


def test_no_text_of_a_model_or_a_user_reaches_the_terminal_as_a_command() -> None:
    row = {"messages": [], "id": EVIL, "model": EVIL, "language": EVIL}
    for text in (
        shown(100, show_record, evil_record()),
        shown(100, show_entry, Entry(1, EVIL, EVIL, row)),
    ):
        assert not set(text) & {"\x1b", "\x07", "\r", "\u202e"}
        assert "[bold red]not markup[/bold red] :smile:" in text.replace("\n", " ")


def test_a_figure_of_a_dataset_is_shown_safely_too(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text(
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "a b"}],'
        ' "model": "\\u001b[2J[red]m"}\n'
    )
    text = shown(100, show_dataset, str(path), dataset_figures(str(path)))
    assert "\x1b" not in text
    assert "[red]m" in text


@pytest.mark.parametrize("width", [80, 200])
def test_no_line_of_the_figures_is_wider_than_the_terminal(width: int) -> None:
    assert max(map(len, shown(width, show_record, evil_record()).splitlines()[4:8])) <= width


def test_a_long_text_in_a_file_keeps_its_lines() -> None:
    text = "word " * 100
    assert text.strip() in shown(80, show_entry, Entry(1, "Write.", text, {}))
