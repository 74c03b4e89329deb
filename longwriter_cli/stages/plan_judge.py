"""What makes an answer to a planning call a plan, and what is said where it is none.

| fault                                                                  | what follows                            |
|------------------------------------------------------------------------|-----------------------------------------|
| no steps, or one without main point or count; more steps than allowed   | asked again with the reason, then failed |
| a total off the required length; steps with the same main point          | asked again once, then taken and flagged |
| sections beyond `--min-section-words`, `--max-section-words`              | asked again once, then mended            |
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from longwriter_cli.llm.base import Completion, Request
from longwriter_cli.records import Language, Requirement, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.ask import Unusable, with_room
from longwriter_cli.stages.nearest import OffTarget
from longwriter_cli.stages.plan_form import is_structured
from longwriter_cli.text.plan import fit_to_limits, outside, parse_plan, repeated_points
from longwriter_cli.text.refusal import is_refusal

_AGAIN: dict[Language, str] = {
    "en": "\n\nAn earlier outline could not be used: {reason}. Write the whole outline anew, with this put right.\n",
    "zh": "\n\n之前的一份提纲无法使用：{reason}。请改正后重新写出完整的提纲。\n",
}
_AND: dict[Language, str] = {"en": "; ", "zh": "；"}
_FAULTS: dict[Language, dict[str, str]] = {
    "en": {
        "form": "it was not one line for each paragraph with its main point and its word count",
        "json": "it was not a JSON object whose steps each have a main point and a number of words",
        "steps": "it had {found} paragraphs, and at most {asked} are allowed",
        "total": "its word counts added up to {found}, and {asked} words are required",
        "between": "{found} of its paragraphs did not have {least} to {most} words",
        "least": "{found} of its paragraphs had fewer than {least} words",
        "most": "{found} of its paragraphs had more than {most} words",
        "repeats": "paragraph {found} had the same main point as an earlier one",
    },
    "zh": {
        "form": "它不是每段一行、写明主要内容和字数要求的格式",
        "json": "它不是一个每个step都写明main_point和words的JSON对象",
        "steps": "它有{found}段，最多只能有{asked}段",
        "total": "它的各段字数合计为{found}，而要求的是{asked}字",
        "between": "其中有{found}段的字数不在{least}到{most}字之间",
        "least": "其中有{found}段少于{least}字",
        "most": "其中有{found}段多于{most}字",
        "repeats": "第{found}段与前面某一段的主要内容相同",
    },
}


@dataclass(frozen=True, slots=True)
class Outline:
    """An answer that can be used. `flag` says where it is not quite what was asked for."""

    steps: tuple[Step, ...]
    text: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class _Fault:
    """`off` is a share: of the required length, or of the steps. `flag` is empty where the fault can be mended."""

    name: str
    off: float
    figures: dict[str, int | str | None]
    flag: str = ""

    def said(self, language: Language) -> str:
        return _FAULTS[language][self.name].format(**self.figures)


class Judge:
    """Takes or refuses the answers to one planning call; for `ask_nearest`.

    `text` is the request for a plan as lines: after two answers to `request` that could not be read, it is the one
    that is made.
    """

    def __init__(self, request: Request, text: Request, required: Requirement | None, settings: Settings) -> None:
        self._base = request
        self._text = text
        self._required = required
        self._settings = settings
        self._unreadable = 0

    def __call__(self, completion: Completion, request: Request) -> Outline:
        answer = f"the model gave no plan but: {completion.text[:200]!r}"
        if completion.finish_reason == "content_filter":
            raise Unusable("content_filter", answer)
        if completion.refused or is_refusal(completion.text):
            raise Unusable("refusal", answer)
        if completion.finish_reason == "length":
            self._note_unreadable(completion)
            again = with_room(replace(self._base, max_tokens=request.max_tokens), completion)
            raise Unusable("bad_plan", "the plan was cut at the token limit", again)
        steps = tuple(parse_plan(completion.text))
        hard = self._unusable(steps, completion, request)
        if hard is not None:
            raise Unusable("bad_plan", hard.said("en"), self._again([hard], request))
        faults = self._faults(steps)
        if not faults:
            return Outline(steps, completion.text)
        problem = "; ".join(fault.said("en") for fault in faults)
        taken = self._mended(steps, completion.text, faults)
        raise OffTarget(problem, self._again(faults, request), taken, sum(fault.off for fault in faults))

    def _unusable(self, steps: Sequence[Step], completion: Completion, request: Request) -> _Fault | None:
        if not steps:
            self._note_unreadable(completion)
            return _Fault("json" if is_structured(request) else "form", 1.0, {})
        if len(steps) > self._settings.max_steps:
            return _Fault("steps", 1.0, {"found": len(steps), "asked": self._settings.max_steps})
        return None

    def _note_unreadable(self, completion: Completion) -> None:
        self._unreadable += bool(completion.text)  # no answer at all says nothing of the form it was asked for in
        if self._unreadable > 1:
            self._base = self._text

    def _faults(self, steps: Sequence[Step]) -> list[_Fault]:
        faults = []
        total, required = sum(step.words for step in steps), self._required
        off = deviation(total, required)
        if required is not None and off > self._settings.plan_tolerance:
            figures: dict[str, int | str | None] = {"found": total, "asked": required.words}
            faults.append(_Fault("total", off, figures, f"{total} words planned, {required.words} required"))
        least, most = self._settings.min_section_words, self._settings.max_section_words
        if beyond := outside(steps, least, most):
            name = "least" if most is None else "most" if least is None else "between"
            faults.append(_Fault(name, len(beyond) / len(steps), {"found": len(beyond), "least": least, "most": most}))
        if repeats := repeated_points(steps):
            found = ", ".join(map(str, repeats))
            flag = f"main point repeated in step {found}"
            faults.append(_Fault("repeats", len(repeats) / len(steps), {"found": found}, flag))
        return faults

    def _mended(self, steps: tuple[Step, ...], text: str, faults: Sequence[_Fault]) -> Outline:
        least, most = self._settings.min_section_words, self._settings.max_section_words
        flags = [fault.flag for fault in faults if fault.flag]
        if outside(steps, least, most):
            fitted = fit_to_limits(steps, least, most, self._text.language)
            if len(fitted) <= self._settings.max_steps:
                steps = fitted
            if beyond := outside(steps, least, most):
                flags.append(f"{len(beyond)} of {len(steps)} steps beyond the limits of a section")
        return Outline(steps, text, "; ".join(flags))

    def _again(self, faults: Sequence[_Fault], request: Request) -> Request:
        language = self._text.language
        reason = _AND[language].join(fault.said(language) for fault in faults)
        prompt = self._base.prompt.rstrip() + _AGAIN[language].format(reason=reason)
        return replace(self._base, prompt=prompt, max_tokens=request.max_tokens)


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
