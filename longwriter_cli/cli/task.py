"""What a command was told to do, and what it starts from: the instructions and the settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from longwriter_cli.cli.export_options import ExportOptions
from longwriter_cli.cli.options import Options
from longwriter_cli.cli.presets import Preset
from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.prompts import AGENTWRITE, Templates, load_templates
from longwriter_cli.records import Instruction, Judgement, Step
from longwriter_cli.settings import Job, Settings, settle
from longwriter_cli.stages.build import Filters, Wanted
from longwriter_cli.store.batches import FOLDER
from longwriter_cli.store.export import check_place, default_path
from longwriter_cli.store.hub_push import check_push
from longwriter_cli.store.jsonl import disk_error
from longwriter_cli.store.run import FILES, Run
from longwriter_cli.store.shard import Extent, Shard
from longwriter_cli.store.source import read_instructions
from longwriter_cli.text.plan import parse_plan, steps_from_json
from longwriter_cli.text.requirement import required_words


@dataclass(frozen=True)
class Export:
    """Where the records go, what they are, and who is told of them. `license` and `push` are as the user names them."""

    path: Path
    wanted: Wanted
    card: bool = False
    license: str | None = None
    push: str | None = None
    public: bool = False

    @classmethod
    def of(cls, options: ExportOptions, run: Path, filters: Filters) -> Export:
        """Raises UsageError where the options are wrong or contradict each other."""
        shape = options.shape()
        path = options.output or default_path(run, shape.kind, folder=shape.is_folder)
        wanted = Wanted(shape, options.splits(), options.record_format, options.metadata, filters)
        return cls(path, wanted, options.has_card(shape), options.license, options.push_to_hub, options.public)


@dataclass(frozen=True)
class Task:
    """What a command does on a run. `source` is the instruction file, or None to go on with what the run holds.

    `redo` holds the ids of instructions that are planned anew, though they have a plan.
    """

    command: str
    directory: Path
    source: str | None = None
    plan: bool = False
    write: bool = False
    export: Export | None = None
    field: str | None = None
    skip_bad_rows: bool = False
    redo: tuple[str, ...] = ()
    preset: Preset | None = None

    @property
    def judges(self) -> bool:
        """Whether it puts finished texts before a judge, where there is one."""
        return self.write and self.export is not None


def check_export(task: Task) -> None:
    """Sees to it that an export overwrites nothing but an earlier export.

    Raises:
        UsageError: it would take the place of a file of the run, of the source, or of something that is no export; or
            it could not be pushed.
    """
    if task.export is None:
        return
    try:
        place = task.export.path.resolve()
        prompts = (task.directory / "prompts").resolve()
        own = place.is_relative_to(prompts) or place.is_relative_to((task.directory / FOLDER).resolve())
        if own or place in {(task.directory / name).resolve() for name in FILES}:
            raise UsageError(f"{task.export.path} is a file of the run itself.", "Name another one with -o.")
        if task.source is not None and place == Path(task.source).resolve():
            raise UsageError(f"{task.export.path} is the file of the instructions.", "Name another one with -o.")
        shape = task.export.wanted.shape
        if shape.is_folder and place in task.directory.resolve().parents:
            raise UsageError(f"{task.export.path} holds the run itself.", "Name another folder with -o.")
        check_place(task.export.path, shape.kind, folder=shape.is_folder)
    except OSError as error:
        raise disk_error(error, task.export.path) from None
    if task.export.push is not None:
        check_push(task.export.push)


def read_source(source: str | None, field: str | None, bad_rows: list[InputError] | None) -> Iterator[Instruction]:
    """The instructions of a source; bad rows stop it, or land in `bad_rows` where that is given."""
    if source is None:
        return iter(())
    return read_instructions(
        source,
        parse_plan=_steps,
        required_words=required_words,
        field=field,
        on_bad_row=None if bad_rows is None else bad_rows.append,
    )


def _steps(value: object) -> Sequence[Step]:
    return parse_plan(value) if isinstance(value, str) else steps_from_json(value)


def first_read(instructions: Iterator[Instruction]) -> Iterator[Instruction]:
    """The same, with the first one read already: a wrong path is told before a run directory is made for it."""
    return chain([first] if (first := next(instructions, None)) is not None else [], instructions)


def extent_of(options: Options, run: Run | None) -> Extent:
    """Which instructions this command works on; a shard's run goes on with its shard, whether it is named or not.

    Raises:
        UsageError: the run was begun for another shard.
    """
    manifest = run.manifest if run is not None else None
    given, begun = options.given_shard(), manifest.shard if manifest is not None else None
    if given is not None and given.of == 1:
        given = None  # the one shard of a single process is the whole
    elif given is None:
        given = begun
    if manifest is not None and given != begun:
        raise UsageError(
            f"This run was begun for {_shown(begun)}, and --shard says {options.shard}.",
            "Leave --shard out to go on with this run, or name a run directory of that shard's own.",
        )
    return Extent(options.limit, given)


def _shown(shard: Shard | None) -> str:
    return "all instructions" if shard is None else f"shard {shard}"


def check_judge(task: Task, settings: Settings) -> None:
    """Refuses `--min-quality` where nobody judges.

    Raises:
        UsageError: says how to name a judge.
    """
    least = None if task.export is None else task.export.wanted.filters.get("quality")
    if isinstance(least, float) and settings.judge_model is None:
        raise UsageError("--min-quality needs scores, and this run has no judge.", "Name one with --judge-model.")


def settle_settings(task: Task, options: Options, run: Run | None) -> tuple[Settings, Templates]:
    """The settings and templates of this command: as given, else the run's, else the defaults.

    Raises:
        UsageError: the run is one of `select`, or holds texts of another tool.
        SettingsDiffer: what is given is not the run's.
    """
    manifest = run.manifest if run is not None else None
    stored = Settings.from_row(manifest.settings) if manifest is not None else None
    if stored is not None and (stored.is_selection or not stored.model):
        what = "the checkpoint of a select" if stored.is_selection else "an evaluation of another tool's texts"
        raise UsageError(f"{task.directory} is {what}.", "Name another directory with -r.")
    own = task.directory / "prompts"
    judged = (options.judge_model or (stored and stored.judge_model)) is not None
    names = (*AGENTWRITE, "judge") if judged else AGENTWRITE
    templates = load_templates(options.prompts or (own if stored and own.is_dir() else None), names)
    given = options.text_settings() | {"templates": templates.digests()}
    # Where nothing is planned, written or on its way yet, nothing can differ: a wrong model's name is simply put right.
    accept_new = bool(options.new_settings) or (run is not None and run.is_blank())
    fresh: set[Job] = set() if run is not None and run.index.answers(Judgement.stage) else {"judge"}
    uses = _uses(task, run)
    if judged and task.export is not None:
        uses.add("judge")
    return settle(given, stored, uses=uses, accept_new=accept_new, fresh=fresh), templates


def _uses(task: Task, run: Run | None) -> set[Job]:
    uses: set[Job] = {"plan"} if task.plan else set()
    if task.write:
        uses.add("write")
        if run and any(run.index.plan_at(position) is None for position in range(len(run.index))):
            uses.add("plan")
    return uses
