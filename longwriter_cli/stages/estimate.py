"""What a run will take, before a call is made: calls, tokens and time, from the lengths that the instructions require.

Expectations, not bounds: a plan has a section for every 400 words, or the nearest that its limits allow; a text without
a stated length has 3,000 words, a call answers at 40 tokens a second, nothing fails or is asked again, and a prefix
cache holds what an instruction's last call read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields

from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction, Plan, Step, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.expected import JUDGEMENT_TOKENS
from longwriter_cli.stages.plan import language_of, needs_call
from longwriter_cli.text.plan import format_steps
from longwriter_cli.text.tokens import expected_tokens

SECTION_WORDS = 400
UNSTATED_WORDS = 3000
SHORTEST_CACHED = 1024  # tokens; OpenAI caches no shorter prefix
TOKENS_PER_SECOND = 40.0
_MAIN_POINT = {
    "en": "what this paragraph tells, in one line of about fifteen words or so",
    "zh": "这一段具体写些什么内容，用一行话来说明",
}
_BYTES_PER_TOKEN = 4


@dataclass
class Estimate:
    """`chain_s` is the longest instruction's time in seconds: no concurrency makes the run shorter than that.

    `waves` is how many calls of one instruction wait for each other: so many batches one after the other.
    """

    instructions: int = 0
    sections: int = 0
    plan_calls: int = 0
    words: int = 0
    plan_usage: Usage = field(default_factory=Usage)
    write_usage: Usage = field(default_factory=Usage)
    direct_calls: int = 0
    judge_calls: int = 0
    judge_usage: Usage = field(default_factory=Usage)
    chain_s: float = 0.0
    waves: int = 0

    @property
    def calls(self) -> int:
        return self.plan_calls + self.sections + self.direct_calls + self.judge_calls

    @property
    def usage(self) -> Usage:
        return self.plan_usage + self.write_usage + self.judge_usage

    def add(self, part: Estimate) -> None:
        """Takes in what can be done at the same time."""
        longest_s, waves = max(self.chain_s, part.chain_s), max(self.waves, part.waves)
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(part, each.name))
        self.chain_s, self.waves = longest_s, waves

    def elapsed_s(self, concurrency: int) -> float:
        """Seconds the run will take at 40 tokens a second for each call."""
        return max(self.usage.completion_tokens / TOKENS_PER_SECOND / concurrency, self.chain_s)


@dataclass(frozen=True)
class Estimator:
    """Adds up what is still to be done."""

    settings: Settings
    templates: Templates
    plans: bool
    writes: bool
    judges: bool = False

    def of_all(self, work: Iterable[tuple[Instruction, Plan | None, Collection[int]]]) -> Estimate:
        """`work` holds each instruction with its plan, where it has one, and the steps that are written."""
        estimate = Estimate()
        for instruction, plan, written in work:
            self._add(estimate, instruction, plan, written)
        return estimate

    def _add(self, estimate: Estimate, instruction: Instruction, plan: Plan | None, written: Collection[int]) -> None:
        answered = waves = 0
        steps = plan.steps if plan is not None else expected_steps(instruction, self.settings)
        estimate.instructions += 1
        if self.plans and plan is None and needs_call(instruction, self.settings):
            usage = self._plan_usage(instruction, steps)
            estimate.plan_usage += usage
            estimate.plan_calls += 1
            answered += usage.completion_tokens
            waves += 1
        if self.writes:
            usage = self._write_usage(instruction, steps, written)
            estimate.write_usage += usage
            missing = [step for step in steps if step.n not in written]
            estimate.sections += len(missing)
            estimate.words += sum(step.words for step in missing)
            answered += usage.completion_tokens
            waves += len(missing) if self.settings.mode == "serial" else min(1, len(missing))
        if self.judges:
            usage = self._judge_usage(instruction, steps)
            estimate.judge_usage += usage
            estimate.judge_calls += 1
            answered += usage.completion_tokens
            waves += 1
        estimate.chain_s = max(estimate.chain_s, answered / TOKENS_PER_SECOND)
        estimate.waves = max(estimate.waves, waves)

    def _plan_usage(self, instruction: Instruction, steps: Sequence[Step]) -> Usage:
        language = language_of(instruction, self.settings)
        prompt = self.templates.get("plan", language).fill(INST=instruction.prompt)
        return Usage(prompt_tokens(prompt), 0, prompt_tokens(format_steps(steps, language)))

    def _write_usage(self, instruction: Instruction, steps: Sequence[Step], written: Collection[int]) -> Usage:
        language = language_of(instruction, self.settings)
        plan = format_steps(steps, language)
        bare = prompt_tokens(
            self.templates.get("write", language).fill(INST=instruction.prompt, PLAN=plan, TEXT="", STEP="")
        )
        line = prompt_tokens(plan) // len(steps)
        prompt = cached = completion = so_far = read_before = 0
        for step in steps:
            tokens = round(expected_tokens(step.words, language))
            if step.n not in written:
                reads = bare + (so_far if self.settings.mode == "serial" else 0)
                prompt += reads + line
                cached += read_before if read_before >= SHORTEST_CACHED else 0
                completion += tokens
                read_before = reads
            so_far += tokens
        return Usage(prompt, cached, completion)

    def _judge_usage(self, instruction: Instruction, steps: Sequence[Step]) -> Usage:
        language = language_of(instruction, self.settings)
        bare = prompt_tokens(self.templates.get("judge").fill(INST=instruction.prompt, RESPONSE=""))
        text = sum(round(expected_tokens(step.words, language)) for step in steps)
        return Usage(bare + text, 0, JUDGEMENT_TOKENS)


def expected_steps(instruction: Instruction, settings: Settings) -> tuple[Step, ...]:
    """The plan that the instruction will probably get."""
    if instruction.plan is not None:
        return instruction.plan
    words = instruction.required_words.words if instruction.required_words else UNSTATED_WORDS
    each = max(settings.min_section_words or 0, min(SECTION_WORDS, settings.max_section_words or SECTION_WORDS))
    count = min(settings.max_steps, max(1, round(words / each))) if needs_call(instruction, settings) else 1
    main_point = _MAIN_POINT[language_of(instruction, settings)]
    return tuple(Step(n, main_point, max(1, words // count)) for n in range(1, count + 1))


def prompt_tokens(text: str) -> int:
    return len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN
