"""Measures, and prints one table. With names, these measures alone; `--short` is the form that guards in CI.

The guard measures once more what is far off its target, and takes the better: a machine that does other things at the
same time spoils one measurement, a regression spoils both.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time
from types import ModuleType

from table import Row, markdown, show

MEASURES = ("startup", "client", "makespan", "many", "resume", "prefix", "engine", "length", "quality")
NAMED_ALONE = ("scale",)  # takes longer than all the others


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    names = f"of {', '.join(MEASURES)}: all of them; or {NAMED_ALONE[0]}"
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=names)
    parser.add_argument("--short", action="store_true", help="smaller; exit code 1 where a ratio is far off its target")
    parser.add_argument("--markdown", action="store_true", help="the table in Markdown")
    parser.add_argument("--plot", metavar="FILE", help="draw the charts too, as .svg or .png")
    args = parser.parse_args()
    unknown = [name for name in args.measures if name not in MEASURES + NAMED_ALONE]
    if unknown:
        parser.error(f"no such measure: {unknown[0]}; there are {', '.join(MEASURES + NAMED_ALONE)}")
    rows: list[Row] = []
    for name in args.measures or MEASURES:
        sys.stderr.write(f"{name} ... ")
        sys.stderr.flush()
        began_at = time.monotonic()
        rows += _measured(importlib.import_module(name), short=args.short)
        sys.stderr.write(f"{time.monotonic() - began_at:.0f} s\n")
    if args.markdown:
        sys.stdout.write(markdown(rows) + "\n")
    else:
        show(
            rows,
            f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        )
    if args.plot:
        from plot import draw

        draw(rows, args.plot)
    return 1 if args.short and not all(row.holds() for row in rows) else 0


def _measured(measure: ModuleType, *, short: bool) -> list[Row]:
    rows: list[Row] = measure.rows(short=short)
    if not short or all(row.holds() for row in rows):
        return rows
    return [min(pair, key=Row.distance) for pair in zip(rows, measure.rows(short=True), strict=True)]


if __name__ == "__main__":
    sys.exit(main())
