"""The texts of a run by tenths: lengths of sections, repetition, and what a judge gives each part."""

from __future__ import annotations

from collections.abc import Iterator

from longwriter_cli.evals.judge import quality_score
from longwriter_cli.evals.trajectory import PARTS, Tenth, Trajectory, tenths
from longwriter_cli.records import PART_SAMPLES
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import finished_texts
from longwriter_cli.stages.evaluate import texts_to_judge
from longwriter_cli.stages.judging import Judged, judgements_of
from longwriter_cli.store.run import Run

_NOTE = (
    "\n\nThe response above is not a whole text: it is part {part} of {parts} of one, cut out by length. Judge it as "
    "such a part, and do not hold against it what may stand in the others, nor that it begins or ends abruptly.\n"
)


def parts_to_judge(run: Run, limit: int | None) -> Iterator[Judged]:
    """Each tenth of each text, as it is put before a judge."""
    for text in texts_to_judge(run, limit):
        for place, part in enumerate(tenths(text.response)):
            note = _NOTE.format(part=place + 1, parts=PARTS)
            yield Judged(text.id, text.prompt, part, PART_SAMPLES + place, note)


def trajectory(run: Run, settings: Settings, limit: int | None) -> list[Tenth]:
    """All texts of the run by tenths. Sections count as they were written, for texts that have them."""
    found = Trajectory()
    for text in texts_to_judge(run, limit):
        found.add_text(text.response)
    if settings.method == "agentwrite":
        for _, _, sections in finished_texts(run, limit):
            found.add_sections([(section.words, section.target_words) for section in sections])
    if settings.judge_model is not None:
        for part in parts_to_judge(run, limit):
            quality = quality_score(judgements_of(part, run, settings))
            if quality is not None:
                found.add_quality(part.sample - PART_SAMPLES, quality)
    return found.tenths()
