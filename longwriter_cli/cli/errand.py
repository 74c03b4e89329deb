"""What every command that works on a run does in the same order: open it, begin, call the model, export, report.

Whatever ends the work, what is finished is on the disk before anybody is told, and the summary is printed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from longwriter_cli.cli.calls import Work, call_model
from longwriter_cli.cli.meter import Meter
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.output import say
from longwriter_cli.errors import EXIT_BUG, EXIT_FAILURES, EXIT_OK, EmptyExport, LongwriterError
from longwriter_cli.llm.retry import Tally
from longwriter_cli.report.summary import count_failed
from longwriter_cli.settings import Settings
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import printable
from longwriter_cli.text.plan import plan_digest

# On these codes what is finished is exported; on every other one an earlier export stays as it was.
_EXPORT_ON = frozenset({0, 3, 4})


class Errand(Protocol):
    """One command's work. `directory` is the run's; `creates` says whether a missing run is begun."""

    directory: Path
    creates: bool

    def begin(self, run: Run, tally: Tally) -> tuple[Settings, Meter, Work] | None:
        """Settles the settings and takes in what there is to do; None where no model is to be called."""
        ...

    def close(self, run: Run) -> None:
        """Is called when the model has been called, whatever ended that."""
        ...

    def export(self, run: Run) -> None:
        """Writes the results; not called where the work ended in an error that leaves earlier ones standing."""
        ...

    def total(self, run: Run) -> int:
        """How many there are of what `--max-failed P%` is a share of: instructions, or rows of logs; bad rows too."""
        ...

    def report(self, run: Run, tally: Tally, elapsed_s: float, code: int) -> None:
        """Prints the summary."""
        ...


def carry_out(errand: Errand, options: Options) -> int:
    """Does the work and returns the exit code.

    Raises:
        LongwriterError: what stopped the command. What is finished is kept, and the summary is printed.
    """
    started = time.monotonic()
    tally = Tally()
    outcome: Exception | None = None
    with Run.open(errand.directory, plan_digest, create=errand.creates) as run:
        try:
            if (begun := errand.begin(run, tally)) is not None:
                settings, meter, work = begun
                _run(call_model(run, settings, options, meter, work))
        except Exception as error:  # a bug too: the summary is printed whatever ends the command
            outcome = error
        errand.close(run)
        try:
            run.sync()  # before anybody is told that it is kept
        except LongwriterError as error:
            outcome = error
        code = _verdict(errand, options, run) if outcome is None else _code(outcome)
        if code in _EXPORT_ON:
            try:
                errand.export(run)
            except EmptyExport as error:
                if code == EXIT_OK:
                    outcome, code = error, error.exit_code
                else:  # what ended the work says why there is nothing yet
                    say(f"note: {printable(error.message)}")
            except Exception as error:
                outcome, code = error, _code(error)
        errand.report(run, tally, time.monotonic() - started, code)
    if outcome is not None:
        raise outcome
    return code


def _run(work: Coroutine[Any, Any, None]) -> None:
    import uvloop  # a tenth less CPU for each call than on asyncio's own loop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


def _code(error: Exception) -> int:
    return error.exit_code if isinstance(error, LongwriterError) else EXIT_BUG


def instructions_and_bad_rows(run: Run) -> int:
    return len(run.index) + sum(failure.id is None for failure in run.index.standing_failures())


def _verdict(errand: Errand, options: Options, run: Run) -> int:
    return EXIT_FAILURES if count_failed(run) > options.most_failed(errand.total(run)) else EXIT_OK
