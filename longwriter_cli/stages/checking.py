"""Trying a model before a run: whether it answers, what it supports, and what a plan and its first section come to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Chat, Request
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction, Plan, Section, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.write import Writer
from longwriter_cli.text.requirement import required_words

State = Literal["ok", "note", "fail"]

TRIAL = (
    "Write an article of about 800 words on how a lighthouse works, from the lamp and its lens to the keepers' daily "
    "round and the automation that ended it."
)
_LONG_TEXT_WORDS = 10_000
# Long enough that an endpoint keeps it: OpenAI caches no prompt of less than 1,024 tokens.
_ONE_WORD = "".join(f"Line {n} says nothing.\n" for n in range(1, 251)) + "Answer with one word: ready."
_TOO_MANY_TOKENS = 100_000_000  # more than any model takes: the refusal names what it takes


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried. A note is no obstacle; what failed is, and `tip` says how to mend it."""

    name: str
    state: State
    detail: str
    tip: str = ""


Tell = Callable[[Finding], None]


async def try_model(
    chat: Chat, settings: Settings, templates: Templates, tell: Tell, clock: Callable[[], float] = time.monotonic
) -> None:
    """Asks the model for one word, twice, for a plan and for its first section; tells each finding as it comes.

    Ends with the first one that failed. `clock` counts seconds from any beginning.

    Raises:
        EndpointRefused, EndpointDown: no call can be answered.
    """
    one_word = Request("section", "check", settings.model, _ONE_WORD, params=settings.body(planning=False))
    began_at = clock()
    try:
        answer = await chat.complete(one_word)
        tell(Finding("answer", "ok", f"{answer.model} after {clock() - began_at:.1f} s"))
        again = await chat.complete(one_word)
    except InstructionFailed as error:
        away = error.kind == "retries_exhausted"
        tip = "Look at the server, then check again." if away else "Try another model with -m."
        tell(Finding("answer", "fail", error.message, tip))
        return
    tell(_of_tokens(answer.usage))
    tell(_of_cache(again.usage))
    tell(await _context(chat, settings, one_word))
    instruction = Instruction("check", 0, TRIAL, required_words(TRIAL))
    planner = Planner(chat, settings, templates)
    try:
        plan = await planner.plan(instruction)
    except InstructionFailed as error:
        tip = "Take a larger model for the plans with --plan-model, or templates of your own with --prompts."
        tell(Finding("plan", "fail", error.message, tip))
        return
    tell(_of_plan(plan, planner))
    began_at = clock()
    try:
        section = await Writer(chat, settings, templates).write(instruction, plan, plan.steps[0], ())
    except InstructionFailed as error:
        tell(Finding("section", "fail", error.message, "Look at what the model answers, or try another one."))
        return
    tell(_of_section(section, clock() - began_at))


async def _context(chat: Chat, settings: Settings, request: Request) -> Finding:
    tokens = await chat.context_tokens(settings.model)
    if tokens is None and settings.max_tokens is None:
        # Most endpoints tell it when they are asked for more than they have; that is refused and costs nothing.
        try:
            await chat.complete(replace(request, max_tokens=_TOO_MANY_TOKENS))
        except (InstructionFailed, EndpointRefused):
            tokens = await chat.context_tokens(settings.model)
    if tokens is None:
        tip = "If you know it, say --context-tokens N: then a text that cannot fit fails before it is paid for."
        return Finding("context", "note", "the endpoint does not tell it", tip)
    return Finding("context", "ok", f"{tokens:,} tokens")


def _of_plan(plan: Plan, planner: Planner) -> Finding:
    words = sum(step.words for step in plan.steps)
    steps = "1 step" if len(plan.steps) == 1 else f"{len(plan.steps)} steps"
    form = "by JSON schema" if planner.has_schema else "as lines of text"
    detail = f"{steps}, {words:,} words for 800, {form}"
    if plan.flag:
        return Finding("plan", "note", f"{detail}; {plan.flag}", "Plans of a larger model (--plan-model) are nearer.")
    return Finding("plan", "ok", detail)


def _of_section(section: Section, seconds: float) -> Finding:
    words_a_second = section.words / max(seconds, 1e-3)
    minutes = _LONG_TEXT_WORDS / words_a_second / 60
    detail = (
        f"{section.words:,} words for {section.target_words:,}, {words_a_second:,.1f} a second: a text of "
        f"{_LONG_TEXT_WORDS:,} takes about {minutes:.1f} minutes; many are written at once"
    )
    if 0.5 <= section.words / section.target_words <= 2:
        return Finding("section", "ok", detail)
    return Finding("section", "note", detail, "The length is far off: --length-control carry, --section-tolerance 0.3.")


def _of_tokens(usage: Usage) -> Finding:
    if not usage.estimated:
        return Finding("tokens", "ok", "reported")
    tip = "Budgets and costs go by an estimate from the length of the texts."
    return Finding("tokens", "note", "the endpoint does not report them", tip)


def _of_cache(usage: Usage) -> Finding:
    if usage.cached_tokens:
        return Finding("cache", "ok", f"{usage.cached_tokens:,} of {usage.prompt_tokens:,} repeated tokens were cached")
    tip = "Each section repeats the text before it; a prefix cache at the endpoint saves most of that."
    return Finding("cache", "note", f"none of {usage.prompt_tokens:,} repeated tokens is said to be cached", tip)
