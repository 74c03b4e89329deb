"""AgentWrite step I: an outline with word counts for one instruction (LongWriter, arXiv 2408.07055, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from longwriter_cli.errors import EndpointRefused, InstructionFailed
from longwriter_cli.llm.base import Chat, Completion, Request
from longwriter_cli.prompts import Templates, load_templates
from longwriter_cli.records import Instruction, Language, Plan, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.clock import now
from longwriter_cli.stages.nearest import ask_nearest
from longwriter_cli.stages.plan_form import PlanForm
from longwriter_cli.stages.plan_judge import Judge, Outline
from longwriter_cli.text.language import detect_language
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
# The templates may name limits of their own.
_LIMITS_NOTE: dict[Language, dict[str, str]] = {
    "en": {
        "between": "Each paragraph of this outline must have {least} to {most} words, whatever other limits are named.",
        "least": "Each paragraph of this outline must have at least {least} words.",
        "most": "Each paragraph of this outline must have at most {most} words.",
    },
    "zh": {
        "between": "这份提纲的每段字数必须在{least}到{most}字之间，以此为准。",
        "least": "这份提纲的每段字数不得少于{least}字，以此为准。",
        "most": "这份提纲的每段字数不得多于{most}字，以此为准。",
    },
}


@dataclass(frozen=True)
class Planner:
    """Makes plans. Where an instruction needs no call, none is made."""

    chat: Chat
    settings: Settings
    templates: Templates
    _form: PlanForm = field(init=False)

    def __post_init__(self) -> None:
        shipped = load_templates()
        form = PlanForm(self.settings.plan_format, {"en": shipped.get("plan", "en"), "zh": shipped.get("plan", "zh")})
        object.__setattr__(self, "_form", form)

    @property
    def has_schema(self) -> bool:
        """Whether the endpoint has taken a schema for the plan that was asked for last."""
        return self._form.taken

    async def plan(self, instruction: Instruction) -> Plan:
        """The plan of the instruction: its own, a single step for a short text, or the model's.

        Raises:
            InstructionFailed: the model gave no plan that can be used (`bad_plan`, `refusal`), or no answer.
        """
        if instruction.plan is not None:
            return Plan(instruction.id, instruction.plan, at=now())
        required, language = instruction.required_words, language_of(instruction, self.settings)
        if required is not None and not needs_call(instruction, self.settings):
            return Plan(instruction.id, (Step(1, _WHOLE_TEXT[language], required.words),), at=now())
        fields = {"INST": _with_notes(instruction, language, self.settings)}
        template = self.templates.get("plan", language)
        request = Request(
            kind="plan",
            affinity=instruction.id,
            model=self.settings.plan_model or self.settings.model,
            prompt=template.fill(**fields),
            max_tokens=self.settings.max_tokens,
            target_words=required.words if required else None,
            params=self.settings.body(planning=True),
            language=language,
            fields=fields,
        )
        outline, completion = await self._ask(request, self._form.structured(request, template), instruction)
        return Plan(
            instruction.id,
            outline.steps,
            outline.text,
            completion.model,
            completion.usage,
            completion.attempts,
            now(),
            outline.flag,
        )

    async def _ask(self, text: Request, structured: Request, instruction: Instruction) -> tuple[Outline, Completion]:
        """Asks in the wanted form, and for lines where the endpoint refuses that."""
        required = instruction.required_words
        if structured is not text:
            try:
                judge = Judge(structured, text, required, self.settings)
                answer = await ask_nearest(self.chat, structured, judge)
                self._form.taken = True
                return answer
            except (EndpointRefused, InstructionFailed) as error:
                if not self._form.learn(error):
                    raise
        answer = await ask_nearest(self.chat, text, Judge(text, text, required, self.settings))
        if structured is not text:
            self._form.refused = True
        return answer


def language_of(instruction: Instruction, settings: Settings) -> Language:
    """The language of the templates for this instruction."""
    return detect_language(instruction.prompt) if settings.language == "auto" else settings.language


def needs_call(instruction: Instruction, settings: Settings) -> bool:
    """Whether a model has to plan: not where the row brings a plan, nor for a text of less than two sections."""
    if instruction.plan is not None:
        return False
    required, most = instruction.required_words, settings.max_section_words
    if required is None or (most is not None and required.words > most):
        return True
    return required.words >= 2 * (settings.min_section_words or SMALLEST_SECTION_WORDS)


def _with_notes(instruction: Instruction, language: Language, settings: Settings) -> str:
    """The prompt, with the required length where only the row of the instruction states it, and the user's limits."""
    notes = [instruction.prompt]
    required, stated = instruction.required_words, required_words(instruction.prompt)
    if required is not None and (stated is None or stated.words != required.words):
        note = _LENGTH_NOTE[language][required.kind]
        notes.append(note.format(words=required.words, low=required.low, high=required.high))
    least, most = settings.min_section_words, settings.max_section_words
    if least is not None or most is not None:
        name = "least" if most is None else "most" if least is None else "between"
        notes.append(_LIMITS_NOTE[language][name].format(least=least, most=most))
    return "\n\n".join(notes)
