"""`build-dataset --export-only --dry-run`: what the export would hold. Makes no call and writes nothing."""

from __future__ import annotations

import os
from collections import Counter

import orjson

from longwriter_cli.cli.output import plain, show
from longwriter_cli.cli.task import Task
from longwriter_cli.errors import EXIT_OK
from longwriter_cli.settings import Settings
from longwriter_cli.stages.build import records
from longwriter_cli.store.rejects import Rejects
from longwriter_cli.store.run import Run
from longwriter_cli.text.display import counted


def show_export(task: Task, run: Run, settings: Settings, *, json: bool) -> None:
    """Passes the finished texts through the filters, and says what they keep: as many as the export would hold."""
    assert task.export is not None, "there is something to export"
    with open(os.devnull, "wb") as nowhere:
        rejects = Rejects(nowhere)
        kept = Counter(split for split, _ in records(run, task.export.wanted, rejects, settings=settings))
    dataset, rejected = plain(str(task.export.path)), rejects.reasons.total()
    if json:
        summary = {
            "command": task.command,
            "run": plain(str(task.directory)),
            "dry_run": True,
            "instructions": len(run.index),
            "written": kept.total() + rejected,
            "rejected": rejected,
            "records": kept.total(),
            "rejects": dict(rejects.reasons.most_common()),
            "calls": 0,
            "dataset": dataset,
            "exit_code": EXIT_OK,
        }
        if task.preset is not None:
            summary["preset"] = task.preset.row()
        show(orjson.dumps(summary).decode())
        return
    splits = "" if len(kept) < 2 else ": " + ", ".join(f"{split} {n:,}" for split, n in kept.items())
    rows = [
        ("calls", "none"),
        ("finished", f"{counted(kept.total() + rejected, 'text')} of {counted(len(run.index), 'instruction')}"),
        ("export", f"{counted(kept.total(), 'record')} in {dataset}{splits}"),
    ]
    if rejected:
        why = ", ".join(f"{reason} {n:,}" for reason, n in rejects.reasons.most_common())
        rows.append(("dropped", f"{counted(rejected, 'text')} by the filters: {why}"))
    if task.preset is not None:
        rows.append(("preset", f"{task.preset.name}: {task.preset.shown()}"))
    for name, value in rows:
        show(f"{name:>12}  {value}")
