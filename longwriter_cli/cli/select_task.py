"""What `select` was told to do, and what it starts from: the logs, the rules and the settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from longwriter_cli.cli.options import Options
from longwriter_cli.cli.presets import Preset
from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.prompts import Templates, load_templates
from longwriter_cli.records import Instruction, LoggedPrompt
from longwriter_cli.settings import Settings, settle
from longwriter_cli.stages.select import Reject
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.run import FILES, Run
from longwriter_cli.store.selection import check_selection
from longwriter_cli.store.shard import Extent
from longwriter_cli.store.source import read_logs
from longwriter_cli.text.requirement import required_words
from longwriter_cli.text.selecting import Rules


@dataclass(frozen=True)
class SelectTask:
    """What was asked for. The rules' `min_words` and `unstated` hang on the run and the model, and are set then."""

    logs: tuple[str, ...]
    output: Path
    directory: Path
    rules: Rules
    min_words: int | None
    unstated: Literal["auto", "keep", "drop"]
    field: str | None
    skip_bad_rows: bool
    preset: Preset | None = None

    def rules_for(self, settings: Settings) -> Rules:
        asks = bool(settings.model)
        unstated = self.unstated if self.unstated != "auto" else "keep" if asks else "drop"
        return replace(self.rules, min_words=settings.min_words, unstated=unstated)


def check_places(task: SelectTask) -> None:
    """Sees to it that the output overwrites nothing but an earlier one."""
    try:
        place, directory = task.output.resolve(), task.directory.resolve()
        if place == directory or place in {directory / name for name in FILES}:
            raise UsageError(f"{task.output} is the run itself, or a file of it.", "Name another one with -o.")
        if place in {Path(log).resolve() for log in task.logs}:
            raise UsageError(f"{task.output} is one of the logs.", "Name another one with -o.")
        check_selection(task.output)
    except OSError as error:
        raise disk_error(error, task.output) from None


def settle_selection(task: SelectTask, options: Options, run: Run | None) -> tuple[Settings, Templates]:
    """The settings of this command; `model` is empty where none is to be asked, and the templates are none.

    Raises:
        UsageError: the run is one of another kind.
        SettingsDiffer: what is given is not the run's.
    """
    stored = Settings.from_row(run.manifest.settings) if run is not None and run.manifest is not None else None
    if stored is not None and not stored.is_selection:
        raise UsageError(f"{task.directory} is a run of another command.", "Name another directory with -r.")
    begun = stored if stored is not None and stored.model else None
    if options.model is None and begun is None:
        settings = Settings("")
        return settings if task.min_words is None else replace(settings, min_words=task.min_words), Templates({})
    own = task.directory / "prompts"
    templates = load_templates(options.prompts or (own if begun and own.is_dir() else None), ("select",))
    given = options.text_settings() | {"templates": templates.digests(), "min_words": task.min_words}
    accept_new = bool(options.new_settings) or (run is not None and run.is_blank())
    not_done = "has no verdict yet (a verdict names words, which mostly settle it under another --min-words too)"
    return settle(given, begun, uses={"select"}, accept_new=accept_new, not_done=not_done), templates


def logged_prompts(task: SelectTask, bad_rows: list[InputError]) -> Iterator[LoggedPrompt]:
    return read_logs(
        task.logs,
        required_words=required_words,
        field=task.field,
        on_bad_row=bad_rows.append if task.skip_bad_rows else None,
    )


def within(sifted: Iterable[Instruction | Reject], extent: Extent) -> Iterator[Instruction | Reject]:
    """As far as the instruction of that number, which is the last; those of other shards are passed over."""
    met = 0
    for each in sifted:
        if isinstance(each, Reject):
            yield each
            continue
        if extent.holds(met):
            yield each
        met += 1
        if met == extent.limit:
            return
