"""AgentWrite step I: an outline with word counts for one instruction (LongWriter, arXiv 2408.07055, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction, Language, Plan, Requirement, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.ask import Unusable, ask, with_room
from longwriter_cli.stages.clock import now
from longwriter_cli.text.language import detect_language
from longwriter_cli.text.plan import parse_plan
from longwriter_cli.text.refusal import is_refusal
from longwriter_cli.text.requirement import required_words

SMALLEST_SECTION_WORDS = 200

_WHOLE_TEXT: dict[Language, str] = {
    "en": "The whole text, complete, as the instruction asks for it",
    "zh": "按照写作要求完成全文",
}
_LENGTH_NOTE: dict[Language, dict[str, str]] = {
    "en": {
        "about": "The whole text must have about {words} words.",
        "at_least": "The whole text must have at least {words} words.",
        "at_most": "The whole text must have at most {words} words.",
        "range": "The whole text must have {low} to {high} words.",
    },
    "zh": {
        "about": "全文总字数约{words}字。",
        "at_least": "全文总字数不少于{words}字。",
        "at_most": "全文总字数不超过{words}字。",
        "range": "全文总字数在{low}到{high}字之间。",
    },
}
_AGAIN: dict[Language, str] = {
    "en": "\n\nAn earlier outline could not be used: {reason}. Write the whole outline anew, with this put right.\n",
    "zh": "\n\n之前的一份提纲无法使用：{reason}。请改正后重新写出完整的提纲。\n",
}
_FAULTS: dict[Language, dict[str, str]] = {
    "en": {
        "form": "it was not one line for each paragraph with its main point and its word count",
        "steps": "it had {found} paragraphs, and at most {asked} are allowed",
        "total": "its word counts added up to {found}, and {asked} words are required",
    },
    "zh": {
        "form": "它不是每段一行、写明主要内容和字数要求的格式",
        "steps": "它有{found}段，最多只能有{asked}段",
        "total": "它的各段字数合计为{found}，而要求的是{asked}字",
    },
}


@dataclass(frozen=True)
class Planner:
    """Makes plans. Where an instruction needs no call, none is made."""

    chat: Chat
    settings: Settings
    templates: Templates

    async def plan(self, instruction: Instruction) -> Plan:
        """The plan of the instruction: its own, a single step for a short text, or the model's.

        Raises:
            InstructionFailed: the model gave no plan that can be used (`bad_plan`, `refusal`), or no answer.
        """
        if instruction.plan is not None:
            return Plan(instruction.id, instruction.plan, at=now())
        required, language = instruction.required_words, language_of(instruction, self.settings)
        if required is not None and required.words < 2 * SMALLEST_SECTION_WORDS:
            return Plan(instruction.id, (Step(1, _WHOLE_TEXT[language], required.words),), at=now())
        fields = {"INST": _with_length(instruction, language)}
        request = Request(
            kind="plan",
            affinity=instruction.id,
            model=self.settings.plan_model or self.settings.model,
            prompt=self.templates.get("plan", language).fill(**fields),
            max_tokens=self.settings.max_tokens,
            target_words=required.words if required else None,
            params=self.settings.body(planning=True),
            language=language,
            fields=fields,
        )
        judge = _Judge(request, required, language, self.settings)
        (steps, text, flag), completion = await ask(self.chat, request, judge)
        return Plan(instruction.id, steps, text, completion.model, completion.usage, completion.attempts, now(), flag)


class _Judge:
    """Takes or refuses the answers to one planning call.

    A plan whose total is off the required length is asked for again once; then the nearer of the two is used, and
    flagged.
    """

    def __init__(self, request: Request, required: Requirement | None, language: Language, settings: Settings) -> None:
        self._request = request
        self._required = required
        self._asked = required.words if required else 0
        self._language = language
        self._settings = settings
        self._off_target: tuple[float, tuple[Step, ...], str] | None = None

    def __call__(self, completion: Completion, request: Request) -> tuple[tuple[Step, ...], str, str]:
        steps = tuple(parse_plan(completion.text))
        problem = self._problem(steps, completion)
        if problem is not None:
            if self._off_target is not None:
                return self._flagged()
            raise problem
        off = deviation(_total(steps), self._required)
        if off <= self._settings.plan_tolerance:
            return steps, completion.text, ""
        first = self._off_target is None
        if self._off_target is None or off < self._off_target[0]:
            self._off_target = (off, steps, completion.text)
        if not first:
            return self._flagged()
        raise self._again("total", found=_total(steps), asked=self._asked)

    def _problem(self, steps: Sequence[Step], completion: Completion) -> Unusable | None:
        answer = f"the model gave no plan but: {completion.text[:200]!r}"
        if completion.finish_reason == "content_filter":
            return Unusable("content_filter", answer)
        if completion.refused or is_refusal(completion.text):
            return Unusable("refusal", answer)
        if completion.finish_reason == "length":
            return Unusable("bad_plan", "the plan was cut at the token limit", with_room(self._request, completion))
        if not steps:
            return self._again("form")
        if len(steps) > self._settings.max_steps:
            return self._again("steps", found=len(steps), asked=self._settings.max_steps)
        return None

    def _again(self, fault: str, **figures: int) -> Unusable:
        reason = _FAULTS[self._language][fault].format(**figures)
        prompt = self._request.prompt.rstrip() + _AGAIN[self._language].format(reason=reason)
        return Unusable("bad_plan", _FAULTS["en"][fault].format(**figures), replace(self._request, prompt=prompt))

    def _flagged(self) -> tuple[tuple[Step, ...], str, str]:
        assert self._off_target is not None
        _, steps, text = self._off_target
        return steps, text, f"{_total(steps)} words planned, {self._asked} required"


def _total(steps: Sequence[Step]) -> int:
    return sum(step.words for step in steps)


def deviation(total: int, required: Requirement | None) -> float:
    """How far `total` words miss the requirement, as a share of the words required; 0.0 where they satisfy it.

    `at_least` can be missed on the low side only, `at_most` on the high side only, `range` outside of it.
    """
    if required is None:
        return 0.0
    low = required.low if required.low is not None else (0 if required.kind == "at_most" else required.words)
    high = required.high if required.high is not None else (total if required.kind == "at_least" else required.words)
    if low <= total <= high:
        return 0.0
    return abs(total / required.words - 1)


def language_of(instruction: Instruction, settings: Settings) -> Language:
    """The language of the templates for this instruction."""
    return detect_language(instruction.prompt) if settings.language == "auto" else settings.language


def _with_length(instruction: Instruction, language: Language) -> str:
    """The prompt, with the required length added where only the row of the instruction states it."""
    required = instruction.required_words
    if required is None:
        return instruction.prompt
    stated = required_words(instruction.prompt)
    if stated is not None and stated.words == required.words:
        return instruction.prompt
    note = _LENGTH_NOTE[language][required.kind]
    return f"{instruction.prompt}\n\n" + note.format(words=required.words, low=required.low, high=required.high)
