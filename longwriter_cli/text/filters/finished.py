"""What a filter is given: a finished text, section by section, and what it was written from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from longwriter_cli.records import Instruction, Language, Section, Step

_SHOWN = 80  # characters of a text in a detail


@dataclass(frozen=True)
class FinishedText:
    """A text as it would be exported. `sections` stand in the order of `steps`, one for each.

    `length_score` is S_l and `quality` the judge's score, both in [0, 100]; None where the instruction states no
    length, or nobody judged. `language` is that of the templates where the user named one: then it is the text's too.
    """

    instruction: Instruction
    steps: Sequence[Step]
    sections: Sequence[Section]
    length_score: float | None = None
    quality: float | None = None
    language: Language | None = None

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """The sections' texts."""
        return tuple(section.text for section in self.sections)

    @cached_property
    def text(self) -> str:
        return "\n\n".join(self.texts)

    @property
    def words(self) -> int:
        return sum(section.words for section in self.sections)

    @cached_property
    def asked(self) -> str:
        """What the text was to be about: the instruction, and the main points of its plan."""
        return "\n".join([self.instruction.prompt, *(step.main_point for step in self.steps)])


Judge = Callable[[FinishedText], str | None]
"""Why a text is to be dropped, for a reader; None to keep it. Never raises on text."""


def in_section(number: int, what: str) -> str:
    """A detail that names the section, counted from 1, and shows the beginning of what was found there."""
    shown = " ".join(what[: 2 * _SHOWN].split())
    return f"section {number}: {shown[:_SHOWN] + '…' if len(shown) > _SHOWN else shown}"
