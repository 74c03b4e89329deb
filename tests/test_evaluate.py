"""`evaluate` through the whole program: texts written or read, scored, resumed, told apart."""

from __future__ import annotations

import json
import random
import re
import statistics
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_faults import RETRYABLE_FAULTS
from fake_model import (
    DIMENSIONS,
    ScriptedModel,
    asked_step,
    is_comparing,
    is_judging,
    judgement,
    prompt_text,
    quoted_texts,
    stops_at,
    text_so_far,
)
from fake_server import FakeServer, Reply
from program import Program, at, read_rows, rows_so_far, run_longwriter, snapshot, until, write_rows

from longwriter_cli.evals.length import length_score

JUDGE = ("--judge-model", "fake-judge")
TYPES = ("News Report", "Popular Science")
LENGTHS = (300, 1000, 3000, 6000)


@pytest.fixture
def benchmark(tmp_path: Path) -> Path:
    rows = [
        {"id": f"{language}-{words}", "prompt": prompt.format(words), "type": TYPES[place % 2], "length": words}
        for language, prompt in (
            ("en", "Write an article of {} words on rivers."),
            ("zh", "写一篇{}字的文章，讲河流。"),
        )
        for place, words in enumerate(LENGTHS)
    ]
    return write_rows(tmp_path / "benchmark.jsonl", rows)


def results(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "results.json").read_text())
    return found


