"""Rows of a source that cannot be used, where `--skip-bad-rows` lets them pass: they are failures of the run."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from longwriter_cli.cli.output import plain
from longwriter_cli.errors import InputError
from longwriter_cli.records import Failure
from longwriter_cli.stages.clock import now
from longwriter_cli.store.run import Run


def record_bad_rows(run: Run, sources: Collection[str], bad_rows: Iterable[InputError]) -> None:
    """Records the bad rows of these sources, and that earlier ones of them have been mended since."""
    standing = {(f.file, f.line): f for f in run.index.standing_failures() if f.id is None and f.file in sources}
    for error in bad_rows:
        earlier = standing.pop((error.file, error.line), None)
        if earlier is None or earlier.message != error.problem:
            run.add_failure(
                Failure(None, "read", None, "bad_row", error.problem, at=now(), file=plain(error.file), line=error.line)
            )
    for (file, line), _ in standing.items():
        run.add_failure(Failure(None, "read", None, "bad_row", "mended", at=now(), file=file, line=line, mended=True))
