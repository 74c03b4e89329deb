"""`evaluate --redo-judging`: all texts are judged once more; one that was stopped goes on where it was."""

from __future__ import annotations

from longwriter_cli.cli.evaluation_task import EvaluationTask
from longwriter_cli.cli.output import say
from longwriter_cli.records import Judgement
from longwriter_cli.settings import Settings
from longwriter_cli.store import anew
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import counted


def begin(task: EvaluationTask, run: Run, settings: Settings) -> int | None:
    """From where on, in bytes, judgements count for this command; None where it judges nothing once more."""
    if not task.redo_judging or settings.judge_model is None:
        return None
    goes_on = anew.under_way(run.directory) is not None
    since = anew.begin(run.directory)
    if goes_on:
        done = sum(at >= since for at in run.index.answers(Judgement.stage).values())
        say(f"note: goes on with the judging anew that was stopped; {counted(done, 'judgement')} of it stand.")
    return since


def expected(task: EvaluationTask, run: Run) -> int:
    """The same before anything is done: from where on judgements would count, 0 where all do."""
    if not task.redo_judging:
        return 0
    since = anew.under_way(run.directory)
    return anew.judged_before(run.directory) if since is None else since
