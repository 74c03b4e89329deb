"""length_ceiling.py: its task is what it says, and the whole of it runs. What comes out is measured, not asserted."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from statistics import mean

import length_ceiling
import task
from length_ceiling import ASKED_TOKENS, Effort, Study


def test_answers_are_as_long_as_a_study_says() -> None:
    generator = random.Random(0)

    def lengths(study: Study) -> list[int]:
        samples = [study.sample(generator) for _ in range(3000)]
        return [len(ids) - request_tokens - 1 for ids, request_tokens in samples]  # the end is no part of an answer

    short = lengths(Study(64))
    assert 16 <= min(short) <= max(short) <= 64
    mixed = lengths(Study(64, 256))
    assert 0.015 < mean(length > 64 for length in mixed) < 0.05
    assert max(mixed) <= 256


def test_more_is_asked_for_in_larger_words() -> None:
    generator = random.Random(0)
    sizes = [mean(mean(task.request(asked, generator)[1:-1]) for _ in range(200)) for asked in ASKED_TOKENS]
    assert all(after - before > 1 for before, after in itertools.pairwise(sizes))


def test_packs_weigh_by_sequence_where_told_so() -> None:
    generator = random.Random(0)
    packs = task.packs(lambda: task.answered(16, 64, generator), 4, 320, "sequence", seed=0)
    for pack in packs:
        assert abs(pack["loss_weights"].sum() - len(pack["seq_lengths"])) < 1e-4
        assert len(pack["input_ids"]) <= 320


def test_the_whole_of_it_runs_and_draws(tmp_path: Path) -> None:
    effort = Effort(base_steps=1, tuning_steps=2, packs_a_step=1, seeds=2, answers=2)
    answers = length_ceiling.measure(effort, [Study(32), Study(64, 256, "sequence")])
    assert [each.asked for each in answers] == [*ASKED_TOKENS, *ASKED_TOKENS]
    assert all(0 <= each.median <= each.longest <= 320 for each in answers)
    assert all(len(each.medians) == 2 for each in answers)
    table = length_ceiling.markdown(answers).splitlines()
    assert len(table) == 4
    assert table[-1].startswith("| up to 64, 3% up to 256, by sequence |")
    length_ceiling.draw(answers, str(tmp_path / "plot.svg"))
    assert (tmp_path / "plot.svg").read_text().startswith("<svg")
