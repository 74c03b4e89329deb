"""What a machine brings to a run: room on the disk, files that may be open."""

from __future__ import annotations

import os
import platform
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from longwriter_cli import __version__
from longwriter_cli.stages.checking import Finding

_LEAST_FREE, _FEW_FREE = 100 << 20, 1 << 30  # bytes; a run of 6,000 records takes about 0.5 GB


def findings(connections: int) -> Iterator[Finding]:
    yield Finding("program", "ok", f"longwriter {__version__} on Python {platform.python_version()}")
    yield _of_disk(Path.cwd())
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    shown = "any number of" if files == resource.RLIM_INFINITY else f"{files:,}"
    yield Finding("files", "ok", f"{shown} may be open; {connections:,} calls at once fit")


def _of_disk(directory: Path) -> Finding:
    free = shutil.disk_usage(directory).free
    detail = f"{free / 1e9:,.1f} GB free in {directory}"
    if not os.access(directory, os.W_OK):
        return Finding("disk", "note", f"{directory} cannot be written", "Name a run directory elsewhere with -r.")
    if free < _LEAST_FREE:
        return Finding("disk", "fail", detail, "Make room: 6,000 records and their sections take about 0.5 GB.")
    if free < _FEW_FREE:
        return Finding("disk", "note", detail, "6,000 records and their sections take about 0.5 GB.")
    return Finding("disk", "ok", detail)
