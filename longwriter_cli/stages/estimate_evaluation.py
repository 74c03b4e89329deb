"""What an evaluation will take, before a call is made. A direct answer is taken to have the length it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from longwriter_cli.evals.trajectory import PARTS, SHORTEST_WORDS
from longwriter_cli.prompts import Templates
from longwriter_cli.records import PART_SAMPLES, Instruction, Judgement, Plan, Prediction, Step, Usage
from longwriter_cli.settings import Settings
from longwriter_cli.stages.estimate import TOKENS_PER_SECOND, Estimate, Estimator, expected_steps, prompt_tokens
from longwriter_cli.stages.plan import language_of
from longwriter_cli.store.run import Run
from longwriter_cli.text.tokens import expected_tokens


@dataclass(frozen=True)
class EvaluationEstimator:
    """`judge_samples` is how many judgements each text is to have, `judge_parts` whether each tenth of it gets one too.

    Those of the run count that begin at `judged_since` or behind it, an offset in bytes. `samples` is how many texts
    each instruction is to have.
    """

    settings: Settings
    templates: Templates
    run: Run | None
    judge_samples: int
    judge_parts: bool
    judged_since: int = 0
    samples: int = 1

    def of_all(self, instructions: Iterable[Instruction]) -> Estimate:
        judged: Counter[tuple[str | int, ...]] = Counter()
        if self.run is not None:
            judge, answers = self.settings.judge_model, self.run.index.answers(Judgement.stage)
            judged.update(key[:2] for key, at in answers.items() if key[2] == judge and at >= self.judged_since)
        estimate = Estimate()
        for instruction in instructions:
            whole = Estimate()
            for sample in range(self.samples):
                part = self._writing(instruction, sample)
                if self.settings.judge_model is not None:
                    self._add_judging(part, instruction, sample, judged)
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
            took_s = tokens / TOKENS_PER_SECOND
            return Estimate(direct_calls=1, words=words, write_usage=usage, chain_s=took_s, waves=1)
        if self.settings.method == "given":
            return Estimate()
        estimator = Estimator(self.settings, self.templates, plans=True, writes=True)
        position = None if self.run is None else self.run.index.position(instruction.id)
        if self.run is None or position is None:
            return estimator.of_all([(instruction, None, ())])
        view = self.run.sample(sample)
        return estimator.of_all([(instruction, view.plan(position), view.index.sections(position))])

    def _add_judging(
        self, part: Estimate, instruction: Instruction, sample: int, judged: Counter[tuple[str | int, ...]]
    ) -> None:
        """The judgements of one text are asked for at the same time, and after it is written."""
        steps = expected_steps(instruction, self.settings)
        times = {steps: self.judge_samples - judged[instruction.id, sample]}
        words = sum(step.words for step in steps)
        if self.judge_parts and words >= SHORTEST_WORDS:
            done = sum(judged[instruction.id, PART_SAMPLES + place] > 0 for place in range(PARTS))
            times[(Step(1, "a tenth of it", words // PARTS),)] = PARTS - done
        estimator = Estimator(self.settings, self.templates, plans=False, writes=False, judges=True)
        written_s, judged_s, waves = part.chain_s, 0.0, part.waves
        for of, count in times.items():
            one = estimator.of_all([(instruction, Plan(instruction.id, of), ())])
            for _ in range(count):
                part.add(one)
                judged_s = max(judged_s, one.chain_s)
        part.chain_s = written_s + judged_s
        part.waves = waves + (1 if judged_s else 0)
