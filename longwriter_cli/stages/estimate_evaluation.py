"""What an evaluation will take, before a call is made. A direct answer is taken to have the length it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from longwriter_cli.prompts import Templates
from longwriter_cli.records import Instruction, Judgement, Prediction, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.estimate import TOKENS_PER_SECOND, Estimate, Estimator, expected_steps, prompt_tokens
from longwriter_cli.stages.plan import language_of
from longwriter_cli.store.run import Run
from longwriter_cli.text.tokens import expected_tokens


@dataclass(frozen=True)
class EvaluationEstimator:
    """`judge_samples` is how many judgements each text is to have, none of the run's counting where `redo` is true.

    `samples` is how many texts each instruction is to have.
    """

    settings: Settings
    templates: Templates
    run: Run | None
    judge_samples: int
    redo: bool
    samples: int = 1

    def of_all(self, instructions: Iterable[Instruction]) -> Estimate:
        judged: Counter[tuple[str | int, ...]] = Counter()
        if self.run is not None and not self.redo:
            judged.update(key[:2] for key in self.run.index.answers(Judgement.stage))
        estimate = Estimate()
        for instruction in instructions:
            whole = Estimate()
            for sample in range(self.samples):
                part = self._writing(instruction, sample)
                if self.settings.judge_model is not None:
                    part = self._with_judging(part, instruction, self.judge_samples - judged[instruction.id, sample])
                whole.add(part)
            whole.instructions = min(1, whole.calls)
            estimate.add(whole)
        return estimate

    def _writing(self, instruction: Instruction, sample: int) -> Estimate:
        if self.run is not None and (instruction.id, sample) in self.run.index.answers(Prediction.stage):
            return Estimate()
        if self.settings.method == "direct":
            words = sum(step.words for step in expected_steps(instruction, self.settings))
            tokens = round(expected_tokens(words, language_of(instruction, self.settings)))
            usage = Usage(prompt_tokens(instruction.prompt), 0, tokens)
            return Estimate(direct_calls=1, words=words, write_usage=usage, chain_s=tokens / TOKENS_PER_SECOND)
        if self.settings.method == "given":
            return Estimate()
        estimator = Estimator(self.settings, self.templates, plans=True, writes=True)
        position = None if self.run is None else self.run.index.position(instruction.id)
        if self.run is None or position is None:
            return estimator.of_all([(instruction, None, ())])
        view = self.run.sample(sample)
        return estimator.of_all([(instruction, view.plan(position), view.index.sections(position))])

    def _with_judging(self, part: Estimate, instruction: Instruction, times: int) -> Estimate:
        """The judgements of one text are asked for at the same time, and after it is written."""
        estimator = Estimator(self.settings, self.templates, plans=False, writes=False, judges=True)
        one = estimator.of_all([(instruction, None, ())])
        written_s = part.chain_s
        for _ in range(times):
            part.add(one)
        part.chain_s = written_s + (one.chain_s if times > 0 else 0.0)
        return part
