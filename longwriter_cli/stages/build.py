"""Records out of finished texts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from longwriter_cli.errors import EmptyExport
from longwriter_cli.evals.judge import quality_score
from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Instruction, Judgement, Section
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import finished_texts
from longwriter_cli.stages.judging import Judged, judgement_key, judgements_of
from longwriter_cli.stages.record_form import FORMS, RecordForm
from longwriter_cli.stages.split import Splits
from longwriter_cli.stages.write import PARAGRAPH_BREAK
from longwriter_cli.store.export import WHOLE, Shape, Written, export_parts
from longwriter_cli.store.rejects import Rejects, rejects_of
from longwriter_cli.store.run import Run
from longwriter_cli.text.filters import FinishedText, Sieve
from longwriter_cli.text.language import language_of
from longwriter_cli.text.words import count_words

Filters = Mapping[str, bool | float | None]
"""What `Sieve` is given: what differs from the defaults, by the filters' names."""


@dataclass(frozen=True)
class Wanted:
    """What an export holds and how. `metadata` adds what is known of a text to its record."""

    shape: Shape = field(default_factory=Shape)
    splits: Splits | None = None
    form: RecordForm = "messages"
    metadata: bool = False
    filters: Filters = field(default_factory=dict)


@dataclass(frozen=True)
class Exported:
    rejected: int
    written: Written

    @property
    def records(self) -> int:
        return sum(self.written.records.values())


# Is told of each text that is kept.
Look = Callable[[FinishedText], None]

# Makes the card of what has been written; is told too how many texts were dropped, by reason.
CardOf = Callable[[Written, Mapping[str, int]], str]


def build_dataset(
    run: Run, path: Path, wanted: Wanted, *, card: CardOf | None = None, look: Look | None = None
) -> Exported:
    """Exports the finished texts that the filters keep, in instruction order; `rejects.jsonl` says what they drop.

    Raises:
        EmptyExport: no text is kept, and an earlier export at `path` has some. It says why.
        DiskFailed: an earlier export at `path` is untouched, and its rejects too, as in the other case.
    """
    with rejects_of(run.directory) as rejects:
        rows = records(run, wanted, rejects, look)
        card_of = None if card is None else lambda written: card(written, rejects.reasons)
        try:
            written = export_parts(rows, path, wanted.shape, card_of)
        except EmptyExport as error:
            dropped = ", ".join(f"{reason} {n:,}" for reason, n in rejects.reasons.most_common())
            error.dropped = rejects.reasons.total()
            error.message += f" Dropped by the filters: {dropped}." if dropped else " No text is finished."
            raise
    return Exported(rejects.reasons.total(), written)


def records(
    run: Run, wanted: Wanted, rejects: Rejects, look: Look | None = None, settings: Settings | None = None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The split and the record of each text that is kept, by the settings of the run unless others are given."""
    assert run.manifest is not None, "a run without one cannot be opened"
    settings = settings or Settings.from_row(run.manifest.settings)
    language = None if settings.language == "auto" else settings.language
    sieve, judged = Sieve(wanted.filters), settings.judge_model is not None
    for instruction, plan, sections in finished_texts(run):
        text = FinishedText(
            instruction,
            plan.steps,
            sections,
            length_score=_length_score(instruction, sections),
            quality=quality_score(judgements_of(to_be_judged(instruction, sections), run, settings)),
            language=language,
        )
        if drop := sieve.judge(text):
            rejects.add(instruction.id, drop.reason, drop.detail)
            continue
        if look is not None:
            look(text)
        record = FORMS[wanted.form](instruction.prompt, text.text)
        split = wanted.splits.of(instruction.id) if wanted.splits else WHOLE
        yield split, record | _metadata(text, judged=judged) if wanted.metadata else record


def to_be_judged(instruction: Instruction, sections: Sequence[Section]) -> Judged:
    """A finished text as it is put before a judge: as the record holds it."""
    return Judged(instruction.id, instruction.prompt, PARAGRAPH_BREAK.join(section.text for section in sections))


def is_judged(run: Run, settings: Settings, position: int) -> bool:
    """Whether the judge of the settings has nothing to say of a finished text, for it has judged this very text."""
    plan, sections = run.plan(position), run.sections(position)
    assert plan is not None, "it is finished"
    text = to_be_judged(run.instruction(position), [sections[step.n] for step in plan.steps])
    return not text.response.strip() or judgement_key(text, settings, 1) in run.index.answers(Judgement.stage)


def finished_to_be_judged(run: Run, limit: int | None = None) -> Iterator[Judged]:
    """The finished texts of the first `limit` instructions, in instruction order, read one at a time."""
    for instruction, _, sections in finished_texts(run, limit):
        yield to_be_judged(instruction, sections)


def _length_score(instruction: Instruction, sections: Sequence[Section]) -> float | None:
    required = instruction.required_words
    return length_score(required.words, sum(section.words for section in sections)) if required else None


def _metadata(text: FinishedText, *, judged: bool) -> dict[str, Any]:
    """All records of a run have the same keys: `quality` is there where the run has a judge, None without a score."""
    required = text.instruction.required_words
    words = count_words(text.text)
    known = {
        "id": text.instruction.id,
        "words": words,
        "required_words": required.words if required else None,
        "length_score": round(length_score(required.words, words), 2) if required else None,
        "sections": len(text.steps),
        "model": text.sections[-1].model,
        "language": language_of(text.text),
    }
    quality = None if text.quality is None else round(text.quality, 2)
    return known | {"quality": quality} if judged else known
