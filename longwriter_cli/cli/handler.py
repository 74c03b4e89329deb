"""The one place where errors end: an expected one is told in two lines, any other leaves a log to attach to a report.

Exit codes are those of `longwriter_cli.errors`. Little is imported at the top, so that signals are heeded soon.
"""

from __future__ import annotations

import functools
import os
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from longwriter_cli import __version__
from longwriter_cli.cli import signals
from longwriter_cli.cli.output import drop_output, make_streams_ready, say
from longwriter_cli.errors import EXIT_BUG, EXIT_OK, LongwriterError, Stopped
from longwriter_cli.text.display import printable


def run(program: Callable[[], object], *, verbose: bool) -> NoReturn:
    """Runs the program and exits with its code, whatever happens."""
    code: int | str | None
    try:
        signals.heed()  # within: from the first of them on, one may raise
        make_streams_ready()
        program()
        sys.stdout.flush()
        code = EXIT_OK
    except SystemExit as end:
        code = end.code
        if isinstance(end.__context__, BrokenPipeError):  # `--help | head -1`: typer and rich end with 1
            drop_output()
            code = EXIT_OK
    except BrokenPipeError as error:  # somebody's wrong usage, and nobody to be told of it
        drop_output()
        code = getattr(error.__context__, "exit_code", EXIT_OK)
    except Exception as error:
        _show_traceback(verbose)
        code = _tell_any(error)
    signals.ignore()
    sys.exit(code)


def exits(command: Callable[..., int]) -> Callable[..., None]:
    """Turns the exit code that a command returns into the program's; a closed pipe ends it quietly."""
    import typer

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


def _tell_any(error: Exception) -> int:
    """Says what ended the program and returns its exit code. What is not expected is a bug: a log and no traceback."""
    if stopped := _stopped_behind(error):
        tell(_with_way_on(stopped))
        return stopped.exit_code
    if isinstance(error, LongwriterError):
        tell(error)
        return error.exit_code
    _tell_bug(error)
    return EXIT_BUG


def _stopped_behind(error: BaseException | None) -> Stopped | None:
    """The signal behind an error: a library may have taken what it raised for a fault of the file that it read."""
    while error is not None and not isinstance(error, Stopped):
        error = error.__context__
    return error


def _with_way_on(error: Stopped) -> Stopped:
    """The error, with the command that goes on."""
    from longwriter_cli.cli.output import masked

    error.tip = error.tip or "Go on with: " + shlex.join(["longwriter", *map(masked, sys.argv[1:])])
    return error


def _show_traceback(verbose: bool) -> None:
    if verbose:
        import traceback

        say(printable(traceback.format_exc()))


def _tell_bug(error: Exception) -> None:
    import platform
    import tempfile
    import traceback

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
