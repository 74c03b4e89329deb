"""What the page knows of one instruction or record: a row of figures, and what can be read of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Failure, Plan, Prediction, Section, Selection, Step
from longwriter_cli.report.dataset import Entry, read_dataset, score
from longwriter_cli.report.quality import text_qualities
from longwriter_cli.report.run_figures import newest_rejects
from longwriter_cli.report.selection import keeps_now
from longwriter_cli.store.run import Run
from longwriter_cli.text.language import language_of
from longwriter_cli.text.words import count_words

Outcome = Literal["finished", "rejected", "failed", "unfinished"]

UNTOLD = "und"
_LANGUAGE_FROM = 800  # characters; telling the language of a whole book takes long and tells no more


@dataclass(frozen=True, slots=True)
class Passage:
    """A step of a plan beside what was written for it; a text without a plan is one passage, whose `n` is 0.

    `words` is None where nothing is written, `target` where no length was asked for. `note` says why a step failed.
    """

    n: int
    main_point: str
    target: int | None
    words: int | None
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """All that there is to read of a row."""

    prompt: str
    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """`reason` and `detail` say why a text was dropped or failed. `s_l` and `s_q` are of finished texts, in [0, 100].

    `sections` are target and written words by step of the plan, None in place of what is not written.
    """

    id: str
    prompt: str
    outcome: Outcome
    required: int | None
    words: int | None
    s_l: float | None
    s_q: float | None
    language: str
    type: str
    reason: str
    detail: str
    sections: tuple[tuple[int, int, int | None], ...]
    read: Callable[[], Reading]

    @property
    def has_text(self) -> bool:
        """Whether it has its whole text, dropped by a filter or not."""
        return self.outcome in ("finished", "rejected")


# --- of a run


def rows_of_run(run: Run) -> Iterator[Row]:
    """A row for each instruction, in their order, read one at a time.

    Raises:
        InputError: a row of the run cannot be read.
    """
    rejects, qualities = newest_rejects(run), text_qualities(run)
    failures: dict[str, list[Failure]] = {}
    for failure in run.index.standing_failures():
        if failure.id is not None:
            failures.setdefault(failure.id, []).append(failure)
    for position in run.index.order():
        id = run.index.ids[position]  # noqa: A001 - the contract's word
        yield _row(run, position, rejects.get(id), failures.get(id, []), qualities.get((id, 0)))


def _row(
    run: Run,
    position: int,
    reject: tuple[str, str] | None,
    failures: list[Failure],
    quality: float | None,
) -> Row:
    instruction, plan, entries = run.instruction(position), run.plan(position), run.index.sections(position)
    answer = run.answer(Prediction, (instruction.id, 0)) if plan is None else None
    words: int | None = None
    beginning = ""
    if entries:
        words = sum(entry.words for entry in entries.values())
        beginning = run.section(entries[min(entries)]).text
    elif answer is not None:
        words, beginning = answer.response_length, answer.response
    required = instruction.required_words
    whole = answer is not None or (plan is not None and len(entries) == len(plan.steps))
    outcome, reason, detail = _outcome(whole, reject, failures)
    verdict = run.answer(Selection, (instruction.id,)) if plan is None and answer is None else None
    if verdict is not None:  # a run of `select` has verdicts in place of texts
        outcome, reason, detail = _selected(run, verdict, reject)
    kind = instruction.meta.get("type")
    return Row(
        id=instruction.id,
        prompt=instruction.prompt,
        outcome=outcome,
        required=required.words if required else None,
        words=words,
        s_l=length_score(required.words, words) if required and words is not None and whole else None,
        s_q=quality if whole else None,
        language=_language(beginning, instruction.prompt),
        type=kind if isinstance(kind, str) else "",
        reason=reason,
        detail=detail,
        sections=tuple(
            (step.n, step.words, entries[step.n].words if step.n in entries else None)
            for step in (plan.steps if plan else ())
        ),
        read=lambda: Reading(instruction.prompt, _passages(plan, run.sections(position), failures, answer, required)),
    )


def _language(text: str, prompt: str) -> str:
    """Of the text where its letters tell it, else of the instruction."""
    found = language_of(text[:_LANGUAGE_FROM]) if text else UNTOLD
    return found if found != UNTOLD else language_of(prompt[:_LANGUAGE_FROM])


def _outcome(whole: bool, reject: tuple[str, str] | None, failures: list[Failure]) -> tuple[Outcome, str, str]:
    if whole:
        return ("rejected", *reject) if reject else ("finished", "", "")
    if failures:
        return "failed", failures[0].kind, failures[0].message
    return "unfinished", "", ""


def _selected(run: Run, verdict: Selection, reject: tuple[str, str] | None) -> tuple[Outcome, str, str]:
    """A prompt's fate under the limit of now; a verdict that says nothing under it is to be asked for again."""
    if reject is not None:
        return ("rejected", *reject)
    keeps = keeps_now(run, verdict)
    if keeps is None:
        return "unfinished", "", ""
    return ("finished", "", verdict.reason) if keeps else ("rejected", "model", verdict.reason)


def _passages(
    plan: Plan | None,
    written: Mapping[int, Section],
    failures: list[Failure],
    answer: Prediction | None,
    required: Any,
) -> tuple[Passage, ...]:
    notes = {failure.n if failure.stage == "write" else None: failure for failure in failures}
    if plan is not None:
        return tuple(_passage(step, written.get(step.n), notes.get(step.n)) for step in plan.steps)
    if answer is not None:
        return (Passage(0, "", required.words if required else None, answer.response_length, answer.response),)
    return ()


def _passage(step: Step, section: Section | None, failure: Failure | None) -> Passage:
    if section is not None:
        return Passage(step.n, step.main_point, step.words, section.words, section.text)
    note = f"{failure.kind}: {failure.message}" if failure is not None else ""
    return Passage(step.n, step.main_point, step.words, None, "", note)


# --- of a dataset


def rows_of_dataset(source: str) -> Iterator[Row]:
    """A row for each record, read one at a time; what has no id is called by its number from 1.

    Raises:
        InputError: it cannot be read, or a row is no record; names file and line.
    """
    for entry in read_dataset(source):
        yield _entry(entry)


def _entry(entry: Entry) -> Row:
    words, required = count_words(entry.text), entry.required_words
    kind = entry.row.get("type")
    asked = required.words if required else None
    passage = Passage(0, "", asked, words, entry.text)
    return Row(
        id=str(entry.number) if entry.id is None else entry.id,
        prompt=entry.prompt,
        outcome="finished",
        required=asked,
        words=words,
        s_l=score(entry, words),
        s_q=_score(entry.row.get("quality")),
        language=entry.language if entry.language != UNTOLD else language_of(entry.prompt[:_LANGUAGE_FROM]),
        type=kind if isinstance(kind, str) else "",
        reason="",
        detail="",
        sections=(),
        read=lambda: Reading(entry.prompt, (passage,)),
    )


def _score(value: object) -> float | None:
    """What a record says of its quality, if that can be a score."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 100 else None
