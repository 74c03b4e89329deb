"""Rows of a source that cannot be used, where `--skip-bad-rows` lets them pass: they are failures of the run.

They are known again by file and line, however the file is spelled: `log.jsonl`, `./log.jsonl` and its whole path are
one. What is written is the whole path; rows of earlier versions hold the path as it was typed.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterable

from longwriter_cli.cli.output import plain
from longwriter_cli.errors import InputError
from longwriter_cli.records import Failure
from longwriter_cli.stages.clock import now
from longwriter_cli.store.run import Run
from longwriter_cli.store.source.hub import PREFIX
from longwriter_cli.store.source.streams import STDIN


def record_bad_rows(run: Run, sources: Collection[str], bad_rows: Iterable[InputError]) -> None:
    """Records the bad rows of these sources, and that earlier ones of them have been mended since."""
    files = {_normal(source) for source in sources}
    standing: defaultdict[tuple[str, int | None], list[Failure]] = defaultdict(list)
    for failure in run.index.standing_failures():
        if failure.id is None and failure.file is not None and (file := _normal(failure.file)) in files:
            standing[file, failure.line].append(failure)
    for error in bad_rows:
        file = _normal(error.file)
        earlier = standing.pop((file, error.line), [])
        # One row may stand there twice, spelled in two ways by an earlier version.
        _mend(run, earlier[1:])
        if not earlier or earlier[0].message != error.problem:
            as_written = earlier[0].file if earlier else file
            run.add_failure(
                Failure(None, "read", None, "bad_row", error.problem, at=now(), file=as_written, line=error.line)
            )
    for failures in standing.values():
        _mend(run, failures)


def _mend(run: Run, failures: Iterable[Failure]) -> None:
    for failure in failures:
        run.add_failure(
            Failure(
                None, "read", None, "bad_row", "mended", at=now(), file=failure.file, line=failure.line, mended=True
            )
        )


def _normal(source: str) -> str:
    """The one name of a source: the whole path of a file, whatever else as it is."""
    if source in ("-", STDIN):
        return STDIN
    return plain(source if source.startswith(PREFIX) else os.path.abspath(source))