def test_direct_answers_are_asked_for_as_the_paper_does_and_scored_by_its_formula(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    server.answer = partial(stops_at, 2000)
    summary = run_longwriter("evaluate", benchmark, "-r", run, *at(server), "--json").summary
    prompts = [json.loads(line)["prompt"] for line in benchmark.read_text().splitlines()]
    assert sorted(prompt_text(request) for request in server.requests) == sorted(prompts), "the prompt as it stands"
    for request in server.requests:
        assert (request["temperature"], request["max_tokens"], request["stream"]) == (0.5, 32_768, True)
    rows = {row["id"]: row for row in results(run)["rows"]}
    assert list(rows) == [f"{language}-{words}" for language in ("en", "zh") for words in LENGTHS]
    for row in rows.values():
        assert row["length"] == min(2000, row["required"])
        assert row["s_l"] == pytest.approx(length_score(row["required"], row["length"]), abs=1e-4)
    assert results(run)["all"]["s_l"]["mean"] == pytest.approx(statistics.fmean([100, 100, 75, 0]), abs=0.01)
    assert (summary["predicted"], summary["judged"], summary["s_q"], summary["calls"]) == (8, 0, None, 8)
    by = results(run)["by"]
    assert {name: part["n"] for name, part in by["range"].items()} == dict.fromkeys(
        ("[0,500)", "[500,2k)", "[2k,4k)", "[4k,∞)"), 2
    )
    assert by["range"]["[4k,∞)"]["s_l"] == {"n": 2, "mean": 0.0, "low": 0.0, "high": 0.0}
    assert {name: part["n"] for name, part in by["type"].items()} == dict.fromkeys(TYPES, 4)
    assert {name: part["n"] for name, part in by["language"].items()} == {"en": 4, "zh": 4}
    assert by["type"]["News Report"]["s_l"]["low"] <= 87.5 <= by["type"]["News Report"]["s_l"]["high"]


def test_the_table_of_methods_shows_what_agentwrite_adds(benchmark: Path, tmp_path: Path, server: FakeServer) -> None:
    """On a model that stops at 2,000 words when it is asked directly."""
    server.answer = partial(stops_at, 2000)
    means = {}
    for method in ("direct", "agentwrite", "parallel"):
        run = tmp_path / method
        run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--method", method)
        found = results(run)
        assert found["method"] == method
        assert found["all"]["judged"] == 8
        means[method] = found["all"]["s_l"]["mean"]
        lengths = {row["id"]: row["length"] for row in found["rows"]}
        if method != "direct":
            assert lengths["en-6000"] == pytest.approx(6000, rel=0.05)
    assert means["direct"] < 70
    assert means["agentwrite"] > 95
    assert means["parallel"] > 95
    assert not any("stream" in request or request.get("max_tokens") for request in server.requests[-8:])


def test_quality_is_that_of_the_judge_and_overall_the_mean_of_both(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    shown = run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE).stdout
    scores = [judgement(prompt_text(request)) for request in server.requests if is_judging(prompt_text(request))]
    expected = {name: statistics.fmean((row[name] - 1) * 25 for row in scores) for name in DIMENSIONS}
    whole = results(run)["all"]
    assert {name: part["mean"] for name, part in whole["dimensions"].items()} == pytest.approx(expected, abs=0.01)
    s_q = statistics.fmean(expected.values())
    assert whole["s_q"]["mean"] == pytest.approx(s_q, abs=0.01)
    assert whole["overall"]["mean"] == pytest.approx((s_q + whole["s_l"]["mean"]) / 2, abs=0.01)
    assert whole["s_q"]["low"] < s_q < whole["s_q"]["high"]
    table = (run / "results.md").read_text()
    assert f"| all | 8 | 8 | {whole['overall']['mean']:.1f} (" in table
    assert f"{whole['s_q']['mean']:.1f} (" in shown


def test_given_again_it_calls_nobody_and_writes_the_same(benchmark: Path, run: Path, server: FakeServer) -> None:
    command = ("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    run_longwriter(*command)
    before = snapshot(run)
    del before["run.lock"]
    assert run_longwriter(*command, "--json").summary["calls"] == 0
    run_longwriter("evaluate", "-r", run)
    after = snapshot(run)
    assert {name: file[0] for name, file in after.items() if name in before} == {n: f[0] for n, f in before.items()}
    assert server.stats.repeats_after_success == 0


def test_a_killed_evaluation_goes_on_and_pays_for_no_answer_twice(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    server.latency_s = 0.2
    command = ("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "-c", "1")
    program = Program(*command)
    until(lambda: len(rows_so_far(run / "judgements.jsonl")) >= 2)
    program.signal(9)
    program.wait()
    server.latency_s = 0.0
    run_longwriter(*command)
    assert results(run)["all"]["judged"] == 8
    assert server.stats.calls <= 16 + 2, "one answer may have been on its way"


def test_a_text_that_is_cut_or_refuses_counts_as_it_is_and_an_empty_one_as_nothing(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    def answer(request: dict[str, Any]) -> str | Reply | None:
        prompt = prompt_text(request)
        if is_judging(prompt):
            return None
        if "300 words" in prompt:
            return Reply(text=None, refusal="I will not.")
        if "1000 words" in prompt:
            return Reply("Half a text, it ends in the", finish_reason="length")
        if "3000 words" in prompt:
            return ""
        return "<think>I count: one two three four five.</think>\n\nTwo words."

    server.answer = answer
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    rows = {row["id"]: row for row in results(run)["rows"]}
    assert [rows[f"en-{words}"]["length"] for words in LENGTHS] == [3, 7, 0, 2]
    assert (rows["en-3000"]["s_l"], rows["en-3000"]["s_q"]) == (0.0, 0.0)
    judged = [request for request in server.requests if is_judging(prompt_text(request))]
    assert len(judged) == 7, "nothing is not put before a judge"
    empty = next(row for row in read_rows(run / "predictions.jsonl") if row["id"] == "en-3000")
    assert (empty["attempts"], empty["finish_reason"]) == (3, "empty")


def test_unjudged_texts_are_told_and_hidden_in_no_mean(benchmark: Path, run: Path, server: FakeServer) -> None:
    def answer(request: dict[str, Any]) -> str | None:
        prompt = prompt_text(request)
        if not is_judging(prompt):
            return "Some words."
        return "No idea." if "> Write" in prompt else json.dumps(dict.fromkeys(DIMENSIONS, 3))

    server.answer = answer
    result = run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE, code=3)
    whole = results(run)["all"]
    assert (whole["predicted"], whole["judged"], whole["s_q"]["n"]) == (8, 4, 4)
    assert whole["s_q"]["mean"] == 50
    assert whole["s_q_bounds"] == [25, 75]
    assert "4 of 8 texts are not judged" in result.stdout
    assert "25.0 to 75.0" in (run / "results.md").read_text()


def test_a_text_that_cannot_be_had_counts_in_no_mean_and_is_told(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    bad = b'{"error": {"message": "No such luck.", "code": "bad"}}'
    server.answer = lambda request: Reply(status=400, body=bad) if "300" in prompt_text(request) else "Some words."
    result = run_longwriter("evaluate", benchmark, "-r", run, *at(server), code=3)
    whole = results(run)["all"]
    assert (whole["n"], whole["predicted"], whole["s_l"]["n"]) == (8, 4, 4), "300 and 3000 words"
    assert "4 of 8 instructions have no text" in result.stdout


# --- judging again, several times


def test_several_judgements_of_a_text_are_averaged(benchmark: Path, run: Path, server: FakeServer) -> None:
    times: Counter[str] = Counter()

    def answer(request: dict[str, Any]) -> str | None:
        prompt = prompt_text(request)
        if not is_judging(prompt):
            return "Some words."
        times[prompt] += 1
        return json.dumps(dict.fromkeys(DIMENSIONS, 1 + times[prompt]))

    server.answer = answer
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--judge-samples", "3")
    assert len(read_rows(run / "judgements.jsonl")) == 24
    assert {row["s_q"] for row in results(run)["rows"]} == {50}
    run_longwriter("evaluate", "-r", run, *at(server), "--judge-samples", "4")
    assert len(read_rows(run / "judgements.jsonl")) == 32
    assert {row["s_q"] for row in results(run)["rows"]} == {62.5}


def test_judging_is_done_anew_and_the_texts_stay(benchmark: Path, run: Path, server: FakeServer) -> None:
    command = ("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    run_longwriter(*command)
    texts = (run / "predictions.jsonl").read_bytes()
    low = json.dumps(dict.fromkeys(DIMENSIONS, 2))
    server.answer = lambda request: low if is_judging(prompt_text(request)) else None
    assert run_longwriter(*command, "--redo-judging", "--json").summary["calls"] == 8
    assert (run / "predictions.jsonl").read_bytes() == texts
    assert results(run)["all"]["s_q"]["mean"] == 25
    assert run_longwriter(*command, "--json").summary["calls"] == 0


def test_another_judge_is_a_new_setting_and_starts_from_nothing(benchmark: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    other = ("evaluate", "-r", run, *at(server), "--judge-model", "other")
    assert "--new-settings" in run_longwriter(*other, code=2).stderr
    run_longwriter(*other, "--new-settings")
    assert Counter(row["judge"] for row in read_rows(run / "judgements.jsonl")) == {"fake-judge": 8, "other": 8}
    assert results(run)["judge"] == "other"


# --- texts of another tool


def test_texts_of_another_tool_are_scored_without_a_model(benchmark: Path, run: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in benchmark.read_text().splitlines()]
    given = [
        {"id": "en-300", "response": "word " * 300},
        {"prompt": rows[1]["prompt"], "response": "one two", "response_length": 1000},
        {"id": "en-3000", "response_length": 1500},
        {"id": "nobody", "prompt": "Never asked.", "response": "x"},
        {"id": "zh-1000", "response": "长江" * 500},
    ]
    file = write_rows(tmp_path / "predictions.jsonl", given)
    result = run_longwriter("evaluate", benchmark, "-r", run, "--predictions", file, code=3)
    found = {row["id"]: row for row in results(run)["rows"]}
    assert [found[id]["s_l"] for id in ("en-300", "en-1000", "en-3000", "zh-1000")] == [100, 100, 50, 100]  # noqa: A001
    assert found["zh-300"]["length"] is None
    assert "4 of 8 instructions have no text" in result.stdout
    assert results(run)["method"] == "given"
    run_longwriter("evaluate", "-r", run, "--word-count", "own", code=3)
    assert {row["id"]: row["length"] for row in results(run)["rows"]}["en-1000"] == 2


def test_texts_of_another_tool_are_judged_by_a_judge(benchmark: Path, run: Path, server: FakeServer) -> None:
    rows = [json.loads(line) | {"response": f"Text {n}."} for n, line in enumerate(benchmark.read_text().splitlines())]
    file = write_rows(benchmark.parent / "both.jsonl", rows)
    judge = ("--base-url", server.base_url, *JUDGE)
    run_longwriter("evaluate", file, "-r", run, "--predictions", file, *judge)
    assert results(run)["all"]["judged"] == 8
    assert {request["model"] for request in server.requests} == {"fake-judge"}
    assert all("response" not in row["meta"] for row in read_rows(run / "instructions.jsonl"))


def test_of_several_texts_for_one_row_the_last_counts_and_given_again_changes_nothing(
    benchmark: Path, run: Path, tmp_path: Path, server: FakeServer
) -> None:
    rows = [json.loads(line) for line in benchmark.read_text().splitlines()]
    given = [
        {"id": "en-300", "response": "An earlier text."},
        *({"id": row["id"], "response": f"Text {n}.", "model": "theirs"} for n, row in enumerate(rows)),
        {"id": "en-1000", "response": "Another benchmark's second row.", "prompt": rows[4]["prompt"]},
        {"prompt": "Never asked.", "response": "x"},
    ]
    file = write_rows(tmp_path / "predictions.jsonl", given)
    command = ("evaluate", benchmark, "-r", run, "--predictions", file, "--base-url", server.base_url, *JUDGE, "--json")
    first = run_longwriter(*command)
    assert "1 row for no instruction of the run" in first.stderr
    assert "2 texts not counted: a later row" in first.stderr
    texts = {row["id"]: row["response"] for row in read_rows(run / "predictions.jsonl")}
    assert texts["en-300"] == "Text 0."
    assert (texts["en-1000"], texts["zh-300"]) == ("Text 1.", "Another benchmark's second row."), "the prompt tells"
    assert first.summary["calls"] == 8
    before = {path.name: path.read_bytes() for path in run.glob("*.json*")}
    assert run_longwriter(*command).summary["calls"] == 0
    assert {path.name: path.read_bytes() for path in run.glob("*.json*")} == before


@pytest.mark.parametrize(
    ("row", "given", "more"),
    [
        ({"id": 2, "prompt": "Write on tea."}, {"id": 2.0}, ()),
        ({"id": 0, "prompt": "Write on tea."}, {"id": 0}, ()),
        ({"prompt": "Write on tea."}, {"id": "", "prompt": "Write on tea."}, ()),
        ({"messages": [{"role": "user", "content": "Write on tea."}]}, None, ()),
        ({"instruction": "Write on tea.", "input": "Green."}, None, ()),
        ({"task": "Write on tea.", "prompt": "no prompt"}, None, ("--field", "task")),
    ],
)
def test_ids_and_prompts_of_given_texts_are_read_as_those_of_the_benchmark(
    row: dict[str, Any], given: dict[str, Any] | None, more: tuple[str, ...], run: Path, tmp_path: Path
) -> None:
    """`given` is what the other tool kept of the row, None where that is all of it."""
    bench = write_rows(tmp_path / "bench.jsonl", [{**row, "length": 5}])
    texts = write_rows(tmp_path / "texts.jsonl", [{**(row if given is None else given), "response": "one two"}])
    run_longwriter("evaluate", bench, "-r", run, "--predictions", texts, *more)
    assert [text["length"] for text in results(run)["rows"]] == [2]


def test_texts_that_an_earlier_file_gave_are_told(benchmark: Path, run: Path, tmp_path: Path) -> None:
    ids = [json.loads(line)["id"] for line in benchmark.read_text().splitlines()]
    whole = write_rows(tmp_path / "whole.jsonl", [{"id": id, "response": "one"} for id in ids])  # noqa: A001
    run_longwriter("evaluate", benchmark, "-r", run, "--predictions", whole)
    some = write_rows(tmp_path / "some.jsonl", [{"id": ids[0], "response": "two"}])
    said = run_longwriter("evaluate", benchmark, "-r", run, "--predictions", some).stderr
    assert "7 texts of an earlier file stay" in said


def test_a_file_of_texts_for_other_prompts_is_wrong(benchmark: Path, run: Path, tmp_path: Path) -> None:
    file = write_rows(tmp_path / "predictions.jsonl", [{"prompt": "Never asked.", "response": "x"}])
    said = run_longwriter("evaluate", benchmark, "-r", run, "--predictions", file, code=2).stderr
    assert "no text for an instruction of the run" in said


def test_texts_of_another_tool_never_take_the_place_of_those_that_were_paid_for(
    benchmark: Path, run: Path, tmp_path: Path, server: FakeServer
) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server))
    before = {path.name: path.read_bytes() for path in run.glob("*.json*")}
    file = write_rows(tmp_path / "predictions.jsonl", [{"id": "en-300", "response": "x"}])
    for more in ((), ("--new-settings",)):
        result = run_longwriter("evaluate", benchmark, "-r", run, "--predictions", file, *more, code=2)
        assert "a run of their own" in result.stderr
    assert {path.name: path.read_bytes() for path in run.glob("*.json*")} == before


@pytest.mark.parametrize(
    ("told", "more", "named"),
    [
        ({}, (), None),
        ({"model": "theirs"}, (), "theirs"),
        ({}, ("-m", "known"), "known"),
    ],
)
def test_the_judge_is_never_named_as_the_writer_of_texts_that_were_given(
    told: dict[str, str], more: tuple[str, ...], named: str | None, benchmark: Path, run: Path, server: FakeServer
) -> None:
    ids = [json.loads(line)["id"] for line in benchmark.read_text().splitlines()]
    file = write_rows(benchmark.parent / "given.jsonl", [{"id": id, "response": "x", **told} for id in ids])  # noqa: A001
    judge = ("--base-url", server.base_url, *JUDGE)
    run_longwriter("evaluate", benchmark, "-r", run, "--predictions", file, *judge, *more)
    assert (results(run)["model"], results(run)["judge"]) == (named, "fake-judge")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "a"}, "has no response"),
        ({"response": "x"}, "neither an id nor a prompt"),
        ({"id": "a", "response": 3}, "has no response"),
        ({"id": "a", "response": "x", "response_length": "many"}, "not a number of words"),
    ],
)
def test_a_row_that_is_no_prediction_is_told_with_its_line(
    row: dict[str, Any], reason: str, benchmark: Path, run: Path, tmp_path: Path
) -> None:
    file = write_rows(tmp_path / "predictions.jsonl", [{"id": "en-300", "response": "x"}, row])
    result = run_longwriter("evaluate", benchmark, "-r", run, "--predictions", file, code=2)
    assert "predictions.jsonl line 2" in result.stderr
    assert reason in result.stderr


# --- usage


def test_a_row_without_a_length_is_wrong_and_one_that_states_it_in_its_prompt_is_not(
    run: Path, tmp_path: Path, server: FakeServer
) -> None:
    file = write_rows(tmp_path / "b.jsonl", [{"prompt": "Write 200 words on tea."}])
    run_longwriter("evaluate", file, "-r", run, *at(server))
    assert results(run)["rows"][0]["required"] == 200
    file = write_rows(tmp_path / "c.jsonl", [{"prompt": "Write on tea."}])
    result = run_longwriter("evaluate", file, "-r", tmp_path / "other", *at(server), code=2)
    assert "row 1 states no length" in result.stderr


def test_another_method_on_the_same_run_is_a_new_setting(benchmark: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server))
    result = run_longwriter("evaluate", benchmark, "-r", run, *at(server), "--method", "agentwrite", code=2)
    assert '--method is "direct" there and "agentwrite" here' in result.stderr


