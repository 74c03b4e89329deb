"""Preference pairs for DPO: the samples of each instruction with their scores, and the two that are put together."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from longwriter_cli.evals.choice import Candidate, Choice, NoPair, RejectedBy, Weights, choose
from longwriter_cli.evals.judge import quality_score
from longwriter_cli.evals.length import length_score
from longwriter_cli.records import Instruction, Judgement, Prediction
from longwriter_cli.settings import Settings
from longwriter_cli.stages.evaluate import instructions_of
from longwriter_cli.stages.judging import Judged, judgements_of
from longwriter_cli.store.run import Run

# How a text ended that is not whole: at the token limit, or because the endpoint cut it.
_CUT = frozenset({"length", "content_filter"})


@dataclass(frozen=True)
class PairRules:
    """How pairs are chosen. `seed` draws the rejected one."""

    samples: int
    judge_samples: int
    rejected: RejectedBy
    min_margin: float
    weights: Weights
    seed: int


@dataclass
class PairFigures:
    """What came of it: instructions by what became of them, and sums over the pairs."""

    pairs: int = 0
    without: Counter[str] = field(default_factory=Counter)
    chosen_score: float = 0.0
    rejected_score: float = 0.0
    chosen_words: int = 0
    rejected_words: int = 0

    def add(self, choice: Choice) -> None:
        self.pairs += 1
        self.chosen_score += choice.chosen_score
        self.rejected_score += choice.rejected_score
        self.chosen_words += choice.chosen.words
        self.rejected_words += choice.rejected.words


def sampled_texts(run: Run, samples: int, limit: int | None) -> Iterator[Judged]:
    """The texts that there are, the samples of one instruction behind each other."""
    for instruction in instructions_of(run, limit):
        for sample in range(samples):
            if (prediction := run.answer(Prediction, (instruction.id, sample))) is not None:
                yield Judged(instruction.id, instruction.prompt, prediction.response, sample)


def most_samples(run: Run) -> int:
    """How many samples the run holds of the instruction that has most."""
    return max((int(key[1]) + 1 for key in run.index.answers(Prediction.stage)), default=0)


@dataclass(frozen=True)
class Pairing:
    """Chooses the pairs of a run."""

    run: Run
    settings: Settings
    rules: PairRules

    def rows(self, limit: int | None) -> Iterator[tuple[dict[str, Any] | None, dict[str, Any] | None, Choice | NoPair]]:
        """For each instruction, in its order: the row of its pair, or the row that says why there is none."""
        failed = self._failed()
        for instruction in instructions_of(self.run, limit):
            candidates = self._candidates(instruction, failed)
            if candidates is None:
                choice: Choice | NoPair = NoPair("unfinished")
            else:
                choice = choose(
                    candidates,
                    self.rules.rejected,
                    self.rules.min_margin,
                    random.Random(f"{self.rules.seed}:{instruction.id}"),
                )
            if isinstance(choice, NoPair):
                yield None, {"id": instruction.id, "reason": choice.reason, "detail": choice.detail}, choice
            else:
                yield self._row(instruction, choice), None, choice

    def _failed(self) -> set[tuple[str | None, str, int | None]]:
        """What failed for good, or for now. A plan or section that did keeps AgentWrite's sample from being a text."""
        failed = {(failure.id, failure.stage, failure.n) for failure in self.run.index.standing_failures()}
        for sample in range(self.rules.samples):
            for failure in self.run.sample(sample).index.standing_failures():
                if failure.stage in ("plan", "write"):
                    failed.add((failure.id, Prediction.stage, sample + 1))
        return failed

    def _candidates(
        self, instruction: Instruction, failed: set[tuple[str | None, str, int | None]]
    ) -> list[Candidate] | None:
        """The samples that there are; None while one is still to come, which may be the best."""
        candidates = []
        first: dict[str, int] = {}  # which sample had a text first
        for sample in range(self.rules.samples):
            prediction = self.run.answer(Prediction, (instruction.id, sample))
            if prediction is None:
                if (instruction.id, Prediction.stage, sample + 1) not in failed:
                    return None
                continue
            text = Judged(instruction.id, instruction.prompt, prediction.response, sample)
            judgements = judgements_of(text, self.run, self.settings)
            judge_failed = (instruction.id, Judgement.stage, sample + 1) in failed
            if self._waits_for_judge(prediction, len(judgements)) and not judge_failed:
                return None
            same_as = first.setdefault(prediction.response, sample)
            candidates.append(self._candidate(instruction, prediction, quality_score(judgements), same_as))
        return candidates

    def _waits_for_judge(self, prediction: Prediction, judgements: int) -> bool:
        wanted = self.rules.judge_samples if self.rules.weights.quality and prediction.response.strip() else 0
        return judgements < wanted

    def _candidate(
        self, instruction: Instruction, prediction: Prediction, s_q: float | None, same_as: int
    ) -> Candidate:
        words = prediction.response_length
        required = instruction.required_words
        s_l = None if required is None else length_score(required.words, words)
        score = self.rules.weights.score(s_l, s_q)
        return Candidate(prediction.sample, words, s_l, s_q, score, prediction.finish_reason in _CUT, same_as)

    def _row(self, instruction: Instruction, choice: Choice) -> dict[str, Any]:
        """The pair as TRL's conversational form has it, with what it rests on behind."""
        return {
            "id": instruction.id,
            "prompt": [{"role": "user", "content": instruction.prompt}],
            "chosen": self._answer(instruction, choice.chosen),
            "rejected": self._answer(instruction, choice.rejected),
            "score_chosen": round(choice.chosen_score, 2),
            "score_rejected": round(choice.rejected_score, 2),
            "scores": {"chosen": _scores(choice.chosen), "rejected": _scores(choice.rejected)},
        }

    def _answer(self, instruction: Instruction, candidate: Candidate) -> list[dict[str, str]]:
        prediction = self.run.answer(Prediction, (instruction.id, candidate.sample))
        assert prediction is not None, "it was chosen from what there is"
        return [{"role": "assistant", "content": prediction.response}]


def _scores(candidate: Candidate) -> dict[str, Any]:
    return {
        "sample": candidate.sample,
        "words": candidate.words,
        "s_l": None if candidate.s_l is None else round(candidate.s_l, 2),
        "s_q": None if candidate.s_q is None else round(candidate.s_q, 2),
    }
