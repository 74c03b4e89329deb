"""`longwriter inspect --html`, as a user calls it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, Reply
from made_page import data_of
from program import at, essays, read_rows, run_longwriter, snapshot, write_rows

from longwriter_cli.evals.length import length_score


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a text, one that a filter drops, one that is refused, and a bad row; judged."""
    directory = tmp_path_factory.mktemp("html")
    rows: list[dict[str, Any]] = [
        {"id": "kept", "prompt": "Write an essay of 900 words on rivers.", "type": "Popular Science"},
        {"id": "short", "prompt": "Write a note of 300 words on rivers."},
        {"id": "refused", "prompt": "Write 1500 words that you will refuse."},
        {"prompt": ""},
    ]

    def answer(body: dict[str, Any]) -> Reply | None:
        return Reply(text=None, refusal="I will not.") if "will refuse" in body["messages"][-1]["content"] else None

    source = write_rows(directory / "in.jsonl", rows)
    with FakeServer(answer=answer) as server:
        run_longwriter(
            *("build-dataset", source, "-r", directory / "run", *at(server), "--skip-bad-rows", "--metadata"),
            *("--min-words", 500, "--judge-model", "fake-writer"),
            code=3,
        )
    return directory / "run"


def html_of(*arguments: object) -> str:
    file = Path(str(arguments[-1]))
    run_longwriter("inspect", *arguments[:-1], "--html", file)
    return file.read_text(encoding="utf-8")


def test_the_page_says_what_the_files_say(run: Path, tmp_path: Path) -> None:
    before = snapshot(run)
    html = html_of(run, "--price-in", 1, "--price-out", 2, tmp_path / "report.html")
    assert snapshot(run) == before
    rows = data_of(html)["rows"]
    assert rows["id"] == ["kept", "short", "refused"]
    assert [("finished", "rejected", "failed", "unfinished")[n] for n in rows["outcome"]] == [
        *("finished", "rejected", "failed"),
    ]
    assert rows["reason"] == ["", "too_short", "refusal"]
    assert rows["type"] == ["Popular Science", "", ""]
    sections = [row for row in read_rows(run / "sections.jsonl") if row["id"] == "kept"]
    assert rows["words"][0] == sum(section["words"] for section in sections)
    assert rows["sl"][0] == round(length_score(900, rows["words"][0]), 1)
    record = read_rows(run / "dataset.jsonl")[0]
    assert rows["sq"][0] == pytest.approx(record["quality"], abs=0.051)
    _, passages = data_of(html)["blocks"][0][0]
    assert [passage[4] for passage in passages] == [
        section["text"] for section in sorted(sections, key=lambda row: int(row["n"]))
    ]
    for said in ("too_short", "refusal", "in.jsonl line 4", "Cost over time", "Tokens over time"):
        assert said in html


