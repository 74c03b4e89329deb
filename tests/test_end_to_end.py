"""The way from instructions to records: Chinese, plans made, edited and brought along, contexts, several endpoints."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_model import audit_record, prompt_text, text_so_far
from fake_server import FakeServer
from program import SUMMARY_KEYS, at, audit, essays, read_rows, run_longwriter, texts, write_rows

from longwriter_cli.records import Step
from longwriter_cli.text.plan import format_step, plan_digest
from longwriter_cli.text.words import count_words


def plan_of(*words: int) -> str:
    return "\n".join(
        f"Paragraph {n} - Main Point: Bend {n} - Word Count: {count} words" for n, count in enumerate(words, 1)
    )


def is_plan(request: dict[str, Any]) -> bool:
    return "due now" not in prompt_text(request)


def steps_of(run: Path) -> dict[str, tuple[Step, ...]]:
    """The current steps of each instruction, by id."""
    return {row["id"]: tuple(Step(**step) for step in row["steps"]) for row in read_rows(run / "plans.jsonl")}


# --- what every run keeps -------------------------------------------------------------------------------------------


def test_each_section_is_written_for_its_step_and_in_exactly_the_text_before_it(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(6, 1600))
    run_longwriter("build-dataset", source, "-r", run, "-c", "4", *at(server))
    sections = read_rows(run / "sections.jsonl")
    for id_, steps in steps_of(run).items():
        mine = sorted((row for row in sections if row["id"] == id_), key=lambda row: row["n"])
        lines = [format_step(step, "en") for step in steps]
        assert audit_record([row["text"] for row in mine], lines) == []
        for row, step in zip(mine, steps, strict=True):
            assert list(row)[:3] == ["id", "n", "plan"]
            assert list(row)[-1] == "text"
            assert (row["n"], row["target_words"], row["plan"]) == (step.n, step.words, plan_digest(steps))
            assert row["words"] == count_words(row["text"])
            assert (row["finish_reason"], row["attempts"], row["model"]) == ("stop", 1, "fake-writer")
            assert row["at"].endswith("Z")


def test_from_call_to_call_all_earlier_text_is_a_prefix_of_the_next_prompt(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(
        tmp_path / "in.jsonl", [{"prompt": "Write 3000 words on a river."}, {"prompt": "写3000字，谈谈河。"}]
    )
    run_longwriter("build-dataset", source, "-r", run, "-c", "2", *at(server))
    rows = read_rows(run / "sections.jsonl")
    prompts = [prompt_text(request) for request in server.requests]
    for id_, steps in steps_of(run).items():
        lines = [format_step(step, "en" if steps[0].main_point.isascii() else "zh") for step in steps]
        plan = "\n".join(lines)
        mine = [prompt for prompt in prompts if plan in prompt]
        assert len(mine) == len(steps) == 8
        written = {row["n"]: row["text"] for row in rows if row["id"] == id_}
        for n, (prompt, following) in enumerate(pairwise(mine)):
            last = written[n] if n else plan
            repeated = prompt[: prompt.rindex(last) + len(last)]
            assert following.startswith(repeated), f"the prompt of section {n + 2} begins otherwise"
    assert server.stats.cached_tokens > 0


def test_parallel_sections_see_the_plan_and_no_other_section(tmp_path: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 0.05
    source = write_rows(tmp_path / "in.jsonl", essays(2, 2400))
    run_longwriter("build-dataset", source, "-r", run, "--mode", "parallel", "-c", "3", *at(server))
    assert all(text_so_far(prompt_text(request)) == "" for request in server.requests)
    assert server.stats.max_in_flight <= 3
    for text in texts(run).values():
        problems = audit_record(text)
        assert len(problems) == 5, "every section but the first was written in another context than its place"


def test_parallel_sections_keep_to_the_calls_in_flight_over_all_endpoints(tmp_path: Path, run: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(6, words=4000))
    most = 0
    with FakeServer(latency_s=0.02) as one, FakeServer(latency_s=0.02) as two:

        def look(request: dict[str, Any]) -> None:
            nonlocal most
            most = max(most, one.stats.in_flight + two.stats.in_flight)

        one.answer = two.answer = look
        command = ("build-dataset", source, "-r", run, "-c", "4", "--mode", "parallel", "--base-url", two.base_url)
        run_longwriter(*command, *at(one))
    assert len(texts(run)) == 6
    assert 2 <= most <= 4


def test_concurrency_is_used_and_never_passed(tmp_path: Path, run: Path, server: FakeServer) -> None:
    server.latency_s = 0.05
    source = write_rows(tmp_path / "in.jsonl", essays(20))
    run_longwriter("build-dataset", source, "-r", run, "-c", "6", *at(server))
    assert server.stats.max_in_flight == 6
    assert audit(run) == 20


# --- Chinese ----------------------------------------------------------------------------------------------------------

CHINESE = "请写一篇1200字的散文，题目是《长江》。"
ENGLISH = "Write an essay of 1200 words on the river."


def test_chinese_instructions_get_chinese_plans_and_sections_counted_in_characters(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": CHINESE}, {"prompt": ENGLISH}])
    run_longwriter("build-dataset", source, "-r", run, "--metadata", *at(server))
    chinese, english = read_rows(run / "dataset.jsonl")
    assert chinese["language"] == "zh" != english["language"]
    assert (chinese["required_words"], english["required_words"]) == (1200, 1200)
    for record in (chinese, english):
        assert abs(record["words"] / 1200 - 1) < 0.1
        assert audit_record(record["messages"][1]["content"]) == []
    asked = [prompt_text(request) for request in server.requests]
    for prompt in asked:
        assert ("主要内容" in prompt) == (CHINESE in prompt), "a template of the other language was used"
    (section, *_) = [prompt for prompt in asked if CHINESE in prompt and "第1段 - " in prompt and "轮到" in prompt]
    assert "第2段 - 主要内容：" in section
    assert " - 字数要求：" in section
    plan = next(row for row in read_rows(run / "plans.jsonl") if not row["steps"][0]["main_point"].isascii())
    assert sum(step["words"] for step in plan["steps"]) == 1200
    for name in ("en/plan", "en/write", "zh/plan", "zh/write"):
        assert (run / "prompts" / f"{name}.txt").is_file()


@pytest.mark.parametrize(("language", "words"), [("zh", "主要内容"), ("en", "Main Point")])
def test_language_overrides_what_the_prompt_is_written_in(
    language: str, words: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": CHINESE}, {"prompt": ENGLISH}])
    run_longwriter("build-dataset", source, "-r", run, "--language", language, *at(server))
    assert all(words in prompt_text(request) for request in server.requests)
    assert len(texts(run)) == 2


# --- templates --------------------------------------------------------------------------------------------------------

PLAN_TEMPLATE = (
    "Break the instruction down: $INST$\nUse lines as `Paragraph N - Main Point: ... - Word Count: ... words`."
)
WRITE_TEMPLATE = "Instruction: $INST$\nSteps:\n$PLAN$\nText:\n$TEXT$\nNow write: $STEP$"


def test_templates_of_ones_own_with_the_published_placeholders_are_used_and_kept(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "plan.txt").write_text(PLAN_TEMPLATE)
    (own / "write.txt").write_text(WRITE_TEMPLATE)
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    run_longwriter("plan", source, "-r", run, "--prompts", own, *at(server))
    assert (run / "prompts" / "en" / "write.txt").read_text() == WRITE_TEMPLATE
    (own / "write.txt").write_text("Changed: $STEP$")
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert audit(run) == 2
    prompts = [prompt_text(request) for request in server.requests]
    assert all(prompt.startswith(("Break the instruction down: Write", "Instruction: Write")) for prompt in prompts)


def test_an_instruction_that_holds_placeholders_is_left_alone(tmp_path: Path, run: Path, server: FakeServer) -> None:
    prompt = "Write 900 words on templates such as $PLAN$, $TEXT$, $STEP$, $INST$ and $RESPONSE$."
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": prompt}])
    run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert all(prompt in prompt_text(request) for request in server.requests)
    assert list(texts(run)) == [prompt]
    assert audit(run) == 1


def test_a_text_that_holds_placeholders_is_left_alone(tmp_path: Path, run: Path, server: FakeServer) -> None:
    text = "The file says $STEP$ and $PLAN$ on line {}. "
    server.answer = lambda request: None if is_plan(request) else text.format(len(prompt_text(request))) * 40
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    run_longwriter("build-dataset", source, "-r", run, "--no-filters", *at(server))
    (record,) = texts(run).values()
    assert record.count("$STEP$") == 80
    assert "$STEP$ and $PLAN$" in prompt_text(server.requests[-1])


# --- plans ------------------------------------------------------------------------------------------------------------


def test_only_what_an_edited_plan_changed_is_written_anew(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(3))
    summary = run_longwriter("plan", source, "-r", run, "--json", *at(server)).summary
    assert (summary["planned"], summary["sections"], summary["calls"]) == (3, 0, 3)
    plans = read_rows(run / "plans.jsonl")
    plans[1]["steps"][0]["main_point"] = "The bend at the mill"
    write_rows(run / "plans.jsonl", plans)
    summary = run_longwriter("write", "-r", run, "--json", *at(server)).summary
    assert (summary["written"], summary["dataset"]) == (3, None)
    assert any("The bend at the mill" in prompt_text(request) for request in server.requests)
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["calls"] == 0
    before = texts(run)
    # A change after writing: only that instruction is written again, and its old sections are kept but not used.
    write_rows(run / "plans.jsonl", [*plans[:2], plans[2] | {"steps": plans[2]["steps"][:1]}])
    summary = run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary
    assert (summary["calls"], summary["records"], summary["failed"]) == (1, 3, 0)
    after = texts(run)
    changed = [prompt for prompt in before if before[prompt] != after[prompt]]
    assert len(changed) == 1
    assert audit(run) == 3
    # The old plan again: its sections are still there.
    write_rows(run / "plans.jsonl", plans)
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["calls"] == 0
    assert texts(run) == before


def test_a_plan_written_by_hand_needs_no_more_than_id_and_steps(tmp_path: Path, run: Path, server: FakeServer) -> None:
    server.answer = lambda request: "No." if is_plan(request) else None
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    run_longwriter("plan", source, "-r", run, *at(server), code=3)
    (instruction,) = read_rows(run / "instructions.jsonl")
    step = {"n": 1, "main_point": "Where it begins", "words": 250}
    write_rows(run / "plans.jsonl", [{"id": instruction["id"], "steps": [step]}])
    summary = run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary
    assert (summary["records"], summary["failed"], summary["calls"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"n": 1, "main_point": "A"}], "plans.jsonl line 2"),
        ([{"n": 1, "main_point": "A", "words": 0}], "plans.jsonl line 2"),
        ([{"n": 1, "main_point": "A", "words": 9}, {"n": 1, "main_point": "B", "words": 9}], "two steps 1"),
        ([], "no steps"),
    ],
)
def test_a_plan_spoiled_by_hand_is_named_with_its_line(
    steps: list[dict[str, Any]], words: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    run_longwriter("plan", source, "-r", run, *at(server))
    rows = read_rows(run / "plans.jsonl")
    write_rows(run / "plans.jsonl", [rows[0], rows[1] | {"steps": steps}])
    result = run_longwriter("write", "-r", run, *at(server), code=2)
    assert words in result.stderr
    assert "plans.jsonl line 2" in result.stderr
    assert server.stats.calls == 2


def test_write_writes_what_is_planned_and_plan_plans_the_rest(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(3))
    run_longwriter("plan", source, "-r", run, *at(server))
    rows = read_rows(run / "plans.jsonl")
    write_rows(run / "plans.jsonl", rows[:2])
    summary = run_longwriter("write", "-r", run, "--json", *at(server)).summary
    assert (summary["planned"], summary["written"]) == (2, 2)
    assert run_longwriter("plan", "-r", run, "--json", *at(server)).summary["calls"] == 1
    assert run_longwriter("build-dataset", "-r", run, "--json", *at(server)).summary["records"] == 3
    assert audit(run) == 3


def test_a_short_text_is_one_step_and_needs_no_planning_call(tmp_path: Path, run: Path, server: FakeServer) -> None:
    prompts = ["Write 399 words on tea.", "写一篇300字的短文，谈谈茶。", "Write 400 words on tea."]
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": prompt} for prompt in prompts])
    assert run_longwriter("plan", source, "-r", run, "--json", *at(server)).summary["calls"] == 1
    by_words = {sum(step.words for step in steps): steps for steps in steps_of(run).values()}
    assert len(by_words[399]) == len(by_words[300]) == 1
    run_longwriter("build-dataset", "-r", run, *at(server))
    assert audit(run) == 3


@pytest.mark.parametrize(
    ("prompt", "plans", "calls", "total", "flagged"),
    [
        ("Write 2000 words on tea.", [(300, 300), (500, 500)], 2, 1000, False),  # 0.5 is within the tolerance
        ("Write 2000 words on tea.", [(300, 300), (400, 500)], 2, 900, True),
        ("Write 2000 words on tea.", [(400, 500), (300, 300)], 2, 900, True),  # the nearer one, not the later one
        ("Write 2000 words on tea.", [(900, 900)], 1, 1800, False),
        ("Write at least 1000 words on tea.", [(900, 900)], 1, 1800, False),
        ("Write at most 2000 words on tea.", [(300, 300)], 1, 600, False),
        ("Write at most 1000 words on tea.", [(900, 900), (300, 300)], 2, 600, False),
        ("Write about tea.", [(900, 900)], 1, 1800, False),
    ],
)
def test_a_plan_whose_total_is_off_is_asked_for_once_more_and_the_nearer_one_is_used(
    prompt: str,
    plans: list[tuple[int, ...]],
    calls: int,
    total: int,
    flagged: bool,
    tmp_path: Path,
    run: Path,
    server: FakeServer,
) -> None:
    answers = [plan_of(*words) for words in plans]
    server.answer = lambda request: answers[server.stats.calls - 1]
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": prompt}])
    run_longwriter("plan", source, "-r", run, *at(server))
    (row,) = read_rows(run / "plans.jsonl")
    assert (server.stats.calls, row["attempts"], sum(step["words"] for step in row["steps"])) == (calls, calls, total)
    assert ("flag" in row) == flagged
    assert row["text"] in answers
    if calls == 2:
        first, second = (prompt_text(request) for request in server.requests)
        assert second.startswith(first.rstrip())
        assert str(sum(plans[0])) in second[len(first.rstrip()) :], "the reason is given"


def test_an_unusable_plan_is_asked_for_again_with_the_reason(tmp_path: Path, run: Path, server: FakeServer) -> None:
    answers = ["I shall write about bends.", plan_of(300, 300, 300, 300), plan_of(300, 300, 300)]
    server.answer = lambda request: answers[server.stats.calls - 1]
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    run_longwriter("plan", source, "-r", run, "--max-steps", "3", *at(server))
    (row,) = read_rows(run / "plans.jsonl")
    assert (len(row["steps"]), row["attempts"]) == (3, 3)
    first, second, third = (prompt_text(request) for request in server.requests)
    assert second != first
    assert third.startswith(first.rstrip())
    assert "4 paragraphs" in third


def test_more_steps_than_the_limit_are_a_bad_plan(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1, 2000))
    summary = run_longwriter("plan", source, "-r", run, "--max-steps", "3", "--json", *at(server), code=3).summary
    assert (summary["planned"], summary["failed"]) == (0, 1)
    (row,) = read_rows(run / "failures.jsonl")
    assert (row["kind"], row["stage"], row["n"]) == ("bad_plan", "plan", None)


def test_plans_may_come_from_another_model_with_a_body_of_their_own(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    options = ("--plan-model", "planner", "--extra-body", '{"top_k": 5}', "--plan-extra-body", '{"top_k": 1}')
    run_longwriter("build-dataset", source, "-r", run, *options, *at(server))
    plan, *sections = server.requests
    assert (plan["model"], plan["top_k"]) == ("planner", 1)
    assert {(request["model"], request["top_k"]) for request in sections} == {("fake-writer", 5)}


# --- several endpoints ------------------------------------------------------------------------------------------------


def test_an_instruction_stays_on_one_of_two_endpoints(tmp_path: Path, run: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(16))
    with FakeServer(keep_requests=True) as one, FakeServer(keep_requests=True) as two:
        run_longwriter("build-dataset", source, "-r", run, "-c", "8", *at(one), "--base-url", two.base_url)
        subjects = [{river(request) for request in server.requests} for server in (one, two)]
    assert subjects[0] & subjects[1] == set()
    assert all(subjects), "one endpoint got nothing"
    assert audit(run) == 16


def river(request: dict[str, Any]) -> str:
    return prompt_text(request).partition("river number ")[2].partition(".")[0]


def test_when_one_of_two_endpoints_dies_midway_everything_is_finished_by_the_other(tmp_path: Path, run: Path) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(16))
    with FakeServer() as one, FakeServer() as two:
        two.answer = lambda request: die() if two.stats.calls >= 2 else None

        def die() -> None:
            two.mode = "down"

        command = ("build-dataset", source, "-r", run, "-c", "8", "--json", *at(one), "--base-url", two.base_url)
        summary = run_longwriter(*command).summary
        assert (summary["records"], summary["failed"]) == (16, 0)
        assert two.stats.rejected["service_unavailable"] > 0
        assert one.stats.repeats_after_success == two.stats.repeats_after_success == 0
    assert audit(run) == 16


# --- what is printed --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progress", ["auto", "rich", "plain", "json", "none"])
def test_progress_goes_to_standard_error_alone(progress: str, tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    result = run_longwriter("build-dataset", source, "-r", run, "--json", "--progress", progress, *at(server))
    assert list(result.summary) == SUMMARY_KEYS
    if progress == "none":
        assert result.stderr == ""
    if progress == "json":
        assert json.loads(result.stderr.splitlines()[-1])["finished"] == 2
    if progress in ("auto", "plain"):
        assert "2/2 instructions" in result.stderr
        assert "\x1b" not in result.stderr


def test_the_summary_counts_the_whole_run_and_the_calls_of_this_process(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(3))
    command = ("build-dataset", source, "-r", run, "--price-in", "1", "--price-out", "10", "--price-cached", "0.1")
    first = run_longwriter(*command, "--limit", "1", "--json", *at(server)).summary
    second = run_longwriter(*command, "--json", *at(server)).summary
    stats = server.stats
    assert second["calls"] == stats.calls - first["calls"]
    assert second["prompt_tokens"] == stats.prompt_tokens
    assert second["completion_tokens"] == stats.completion_tokens
    fresh = stats.prompt_tokens - stats.cached_tokens
    cost = (fresh * 1 + stats.cached_tokens * 0.1 + stats.completion_tokens * 10) / 1e6
    assert second["cost_usd"] == pytest.approx(cost, abs=1e-6)
    wanted = {"command": "build-dataset", "run": str(run), "instructions": 3, "planned": 3, "written": 3, "failed": 0}
    wanted |= {"rejected": 0, "records": 3, "retries": 0, "dataset": str(run / "dataset.jsonl"), "exit_code": 0}
    assert wanted.items() <= second.items()
    assert second["sections"] == len(read_rows(run / "sections.jsonl"))


def test_json_is_printed_for_every_exit_code_once_the_run_is_open(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    command = ("build-dataset", source, "-r", run, "--json", *at(server))
    server.mode = "bad_key"
    summaries = {5: run_longwriter(*command, code=5).summary}
    server.mode = "down"
    summaries[75] = run_longwriter(*command, "--give-up-after", "0", code=75).summary
    server.mode, server.answer = "ok", lambda request: "No." if is_plan(request) else None
    summaries[3] = run_longwriter(*command, code=3).summary
    summaries[2] = run_longwriter(*command, "--temperature", "1", code=2).summary
    server.answer = None
    summaries[0] = run_longwriter(*command).summary
    for code, summary in summaries.items():
        assert (list(summary), summary["exit_code"]) == (SUMMARY_KEYS, code)


def test_without_json_a_person_is_told_what_came_of_it(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2))
    result = run_longwriter("build-dataset", source, "-r", run, *at(server))
    assert "2 instructions: 2 planned, 2 written, 0 failed" in result.stdout
    assert f"2 records in {run / 'dataset.jsonl'}" in result.stdout


def test_the_output_of_a_model_can_send_nothing_to_the_terminal_but_text(
    tmp_path: Path, run: Path, server: FakeServer
) -> None:
    server.answer = lambda request: "I'm sorry, but I can't\x1b[31m assist with that\x07 request.\x1b]0;owned\x07"
    source = write_rows(tmp_path / "in.jsonl", essays(1))
    for progress in ("plain", "rich"):
        result = run_longwriter(
            *("build-dataset", source, "-r", run, "--retry-failed", "--progress", progress, *at(server)), code=3
        )
        assert "]0;owned" not in result.stderr or "\x1b]0;owned" not in result.stderr
        assert "\x07" not in result.stderr + result.stdout
        assert "\x1b[31m assist" not in result.stderr + result.stdout