def test_what_needs_a_judge_or_another_run_says_so(benchmark: Path, run: Path, server: FakeServer) -> None:
    command = ("evaluate", benchmark, "-r", run, *at(server))
    run_longwriter(*command, "--limit", "1")
    assert "--redo-judging needs a judge" in run_longwriter(*command, "--redo-judging", code=2).stderr
    assert "the run itself" in run_longwriter(*command, *JUDGE, "--compare", run, code=2).stderr
    assert server.stats.calls == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("evaluate", "-r", "RUN", "-m", "m"), "builtin"),
        (("evaluate", "builtin", "-r", "RUN"), "-m local"),
        (("evaluate", "no-such-file.jsonl", "-r", "RUN", "-m", "m"), "no-such-file.jsonl"),
        (("evaluate", "builtin", "-r", "RUN", "--predictions", "x.jsonl", "--method", "direct"), "contradict"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(arguments: tuple[str, ...], word: str, run: Path) -> None:
    result = run_longwriter(*(str(run) if argument == "RUN" else argument for argument in arguments), code=2)
    assert word in result.stderr
    assert not (run / "manifest.json").exists()


def test_the_largest_room_is_what_the_endpoint_takes(benchmark: Path, run: Path, server: FakeServer) -> None:
    server.max_context_tokens = 10_000
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), "-c", "1")
    rooms = [request.get("max_tokens") for request in server.requests]
    assert rooms[0] == 32_768
    assert all(9000 < room < 10_000 for room in rooms[1:])
    assert len(rooms) == 9
    own = ("evaluate", benchmark, "-r", run.parent / "own", *at(server), "--max-tokens", "20000")
    run_longwriter(*own, code=3)


