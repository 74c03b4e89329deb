"""What happens in a run, as typed values. The core emits them; only the command line prints."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from longwriter_cli.records import Answer, Failure, Plan, Section


@dataclass(frozen=True, slots=True)
class Planned:
    plan: Plan


@dataclass(frozen=True, slots=True)
class SectionWritten:
    section: Section


@dataclass(frozen=True, slots=True)
class Finished:
    """All sections of an instruction are there."""

    id: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A question beside plans and sections has its row."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure


@dataclass(frozen=True, slots=True)
class Retrying:
    """A call did not succeed and will be made again in `wait_s` seconds."""

    problem: str
    wait_s: float


@dataclass(frozen=True, slots=True)
class BatchSeen:
    """What the endpoint says of a batch; `failed` of its `total` requests count as `done` too."""

    id: str
    status: str
    done: int
    failed: int
    total: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that whoever watches should know now."""

    message: str


Event = Planned | SectionWritten | Finished | Answered | Failed | Retrying | BatchSeen | Notice
Listener = Callable[[Event], None]
