"""AgentWrite step II: one section of a planned text (LongWriter, arXiv 2408.07055, section 3.2).

Each call sees the instruction, the plan, all text so far and the line of the step. What changes from call to call
stands behind what stays, so that a prefix cache hits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction, Language, Plan, Section, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.ask import Unusable, with_room
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.nearest import OffTarget, ask_nearest
from longwriter_cli.stages.plan import language_of
from longwriter_cli.text.clean import clean_section
from longwriter_cli.text.plan import format_step, format_steps, plan_digest
from longwriter_cli.text.refusal import is_refusal
from longwriter_cli.text.sentences import trim_to_sentence
from longwriter_cli.text.tokens import estimate_tokens, tokens_to_come
from longwriter_cli.text.words import count_words, last_words

# A cut section whose whole sentences hold this share of its target is as good as one that ended by itself.
CUT_LEAST, CUT_MOST = 0.6, 1.5

PARAGRAPH_BREAK = "\n\n"

_AGAIN: dict[Language, str] = {
    "en": "\n\nAn earlier answer had {found} words. Write this paragraph anew, with about {asked} words.\n",
    "zh": "\n\n之前写的一稿有{found}字。请重写这一段，写约{asked}字。\n",
}


@dataclass(frozen=True)
class Writer:
    """Writes sections. Knows nothing of what else is written at the same time."""

    chat: Chat
    settings: Settings
    templates: Templates

    async def check_room(self, instruction: Instruction, plan: Plan) -> None:
        """Holds the text to come against the model's context, before the first section is paid.

        Raises:
            InstructionFailed: it cannot fit (`context_length`). Where the context is not known, nothing is raised.
        """
        context = await self.chat.context_tokens(self.settings.model)
        if context is None:
            return
        language = language_of(instruction, self.settings)
        bare = estimate_tokens(self._prompt(_fields(instruction, plan, plan.steps[-1], "", language), language))
        longest = tokens_to_come(max(step.words for step in plan.steps), language)
        whole = tokens_to_come(sum(step.words for step in plan.steps), language)
        history = self.settings.history_words
        if self.settings.mode == "parallel":
            needed = longest
        elif history is None:
            needed = whole
        else:
            needed = min(whole, tokens_to_come(history, language) + longest)
        if bare + needed > context:
            raise InstructionFailed(
                "context_length",
                f"plan and text need about {bare + needed:.0f} tokens, the model takes {context}. Shorten the plan, "
                "take a model with more context, or let each call see only the newest words: --history-words N",
                model=self.settings.model,
            )

    async def write(self, instruction: Instruction, plan: Plan, step: Step, so_far: Sequence[str]) -> Section:
        """Writes the section of one step. `so_far` holds the texts of the sections before it, in order.

        The step is what is asked for: its words may be others than those in the plan.

        Raises:
            InstructionFailed: the model gave nothing that can be used.
        """
        language = language_of(instruction, self.settings)
        text = PARAGRAPH_BREAK.join(so_far)
        shown = await self._what_fits(instruction, plan, step, text, language)
        try:
            return await self._write(instruction, plan, step, shown, language)
        except InstructionFailed as error:
            # The endpoint may tell its context only by refusing: then what fits is known now.
            fits = await self._what_fits(instruction, plan, step, text, language)
            if error.kind != "context_length" or fits == shown:
                raise
            return await self._write(instruction, plan, step, fits, language)

    async def _what_fits(self, instruction: Instruction, plan: Plan, step: Step, text: str, language: Language) -> str:
        """All of the text so far, or its newest `history_words` where it cannot fit."""
        history = self.settings.history_words
        if history is None or not text:
            return text
        context = await self.chat.context_tokens(self.settings.model)
        if context is None:
            return text
        prompt = self._prompt(_fields(instruction, plan, step, text, language), language)
        if estimate_tokens(prompt) + tokens_to_come(step.words, language) <= context:
            return text
        return last_words(text, history)

    async def _write(self, instruction: Instruction, plan: Plan, step: Step, shown: str, language: Language) -> Section:
        fields = _fields(instruction, plan, step, shown, language)
        request = Request(
            kind="section",
            affinity=instruction.id,
            model=self.settings.model,
            prompt=self._prompt(fields, language),
            max_tokens=self.settings.max_tokens,
            target_words=step.words,
            params=self.settings.body(planning=False),
            language=language,
            fields=fields,
        )

        def accept(completion: Completion, asked: Request) -> str:
            return self._near(_usable_text(completion, asked, step, shown), completion, asked, step)

        text, completion = await ask_nearest(self.chat, request, accept)
        return Section(
            id=instruction.id,
            n=step.n,
            plan=plan_digest(plan.steps),
            words=count_words(text),
            target_words=step.words,
            finish_reason=completion.finish_reason,
            model=completion.model,
            usage=completion.usage,
            attempts=completion.attempts,
            at=now(),
            text=text,
            raw=completion.text if completion.text != text else None,
        )

    def _near(self, text: str, completion: Completion, request: Request, step: Step) -> str:
        """The text, where its length is near enough to what was asked for; raises `OffTarget` where it is not."""
        if (tolerance := self.settings.section_tolerance) is None:
            return text
        words = count_words(text)
        off = abs(words / step.words - 1)
        if off <= tolerance:
            return text
        again = with_room(request, completion) if completion.finish_reason == "length" else request
        reason = _AGAIN[request.language].format(found=words, asked=step.words)
        again = replace(again, prompt=request.prompt.rstrip() + reason)
        raise OffTarget(f"{words} words, {step.words} asked for", again, text, off)

    def _prompt(self, fields: Mapping[str, str], language: Language) -> str:
        return self.templates.get("write", language).fill(**fields)


def _fields(instruction: Instruction, plan: Plan, step: Step, text: str, language: Language) -> dict[str, str]:
    """What fills the placeholders of the write template."""
    return {
        "INST": instruction.prompt,
        "PLAN": format_steps(plan.steps, language),
        "TEXT": text,
        "STEP": format_step(step, language),
    }


def _usable_text(completion: Completion, request: Request, step: Step, previous: str) -> str:
    """The cleaned text of an answer; raises `Unusable` where it is none."""
    if completion.finish_reason == "content_filter":
        raise Unusable("content_filter", "the endpoint's content filter cut the answer")
    text = clean_section(completion.text, step, previous)
    if completion.refused or is_refusal(text):
        raise Unusable("refusal", f"the model refused: {completion.text[:200]!r}")
    if completion.finish_reason == "length":
        text = trim_to_sentence(text)
        if not CUT_LEAST * step.words <= count_words(text) <= CUT_MOST * step.words:
            problem = f"cut at the token limit with {count_words(text)} of {step.words} words in whole sentences"
            raise Unusable("truncated", problem, with_room(request, completion))
    if not text.strip():
        answer = f": {completion.text[:200]!r}" if completion.text.strip() else ""
        raise Unusable("empty", "the answer holds no text" + (answer and f" but what is no part of it{answer}"))
    return text
