"""One record on a terminal: an instruction with its plan beside what was written, or a record of a dataset."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from longwriter_cli.records import Requirement
from longwriter_cli.report.dataset import Entry, score
from longwriter_cli.report.layout import indented, line_of, long_text, number, rows_of, table_of, title
from longwriter_cli.report.record import RecordView, StepView
from longwriter_cli.text.display import counted
from longwriter_cli.text.words import count_words


def show_record(out: Console, view: RecordView) -> None:
    instruction, plan = view.instruction, view.plan
    title(out, "Instruction", instruction.id, first=True)
    long_text(out, instruction.prompt)
    rows_of(out, [("required", _required(instruction.required_words)), ("written", _written(view.words, view))])
    if plan is None:
        failure = view.plan_failure
        title(out, "No plan", f"{failure.kind}: {failure.message}" if failure else "not planned yet")
        return
    planned = sum(step.words for step in plan.steps)
    title(out, "Plan", f"{counted(len(plan.steps), 'step')}, {counted(planned, 'word')}")
    rows_of(out, [("flag", plan.flag)])
    table = table_of("n", "target", "words", "state", "main point", left=("state", "main point"))
    for step in view.steps:
        words = number(step.section.words) if step.section is not None else "-"
        table.add_row(str(step.step.n), number(step.step.words), words, _state(step), line_of(step.step.main_point))
    indented(out, table)
    for step in view.steps:
        if step.section is not None:
            title(out, f"Section {step.step.n}", f"{number(step.section.words)} of {number(step.step.words)} words")
            long_text(out, step.section.text)
        elif step.failure is not None:
            title(out, f"Section {step.step.n}", f"failed, {step.failure.kind}")
            long_text(out, step.failure.message)


def _state(step: StepView) -> Text:
    if step.failure is not None and step.section is None:
        return Text(f"failed: {step.failure.kind}", "red")
    return Text(step.state, "green" if step.section is not None else "yellow")


def _written(words: int, view: RecordView) -> str:
    score_ = f", S_l {view.length_score:.1f}" if view.length_score is not None else ""
    return f"{counted(words, 'word')}{score_}" + ("" if view.finished else ", not finished")


def show_entry(out: Console, entry: Entry) -> None:
    """A record of a dataset: there is no plan to show."""
    words = count_words(entry.text)
    s_l = score(entry, words)
    title(out, "Record", str(entry.number) if entry.id is None else entry.id, first=True)
    long_text(out, entry.prompt)
    rows_of(
        out,
        [
            ("required", _required(entry.required_words)),
            ("written", counted(words, "word") + (f", S_l {s_l:.1f}" if s_l is not None else "")),
            ("language", entry.language),
            ("model", entry.model or ""),
        ],
    )
    title(out, "Text")
    long_text(out, entry.text)


def _required(required: Requirement | None) -> str:
    if required is None:
        return "no length is stated"
    if required.kind == "range" and required.low is not None and required.high is not None:
        return f"{number(required.low)} to {number(required.high)} words"
    return f"{required.kind.replace('_', ' ')} {number(required.words)} words"
