"""Which failures a later command tries again.

| kinds                                                | tried again                                       |
|------------------------------------------------------|---------------------------------------------------|
| `retries_exhausted` `truncated` `empty` `bad_plan`   | by later commands, in at most 3 commands in all   |
| all others                                           | when their prompt, plan or settings have changed  |

So that a command given again every 15 minutes does not pay for a hopeless instruction for ever.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from longwriter_cli.errors import InstructionFailed
from longwriter_cli.records import Failure, Instruction, Plan
from longwriter_cli.settings import Job, Settings
from longwriter_cli.stages.clock import now
from longwriter_cli.text.plan import plan_digest

MOST_COMMANDS = 3
_PASSING = frozenset({"retries_exhausted", "truncated", "empty", "bad_plan"})

RetryPolicy = Literal["by_kind", "all", "none"]


def may_try(failures: Sequence[Failure], basis: str, policy: RetryPolicy) -> bool:
    """Whether to try again what failed before. `failures` are all of one key, one a command, oldest first."""
    if not failures or policy == "all":
        return True
    if policy == "none":
        return False
    same = [failure for failure in failures if failure.basis == basis]
    if not same:
        return True
    return same[-1].kind in _PASSING and len(same) < MOST_COMMANDS


def tries_before(failures: Sequence[Failure], basis: str) -> int:
    """How often this failed before. Each further try is a new one: what answered the last does not answer this."""
    return sum(failure.basis == basis for failure in failures)


def plan_basis(instruction: Instruction, settings: Settings) -> str:
    """First 16 hex digits of SHA-256 over what a planning call stands on."""
    return _digest(instruction.prompt, settings.fingerprint("plan"))


def write_basis(instruction: Instruction, plan: Plan, settings: Settings) -> str:
    """First 16 hex digits of SHA-256 over what the sections of this plan stand on."""
    return _digest(instruction.prompt, plan_digest(plan.steps), settings.fingerprint("write"))


def answer_basis(settings: Settings, job: Job, *texts: str) -> str:
    """First 16 hex digits of SHA-256 over what a question to a model stands on: settings, and the texts put to it."""
    return _digest(*texts, settings.fingerprint(job))


def failure_of(
    id: str,  # noqa: A002 - the rows' word
    stage: str,
    n: int | None,
    error: InstructionFailed,
    basis: str,
) -> Failure:
    """The row for what could not be done."""
    return Failure(id, stage, n, error.kind, error.message, error.model, error.usage, error.attempts, now(), basis)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
