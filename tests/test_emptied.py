"""An export of nothing never takes the place of a good one without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer
from program import at, essays, read_rows, run_longwriter, snapshot, write_rows

FORMS = [
    (),
    ("--format", "parquet"),
    ("--format", "hf"),
    ("--split", "train=0.9,test=0.1"),
    ("--format", "parquet", "--shard-size", "1MB"),
    ("--format", "hf", "--split", "train=0.9,test=0.1"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two finished texts."""
    directory = tmp_path_factory.mktemp("emptied")
    source = write_rows(directory / "in.jsonl", essays(2))
    with FakeServer() as server:
        run_longwriter("build-dataset", source, "-r", directory / "run", *at(server))
    return directory / "run"


def export(run: Path, *options: object, **more: Any) -> Any:
    return run_longwriter("build-dataset", "-r", run, "--export-only", *options, **more)


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_filters_that_drop_everything_leave_the_earlier_export(
    made: Path, tmp_path: Path, form: tuple[str, ...]
) -> None:
    out = tmp_path / ("data" if len(form) > 2 or "hf" in form or "--split" in form else "data.out")
    export(made, *form, "-o", out)
    before, rejects = (
        snapshot(tmp_path),
        (made / "rejects.jsonl").read_bytes() if (made / "rejects.jsonl").exists() else b"",
    )
    result = export(made, *form, "-o", out, "--min-words", "90000", "--json", code=2)
    assert "Dropped by the filters: too_short 2." in result.stderr
    assert str(out) in result.stderr
    assert (result.summary["records"], result.summary["rejected"], result.summary["dataset"]) == (0, 2, None)
    assert snapshot(tmp_path) == before
    assert not read_rows(made / "rejects.jsonl"), "they are those of the export that stands"
    assert rejects == b""


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
def test_an_export_of_nothing_may_be_the_first_and_may_follow_another(
    made: Path, tmp_path: Path, form: tuple[str, ...]
) -> None:
    out = tmp_path / ("data" if len(form) > 2 or "hf" in form or "--split" in form else "data.out")
    for _ in range(2):
        assert export(made, *form, "-o", out, "--min-words", "90000", "--json").summary["records"] == 0
    assert export(made, *form, "-o", out, "--json").summary["records"] == 2


def test_a_budget_that_ends_a_run_before_anything_is_written_anew_leaves_the_earlier_export(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"id": "a", **essays(1)[0]}])
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    earlier = (run / "dataset.jsonl").read_bytes()
    server.seed = 2
    run_longwriter("plan", "-r", run, "--redo", "a", *at(server))
    result = run_longwriter("build-dataset", "-r", run, "--max-total-tokens", "1", *at(server), code=4)
    assert "stays as it was" in result.stderr
    assert "No text is finished" in result.stderr
    assert (run / "dataset.jsonl").read_bytes() == earlier


def test_a_selection_of_nothing_leaves_the_earlier_one(tmp_path: Path) -> None:
    log, out = write_rows(tmp_path / "log.jsonl", essays(3, 3000)), tmp_path / "out.jsonl"
    run_longwriter("select", log, "-o", out)
    before, rejects = out.read_bytes(), Path(f"{out}.run") / "rejects.jsonl"
    dropped = rejects.read_bytes()
    result = run_longwriter("select", log, "-o", out, "--min-words", "9000", code=2)
    assert "Dropped: too_short 3." in result.stderr
    assert (out.read_bytes(), rejects.read_bytes()) == (before, dropped)
    out.unlink()
    run_longwriter("select", log, "-o", out, "--min-words", "9000")
    assert out.read_bytes() == b""


def test_pairs_of_nothing_leave_the_earlier_ones(tmp_path: Path, run: Path, server: FakeServer) -> None:
    lengths = iter(range(100))
    server.answer = lambda request: "word " * (100 + 200 * (next(lengths) % 4)) + "end."
    source = write_rows(tmp_path / "in.jsonl", essays(1, 800))
    run_longwriter("pairs", source, "-r", run, "--quality-weight", "0", *at(server))
    before = (run / "pairs.jsonl").read_bytes()
    assert before
    again = ("pairs", "-r", run, "--quality-weight", "0", "--min-margin", "100")
    assert "No pair is left" in run_longwriter(*again, code=2).stderr
    assert (run / "pairs.jsonl").read_bytes() == before
