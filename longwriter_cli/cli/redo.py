"""`plan --redo`: plans that are made again though they are there, and what that gives up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from longwriter_cli.cli.output import say
from longwriter_cli.errors import UsageError
from longwriter_cli.report.near import did_you_mean
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import printable


def position_of(run: Run, id: str) -> int:  # noqa: A002 - the rows' word
    """The position of the instruction with this id.

    Raises:
        UsageError: there is none; names those that are near.
    """
    position = run.index.position(id)
    if position is None:
        problem = f"{run.directory} has no instruction with the id {printable(id)!r}."
        raise UsageError(problem, printable(did_you_mean(id, run.index.ids)))
    return position


@dataclass(frozen=True)
class Redo:
    """The positions that are planned anew."""

    positions: tuple[int, ...] = ()

    @classmethod
    def begin(cls, run: Run, ids: Iterable[str]) -> Redo:
        """Says what is given up, and lets this process forget the plans, so that it makes them.

        On disk they stay until a new one stands behind them: a command that is stopped loses no plan.

        Raises:
            UsageError: one of the ids is none of the run's; names those that are near.
        """
        positions = tuple(position_of(run, id) for id in ids)  # noqa: A001
        for position in positions:
            _tell(run, position)
        run.index.forget_plans(positions)
        return cls(positions)

    def tell_failed(self, run: Run) -> None:
        """Says which plans were not made."""
        for position in self.positions:
            if run.index.plan_at(position) is None:
                id = printable(run.index.ids[position])  # noqa: A001
                say(f"note: {id!r} was not planned anew; a plan that it had still stands.")


def _tell(run: Run, position: int) -> None:
    sections = run.index.sections(position).values()
    if sections:
        words = sum(section.words for section in sections)
        count = "1 section" if len(sections) == 1 else f"{len(sections)} sections"
        say(
            f"note: {printable(run.index.ids[position])!r} is planned anew. {words:,} words in {count} were written "
            "along the plan it has; they stay on disk and are used no more."
        )
