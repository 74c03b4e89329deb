"""How a run is begun, or gone on with: manifest and templates on disk, and its instructions, before any call."""

from __future__ import annotations

from pathlib import Path

from longwriter_cli.cli import chat as models
from longwriter_cli.cli import signals
from longwriter_cli.cli.calls import check_prices
from longwriter_cli.cli.options import Options
from longwriter_cli.prompts import Templates
from longwriter_cli.settings import Settings
from longwriter_cli.stages.clock import now
from longwriter_cli.store.manifest import Manifest
from longwriter_cli.store.run import Run
from longwriter_cli.store.shard import Shard


def begin_run(
    run: Run,
    staged: Path,
    settings: Settings,
    templates: Templates,
    options: Options,
    shard: Shard | None,
    *,
    asks: bool,
) -> None:
    """Writes what the run is begun with, and takes its instructions in from a staged file.

    `asks` is whether a model will be asked: then what that needs is looked at first, so that nothing is begun in vain.

    Raises:
        LongwriterError: the model, its price or room on the disk is missing; or a signal came meanwhile.
    """
    if asks:
        models.check_model(settings, options)
        check_prices(settings, options)
        run.check_room()
    stored = run.manifest and Settings.from_row(run.manifest.settings)
    run.begin(manifest_of(run, settings, shard), templates.files() if settings != stored else None)
    with signals.held():
        run.take_in(staged)


def manifest_of(run: Run, settings: Settings, shard: Shard | None) -> Manifest:
    """The run's manifest with these settings: its own, a changed one, or the first."""
    row, fingerprint = settings.to_row(), settings.fingerprint()
    if run.manifest is None:
        return Manifest(now(), row, fingerprint, note=models.note(settings), shard=shard)
    return run.manifest if run.manifest.fingerprint == fingerprint else run.manifest.changed(row, fingerprint, now())
