"""`python -m longwriter_cli`, and the program `longwriter`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the program; never returns."""
    try:
        from longwriter_cli.cli.handler import run

        run(_program, verbose=any(argument in ("-v", "--verbose") for argument in sys.argv[1:]))
    except KeyboardInterrupt:  # before the handler heeds signals
        from longwriter_cli.errors import EXIT_INTERRUPTED

        sys.exit(EXIT_INTERRUPTED)


def _program() -> None:
    from longwriter_cli.cli.app import app

    app()


if __name__ == "__main__":
    main()