def test_the_command_tells_what_is_in_the_page(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "a page.html"
    result = run_longwriter("inspect", run, "--html", file)
    assert result.stdout == ""
    assert f"{file}: " in result.stderr
    assert "3 texts in full" in result.stderr
    made = run_longwriter("inspect", run, "--html", file, "--json").summary
    assert made == {
        "command": "inspect",
        "html": str(file),
        "bytes": file.stat().st_size,
        "texts": 3,
        "left_out": 0,
        "whole": 3,
        "beginnings": 0,
        "exit_code": 0,
    }


def test_an_earlier_page_is_replaced_and_nothing_else_is(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    html_of(run, file)
    html_of(run / "dataset.jsonl", file)
    assert data_of(file.read_text())["runs"] == ["dataset.jsonl"]
    before = snapshot(run)
    for taken in (run / "dataset.jsonl", run / "manifest.json", run):
        result = run_longwriter("inspect", run, "--html", taken, code=2)
        assert "--html" in result.stderr
    assert snapshot(run) == before
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_a_dataset_is_shown_by_what_its_records_say(run: Path, tmp_path: Path) -> None:
    rows = data_of(html_of(run / "dataset.jsonl", tmp_path / "report.html"))["rows"]
    record = read_rows(run / "dataset.jsonl")[0]
    assert (rows["id"], rows["words"], rows["required"]) == (["kept"], [record["words"]], [record["required_words"]])
    assert rows["sq"] == [pytest.approx(record["quality"], abs=0.051)]
    plain = write_rows(tmp_path / "plain.jsonl", [{"messages": record["messages"], "quality": "good"}] * 2)
    rows = data_of(html_of(plain, tmp_path / "report.html"))["rows"]
    assert (rows["id"], rows["sq"], rows["required"]) == (["1", "2"], [None, None], [900, 900])


def test_runs_and_datasets_are_compared_also_without_an_evaluation(run: Path, tmp_path: Path) -> None:
    html = html_of(run, run / "dataset.jsonl", tmp_path / "report.html")
    assert data_of(html)["runs"] == ["run", "dataset.jsonl"]
    assert data_of(html)["rows"]["run"] == [0, 0, 0, 1]
    assert data_of(html)["commands"] == [
        f"longwriter inspect {run} --id",
        f"longwriter inspect {run / 'dataset.jsonl'} --id",
    ]


def test_an_evaluation_is_shown_with_its_scores(tmp_path: Path) -> None:
    rows = [{"id": f"e{i}", "prompt": f"Write {600 + i} words.", "length": 600 + i, "type": "News"} for i in range(3)]
    benchmark = write_rows(tmp_path / "bench.jsonl", rows)
    for name, bias in (("one", 1.0), ("two", 0.6)):
        with FakeServer(bias=bias) as server:
            run_longwriter("evaluate", benchmark, "-r", tmp_path / name, *at(server), "--judge-model", "fake-writer")
    html = html_of(tmp_path / "one", tmp_path / "report.html")
    found = data_of(html)["rows"]
    scores = {row["id"]: row for row in json.loads((tmp_path / "one" / "results.json").read_text())["rows"]}
    assert found["id"] == list(scores)
    assert found["words"] == [scores[id]["length"] for id in found["id"]]  # noqa: A001
    assert found["sl"] == [pytest.approx(scores[id]["s_l"], abs=0.051) for id in found["id"]]  # noqa: A001
    assert found["sq"] == [pytest.approx(scores[id]["s_q"], abs=0.051) for id in found["id"]]  # noqa: A001
    assert "Evaluation" in html
    assert "overall" in html
    both = html_of(tmp_path / "one", tmp_path / "two", tmp_path / "report.html")
    assert "S_l − first" in both


def test_a_selection_is_shown_by_its_verdicts(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [{"prompt": p} for p in ("Write a novel of love.", "Say a word on tea.")])
    with FakeServer() as server:
        run_longwriter("select", log, "-o", tmp_path / "out.jsonl", "-r", tmp_path / "run", *at(server))
    html = html_of(tmp_path / "run", tmp_path / "report.html")
    data = data_of(html)
    assert data["selects"] == [True]
    kept = {row["id"]: row["keep"] for row in read_rows(tmp_path / "run" / "selections.jsonl")}
    assert dict(zip(data["rows"]["id"], [n == 0 for n in data["rows"]["outcome"]], strict=True)) == kept
    assert "<dt>Kept</dt><dd><b>1</b>" in html


def test_a_selection_is_shown_under_the_limit_that_it_has_by_now(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [{"prompt": "Write a novel of love."}])
    verdict = '{"reason": "r", "words": 3000, "keep": false}'
    command = ("select", log, "-o", tmp_path / "out.jsonl", "-r", tmp_path / "run")
    with FakeServer(answer=lambda request: verdict) as server:
        run_longwriter(*command, "--min-words", 4000, *at(server))
        run_longwriter(*command, "--min-words", 2000, "--new-settings", *at(server))
    html = html_of(tmp_path / "run", tmp_path / "report.html")
    assert data_of(html)["rows"]["outcome"] == [0]
    assert "<dt>Kept</dt><dd><b>1</b>" in html


def test_a_selection_that_asked_no_model_is_shown_as_one(tmp_path: Path) -> None:
    log = write_rows(tmp_path / "log.jsonl", [{"prompt": "Write a novel of love."}, *essays(1, 3000)])
    run_longwriter("select", log, "-o", tmp_path / "out.jsonl", "-r", tmp_path / "run")
    html = html_of(tmp_path / "run", tmp_path / "report.html")
    assert data_of(html)["selects"] == [True]
    assert "<dt>Dropped</dt><dd><b>1</b>" in html
    assert "no model was asked" in html
    assert "<dt>Records</dt>" not in html


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--id", "kept"), "--id"),
        (("--html-size", "10KB"), "250KB"),
        (("--html-size", "large"), "--html-size large"),
    ],
)
def test_what_cannot_be_meant_is_told(run: Path, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run_longwriter("inspect", run, "--html", tmp_path / "report.html", *arguments, code=2)
    assert said in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_leads_nowhere_leaves_an_earlier_page(run: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    html_of(run, file)
    before = snapshot(tmp_path)
    run_longwriter("inspect", run, tmp_path / "nothing", "--html", file, code=2)
    assert snapshot(tmp_path) == before


def test_six_thousand_records_make_a_page_of_three_megabytes_at_most(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"Write 300 words on {i}."}, {"role": "assistant", "content": text}]}
        for i, text in enumerate(f"{i} " + " ".join(f"w{i * j % 9973}" for j in range(300)) for i in range(6000))
    ]
    source, file = write_rows(tmp_path / "many.jsonl", rows), tmp_path / "report.html"
    made = run_longwriter("inspect", source, "--html", file, "--json").summary
    assert (made["texts"], made["left_out"]) == (6000, 0)
    assert made["whole"] < 6000
    assert 2_500_000 < file.stat().st_size <= 3_000_000
    larger = run_longwriter("inspect", source, "--html", file, "--html-size", "5MB", "--json").summary
    assert larger["whole"] > made["whole"]
    assert 3_000_000 < file.stat().st_size <= 5_000_000


def test_a_run_under_way_gives_a_page(tmp_path: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    with FakeServer() as server:
        run_longwriter("plan", source, "-r", tmp_path / "run", *at(server))
    with (tmp_path / "run" / "sections.jsonl").open("ab") as file:
        file.write(b'{"id": "x", "n": 1, "pl')
    before = snapshot(tmp_path / "run")
    rows = data_of(html_of(tmp_path / "run", tmp_path / "report.html"))["rows"]
    assert rows["outcome"] == [3, 3]
    assert snapshot(tmp_path / "run") == before
