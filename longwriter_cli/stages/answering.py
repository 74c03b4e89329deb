"""Questions to a model beside AgentWrite: each is asked until it has a row or a failure, and never paid for twice.

`select`, the direct answers of `evaluate`, `ruler` and `pairs`, and the judge all work like this. What is asked, and
which row it gives, is theirs; what is asked again, recorded and stopped is the same for all.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from longwriter_cli.engine.events import Answered, Failed, Listener
from longwriter_cli.engine.pool import MakePool, Pool
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.asking import asking_for
from longwriter_cli.records import Answer
from longwriter_cli.stages.failures import RetryPolicy, failure_of, may_try, tries_before
from longwriter_cli.store.index import AnswerKey
from longwriter_cli.store.run import Run


@dataclass(frozen=True, slots=True)
class Question:
    """What one row is asked for with.

    `key` is that of the row, `(id, stage, n)` that of a failure, `basis` the digest of what the answer stands on.
    `ask` makes the calls and raises `InstructionFailed` where they come to nothing. An earlier row counts as an answer
    where it begins at `since` or behind it, an offset in bytes in the file of the stage. With `again` it is asked
    whatever has failed before.
    """

    key: AnswerKey
    id: str
    stage: str
    n: int | None
    basis: str
    ask: Callable[[], Awaitable[Answer]]
    since: int = 0
    again: bool = False


@dataclass(frozen=True)
class Answering:
    """One command's questions on a run."""

    run: Run
    stop: Stop
    listen: Listener
    retry: RetryPolicy = "by_kind"
    pool: MakePool = Pool

    async def work(self, questions: Iterable[Question], *, slots: int, grace_s: float = 10.0) -> None:
        """Asks, in the order given, what has no row yet. Questions are drawn when a slot is free: they may be millions.

        Raises:
            LongwriterError: what stopped the run. All that was appended before is kept.
        """
        pool: Pool[Question] = self.pool(self._answer, _nothing_more, slots=slots, stop=self.stop, grace_s=grace_s)
        await pool.run(question for question in questions if self._is_open(question))

    def _is_open(self, question: Question) -> bool:
        answered_at = self.run.index.answers(question.stage).get(question.key)
        if answered_at is not None and answered_at >= question.since:
            return False
        key = (question.id, question.stage, question.n)
        # The questions may be gone through again and again until all answers are there: one command tries once.
        if (*key, question.basis) in self.run.index.failed_now:
            return False
        return question.again or may_try(self.run.index.failures.get(key, ()), question.basis, self.retry)

    async def _answer(self, question: Question) -> None:
        self.stop.check()
        failures = self.run.index.failures.get((question.id, question.stage, question.n), ())
        tries = tries_before(failures, question.basis)
        with asking_for(question.stage, *question.key, question.since, tries):
            try:
                answer = await question.ask()
            except InstructionFailed as error:
                failure = failure_of(question.id, question.stage, question.n, error, question.basis)
                self.run.add_failure(failure)
                self.listen(Failed(failure))
                return
            self.run.add_answer(answer)
        self.listen(Answered(answer))


async def _nothing_more(question: Question) -> None:
    raise AssertionError(f"{question.key}: an answer leaves nothing to carry out")
