"""The one place where errors end: an expected one is told in two lines, any other leaves a log to attach to a report.

Exit codes are those of `longwriter_cli.errors`.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import typer

from longwriter_cli import __version__
from longwriter_cli.cli.output import drop_output, open_missing_streams, say
from longwriter_cli.errors import EXIT_BUG, EXIT_INTERRUPTED, EXIT_OK, LongwriterError
from longwriter_cli.text.display import printable


def run(program: Callable[[], object], *, verbose: bool) -> NoReturn:
    """Runs the program and exits with its code, whatever happens."""
    open_missing_streams()
    try:
        program()
        sys.stdout.flush()
        code = EXIT_OK
    except LongwriterError as error:
        if verbose:
            say(printable(traceback.format_exc()))
        tell(error)
        code = error.exit_code
    except KeyboardInterrupt:
        code = EXIT_INTERRUPTED
    except Exception as error:  # a bug: whatever it is, the user gets a log and no traceback
        if verbose:
            say(printable(traceback.format_exc()))
        _tell_bug(error)
        code = EXIT_BUG
    sys.exit(code)


def exits(command: Callable[..., int]) -> Callable[..., None]:
    """Turns the exit code that a command returns into the program's; a closed pipe ends it quietly."""

    @functools.wraps(command)
    def wrapper(**values: Any) -> None:
        try:
            code = command(**values)
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader has seen enough (`inspect | head`); typer would end with 1.
            drop_output()
            code = EXIT_OK
        raise typer.Exit(code)

    return wrapper


def tell(error: LongwriterError) -> None:
    """Says what went wrong and what to do next, on standard error."""
    say(f"error: {printable(error.message)}")
    if error.tip:
        say(f"  tip: {printable(error.tip)}")


def _tell_bug(error: Exception) -> None:
    lines = [
        f"longwriter {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: {sys.argv[1] if len(sys.argv) > 1 else ''}",
        "",
        *traceback.format_exception(error),
    ]
    name = f"longwriter-bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    path = Path(tempfile.gettempdir()) / name
    try:
        path.write_text("\n".join(lines), encoding="utf-8", errors="replace")
        where = f"The log to attach to a report: {path}"
    except OSError:
        where = "No log could be written; -v shows the traceback."
    say(f"error: this is a bug in longwriter: {type(error).__name__}: {printable(str(error))}")
    say(f"  tip: {where}")
