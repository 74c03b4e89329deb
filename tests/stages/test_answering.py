"""Questions beside AgentWrite: each is paid for once, over all commands, and what fails comes back as plans do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from made_rows import AT, USAGE, instruction, open_run, take_in

from longwriter_cli.engine.events import Answered, Event, Failed
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import BudgetReached, InputError, InstructionFailed
from longwriter_cli.records import FailureKind, Judgement, Prediction, Selection
from longwriter_cli.stages.answering import Answering, Question
from longwriter_cli.stages.failures import RetryPolicy
from longwriter_cli.store.run import Run


class Asked:
    """Questions about each instruction of a run; remembers which were put to the model."""

    def __init__(
        self, run: Run, *, failing: Mapping[str, FailureKind] | None = None, samples: int = 1, basis: str = "b"
    ) -> None:
        self.ids: list[str] = []
        self.events: list[Event] = []
        self._run = run
        self._failing = failing or {}
        self._samples = samples
        self._basis = basis
        self.stop = Stop()

    def _questions(self) -> Iterator[Question]:
        for id in self._run.index.ids:  # noqa: A001 - the rows' word
            for sample in range(self._samples):
                yield Question((id, sample), id, "predict", sample + 1, self._basis, self._ask(id, sample))

    def _ask(self, id: str, sample: int):  # type: ignore[no-untyped-def]  # noqa: A002
        async def ask() -> Prediction:
            self.ids.append(id)
            await asyncio.sleep(0)
            if id in self._failing:
                raise InstructionFailed(self._failing[id], "no", usage=USAGE, attempts=2, model="m")
            return Prediction(id, sample, 3, "stop", "m", USAGE, 1, AT, f"words about {id}")

        return ask

    def __call__(self, retry: RetryPolicy = "by_kind") -> Asked:
        self._run.index.failed_now.clear()  # each is another command
        answering = Answering(self._run, self.stop, self.events.append, retry)
        asyncio.run(answering.work(self._questions(), slots=2))
        return self


def test_every_question_gets_its_row_and_is_never_paid_for_twice(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, *(instruction(name, row) for row, name in enumerate("abc")))
        asked = Asked(run, samples=2)()
        assert sorted(asked.ids) == ["a", "a", "b", "b", "c", "c"]
        assert all(isinstance(event, Answered) for event in asked.events)
    with open_run(tmp_path) as run:
        assert Asked(run, samples=2)().ids == []
        assert Asked(run, samples=3)().ids == ["a", "b", "c"], "the third sample of each"
        assert [answer.key() for answer in run.answers(Prediction)][:2] == [("a", 0), ("a", 1)]
        found = run.answer(Prediction, ("b", 2))
        assert found is not None
        assert found.response == "words about b"
        assert run.answer(Prediction, ("b", 3)) is None
        assert run.usage()["m"].prompt_tokens == 9 * USAGE.prompt_tokens


def test_a_question_that_fails_is_a_row_until_it_is_answered(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"), instruction("b", 1))
        asked = Asked(run, failing={"a": "empty"})()
        assert [type(event) for event in asked.events].count(Failed) == 1
        (failure,) = run.index.standing_failures()
        assert (failure.id, failure.stage, failure.n, failure.usage, failure.attempts) == ("a", "predict", 1, USAGE, 2)
        assert Asked(run)().ids == ["a"]
        assert list(run.index.standing_failures()) == []


@pytest.mark.parametrize(("kind", "times"), [("empty", 3), ("refusal", 1)])
def test_a_hopeless_question_is_not_paid_for_for_ever(tmp_path: Path, kind: FailureKind, times: int) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        assert sum(len(Asked(run, failing={"a": kind})().ids) for _ in range(5)) == times
        assert Asked(run, failing={"a": kind}, basis="another")().ids == ["a"], "what it stands on has changed"
        assert Asked(run, failing={"a": kind})("none").ids == []
        assert Asked(run)("all").ids == ["a"]


def test_one_command_that_goes_through_the_questions_again_asks_what_failed_once(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        asked = Asked(run, failing={"a": "empty"})()
        for policy in ("by_kind", "all"):
            answering = Answering(run, asked.stop, asked.events.append, policy)
            asyncio.run(answering.work(asked._questions(), slots=1))
        assert asked.ids == ["a"]


def test_a_stop_keeps_what_was_answered(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, *(instruction(name, row) for row, name in enumerate("abcdef")))
        asked = Asked(run)
        asked.events = _StopsAfter(2, asked.stop)
        with pytest.raises(BudgetReached):
            asked()
        kept = len(run.index.answers("predict"))
        assert 2 <= kept <= 4
        assert len(Asked(run)().ids) == 6 - kept


class _StopsAfter(list[Event]):
    def __init__(self, count: int, stop: Stop) -> None:
        super().__init__()
        self._count = count
        self._stop = stop

    def append(self, event: Event) -> None:
        super().append(event)
        if len(self) == self._count:
            self._stop.request(BudgetReached("enough"))


def test_the_rows_of_answers_have_the_agreed_fields_and_the_last_one_wins(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        run.add_answer(Selection("a", False, "short", "m", USAGE, 1, AT))
        run.add_answer(Selection("a", True, "a novel", "m", USAGE, 1, AT))
        run.add_answer(Judgement("a", 1, 0, "j", {"Clarity": 4}, "j-2026", USAGE, 1, AT))
        run.add_answer(Judgement("a", 2, 0, "j", {"Clarity": 2}, "j-2026", USAGE, 1, AT))
    usage = '"usage":{"prompt_tokens":100,"cached_tokens":40,"completion_tokens":20},"attempts":1,"at":"' + AT + '"}'
    assert (tmp_path / "selections.jsonl").read_text().splitlines()[1] == (
        '{"id":"a","keep":true,"reason":"a novel","model":"m",' + usage
    )
    assert (tmp_path / "judgements.jsonl").read_text().splitlines()[0] == (
        '{"id":"a","n":1,"sample":0,"judge":"j","scores":{"Clarity":4},"model":"j-2026",' + usage
    )
    with open_run(tmp_path) as run:
        assert [(selection.keep, selection.reason) for selection in run.answers(Selection)] == [(True, "a novel")]
        assert [judgement.scores["Clarity"] for judgement in run.answers(Judgement)] == [4, 2]
        assert not run.index.is_blank()


@pytest.mark.parametrize("score", ["6", "0", "3.5", "1" + "0" * 400])
def test_a_score_that_no_judge_can_give_is_no_row(tmp_path: Path, score: str) -> None:
    with open_run(tmp_path) as run:
        take_in(run, instruction("a"))
        run.add_answer(Judgement("a", 1, 0, "j", {"Clarity": 4}, "j-2026", USAGE, 1, AT))
    path = tmp_path / "judgements.jsonl"
    path.write_text(path.read_text().replace('"Clarity":4', f'"Clarity":{score}'))
    with pytest.raises(InputError, match=r"judgements\.jsonl line 1"):
        open_run(tmp_path)