def test_the_budget_stops_an_evaluation_and_what_there_is_is_scored(
    benchmark: Path, run: Path, server: FakeServer
) -> None:
    server.answer = partial(stops_at, 2000)
    command = ("evaluate", benchmark, "-r", run, *at(server), "-c", "1")
    run_longwriter(*command, "--max-total-tokens", "6000", code=4)
    assert 0 < results(run)["all"]["predicted"] < 8
    run_longwriter(*command)
    assert results(run)["all"]["predicted"] == 8


def test_the_builtin_benchmark_needs_no_file(run: Path, server: FakeServer) -> None:
    server.answer = partial(stops_at, 500)
    run_longwriter("evaluate", "builtin", "-r", run, *at(server))
    found = results(run)
    assert found["all"]["predicted"] == 64
    assert {part["n"] for part in found["by"]["range"].values()} == {16}
    assert found["by"]["range"]["[0,500)"]["s_l"]["mean"] > 95
    assert found["by"]["range"]["[2k,4k)"]["s_l"]["mean"] == 0


def test_charts_are_drawn_where_they_can_be(benchmark: Path, run: Path, server: FakeServer) -> None:
    pytest.importorskip("vl_convert")
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--charts")
    for name in ("lengths", "scores"):
        assert (run / f"{name}.svg").read_text().startswith("<svg")
        assert (run / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_without_the_extra_a_hint_says_how_to_get_charts(benchmark: Path, run: Path, server: FakeServer) -> None:
    missing = "import sys\nsys.modules['vl_convert'] = None"
    command = ("evaluate", benchmark, "-r", run, *at(server))
    assert "[report]" in run_longwriter(*command, "--charts", patch=missing, code=2).stderr
    assert server.stats.calls == 0
    run_longwriter(*command, patch=missing)
    assert not (run / "lengths.svg").exists()
    assert results(run)["all"]["predicted"] == 8


@pytest.mark.parametrize("method", ["direct", "agentwrite"])
def test_a_dry_run_is_near_what_is_then_asked_and_asks_nothing(
    method: str, benchmark: Path, run: Path, server: FakeServer
) -> None:
    server.answer = partial(stops_at, 10_000)
    command = ("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--method", method, "--json")
    expected = run_longwriter(*command, "--dry-run").summary
    assert server.stats.calls == 0
    assert not run.exists()
    done = run_longwriter(*command).summary
    assert expected["calls"] == pytest.approx(done["calls"], rel=0.15)
    assert expected["prompt_tokens"] == pytest.approx(done["prompt_tokens"], rel=0.3)
    assert expected["completion_tokens"] == pytest.approx(done["completion_tokens"], rel=0.3)
    again = ("evaluate", "-r", run, *at(server), "--json", "--dry-run")
    assert run_longwriter(*again).summary["calls"] == 0
    assert run_longwriter(*again, "--judge-samples", "2").summary["calls"] == 8
    assert run_longwriter(*again, "--judge-parts").summary["calls"] == 80
    assert run_longwriter(*again, "--redo-judging").summary["calls"] == 8


# --- side by side


def test_inspect_compares_evaluations_in_pairs(benchmark: Path, tmp_path: Path, server: FakeServer) -> None:
    runs = [tmp_path / name for name in ("direct", "agentwrite")]
    server.answer = partial(stops_at, 2000)
    for run in runs:
        run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--method", run.name)
    first, second = run_longwriter("inspect", *runs, "--json").summary["runs"]
    assert (first["run"], first["method"], second["method"]) == (str(runs[0]), "direct", "agentwrite")
    assert "less_first" not in first
    rows = [{row["id"]: row["s_l"] for row in results(run)["rows"]} for run in runs]
    expected = statistics.fmean(rows[1][id] - rows[0][id] for id in rows[0])  # noqa: A001 - the rows' word
    difference = second["less_first"]["s_l"]
    assert difference["mean"] == pytest.approx(expected, abs=0.02)
    assert difference["n"] == 8
    assert 0 < difference["low"] < expected < difference["high"]
    shown = run_longwriter("inspect", *runs).stdout
    assert f"{difference['mean']:+.1f} (" in shown
    assert "agentwrite" in shown


def test_inspect_shows_an_evaluation_with_its_run(benchmark: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server), *JUDGE)
    assert "[2k,4k)" in run_longwriter("inspect", run).stdout
    seen = run_longwriter("inspect", run, "--json").summary
    assert seen["evaluation"]["all"] == results(run)["all"]
    assert seen["quality"]["judged"] == 8


