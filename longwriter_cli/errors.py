"""The errors this program raises on purpose, each with the exit code it ends in.

::

    LongwriterError
    ├── UsageError          2   the command, a flag or a config file is wrong
    │   ├── InputError      2   a file cannot be read as what it should be; names file and line
    │   ├── SettingsDiffer  2   a setting differs from what the run was begun with
    │   └── EmptyExport     2   nothing is left to export, and an earlier export holds records
    ├── BudgetReached       4   the next call could spend more than --max-cost or --max-total-tokens allow
    ├── EndpointRefused     5   key, permission, model or quota: trying again cannot help
    │   └── ModelUnknown    5   the endpoint has no such model
    ├── NotNow             75   the same command may work later
    │   ├── RunBusy             another process holds the run
    │   ├── BatchPending        the answers of a batch are not there yet
    │   └── EndpointDown        no success for --give-up-after seconds
    ├── DiskFailed         74   full, read-only or failing
    └── Stopped        128 + n  a signal told the run to stop

    InstructionFailed           one instruction cannot be finished; the run goes on
    Deferred                    its answer comes later; the work on this instruction is taken up again then

A `LongwriterError` ends the command. An `InstructionFailed` ends one instruction: the stage records it in
`failures.jsonl` and takes the next one. Anything else that escapes is a bug and ends with exit code 1.
"""

from __future__ import annotations

from pathlib import Path

from longwriter_cli.records import FailureKind, Usage

EXIT_OK = 0
EXIT_BUG = 1
EXIT_FAILURES = 3
EXIT_INTERRUPTED = 130


class LongwriterError(Exception):
    """What went wrong, in `message`, and the next thing to do about it, in `tip` (may be empty)."""

    exit_code: int = EXIT_BUG

    def __init__(self, message: str, tip: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.tip = tip


class UsageError(LongwriterError):
    exit_code = 2


class InputError(UsageError):
    """A file that cannot be read; `line` counts from 1 and is None where the file as a whole is meant."""

    def __init__(self, file: str | Path, line: int | None, problem: str, tip: str = "") -> None:
        where = f"{file} line {line}" if line is not None else f"{file}"
        super().__init__(f"{where}: {problem}", tip)
        self.file = str(file)
        self.line = line
        self.problem = problem


class SettingsDiffer(UsageError):
    pass


class EmptyExport(UsageError):
    """`dropped` counts what the filters dropped."""

    dropped = 0


class BudgetReached(LongwriterError):
    exit_code = 4


class EndpointRefused(LongwriterError):
    exit_code = 5


class ModelUnknown(EndpointRefused):
    pass


class NotNow(LongwriterError):
    exit_code = 75


class RunBusy(NotNow):
    pass


class EndpointDown(NotNow):
    pass


class BatchPending(NotNow):
    pass


class DiskFailed(LongwriterError):
    exit_code = 74


class Stopped(LongwriterError):
    """A signal ended the run in good order; `signal_number` is the one of the operating system."""

    def __init__(self, message: str, signal_number: int, tip: str = "") -> None:
        super().__init__(message, tip)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


class InstructionFailed(Exception):
    """One instruction cannot be finished. What its answers cost so far is in `usage` and `attempts`."""

    def __init__(
        self, kind: FailureKind, message: str, *, usage: Usage | None = None, attempts: int = 0, model: str = ""
    ) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message
        self.usage = usage or Usage()
        self.attempts = attempts
        self.model = model


class Deferred(Exception):
    """What was asked for has no answer yet. No error: the work on it begins again from its last row, when it has."""
