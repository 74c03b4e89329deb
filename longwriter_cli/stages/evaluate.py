"""A benchmark's texts: as a run of AgentWrite has them, as another tool gives them, and as they are scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from longwriter_cli.errors import InputError
from longwriter_cli.evals.judge import dimension_scores
from longwriter_cli.evals.length import length_score
from longwriter_cli.evals.longbench_write import ScoredText
from longwriter_cli.evals.scores import DIMENSIONS
from longwriter_cli.records import Failure, Instruction, Prediction
from longwriter_cli.settings import Settings
from longwriter_cli.stages.agentwrite import finished_texts
from longwriter_cli.stages.build import to_be_judged
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.judging import Judged, judgements_of
from longwriter_cli.store.run import Run
from longwriter_cli.store.source.predictions import GivenText
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.words import count_words, count_words_longbench

WordCount = Literal["longbench", "own"]

_UNTOLD = "untold"
_BROUGHT_ALONG = frozenset({"response", "response_length", "scores"})


def checked(instructions: Iterator[Instruction], benchmark: str) -> Iterator[Instruction]:
    """The rows of a benchmark; what a prediction may bring along stays behind.

    Raises:
        InputError: a row names no length, so that nothing can be scored against it.
    """
    for instruction in instructions:
        if instruction.required_words is None:
            raise InputError(
                benchmark,
                None,
                f"row {instruction.row + 1} states no length: {instruction.prompt[:60]!r}",
                'Give it a "length" in words.',
            )
        meta = {name: value for name, value in instruction.meta.items() if name not in _BROUGHT_ALONG}
        yield replace(instruction, meta=meta)


def instructions_of(run: Run, limit: int | None) -> Iterator[Instruction]:
    for position in run.index.order()[:limit]:
        yield run.instruction(position)


def written_predictions(run: Run, limit: int | None, sample: int = 0) -> Iterator[Prediction]:
    """A prediction for each text that AgentWrite has finished as this sample and no prediction holds yet.

    What it cost stands in the rows of its plan and sections, and is not counted again.
    """
    for instruction, _, sections in finished_texts(run.sample(sample), limit):
        text = to_be_judged(instruction, sections).response
        earlier = run.answer(Prediction, (instruction.id, sample))
        if earlier is None or earlier.response != text:
            yield Prediction(
                id=instruction.id,
                sample=sample,
                response_length=count_words_longbench(text),
                finish_reason="stop",
                model=sections[-1].model,
                at=now(),
                response=text,
            )


@dataclass(frozen=True, slots=True)
class Matched:
    """Texts of another tool, by the id of the instruction that each was written for.

    `strangers` are rows for no instruction of the run; `replaced` are those that a later row for the same instruction
    takes the place of, with another text.
    """

    texts: Mapping[str, GivenText]
    strangers: int
    replaced: int


def matched(run: Run, texts: Iterable[GivenText]) -> Matched:
    """Which text is whose. The last row for an instruction wins, as in the files of a run.

    An id that stands for another prompt here than there is a number that both have given to their rows: the prompt
    tells then.
    """
    prompts = {instruction.id: instruction.prompt for instruction in instructions_of(run, None)}
    by_prompt = {prompt: id for id, prompt in prompts.items()}  # noqa: A001 - the rows' word
    found: dict[str, GivenText] = {}
    strangers = replaced = 0
    for text in texts:
        told = by_prompt.get(text.prompt or "")
        own = text.id if text.id in prompts and (told is None or prompts[text.id] == text.prompt) else told
        if own is None:
            strangers += 1
            continue
        replaced += own in found and found[own].response != text.response
        found[own] = text
    return Matched(found, strangers, replaced)


def given_predictions(run: Run, texts: Mapping[str, GivenText]) -> Iterator[Prediction]:
    """A prediction for each text, by the id of its instruction, that is news to the run."""
    for id, text in texts.items():  # noqa: A001 - the rows' word
        length = text.length if text.length is not None else count_words_longbench(text.response)
        earlier = run.answer(Prediction, (id, 0))
        if earlier is None or (earlier.response, earlier.response_length) != (text.response, length):
            yield Prediction(id, 0, length, "given", text.model, at=now(), response=text.response)


def missing_texts(run: Run, source: str) -> Iterator[Failure]:
    """A failure for each instruction that another tool's file has no text for, unless it stands there already."""
    standing = {failure.id for failure in run.index.standing_failures() if failure.stage == Prediction.stage}
    written = run.index.answers(Prediction.stage)
    for id in run.index.ids:  # noqa: A001 - the rows' word
        if (id, 0) not in written and id not in standing:
            yield Failure(id, Prediction.stage, 1, "empty", f"{source} holds no text for it", at=now())


def texts_to_judge(run: Run, limit: int | None) -> Iterator[Judged]:
    for instruction in instructions_of(run, limit):
        if (prediction := run.answer(Prediction, (instruction.id, 0))) is not None:
            yield Judged(instruction.id, instruction.prompt, prediction.response)


def scored_texts(run: Run, settings: Settings, word_count: WordCount, limit: int | None) -> list[ScoredText]:
    """Each row of the benchmark with its scores, in instruction order."""
    return [_scored(instruction, run, settings, word_count) for instruction in instructions_of(run, limit)]


def _scored(instruction: Instruction, run: Run, settings: Settings, word_count: WordCount) -> ScoredText:
    required = instruction.required_words.words if instruction.required_words else None
    kind = instruction.meta.get("type")
    prediction = run.answer(Prediction, (instruction.id, 0))
    length = None
    scores = None
    if prediction is not None:
        length = count_words(prediction.response) if word_count == "own" else prediction.response_length
        scores = _scores(Judged(instruction.id, instruction.prompt, prediction.response), run, settings, length)
    return ScoredText(
        id=instruction.id,
        type=kind if isinstance(kind, str) and kind else _UNTOLD,
        language=detect_language(instruction.prompt),
        required=required or 0,
        length=length,
        s_l=None if length is None or required is None else length_score(required, length),
        scores=scores,
    )


def _scores(text: Judged, run: Run, settings: Settings, length: int) -> dict[str, float] | None:
    """The means of the judgements; the lowest scores for a text without a word, where there is a judge at all."""
    if settings.judge_model is None:
        return None
    if not text.response.strip() and not length:
        return dict.fromkeys(DIMENSIONS, 0.0)
    return dimension_scores(judgements_of(text, run, settings))
