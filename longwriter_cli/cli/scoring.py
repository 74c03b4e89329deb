"""The results of an evaluation, written and shown: results.md, charts, and results.json last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from longwriter_cli.cli.output import plain, show
from longwriter_cli.evals.ruler import measured
from longwriter_cli.records import Prediction
from longwriter_cli.report import charts as drawing
from longwriter_cli.report.evaluation import (
    has_tenths,
    markdown,
    remarks,
    results_row,
    ruler_table,
    table_of,
    tenths_table,
)
from longwriter_cli.report.layout import console
from longwriter_cli.report.tables import show_evaluation
from longwriter_cli.settings import Settings
from longwriter_cli.stages.evaluate import WordCount, scored_texts
from longwriter_cli.stages.trajectory import trajectory
from longwriter_cli.store.manifest import write_whole
from longwriter_cli.store.results import read_results, write_results
from longwriter_cli.store.run import Run

TABLE = "results.md"
RULER = "ruler"


@dataclass(frozen=True)
class Scores:
    """What an evaluation came to, and the files that say so."""

    results: Mapping[str, Any]
    files: tuple[Path, ...]

    def summary(self) -> dict[str, Any]:
        """What goes into the `--json` summary."""
        whole = self.results["all"]
        figures = {name: whole[name] for name in ("predicted", "judged", "overall", "s_l", "s_q")}
        if ruler := self.results.get("ruler"):
            figures |= {name: ruler[name] for name in ("longest", "reached")}
        return {**figures, "results": plain(str(self.files[-1]))}

    def show(self) -> None:
        show_evaluation(console(), self.results)
        show("written: " + ", ".join(plain(str(path)) for path in self.files))


def method_of(settings: Settings) -> str:
    return "parallel" if settings.method == "agentwrite" and settings.mode == "parallel" else settings.method


def about(
    run: Run, settings: Settings, command: str, benchmark: str | None, predictions: str | None, **more: Any
) -> dict[str, Any]:
    """What a reader of the results must know of how they came about; what is not said again stays as it was."""
    earlier = read_results(run.directory) or {}
    own = {"benchmark": benchmark, "predictions": predictions}
    return {
        "command": command,
        **{name: value or earlier.get(name) for name, value in own.items()},
        "method": method_of(settings),
        "model": _writer(run, settings),
        "judge": settings.judge_model,
        **more,
    }


def _writer(run: Run, settings: Settings) -> str | None:
    """The model that wrote the texts. Of another tool's only its rows can tell, and the user by -m.

    Without -m the settings of such a run name the judge alone, who wrote none of them.
    """
    if settings.method != "given":
        return settings.model or None
    told = {prediction.model for prediction in run.answers(Prediction)}
    if len(told) == 1 and (writer := told.pop()):
        return writer
    return settings.model if settings.model != settings.judge_model else None


def score(
    run: Run,
    settings: Settings,
    *,
    command: str,
    benchmark: str | None,
    predictions: str | None,
    word_count: WordCount,
    limit: int | None,
    charts: bool | None,
    compared: Mapping[str, Any] | None = None,
) -> Scores:
    """Scores all texts of the run and writes what comes of it."""
    texts = scored_texts(run, settings, word_count, limit)
    known = about(run, settings, command, benchmark, predictions, word_count=word_count)
    if compared is not None:
        known["compared"] = dict(compared)
    if command == RULER:
        known["ruler"] = asdict(measured(texts))
    known["trajectory"] = [asdict(tenth) for tenth in trajectory(run, settings, limit)]
    results = results_row(texts, known)
    files: list[Path] = []
    if charts or (charts is None and drawing.is_installed()):
        files += drawing.draw(results, run.directory)
    path = run.directory / TABLE
    tables = [ruler_table(results["ruler"])] if command == RULER else []
    tables += [table_of(results)] + ([tenths_table(results["trajectory"])] if has_tenths(results) else [])
    parts = [*map(markdown, tables), *(f"{remark}\n" for remark in remarks(results))]
    write_whole(path, "\n".join(parts))
    return Scores(results, (*files, path, write_results(run.directory, results)))
