"""AgentWrite over a run: plans what is not planned, writes what is not written, and records what fails.

A row is appended before the next call is made: a crash in between would pay for it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from longwriter_cli.engine.events import Failed, Finished, Listener, Planned, SectionWritten
from longwriter_cli.engine.pool import MakePool, Pool
from longwriter_cli.engine.stop import Stop
from longwriter_cli.errors import InstructionFailed
from longwriter_cli.llm.asking import asking_for
from longwriter_cli.records import Instruction, Plan, Section, Step
from longwriter_cli.settings import Settings
from longwriter_cli.stages.carry import Outcome, carried_target
from longwriter_cli.stages.failures import RetryPolicy, failure_of, may_try, plan_basis, tries_before, write_basis
from longwriter_cli.stages.plan import Planner
from longwriter_cli.stages.write import Writer
from longwriter_cli.store.run import Run


@dataclass(frozen=True)
class AgentWrite:
    """One command's work on a run. Positions are those of the run's index."""

    run: Run
    planner: Planner
    writer: Writer
    settings: Settings
    stop: Stop
    listen: Listener
    retry: RetryPolicy = "by_kind"
    pool: MakePool = Pool

    async def work(
        self, *, plan: bool, write: bool, slots: int, limit: int | None = None, grace_s: float = 10.0
    ) -> None:
        """Plans, writes, or both, the first `limit` instructions.

        Raises:
            LongwriterError: what stopped the run. All that was appended before is kept.
        """
        order = self.run.index.order()[:limit]
        index = self.run.index
        unplanned = [position for position in order if index.plan_at(position) is None] if plan else []
        # Longest first keeps the tail short; a stable sort keeps the order of the source among equals.
        unplanned.sort(key=lambda position: -index.required_words(position))
        unwritten = (
            (index.words_left(position), position)
            for position in (order if write else [])
            if index.plan_at(position) is not None and not index.is_complete(position)
        )
        pool: Pool[int] = self.pool(
            self._plan_for_writing if write else self._plan,
            self._write,
            slots=slots,
            stop=self.stop,
            grace_s=grace_s,
        )
        await pool.run(unplanned, unwritten)

    async def _plan_for_writing(self, position: int) -> int | None:
        """Plans and returns the words to write."""
        await self._plan(position)
        return self.run.index.words_left(position) if self.run.index.plan_at(position) is not None else None

    async def _plan(self, position: int) -> None:
        self.stop.check()
        instruction = self.run.instruction(position)
        basis = plan_basis(instruction, self.settings)
        key = (instruction.id, "plan", None)
        if not self._may_try(key, basis):
            return
        with self._asking_for(*key, basis):
            try:
                plan = await self.planner.plan(instruction)
            except InstructionFailed as error:
                self._fail(instruction, "plan", None, error, basis)
                return
            self.run.add_plan(plan)
        self.listen(Planned(plan))

    def _may_try(self, key: tuple[str, str, int | None], basis: str) -> bool:
        # The work may be gone through again and again until all answers are there: one command tries once.
        index = self.run.index
        return (*key, basis) not in index.failed_now and may_try(index.failures.get(key, ()), basis, self.retry)

    def _asking_for(self, id: str, stage: str, n: int | None, basis: str) -> AbstractContextManager[None]:  # noqa: A002
        tries = tries_before(self.run.index.failures.get((id, stage, n), ()), basis)
        return asking_for(stage, id, n, self.run.sample_number, tries)

    async def _write(self, position: int) -> None:
        instruction, plan = self.run.instruction(position), self.run.plan(position)
        assert plan is not None
        basis = write_basis(instruction, plan, self.settings)
        written = self.run.sections(position)
        for step in plan.steps:
            if step.n not in written and not self._may_try((instruction.id, "write", step.n), basis):
                return
        if not written:
            try:
                await self.writer.check_room(instruction, plan)
            except InstructionFailed as error:
                self._fail(instruction, "write", plan.steps[0].n, error, basis)
                return
        write = self._write_parallel if self.settings.mode == "parallel" else self._write_serial
        if await write(instruction, plan, written, basis):
            self.listen(Finished(instruction.id))

    async def _write_serial(
        self, instruction: Instruction, plan: Plan, written: dict[int, Section], basis: str
    ) -> bool:
        so_far: list[str] = []
        outcomes = {n: Outcome(section.target_words, section.words) for n, section in written.items()}
        for step in plan.steps:
            section = written.get(step.n)
            if section is None:
                asked = self._with_target(step, plan, outcomes)
                section = await self._write_step(instruction, plan, asked, so_far, basis)
            if section is None:
                return False
            outcomes[step.n] = Outcome(section.target_words, section.words)
            so_far.append(section.text)
        return True

    def _with_target(self, step: Step, plan: Plan, outcomes: dict[int, Outcome]) -> Step:
        """The step as it is asked for: its words may make up for those of other sections."""
        if self.settings.length_control == "none":
            return step
        least, most = self.settings.min_section_words, self.settings.max_section_words
        return replace(step, words=carried_target(step, plan.steps, outcomes, least=least, most=most))

    async def _write_parallel(
        self, instruction: Instruction, plan: Plan, written: dict[int, Section], basis: str
    ) -> bool:
        """The paper's ablation: every section sees the plan and no other section."""
        missing = [step for step in plan.steps if step.n not in written]
        writing = (self._write_step(instruction, plan, step, (), basis) for step in missing)
        results = await asyncio.gather(*writing, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return None not in results

    async def _write_step(
        self, instruction: Instruction, plan: Plan, step: Step, so_far: list[str] | tuple[()], basis: str
    ) -> Section | None:
        self.stop.check()
        with self._asking_for(instruction.id, "write", step.n, basis):
            try:
                section = await self.writer.write(instruction, plan, step, so_far)
            except InstructionFailed as error:
                self._fail(instruction, "write", step.n, error, basis)
                return None
            self.run.add_section(section)
        self.listen(SectionWritten(section))
        return section

    def _fail(self, instruction: Instruction, stage: str, n: int | None, error: InstructionFailed, basis: str) -> None:
        failure = failure_of(instruction.id, stage, n, error, basis)
        self.run.add_failure(failure)
        self.listen(Failed(failure))


def finished_texts(run: Run, limit: int | None = None) -> Iterator[tuple[Instruction, Plan, list[Section]]]:
    """The finished ones of the first `limit` instructions with their plans and sections, read one at a time."""
    for position in run.index.order()[:limit]:
        if run.index.is_complete(position):
            plan, written = run.plan(position), run.sections(position)
            assert plan is not None
            yield run.instruction(position), plan, [written[step.n] for step in plan.steps]
