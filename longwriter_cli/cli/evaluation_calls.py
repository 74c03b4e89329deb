"""The calls of an evaluation: texts that are not written yet, then judgements of them."""

from __future__ import annotations

from longwriter_cli.cli.calls import Calls
from longwriter_cli.cli.evaluation_task import EvaluationTask
from longwriter_cli.cli.options import Options
from longwriter_cli.prompts import Templates
from longwriter_cli.settings import Settings
from longwriter_cli.stages.direct import Direct
from longwriter_cli.stages.evaluate import (
    instructions_of,
    texts_to_judge,
    written_predictions,
)
from longwriter_cli.stages.judging import Judging
from longwriter_cli.stages.trajectory import parts_to_judge
from longwriter_cli.store.run import Run


async def write_and_judge(
    task: EvaluationTask,
    options: Options,
    run: Run,
    settings: Settings,
    templates: Templates,
    calls: Calls,
    since: int | None,
) -> None:
    """Writes what is not written, then has it judged; all of it anew but for what was judged from `since` on."""
    answering = calls.answering(run)
    limit, slots, grace_s = options.limit, calls.slots, calls.grace_s
    if settings.method == "direct":
        direct = Direct(calls.chat, settings)
        await answering.work(direct.questions(instructions_of(run, limit)), slots=slots, grace_s=grace_s)
    elif settings.method == "agentwrite":
        agentwrite = calls.agentwrite(run, settings, templates)
        await agentwrite.work(plan=True, write=True, slots=slots, limit=limit, grace_s=grace_s)
        take_in_written(run, settings, limit)
    if settings.judge_model is not None:
        judging = Judging(calls.chat, settings, templates.get("judge"))
        questions = (
            question
            for text in texts_to_judge(run, limit)
            for question in judging.questions(text, task.judge_samples, anew_since=since)
        )
        await answering.work(questions, slots=slots, grace_s=grace_s)
        if task.judge_parts:
            of_parts = (
                question
                for part in parts_to_judge(run, limit)
                for question in judging.questions(part, anew_since=since)
            )
            await answering.work(of_parts, slots=slots, grace_s=grace_s)


def take_in_written(run: Run, settings: Settings, limit: int | None) -> None:
    """Puts the texts that AgentWrite has finished beside those of one call."""
    if settings.method == "agentwrite":
        for prediction in list(written_predictions(run, limit)):
            run.add_answer(prediction)
