"""Texts of another tool, taken into a run; what does not count of them is told."""

from __future__ import annotations

from collections.abc import Sequence

from longwriter_cli.cli.output import say
from longwriter_cli.errors import InputError
from longwriter_cli.records import Prediction
from longwriter_cli.stages.evaluate import given_predictions, matched, missing_texts
from longwriter_cli.store.run import Run
from longwriter_cli.store.source.predictions import GivenText
from longwriter_cli.text.display import counted


def take_in_given(run: Run, given: Sequence[GivenText], source: str) -> None:
    """Takes in the texts of another tool, and says which of its rows do not count and which texts are not of it.

    Raises:
        InputError: none of the texts belongs to the run.
    """
    found = matched(run, given)
    if not found.texts:
        raise InputError(
            source, None, "holds no text for an instruction of the run", "Its rows need the ids or the prompts of it."
        )
    if found.strangers:
        say(f"note: {source}: {counted(found.strangers, 'row')} for no instruction of the run, passed over.")
    if found.replaced:
        say(f"note: {source}: {counted(found.replaced, 'text')} not counted: a later row is for the same instruction.")
    if earlier := len({id for id, _ in run.index.answers(Prediction.stage)} - found.texts.keys()):  # noqa: A001
        say(f"note: {source} has no text for some instructions: {counted(earlier, 'text')} of an earlier file stay.")
    for prediction in list(given_predictions(run, found.texts)):
        run.add_answer(prediction)
    for failure in list(missing_texts(run, source)):
        run.add_failure(failure)
