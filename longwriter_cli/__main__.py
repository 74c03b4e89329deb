"""`python -m longwriter_cli`, and the program `longwriter`."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the program; never returns."""
    from longwriter_cli.cli.app import app
    from longwriter_cli.cli.handler import run

    run(app, verbose=any(argument in ("-v", "--verbose") for argument in sys.argv[1:]))


if __name__ == "__main__":
    main()
