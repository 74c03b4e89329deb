"""How good a run is, as far as its index and the heads of its rows tell: no text is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from longwriter_cli.records import Prediction
from longwriter_cli.report.failures import ComesBack, FailureGroup, group_failures
from longwriter_cli.report.measures import Distribution, Lengths, LengthTally, distribution
from longwriter_cli.report.quality import Quality, run_quality
from longwriter_cli.report.summary import Counts, count
from longwriter_cli.store.batch_rows import read_standing
from longwriter_cli.store.batches import BATCHES
from longwriter_cli.store.export import Format, default_path
from longwriter_cli.store.index import SectionEntry
from longwriter_cli.store.jsonl import RowReader
from longwriter_cli.store.run import PLANS, REJECTS, Run

_SAMPLES = 3


@dataclass(frozen=True, slots=True)
class PlanFigures:
    """The current plans. `flags` says for each id that has one why its plan was taken although it is off."""

    n: int
    steps: int
    words: int
    flags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SectionFigures:
    """The sections of the current plans, also of unfinished texts.

    `target_words` are those of the plans' steps, whatever `--length-control carry` asked for in the end. `mean_ratio`
    is the mean over sections of words / target words, None without sections.
    """

    n: int
    words: int
    target_words: int
    mean_ratio: float | None


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """The finished texts that one filter dropped at the last export: how many, and the first few with the detail."""

    n: int
    samples: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What was sent by batch and has not come back."""

    batches: int
    requests: int


@dataclass(frozen=True, slots=True)
class RunFigures:
    """`words`, `lengths` and `quality` are of the finished texts; `rejects` are those that a filter dropped, by reason.

    `samples` counts texts written in one call or put beside them to be scored; several of an instruction each count.
    `finished_failed` counts instructions that have their text and a standing failure all the same: it is unjudged.
    """

    counts: Counts
    plans: PlanFigures
    words: Distribution
    lengths: Lengths
    sections: SectionFigures
    failures: tuple[FailureGroup, ...]
    rejects: Mapping[str, RejectGroup]
    quality: Quality | None
    finished_failed: int
    samples: int
    by_batch: UnderWay

    @property
    def texts(self) -> int:
        """Finished texts, all samples of an instruction counted."""
        return max(self.counts.written, self.samples)

    @property
    def rejected(self) -> int:
        return sum(group.n for group in self.rejects.values())

    @property
    def records(self) -> int:
        """Finished texts that no filter dropped."""
        return max(0, self.counts.written - self.rejected)

    @property
    def to_do(self) -> int:
        """Instructions that are neither written nor failed; of the failed, some come back by themselves."""
        bad_rows = sum(group.n for group in self.failures if group.kind == "bad_row")
        unwritten_failed = self.counts.failed - bad_rows - self.finished_failed
        return max(0, self.counts.instructions - self.counts.written - unwritten_failed)


def run_figures(run: Run, comes_back: ComesBack) -> RunFigures:
    """Reads what a run holds in one round over its index.

    Raises:
        InputError: a row of `plans.jsonl`, `rejects.jsonl` or `batches.jsonl` cannot be read.
    """
    tally = _Tally(run)
    counts = count(run, tally.look)
    return RunFigures(
        counts,
        PlanFigures(counts.planned, tally.steps, tally.planned_words, _flags(run)),
        distribution(tally.words),
        tally.lengths.figures(),
        SectionFigures(
            counts.sections,
            counts.words,
            tally.target_words,
            round(tally.ratios / counts.sections, 3) if counts.sections else None,
        ),
        group_failures(run.index.standing_failures(), comes_back),
        _rejects(run),
        run_quality(run),
        _finished_failed(run),
        len(run.index.answers(Prediction.stage)),
        _under_way(run),
    )


def _under_way(run: Run) -> UnderWay:
    sent = read_standing(run.directory / BATCHES).sent.values()
    return UnderWay(len(sent), sum(batch.requests for batch in sent))


def in_one_call(run: Run) -> bool:
    """Whether the run writes its texts without plans, or was given them."""
    return run.manifest is not None and run.manifest.settings.get("method") in ("direct", "given")


class _Tally:
    """Takes in the planned instructions one by one."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._index = run.index
        self._carries = _has_carried(run)
        self.steps = self.planned_words = self.target_words = 0
        self.ratios = 0.0
        self.words: Counter[int] = Counter()
        self.lengths = LengthTally()

    def look(self, position: int, entries: Mapping[int, SectionEntry]) -> None:
        index = self._index
        steps = index.plan_steps(position)
        self.steps += steps
        self.planned_words += index.plan_words(position)
        words = 0
        targets = self._targets(position) if self._carries else {}
        for n, entry in entries.items():
            target = targets.get(n, entry.target_words)
            words += entry.words
            self.target_words += target
            self.ratios += entry.words / max(1, target)
        if len(entries) == steps:
            self.words[words] += 1
            if required := index.required_words(position):
                self.lengths.add(required, words)

    def _targets(self, position: int) -> dict[int, int]:
        """The words of each step as the plan has them; the rows of sections hold what the model was asked for."""
        plan = self._run.plan(position)
        return {} if plan is None else {step.n: step.words for step in plan.steps}


def _has_carried(run: Run) -> bool:
    """Whether targets may differ from the plan's, so that the plans have to be read."""
    manifest = run.manifest
    rows = () if manifest is None else (manifest.settings, *(change["settings"] for change in manifest.changes))
    return any(row.get("length_control") == "carry" for row in rows)


def _finished_failed(run: Run) -> int:
    positions = {run.index.position(failure.id) for failure in run.index.standing_failures() if failure.id is not None}
    return sum(position is not None and run.index.is_complete(position) for position in positions)


@dataclass(frozen=True, slots=True)
class _Flagged:
    id: str
    flag: str = ""


@dataclass(frozen=True, slots=True)
class _Reject:
    id: str
    reason: str
    detail: str = ""


def _flags(run: Run) -> dict[str, str]:
    flags: dict[str, str] = {}
    for _, _, plan in RowReader(_Flagged).scan(run.directory / PLANS):
        if plan.flag and run.index.position(plan.id) is not None:
            flags[plan.id] = plan.flag
        else:
            flags.pop(plan.id, None)
    return flags


def _rejects(run: Run) -> dict[str, RejectGroup]:
    """The newest reject of each id, by reason, the most frequent first."""
    newest = newest_rejects(run)
    times = Counter(reason for reason, _ in newest.values())
    samples: dict[str, list[tuple[str, str]]] = {reason: [] for reason in times}
    for id, (reason, detail) in newest.items():  # noqa: A001 - the contract's word
        if len(shown := samples[reason]) < _SAMPLES:
            shown.append((id, detail))
    return {reason: RejectGroup(n, tuple(samples[reason])) for reason, n in times.most_common()}


def newest_rejects(run: Run) -> dict[str, tuple[str, str]]:
    """Why the last export left a text out, by id: reason and detail.

    Raises:
        InputError: a row of `rejects.jsonl` cannot be read.
    """
    return {row.id: (row.reason, row.detail) for _, _, row in RowReader(_Reject).scan(run.directory / REJECTS)}


def exported(run: Run) -> Path | None:
    """The newest export of a run among those that stand where nothing else was said, or None where there is none."""
    kinds: tuple[Format, ...] = ("jsonl", "parquet", "hf")
    paths = [path for kind in kinds if (path := default_path(run.directory, kind)).exists()]
    return max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
