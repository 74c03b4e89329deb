"""`longwriter merge`: one run out of the shards of a run. Makes no call."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from longwriter_cli.cli.arguments import ConfigFile, Json, RunDirectory, Verbose
from longwriter_cli.cli.chat import allow_files
from longwriter_cli.cli.options import Options, PriceCached, PriceIn, PriceOut
from longwriter_cli.cli.output import plain, say, show
from longwriter_cli.cli.summary import show_json, spent
from longwriter_cli.errors import EXIT_OK, UsageError
from longwriter_cli.llm.retry import Tally
from longwriter_cli.report.summary import Counts, count
from longwriter_cli.store.merge import Merged, check_parts, check_target, merge, merged_run
from longwriter_cli.store.part import Part
from longwriter_cli.store.place import check_directory
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import counted
from longwriter_cli.text.plan import plan_digest

_FILES_PER_PART = 2  # its lock and its instructions


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", show_default=False, help="The run directories of the shards."),
    ],
    run: RunDirectory,
    json: Json = False,
    price_in: PriceIn = None,
    price_out: PriceOut = None,
    price_cached: PriceCached = None,
    config: ConfigFile = None,
    verbose: Verbose = False,
) -> int:
    """Makes one run out of the runs that the shards of an instruction file were given (`--shard I/N`).

    All rows are taken over as they stand; the shards are left as they are. Given again when shards have grown, it adds
    what is new. The merged run is one like any other: export it, judge it, or go on with it.
    """
    started = time.monotonic()
    for each in runs:
        check_directory(each)
    place = run.resolve()
    directories = [path for path in dict.fromkeys(path.resolve() for path in runs) if path != place]
    if not directories:
        raise UsageError(f"{run} is the only run named.", "Name the runs to merge, and with -r another one.")
    for path in directories:
        if place.is_relative_to(path):
            raise UsageError(
                f"{run} is inside {path}, which is to be merged and left as it is.",
                "Name a directory beside the shards with -r.",
            )
    allow_files(_FILES_PER_PART * len(directories))
    with ExitStack() as held:
        shown = {path.resolve(): path for path in runs}
        parts = [held.enter_context(Part(shown[path], plan_digest)) for path in directories]
        check_parts(parts)
        with merged_run(place, plan_digest) as target:
            check_target(parts, target)
            merged = merge(parts, target)
            counts = count(target)
        target.directory = run
        options = Options(price_in=price_in, price_out=price_out, price_cached=price_cached)
        _report(parts, target, merged, counts, options, time.monotonic() - started, json=json)
    return EXIT_OK


def _report(
    parts: Sequence[Part],
    run: Run,
    merged: Merged,
    counts: Counts,
    options: Options,
    elapsed_s: float,
    *,
    json: bool,
) -> None:
    if merged.missing:
        say(f"note: not among them: shard {', '.join(map(str, merged.missing))}.")
    for part in parts:
        if part.under_way:
            say(
                f"note: {counted(part.under_way, 'request')} of {plain(str(part.directory))} in batches, whose answers "
                "come to that run alone: go on with it there and merge again, or they are paid for twice."
            )
    if merged.clashes:
        rows = counted(merged.clashes, "row")
        say(f"note: the runs had not all the same source: {rows} of it stand for instructions of several runs.")
    if json:
        show_json(
            "merge",
            run,
            counts,
            options,
            Tally(),
            rejected=0,
            records=counts.written,
            dataset=None,
            elapsed_s=elapsed_s,
            code=EXIT_OK,
            more={"merged": len(parts), "added": merged.added},
        )
        return
    show(f"{counted(len(parts), 'run')} in {plain(str(run.directory))}, {counted(merged.added, 'new row')}")
    show(
        f"{counted(counts.instructions, 'instruction')}: {counts.planned} planned, {counts.written} written, "
        f"{counts.failed} failed; {counted(counts.sections, 'section')}, {counted(counts.words, 'word')}, "
        f"{counts.usage.total_tokens:,} tokens{spent(run, options)}"
    )
    directory = shlex.quote(str(run.directory))
    show(f"export the records: longwriter build-dataset -r {directory} --export-only")