def test_what_is_no_evaluation_cannot_be_compared(benchmark: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("evaluate", benchmark, "-r", run, *at(server))
    assert "no results of an evaluation" in run_longwriter("inspect", run, run.parent, code=2).stderr
    (run / "results.json").write_text('{"rows": [{}], "all": {}}')
    assert "results.json" in run_longwriter("inspect", run, run, code=2).stderr
    (run / "results.json").write_text("{")
    assert "results.json" in run_longwriter("inspect", run, run, code=2).stderr


def test_texts_are_compared_in_both_orders_and_a_verdict_that_turns_is_a_tie(
    benchmark: Path, tmp_path: Path, server: FakeServer
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    run_longwriter("evaluate", benchmark, "-r", other, *at(server), "--temperature", "0.9")
    run_longwriter("evaluate", benchmark, "-r", one, *at(server))
    verdicts = {"3000": "first", "6000": "tie", "1000": "theirs", "300": "mine"}
    mine = {row["response"] for row in read_rows(one / "predictions.jsonl")}

    def answer(request: dict[str, Any]) -> str | None:
        prompt = prompt_text(request)
        if not is_comparing(prompt):
            return None
        asked, first, _ = quoted_texts(prompt)
        verdict = next(verdict for words, verdict in verdicts.items() if words in asked)
        better = {"mine": "first" if first in mine else "second", "theirs": "second" if first in mine else "first"}
        return json.dumps({"analysis": "x", "better": better.get(verdict, verdict)})

    server.answer = answer
    command = ("evaluate", "-r", one, *at(server), *JUDGE, "--compare", other)
    asking = run_longwriter(*command, "--progress", "json")
    shown = asking.stdout
    last = json.loads(asking.stderr.splitlines()[-1])
    assert (last["finished"], last["answers"]) == (32, 32)  # 8 texts, 8 judgements, 16 comparisons
    expected = {"n": 8, "wins": 2, "losses": 2, "ties": 4, "turned": 2}
    assert results(one)["compared"] == {"other": str(other), **expected}
    assert "2 wins, 2 losses, 4 ties" in shown
    assert run_longwriter(*command, "--json").summary["calls"] == 0
    asked = [quoted_texts(prompt_text(call)) for call in server.requests if is_comparing(prompt_text(call))]
    assert sorted(asked) == sorted([prompt, second, first] for prompt, first, second in asked)


def test_texts_for_other_prompts_are_compared_with_nothing(tmp_path: Path, server: FakeServer) -> None:
    """Ids may be mere numbers, which two benchmarks have both."""
    one, other = tmp_path / "one", tmp_path / "other"
    for run, topic in ((one, "rivers"), (other, "roads")):
        rows = [{"id": 1, "prompt": f"Write 100 words on {topic}."}, {"id": 2, "prompt": "Write 100 words on tea."}]
        run_longwriter("evaluate", write_rows(tmp_path / f"{topic}.jsonl", rows), "-r", run, *at(server))
    shown = run_longwriter("evaluate", "-r", one, *at(server), *JUDGE, "--compare", other).stdout
    assert f"Against {other}, over 1 text in both orders" in shown
    assert sum(is_comparing(prompt_text(request)) for request in server.requests) == 2


def test_a_judge_that_names_no_winner_is_asked_again_and_then_told_as_a_failure(
    benchmark: Path, tmp_path: Path, server: FakeServer
) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for run in (one, other):
        run_longwriter("evaluate", benchmark, "-r", run, *at(server), "--seed", "1" if run == one else "2")
    server.answer = lambda request: "Both are fine." if is_comparing(prompt_text(request)) else None
    run_longwriter("evaluate", "-r", one, *at(server), *JUDGE, "--compare", other, code=3)
    assert results(one)["compared"]["n"] == 0
    failures = read_rows(one / "failures.jsonl")
    assert Counter((row["stage"], row["kind"], row["attempts"]) for row in failures) == {("compare", "empty", 3): 16}
    result = run_longwriter("evaluate", "-r", other, *at(server), "--compare", one, code=2)
    assert "--judge-model" in result.stderr


# --- by tenths


def test_tenths_show_where_a_model_begins_to_fail(benchmark: Path, run: Path, server: FakeServer) -> None:
    def answer(request: dict[str, Any]) -> str | None:
        """Writes sections that get shorter; as a judge, likes each part less than the one before."""
        prompt = prompt_text(request)
        if is_judging(prompt):
            part = re.search(r"it is part (\d+) of 10", prompt)
            return json.dumps(dict.fromkeys(DIMENSIONS, 5 if not part or int(part[1]) <= 5 else 2))
        step = asked_step(prompt)
        if step is None:
            return None
        share = 0.5 if step.n > 8 else 1.0
        return ScriptedModel(bias=share).section(random.Random(prompt), step, text_so_far(prompt))

    server.answer = answer
    write_rows(benchmark, [{"id": "en", "prompt": "Write 6400 words on rivers.", "length": 6400}])
    command = ("evaluate", benchmark, "-r", run, *at(server), *JUDGE, "--method", "agentwrite", "--judge-parts")
    run_longwriter(*command)
    found = results(run)["trajectory"]
    assert [tenth["part"] for tenth in found] == list(range(1, 11))
    assert found[0]["ratio"] == pytest.approx(1, abs=0.05)
    assert found[9]["ratio"] == pytest.approx(0.5, abs=0.05)
    assert [tenth["quality"] for tenth in found] == [100] * 5 + [25] * 5
    assert all(tenth["repeated"] < 0.05 for tenth in found)
    assert results(run)["all"]["s_q"]["mean"] == 100, "parts do not count in the scores of the texts"
    assert run_longwriter(*command, "--json").summary["calls"] == 0
    assert run_longwriter("inspect", run, "--json").summary["quality"]["judged"] == 1
    assert "| 10 | 0.5" in (run / "results.md").read_text()


def test_faults_of_an_endpoint_change_no_text_and_no_score(benchmark: Path, tmp_path: Path, server: FakeServer) -> None:
    server.answer = partial(stops_at, 2000)
    calm, rough = tmp_path / "calm", tmp_path / "rough"
    run_longwriter("evaluate", benchmark, "-r", calm, *at(server), *JUDGE)
    server.reset()
    # A cut is no fault of the line: half a text that a model gives is its text.
    server.fault_kinds = [fault for fault in RETRYABLE_FAULTS if fault != "length"]
    server.faults, server.stall_s, server.slow_s = 0.5, 0.1, 0.1
    run_longwriter("evaluate", benchmark, "-r", rough, *at(server), *JUDGE)
    assert server.stats.faults.total() > 5
    assert results(rough)["rows"] == results(calm)["rows"]
    assert server.stats.repeats_after_success == 0
