"""`pairs` through the whole program: samples written, judged, put together; nothing paid for twice."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
from fake_model import DIMENSIONS, is_judging, prompt_text, prose
from fake_server import FakeServer, Reply
from program import Program, at, read_rows, rows_so_far, run_longwriter, snapshot, until, write_rows

from longwriter_cli.evals.length import length_score

JUDGE = ("--judge-model", "fake-judge")
SEED = 7
WORDS = (1000, 700, 400, 100)  # of the samples


@pytest.fixture
def instructions(tmp_path: Path) -> Path:
    rows = [{"id": f"river-{n}", "prompt": f"Write 1,000 words on river {n}."} for n in range(6)]
    return write_rows(tmp_path / "instructions.jsonl", rows)


def text_of(request: dict[str, Any], words: int) -> str:
    return prose(random.Random(f"{prompt_text(request)}{request.get('seed')}"), words, "en")


def by_sample(request: dict[str, Any]) -> str | None:
    """Sample k has `WORDS[k]` words; a judge finds all alike."""
    if is_judging(prompt_text(request)):
        return json.dumps(dict.fromkeys(DIMENSIONS, 3))
    return text_of(request, WORDS[request["seed"] - SEED])


def pairs(instructions: Path | None, run: Path, server: FakeServer, *more: object, **options: Any) -> Any:
    given = () if instructions is None else (instructions,)
    return run_longwriter("pairs", *given, "-r", run, *at(server), *JUDGE, "--seed", SEED, *more, **options)


def chosen_and_rejected(path: Path) -> list[tuple[int, int]]:
    return [(row["scores"]["chosen"]["sample"], row["scores"]["rejected"]["sample"]) for row in read_rows(path)]


def test_the_best_of_four_stands_beside_another_as_trl_has_it(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    server.answer = by_sample
    summary = pairs(instructions, run, server, "--rejected", "worst", "--json").summary
    assert (summary["records"], summary["rejected"], summary["without_pair"]) == (6, 0, {})
    assert (summary["texts"], summary["judgements"], summary["calls"]) == (24, 24, 48)
    assert summary["dataset"] == str(run / "pairs.jsonl")
    direct = [request for request in server.requests if not is_judging(prompt_text(request))]
    asked = Counter((prompt_text(request), request["seed"]) for request in direct)
    assert asked == {(f"Write 1,000 words on river {n}.", SEED + k): 1 for n in range(6) for k in range(4)}
    written = {(row["id"], row["sample"]): row for row in read_rows(run / "predictions.jsonl")}
    for n, row in enumerate(read_rows(run / "pairs.jsonl")):
        assert row["id"] == f"river-{n}"
        assert row["prompt"] == [{"role": "user", "content": f"Write 1,000 words on river {n}."}]
        for side, sample in (("chosen", 0), ("rejected", 3)):
            prediction = written[row["id"], sample]
            assert row[side] == [{"role": "assistant", "content": prediction["response"]}]
            s_l = length_score(1000, prediction["response_length"])
            assert row["scores"][side] == {
                "sample": sample,
                "words": prediction["response_length"],
                "s_l": pytest.approx(s_l, abs=0.01),
                "s_q": 50.0,
            }
            assert row[f"score_{side}"] == pytest.approx((s_l + 50) / 2, abs=0.01)
    loaded = datasets.load_dataset("json", data_files=str(run / "pairs.jsonl"), split="train", cache_dir=str(run / "c"))
    assert {"prompt", "chosen", "rejected"} <= set(loaded.column_names)
    assert loaded[0]["chosen"][0]["role"] == "assistant"


def test_inspect_tells_of_samples_and_pairs_and_of_no_plan_or_export(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    server.answer = by_sample
    pairs(instructions, run, server)
    shown = run_longwriter("inspect", run).stdout
    count = len(read_rows(run / "predictions.jsonl"))
    assert f"{count} of {count} finished texts" in shown
    assert "\n  pairs " in shown
    assert "planned" not in shown
    assert "exported" not in shown


def test_the_rejected_one_is_drawn_by_the_seed(instructions: Path, run: Path, server: FakeServer) -> None:
    server.answer = by_sample
    pairs(instructions, run, server)
    drawn = chosen_and_rejected(run / "pairs.jsonl")
    assert {best for best, _ in drawn} == {0}
    assert {other for _, other in drawn} <= {1, 2, 3}
    assert len({other for _, other in drawn}) > 1
    pairs(instructions, run, server, "-o", run / "again.jsonl")
    assert (run / "again.jsonl").read_bytes() == (run / "pairs.jsonl").read_bytes()


def test_another_choice_costs_no_call(instructions: Path, run: Path, server: FakeServer) -> None:
    server.answer = by_sample
    pairs(instructions, run, server)
    calls = server.stats.calls
    result = run_longwriter("pairs", "-r", run, "--rejected", "worst", "--min-margin", 30)
    assert chosen_and_rejected(run / "pairs.jsonl") == [(0, 3)] * 6
    assert "6 pairs" in result.stdout
    (run / "pairs.jsonl").unlink()
    result = run_longwriter("pairs", "-r", run, "--min-margin", 60)
    assert read_rows(run / "pairs.jsonl") == []
    assert "6 instructions without a pair: no two samples are as far apart as asked" in result.stdout
    run_longwriter("pairs", "-r", run, "--length-weight", 0)
    assert {row["reason"] for row in read_rows(run / "rejects.jsonl")} == {"tie"}, "to the judge all are alike"
    assert server.stats.calls == calls


def test_bad_rows_that_are_skipped_are_failures(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"prompt": "Write 300 words on tea."}\n{broken\n')
    command = ("pairs", source, "-r", run, *at(server), "--quality-weight", 0, "--samples", 2, "--skip-bad-rows")
    assert run_longwriter(*command, "--json", code=3).summary["failed"] == 1
    assert [row["line"] for row in read_rows(run / "failures.jsonl")] == [2]
    run_longwriter(*command, "--max-failed", 1)


def test_given_again_it_calls_nobody_and_writes_the_same(instructions: Path, run: Path, server: FakeServer) -> None:
    server.answer = by_sample
    pairs(instructions, run, server)
    before = {name: content for name, (content, _) in snapshot(run).items() if name != "run.lock"}
    assert pairs(instructions, run, server, "--json").summary["calls"] == 0
    assert {name: content for name, (content, _) in snapshot(run).items() if name != "run.lock"} == before


def test_a_killed_command_goes_on_and_pays_for_no_answer_twice(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    server.answer = by_sample
    server.latency_s = 0.1
    command = ("pairs", instructions, "-r", run, *at(server), *JUDGE, "--seed", SEED, "-c", "1")
    program = Program(*command)
    until(lambda: len(rows_so_far(run / "judgements.jsonl")) >= 2, timeout_s=60)
    program.signal(9)
    program.wait()
    assert not (run / "pairs.jsonl").exists()
    server.latency_s = 0.0
    run_longwriter(*command)
    assert len(read_rows(run / "pairs.jsonl")) == 6
    assert server.stats.calls <= 48 + 1, "one answer may have been on its way"


def test_more_samples_are_added_to_those_that_there_are(instructions: Path, run: Path, server: FakeServer) -> None:
    server.answer = by_sample
    pairs(instructions, run, server, "--samples", 2)
    assert chosen_and_rejected(run / "pairs.jsonl") == [(0, 1)] * 6
    pairs(instructions, run, server, "--samples", 3, "--rejected", "worst")
    assert chosen_and_rejected(run / "pairs.jsonl") == [(0, 2)] * 6
    assert server.stats.calls == 6 * 3 * 2


def test_copies_of_one_text_that_a_judge_scores_otherwise_make_no_pair(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    def answer(request: dict[str, Any]) -> str:
        if is_judging(prompt_text(request)):
            return json.dumps(dict.fromkeys(DIMENSIONS, 1 + len(server.requests) % 5))
        return "The same few words each time."

    server.answer = answer
    result = pairs(instructions, run, server)
    assert {row["reason"] for row in read_rows(run / "rejects.jsonl")} <= {"same", "tie"}
    assert "the very text of the best" in result.stdout
    assert read_rows(run / "pairs.jsonl") == []


def test_instructions_whose_samples_fail_tie_or_are_cut_are_reported(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    bad = b'{"error": {"message": "No such luck.", "code": "bad"}}'

    def answer(request: dict[str, Any]) -> str | Reply | None:
        prompt = prompt_text(request)
        if is_judging(prompt):
            return json.dumps(dict.fromkeys(DIMENSIONS, 3))
        match re.findall(r"river (\d)", prompt):
            case ["0"]:
                return Reply(status=400, body=bad)
            case ["1"]:
                return "The same few words each time."
            case ["2"]:
                return Reply(text_of(request, WORDS[request["seed"] - SEED]), finish_reason="length")
            case ["3"]:
                return ""
            case _:
                return by_sample(request)

    server.answer = answer
    result = pairs(instructions, run, server, "--max-tokens", 8000, code=3)
    assert {row["id"]: row["reason"] for row in read_rows(run / "rejects.jsonl")} == {
        "river-0": "failed",
        "river-1": "tie",
        "river-2": "cut",
        "river-3": "failed",
    }
    assert [row["id"] for row in read_rows(run / "pairs.jsonl")] == ["river-4", "river-5"]
    assert "2 instructions without a pair: no sample came to a text" in result.stdout


def test_one_sample_that_fails_leaves_the_others_to_choose_from(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    bad = b'{"error": {"message": "No such luck.", "code": "bad"}}'

    def answer(request: dict[str, Any]) -> str | Reply | None:
        return Reply(status=400, body=bad) if request.get("seed") == SEED else by_sample(request)

    server.answer = answer
    pairs(instructions, run, server, "--rejected", "worst", "--max-failed", 6, "--max-tokens", 8000)
    assert chosen_and_rejected(run / "pairs.jsonl") == [(1, 3)] * 6


def test_at_the_budget_what_is_finished_is_paired_and_the_rest_waits(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    server.answer = by_sample
    whole = pairs(instructions, run.with_name("whole"), server, "-c", 1, "--json").summary
    tokens = whole["prompt_tokens"] + whole["completion_tokens"]
    limit = ("--max-total-tokens", int(tokens * 0.8), "-c", 1)
    summary = pairs(instructions, run, server, *limit, "--json", code=4).summary
    assert 0 < summary["records"] < 6
    assert summary["without_pair"] == {"unfinished": 6 - summary["records"]}
    pairs(instructions, run, server)
    assert (run / "pairs.jsonl").read_bytes() == (run.with_name("whole") / "pairs.jsonl").read_bytes()


def test_an_instruction_whose_samples_are_not_all_written_waits(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    server.answer = by_sample
    by_length = ("--quality-weight", 0, "-c", 1, "--json")
    whole = pairs(instructions, run.with_name("whole"), server, *by_length).summary
    tokens = whole["prompt_tokens"] + whole["completion_tokens"]
    summary = pairs(instructions, run, server, *by_length, "--max-total-tokens", int(tokens * 0.6), code=4).summary
    written = Counter(row["id"] for row in read_rows(run / "predictions.jsonl"))
    begun = [name for name, samples in written.items() if samples < 4]
    assert begun, "the budget ends amid an instruction"
    assert summary["records"] == len(written) - len(begun)
    assert summary["without_pair"] == {"unfinished": 6 - summary["records"]}


def test_without_a_judge_it_is_length_alone_or_an_error(instructions: Path, run: Path, server: FakeServer) -> None:
    server.answer = by_sample
    command = ("pairs", instructions, "-r", run, *at(server), "--seed", SEED)
    result = run_longwriter(*command, code=2)
    assert "--judge-model" in result.stderr
    assert "--quality-weight 0" in result.stderr
    run_longwriter(*command, "--quality-weight", 0, "--rejected", "worst")
    assert chosen_and_rejected(run / "pairs.jsonl") == [(0, 3)] * 6
    assert server.stats.calls == 24


def test_instructions_without_a_length_are_scored_by_quality_alone(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    def answer(request: dict[str, Any]) -> str:
        prompt = prompt_text(request)
        if not is_judging(prompt):
            return f"Text number {request['seed'] - SEED}."
        number = int(re.findall(r"Text number (\d)", prompt)[-1])
        return json.dumps(dict.fromkeys(DIMENSIONS, 1 + number))

    server.answer = answer
    pairs(write_rows(tmp_path / "a.jsonl", [{"prompt": "Write of rivers."}]), run, server, "--rejected", "worst")
    (row,) = read_rows(run / "pairs.jsonl")
    assert (row["score_chosen"], row["score_rejected"]) == (75, 0)
    assert row["scores"]["chosen"] == {"sample": 3, "words": 2, "s_l": None, "s_q": 75}


def test_other_files_are_not_replaced(instructions: Path, run: Path, server: FakeServer, tmp_path: Path) -> None:
    novel = tmp_path / "novel.jsonl"
    novel.write_text('{"text": "a novel"}\n', encoding="utf-8")
    for place in (novel, instructions, run / "predictions.jsonl", tmp_path):
        pairs(instructions, run, server, "-o", place, code=2)
    assert server.stats.calls == 0
    assert novel.read_text(encoding="utf-8") == '{"text": "a novel"}\n'


@pytest.mark.parametrize("method", ["direct", "agentwrite"])
def test_a_dry_run_tells_of_all_samples_and_calls_nobody(
    instructions: Path, run: Path, server: FakeServer, method: str
) -> None:
    plan = pairs(instructions, run, server, "--samples", 3, "--method", method, "--dry-run", "--json").summary
    assert server.stats.calls == 0
    assert not run.exists()
    texts, sections = 6 * 3, plan["sections"]
    assert plan["instructions"] == 6
    assert plan["calls"] == texts * 2 + sections, "a direct answer or a plan, and a judgement"
    assert (sections > texts) == (method == "agentwrite")
    pairs(instructions, run, server, "--samples", 2, "--method", method)
    left = pairs(instructions, run, server, "--samples", 3, "--method", method, "--dry-run", "--json").summary
    assert (left["calls"], left["sections"]) == (6 * 2 + sections / 3, sections / 3), "those of the third sample"


# --- by AgentWrite

ROWS_OF_ANSWERS = ("plans.jsonl", "sections.jsonl", "predictions.jsonl", "judgements.jsonl", "failures.jsonl")
AGENTWRITE = ("--method", "agentwrite", "--samples", 3)


def test_agentwrite_writes_each_sample_along_a_plan_of_its_own(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    summary = pairs(instructions, run, server, *AGENTWRITE, "--json").summary
    assert summary["texts"] == 18
    assert summary["records"] + summary["rejected"] == 6
    assert summary["records"] >= 4
    plans, sections = read_rows(run / "plans.jsonl"), read_rows(run / "sections.jsonl")
    assert summary["sections"] == len(sections)
    ids = [f"river-{n}" for n in range(6)]
    samples = {(name, sample) for name in ids for sample in range(3)}
    assert {(row["id"], row.get("sample", 0)) for row in plans} == samples
    steps = {(row["id"], row.get("sample", 0), step["n"]) for row in plans for step in row["steps"]}
    assert {(row["id"], row.get("sample", 0), row["n"]) for row in sections} == steps
    assert len(plans) == 18
    assert len(sections) == len(steps)
    assert all(list(row)[:2] == ["id", "sample"] for row in (*plans, *sections) if row.get("sample"))
    assert len({json.dumps(row["steps"]) for row in plans}) > 6, "the samples differ"
    seeds = Counter(request["seed"] for request in server.requests if not is_judging(prompt_text(request)))
    assert set(seeds) == {SEED, SEED + 1, SEED + 2}
    texts = {(row["id"], row["sample"]): row["response"] for row in read_rows(run / "predictions.jsonl")}
    assert set(texts) == samples
    for row in sections:
        assert row["text"] in texts[row["id"], row.get("sample", 0)]


def test_a_killed_command_goes_on_with_the_samples_of_agentwrite(
    instructions: Path, run: Path, server: FakeServer
) -> None:
    command = ("pairs", instructions, "-r", run, *at(server), *JUDGE, "--seed", SEED, *AGENTWRITE)
    whole = run.with_name("whole")
    run_longwriter("pairs", instructions, "-r", whole, *command[4:])
    calls = server.stats.calls
    server.latency_s = 0.05
    program = Program(*command, "-c", 1)
    until(lambda: any("sample" in row for row in rows_so_far(run / "sections.jsonl")), timeout_s=60)
    program.signal(9)
    program.wait()
    server.latency_s = 0.0
    assert run_longwriter(*command, "--json").summary["texts"] == 18
    assert (run / "pairs.jsonl").read_bytes() == (whole / "pairs.jsonl").read_bytes()
    assert server.stats.calls <= 2 * calls + 1, "one answer may have been on its way"
    again = run_longwriter(*command, "--json").summary
    assert again["calls"] == 0
    usage = [row["usage"]["completion_tokens"] for name in ROWS_OF_ANSWERS for row in read_rows(run / name)]
    assert again["completion_tokens"] == sum(usage), "tokens of all samples count"


def test_a_sample_whose_section_fails_is_left_out_and_told(instructions: Path, run: Path, server: FakeServer) -> None:
    def answer(request: dict[str, Any]) -> str | None:
        of_the_second = request.get("seed") == SEED + 1 and "river 3" in prompt_text(request)
        return "I'm sorry, but I can't help with that." if of_the_second else None

    server.answer = answer
    summary = pairs(instructions, run, server, *AGENTWRITE, "--json", code=3).summary
    assert (summary["texts"], summary["failed"]) == (17, 1)
    assert summary["without_pair"].get("unfinished", 0) == 0
    (failure,) = read_rows(run / "failures.jsonl")
    assert (failure["id"], failure["sample"], failure["kind"]) == ("river-3", 1, "refusal")
