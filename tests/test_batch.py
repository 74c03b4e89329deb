"""`--transport batch`: the same run by waves, whatever becomes of the batches, and nothing asked twice."""

from __future__ import annotations

import json
import re
import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from fake_batches import OVER
from fake_faults import ApiError, error_wire
from fake_model import ScriptedModel, asked_step, prompt_text
from fake_server import FakeServer, Reply
from program import Program, at, audit, essays, read_rows, run_longwriter, snapshot, until, write_rows

LINE_FAULTS = (
    *("500", "429_bare", "502_html", "503", "error_in_200", "broken_json"),
    *("empty_choices", "empty_content", "null_content", "length"),
)
BATCH = ("--transport", "batch")
COUNT = 8
STEPS = 4


@pytest.fixture
def server(server: FakeServer) -> FakeServer:
    server.answer = model
    return server


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(COUNT, 400 * STEPS))


@pytest.fixture
def undisturbed(source: Path, tmp_path: Path) -> bytes:
    """The dataset of a run that went online, at an endpoint of its own."""
    with FakeServer(answer=model) as server:
        run_longwriter("build-dataset", source, "-r", tmp_path / "undisturbed", *at(server))
    return (tmp_path / "undisturbed" / "dataset.jsonl").read_bytes()


def question(prompt: str) -> str:
    """What a prompt asks; a planning prompt says, behind the instruction, why it is asked again."""
    instruction = re.search(r"on river number \d+\.", prompt)
    return prompt if instruction is None or asked_step(prompt) is not None else prompt[: instruction.end()]


def model(request: dict[str, Any]) -> str:
    """The scripted model, which answers the same question with the same text."""
    message = request["messages"][-1]
    return ScriptedModel().answer(request | {"messages": [message | {"content": question(message["content"])}]})


def fail_lines(server: FakeServer) -> None:
    """A tenth of the lines fails in one way or another; a model that is asked in other words says the same."""
    server.faults, server.fault_kinds = 0.1, LINE_FAULTS
    server.spoil_once = question


def dataset(run: Path) -> bytes:
    return (run / "dataset.jsonl").read_bytes()


def states(run: Path) -> Counter[str]:
    return Counter(row["state"] for row in read_rows(run / "batches.jsonl"))


def asked_once(server: FakeServer) -> bool:
    """Whether no line was read twice, and no text that was answered was asked for again."""
    return max(server.batches.asked.values()) == 1 and server.stats.repeats_after_success == 0


def answered_prompts(server: FakeServer) -> Counter[str]:
    """How often each prompt was answered with a text, whichever way it came."""
    pairs = zip(server.requests, server.answers, strict=True)
    return Counter(prompt_text(request) for request, text in pairs if text)


# --- waves


def test_one_wave_plans_all_and_each_further_one_writes_a_section_of_each(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, *BATCH, "-c", "2", "--json", *at(server))
    summary = run_longwriter(*command).summary
    assert dataset(run) == undisturbed
    assert audit(run) == COUNT
    counts = [batch["request_counts"]["total"] for batch in server.batches.batches.values()]
    assert counts == [COUNT] * (1 + STEPS), "few calls in flight make no wave smaller"
    assert asked_once(server)
    assert summary["calls"] == COUNT * (1 + STEPS)
    assert summary["retries"] == 0
    assert not any("prompt_cache_key" in request or "stream" in request for request in server.requests)
    before = snapshot(run)
    assert run_longwriter(*command).summary["calls"] == 0
    changed = {name for name, file in snapshot(run).items() if before[name] != file}
    assert changed <= {"dataset.jsonl", "run.lock"}
    assert list((run / "batches").iterdir()) == [], "answers that rows hold are kept once"


def test_a_wave_is_cut_to_what_a_file_may_hold(source: Path, run: Path, server: FakeServer, undisturbed: bytes) -> None:
    server.batches.most_requests = 3
    patch = "from longwriter_cli.llm import batch_api\nbatch_api.MOST_REQUESTS = 3\nbatch_api.MOST_BYTES = 12_000"
    run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server), patch=patch)
    assert dataset(run) == undisturbed
    assert asked_once(server)
    files = [content for name, content in server.batches.files.values() if name.startswith("longwriter-")]
    assert {content.count(b"\n") for content in files} > {3}
    assert max(map(len, files)) <= 12_000
    assert all(batch["status"] == "completed" for batch in server.batches.batches.values())


def test_models_do_not_share_a_file(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *BATCH, "--plan-model", "fake-planner", *at(server))
    run_longwriter(*command, "--judge-model", "fake-judge")
    assert all(batch["status"] == "completed" for batch in server.batches.batches.values())
    assert len(read_rows(run / "judgements.jsonl")) == COUNT
    assert len(server.batches.batches) == 1 + STEPS + 1


def test_answers_that_miss_what_was_asked_are_asked_again_in_the_next_wave(
    source: Path, run: Path, tmp_path: Path, server: FakeServer
) -> None:
    """The nearer of two answers is taken, and later sections make up for it: all from what is on disk."""
    options = ("--section-tolerance", "0.1", "--length-control", "carry")
    with FakeServer(bias=0.7) as other:
        run_longwriter("build-dataset", source, "-r", tmp_path / "online", *options, *at(other))
    server.answer, server.bias = None, 0.7
    command = ("build-dataset", source, "-r", run, *BATCH, "--no-wait", *options, *at(server))
    while run_longwriter(*command, code=None).code == 75:
        pass
    assert dataset(run) == dataset(tmp_path / "online")
    assert len(server.batches.batches) > 1 + STEPS
    assert asked_once(server)
    assert {row["attempts"] for row in read_rows(run / "sections.jsonl")} == {2}


# --- killed


def kill_at(state: str, when: str) -> str:
    """Kills the process when it notes that a batch has come to this state: right before, or right after."""
    return f"""
import os, signal
write = os.write
def dying(fd, row):
    noted = b'"state":"{state}"' in bytes(row)
    if noted and {when == "before"}:
        os.kill(os.getpid(), signal.SIGKILL)
    size = write(fd, row)
    if noted:
        os.kill(os.getpid(), signal.SIGKILL)
    return size
os.write = dying
"""


KILLS = [
    ("prepared", "before"),
    ("prepared", "after"),  # on disk, not uploaded
    ("uploaded", "before"),  # uploaded, and nobody knows
    ("uploaded", "after"),  # uploaded, not created
    ("created", "before"),  # created, and nobody knows
    ("created", "after"),  # created, not looked at
    ("ended", "before"),  # done and fetched, not collected
    ("ended", "after"),  # collected, in no row
    ("spent", "before"),
    ("spent", "after"),
]


@pytest.mark.parametrize("metadata", [True, False], ids=["with metadata", "without"])
def test_killed_twice_in_each_state_with_a_tenth_of_the_lines_failing_it_ends_the_same(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, metadata: bool
) -> None:
    fail_lines(server)
    server.batches.metadata = metadata
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    for state, when in KILLS:
        for _ in range(2):
            result = run_longwriter(*command, patch=kill_at(state, when), code=None)
            assert result.code == -signal.SIGKILL, result
    run_longwriter(*command)
    assert dataset(run) == undisturbed
    assert audit(run) == COUNT
    assert server.stats.faults.total() >= 3
    assert asked_once(server)
    assert server.batches.uploads == len(server.batches.batches), "a file that was sent was found again"
    prepared = states(run)["prepared"]
    assert len(server.batches.batches) == prepared, "no batch was made twice"
    assert list((run / "batches").glob("*.jsonl")) == []


def test_where_files_and_batches_are_not_listed_a_kill_costs_an_upload_and_no_more(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.lists = False
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    for _ in range(2):
        run_longwriter(*command, patch=kill_at("uploaded", "before"), code=-signal.SIGKILL)
    run_longwriter(*command)
    assert dataset(run) == undisturbed
    assert server.batches.uploads == len(server.batches.batches) + 2
    assert asked_once(server)


def test_a_signal_ends_the_waiting_and_the_next_command_goes_on(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.polls = 10**9
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    program = Program(*command)
    until(lambda: "in_progress" in program.stderr)
    program.signal(signal.SIGTERM)
    assert program.wait().code == 143
    server.batches.polls = 1
    run_longwriter(*command)
    assert dataset(run) == undisturbed
    assert len(server.batches.batches) == 1 + STEPS


# --- --no-wait


def test_a_crontab_line_builds_the_dataset_and_ends_with_75_until_it_is_there(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    fail_lines(server)
    server.batches.polls = 2
    command = ("build-dataset", source, "-r", run, *BATCH, "--no-wait", "--json", *at(server))
    codes = []
    for _ in range(60):
        result = run_longwriter(*command, code=None)
        codes.append(result.code)
        if result.code != 75:
            break
        assert not (run / "dataset.jsonl").exists()
        assert result.summary["exit_code"] == 75
        assert "on their way" in result.stderr
        for batch in server.batches.batches:
            assert batch in (run / "batches.jsonl").read_text(), "its id is on disk"
    assert codes == [75] * (len(codes) - 1) + [0]
    assert len(codes) > 2 * (1 + STEPS)
    assert dataset(run) == undisturbed
    assert asked_once(server)


def test_an_answer_that_could_not_be_used_is_counted_once_though_commands_end_in_between(
    run: Path, tmp_path: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(1, 400))
    server.faults, server.fault_kinds, server.spoil_once = 1.0, ("empty_content",), question
    command = ("plan", source, "-r", run, *BATCH, "--no-wait", "--json", *at(server))
    while (result := run_longwriter(*command, code=None)).code == 75:
        pass
    assert result.code == 0
    (plan,) = read_rows(run / "plans.jsonl")
    assert plan["attempts"] == 2
    assert plan["usage"]["prompt_tokens"] == server.stats.prompt_tokens
    assert read_rows(run / "failures.jsonl") == []


def test_the_same_request_made_again_is_another_one(run: Path, tmp_path: Path, server: FakeServer) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2, 800))
    asked: Counter[str] = Counter()

    def empty_at_first(request: dict[str, Any]) -> str | None:
        prompt = prompt_text(request)
        asked[prompt] += 1
        return "" if asked[prompt] == 1 and "number 1" in prompt and "Mark" in prompt else None

    server.answer = empty_at_first
    command = ("build-dataset", source, "-r", run, *BATCH, "--no-wait", *at(server))
    while (result := run_longwriter(*command, code=None)).code == 75:
        pass
    assert result.code == 0, result
    assert sorted(row["attempts"] for row in read_rows(run / "sections.jsonl")) == [1, 1, 1, 2]
    assert max(asked.values()) == 2


# --- what becomes of batches


@pytest.mark.parametrize("ending", ["expired", "cancelled", "failed", "bad_line"])
def test_what_a_batch_did_not_get_to_is_sent_again_line_by_line(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, ending: str
) -> None:
    server.batches.endings = ["completed", ending, ending, "completed", ending]
    result = run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server), code=None)
    if ending == "bad_line":
        assert result.code == 3
        assert {row["kind"] for row in read_rows(run / "failures.jsonl")} == {"bad_request"}
        return
    assert result.code == 0
    assert dataset(run) == undisturbed
    assert asked_once(server)
    assert max(row["attempts"] for row in read_rows(run / "sections.jsonl")) == 1, "it was no try"


@pytest.mark.parametrize("ending", ["lost", "torn"])
def test_an_answer_that_did_not_come_back_is_asked_for_again_as_another_try(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, ending: str
) -> None:
    server.batches.endings = ["completed", ending]
    run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server))
    assert dataset(run) == undisturbed
    missing = 1 if ending == "torn" else (COUNT + 2) // 3
    assert sum(row["attempts"] == 2 for row in read_rows(run / "sections.jsonl")) == missing


@pytest.mark.parametrize("kind", LINE_FAULTS)
def test_a_line_that_fails_is_made_again_whatever_the_way(
    run: Path, tmp_path: Path, server: FakeServer, kind: str
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2, 400))
    server.faults, server.fault_kinds, server.max_faults, server.spoil_once = 1.0, (kind,), 1, question
    summary = run_longwriter("build-dataset", source, "-r", run, *BATCH, "--json", *at(server)).summary
    assert (summary["written"], server.stats.faults[kind]) == (2, 4)
    assert {row["attempts"] for row in read_rows(run / "sections.jsonl") + read_rows(run / "plans.jsonl")} == {2}
    assert audit(run) == 2


FULL_DISK = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, -1))
"""


@pytest.mark.parametrize("size", [6_000, 14_000, 18_000, 22_000, 26_000])
def test_a_full_disk_stops_the_run_and_nothing_is_asked_twice(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, size: int
) -> None:
    """Requests, what is fetched, answers and rows: whichever is the first to find no room."""
    command = ("build-dataset", source, "-r", run, *BATCH, "--give-up-after", "1", *at(server))
    run_longwriter(*command, patch=FULL_DISK.format(size=size), code=74)
    run_longwriter(*command)
    assert dataset(run) == undisturbed
    assert asked_once(server)


def test_batches_that_fail_for_ever_are_an_outage(source: Path, run: Path, server: FakeServer) -> None:
    server.batches.endings = ["failed"] * 10**4
    command = ("build-dataset", source, "-r", run, *BATCH, "--give-up-after", "0.2", *at(server))
    result = run_longwriter(*command, code=75)
    assert "brought an answer" in result.stderr
    assert read_rows(run / "failures.jsonl") == [], "it uses up the tries of no instruction"
    server.batches.endings.clear()
    run_longwriter(*command)


def test_what_is_too_much_for_the_queue_is_cut_smaller_and_waits(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.queue_tokens, server.batches.polls = 4000, 4
    result = run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server))
    assert dataset(run) == undisturbed
    assert asked_once(server)
    ends = Counter(batch["status"] for batch in server.batches.batches.values())
    assert 1 <= ends["failed"] < ends["completed"]
    assert "smaller batches" in result.stderr


def test_the_queue_is_remembered_by_the_next_command(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.queue_tokens = 4000
    command = ("build-dataset", source, "-r", run, *BATCH, "--no-wait", *at(server))
    for _ in range(200):
        if run_longwriter(*command, code=None).code == 0:
            break
    assert dataset(run) == undisturbed
    ends = Counter(batch["status"] for batch in server.batches.batches.values())
    assert ends["failed"] <= 6


def test_a_request_that_no_queue_takes_stops_the_run(source: Path, run: Path, server: FakeServer) -> None:
    server.batches.queue_tokens = 10
    result = run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server), code=5)
    assert "One request of about" in result.stderr


@pytest.mark.parametrize(
    "fault",
    [
        ("upload", "500"),
        ("upload", "heard"),
        ("create", "500"),
        ("create", "heard"),
        ("retrieve", "500"),
        ("content", "500"),
    ],
    ids="-".join,
)
def test_a_call_that_fails_is_made_again_and_no_batch_is_made_twice(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, fault: tuple[str, str]
) -> None:
    server.batches.faults = [fault] * 3
    run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server))
    assert dataset(run) == undisturbed
    assert server.batches.faults == []
    assert len(server.batches.batches) == 1 + STEPS
    assert asked_once(server)


def test_a_line_that_always_fails_is_tried_as_often_as_online_and_is_a_failure(
    run: Path, tmp_path: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(3, 1600))  # the others go on when it has failed
    error = json.dumps({"error": {"message": "no", "type": "server_error"}}).encode()

    def fails(request: dict[str, Any]) -> Reply | None:
        return Reply(status=500, body=error) if "number 1" in prompt_text(request) else None

    server.answer = fails
    command = ("build-dataset", source, "-r", run, *BATCH, "--max-attempts", "2", "--json", *at(server))
    summary = run_longwriter(*command, code=3).summary
    assert (summary["written"], summary["failed"], summary["records"]) == (2, 1, 2)
    (failure,) = read_rows(run / "failures.jsonl")
    assert (failure["kind"], failure["attempts"], failure["stage"]) == ("retries_exhausted", 2, "plan")
    for _ in range(3):  # by later commands too: in at most three in all
        run_longwriter(*command, code=3)
    assert len(read_rows(run / "failures.jsonl")) == 3
    assert max(server.batches.asked.values()) == 1, "each command asks for itself"
    server.answer = None
    run_longwriter(*command, "--retry-failed")


def test_no_money_stops_the_run_keeps_what_was_answered_and_asks_the_rest_when_there_is_some(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.endings = ["completed", "no_quota"]
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    assert "quota" in run_longwriter(*command, code=5).stderr
    run_longwriter(*command)
    assert dataset(run) == undisturbed
    assert server.stats.repeats_after_success == 0


@pytest.mark.parametrize(("mode", "said"), [("bad_key", "refuses the key"), ("no_quota", "quota")])
def test_a_refusal_stops_the_run(source: Path, run: Path, server: FakeServer, mode: str, said: str) -> None:
    server.mode = mode
    assert said in run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server), code=5).stderr
    server.mode = "ok"
    run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server))


def test_an_endpoint_without_a_batch_api_says_so(source: Path, run: Path, server: FakeServer) -> None:
    server.batches.exists = False
    result = run_longwriter("build-dataset", source, "-r", run, *BATCH, *at(server), code=5)
    assert "has no Batch API" in result.stderr
    assert "--transport online" in result.stderr


@pytest.mark.parametrize("more", [(), ("--transport", "online")], ids=["no transport", "online"])
@pytest.mark.parametrize("refuses", ["all", "batches"])
def test_where_there_is_no_batch_api_the_run_goes_on_without(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, refuses: str, more: tuple[str, ...]
) -> None:
    """Some endpoints take files and no batches."""
    if refuses == "all":
        server.batches.exists = False
    else:
        server.batches._create = lambda asked: error_wire(ApiError(404, "Not Found", "not_found"))  # type: ignore[method-assign]
    command = ("build-dataset", source, "-r", run, *at(server))
    run_longwriter(*command, *BATCH, code=5)
    run_longwriter(*command, *more)
    assert dataset(run) == undisturbed


def test_a_file_that_the_endpoint_has_deleted_before_its_batch_was_made_is_done_without(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, *at(server))
    run_longwriter(*command, *BATCH, patch=kill_at("uploaded", "after"), code=-signal.SIGKILL)
    server.batches.files.clear()
    assert "--transport online" in run_longwriter(*command, *BATCH, code=5).stderr
    run_longwriter(*command, "--transport", "online")
    assert dataset(run) == undisturbed


def test_a_batch_that_the_endpoint_does_not_know_is_not_made_again(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    run_longwriter(*command, "--no-wait", code=75)
    batches, server.batches.batches = server.batches.batches, {}
    result = run_longwriter(*command, code=5)
    assert "knows nothing of the batch" in result.stderr
    server.batches.batches = batches
    run_longwriter(*command)


def give_up(run: Path, tip: str) -> None:
    """Does what the tip says: takes the rows of a batch out, by the id that it names."""
    named = re.search(r'rows with ("id":"\w+") out of (\S+/batches\.jsonl)\.', tip)
    assert named is not None, tip
    assert Path(named[2]) == run / "batches.jsonl"
    rows = (run / "batches.jsonl").read_text().splitlines(keepends=True)
    kept = [row for row in rows if named[1] not in row]
    assert len(kept) < len(rows)
    (run / "batches.jsonl").write_text("".join(kept))


def test_a_batch_whose_answers_the_endpoint_has_deleted_can_be_given_up(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    run_longwriter(*command, "--no-wait", code=75)
    for batch in list(server.batches.batches):
        server.batches._retrieve(batch)
    server.batches.files = {id_: file for id_, file in server.batches.files.items() if file[0] != "output.jsonl"}
    server.batches.lists = False
    result = run_longwriter(*command, code=5)
    assert "knows nothing of the file" in result.stderr
    give_up(run, result.stderr)
    run_longwriter(*command)
    assert dataset(run) == undisturbed


@pytest.mark.parametrize("state", ["created", "ended"])
def test_a_folder_of_batches_that_is_gone_is_told_and_can_be_done_without(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, state: str
) -> None:
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    run_longwriter(*command, patch=kill_at(state, "after"), code=-signal.SIGKILL)
    shutil.rmtree(run / "batches")
    result = run_longwriter(*command, code=2)
    assert "is missing" in result.stderr
    give_up(run, result.stderr)
    run_longwriter(*command)
    assert dataset(run) == undisturbed


def test_another_model_is_not_taken_for_a_slip_while_a_batch_is_on_its_way(
    source: Path, run: Path, server: FakeServer
) -> None:
    """Nothing is planned yet, but what was asked is paid for."""
    command = ("build-dataset", source, "-r", run, *BATCH, *at(server))
    run_longwriter(*command, "--no-wait", code=75)
    result = run_longwriter(*command, "-m", "another", code=2)
    assert "--new-settings" in result.stderr
    assert len(server.batches.batches) == 1
    run_longwriter(*command, "-m", "another", "--new-settings")
    assert {row["model"] for row in read_rows(run / "plans.jsonl")} == {"another"}


def test_what_the_endpoint_does_not_take_is_learned_as_online(source: Path, run: Path, server: FakeServer) -> None:
    server.refuse_param = ("response_format",)
    server.needs_max_completion_tokens = True
    command = ("build-dataset", source, "-r", run, *BATCH, "--no-wait", "--max-tokens", "4000", *at(server))
    while run_longwriter(*command, code=None).code == 75:
        pass
    assert audit(run) == COUNT
    assert asked_once(server)


# --- from one transport to the other


def test_a_run_that_goes_on_without_a_transport_waits_for_its_batches_and_asks_the_rest_online(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.polls = 3
    run_longwriter("build-dataset", source, "-r", run, *BATCH, "--no-wait", *at(server), code=75)
    result = run_longwriter("build-dataset", source, "-r", run, "--json", *at(server))
    assert "are waited for" in result.stderr
    assert dataset(run) == undisturbed
    assert len(server.batches.batches) == 1
    assert result.summary["calls"] == COUNT * STEPS, "the plans came by batch, the sections online"
    assert set(answered_prompts(server).values()) == {1}


def test_online_ends_the_batches_and_asks_only_what_they_have_not_answered(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.polls = 10**9
    command = ("build-dataset", source, "-r", run)
    run_longwriter(*command, *BATCH, "--no-wait", *at(server), code=75)
    run_longwriter(*command, "--transport", "online", *at(server))
    assert dataset(run) == undisturbed
    assert [batch["status"] for batch in server.batches.batches.values()] == ["cancelled"]
    assert sum(server.batches.asked.values()) == COUNT // 2
    assert set(answered_prompts(server).values()) == {1}


@pytest.mark.parametrize("ending", ["completed", "expired", "failed"])
def test_online_takes_what_a_batch_that_has_ended_brought(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes, ending: str
) -> None:
    """The endpoint does not cancel what has ended, which is no outage to wait out."""
    server.batches.endings = [ending]
    command = ("build-dataset", source, "-r", run)
    run_longwriter(*command, *BATCH, "--no-wait", *at(server), code=75)
    for batch in list(server.batches.batches):
        server.batches._retrieve(batch)
    assert "retry" not in run_longwriter(*command, "--transport", "online", *at(server)).stderr
    assert dataset(run) == undisturbed
    assert set(answered_prompts(server).values()) == {1}


def test_a_run_begun_online_goes_on_by_batch(source: Path, run: Path, server: FakeServer, undisturbed: bytes) -> None:
    run_longwriter("plan", source, "-r", run, *at(server))
    run_longwriter("write", "-r", run, "--limit", "3", *at(server))
    run_longwriter("build-dataset", "-r", run, *BATCH, *at(server))
    assert dataset(run) == undisturbed
    assert [batch["request_counts"]["total"] for batch in server.batches.batches.values()] == [COUNT - 3] * STEPS
    assert set(answered_prompts(server).values()) == {1}


def test_a_batch_that_is_on_its_way_elsewhere_is_named(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *BATCH, "--no-wait", *at(server), code=75)
    with FakeServer() as other:
        for transport in (BATCH, ()):
            result = run_longwriter("build-dataset", "-r", run, *transport, *at(other), code=2)
            assert server.base_url in result.stderr
    assert all(batch["status"] not in OVER for batch in server.batches.batches.values())


def test_a_slash_at_the_end_of_an_address_leads_nowhere_else(source: Path, run: Path, server: FakeServer) -> None:
    command = ("plan", source, "-r", run, *BATCH, "-m", "fake-writer", "--base-url")
    run_longwriter(*command, server.base_url, "--no-wait", code=75)
    run_longwriter(*command, server.base_url + "/")
    assert asked_once(server)


def test_a_batch_that_nobody_asks_for_any_more_costs_no_call(source: Path, run: Path, server: FakeServer) -> None:
    """Its instructions were finished in another way: with plans and sections written by hand."""
    run_longwriter("build-dataset", source, "-r", run, *BATCH, "--no-wait", *at(server), code=75)
    with FakeServer() as other:
        run_longwriter("build-dataset", source, "-r", run.with_name("other"), *at(other))
        for name in ("plans.jsonl", "sections.jsonl"):
            (run / name).write_bytes((run.with_name("other") / name).read_bytes())
        before = server.batches.asked.total()
        summary = run_longwriter("build-dataset", "-r", run, "--json", *at(other)).summary
    assert (summary["calls"], summary["written"]) == (0, COUNT)
    assert server.batches.asked.total() == before


# --- money


def test_batches_cost_half_and_cached_input_is_no_discount(source: Path, tmp_path: Path, server: FakeServer) -> None:
    prices = ("--price-in", "2", "--price-out", "8", "--price-cached", "0.5", "--json", *at(server))
    run = tmp_path / "run"
    summary = run_longwriter("build-dataset", source, "-r", run, *BATCH, *prices).summary
    whole = 2 * summary["prompt_tokens"] + 8 * summary["completion_tokens"]
    assert summary["cost_usd"] == pytest.approx(whole / 2 / 1e6, abs=1e-6)
    assert summary["cached_tokens"] == 0
    section = read_rows(run / "sections.jsonl")[0]
    assert list(section["usage"]) == ["prompt_tokens", "cached_tokens", "completion_tokens"]
    assert section["usage_by_batch"]["prompt_tokens"] == section["usage"]["prompt_tokens"]
    again = run_longwriter("build-dataset", "-r", run, *prices).summary
    assert again["cost_usd"] == summary["cost_usd"]


@pytest.mark.parametrize("wait", [True, False], ids=["waiting", "no-wait"])
def test_a_budget_holds_for_what_is_sent(
    source: Path, run: Path, tmp_path: Path, server: FakeServer, undisturbed: bytes, wait: bool
) -> None:
    with FakeServer() as other:
        whole = run_longwriter("build-dataset", source, "-r", tmp_path / "w", *BATCH, "--json", *at(other)).summary
    cap = int((whole["prompt_tokens"] + whole["completion_tokens"]) * 0.6)
    command = ("build-dataset", source, "-r", run, *BATCH, "--json", *(() if wait else ("--no-wait",)), *at(server))
    while (result := run_longwriter(*command, "--max-total-tokens", cap, code=None)).code == 75:
        assert not wait
    assert result.code == 4
    used = result.summary["prompt_tokens"] + result.summary["completion_tokens"]
    assert 0.5 * cap < used <= cap
    assert used == server.stats.prompt_tokens + server.stats.completion_tokens
    while run_longwriter(*command, code=None).code == 75:
        assert not wait
    assert dataset(run) == undisturbed
    assert asked_once(server)


def test_a_budget_counts_what_other_batches_have_under_way(
    source: Path, run: Path, server: FakeServer, undisturbed: bytes
) -> None:
    server.batches.slow_every = 2  # the others come back and are sent again before it does
    patch = "from longwriter_cli.llm import batch_api\nbatch_api.MOST_REQUESTS = 4"
    command = ("build-dataset", source, "-r", run, *BATCH, "--json", *at(server))
    cap = 30_000
    summary = run_longwriter(*command, "--max-total-tokens", cap, patch=patch, code=4).summary
    used = server.stats.prompt_tokens + server.stats.completion_tokens
    assert 0.5 * cap < used <= cap
    assert used == summary["prompt_tokens"] + summary["completion_tokens"]
    run_longwriter(*command)
    assert dataset(run) == undisturbed


def test_dry_run_tells_what_both_transports_cost_and_how_many_waves_there_are(source: Path, run: Path) -> None:
    command = ("build-dataset", source, "-r", run, "-m", "gpt-4o", "--dry-run")
    estimate = run_longwriter(*command, "--json").summary
    assert estimate["cost_usd_batch"] == pytest.approx(estimate["cost_usd_uncached"] / 2, abs=1e-6)
    assert estimate["cost_usd"] < estimate["cost_usd_uncached"]
    assert estimate["waves"] == 1 + STEPS
    said = run_longwriter(*command).stdout
    assert "by batch" in said
    assert "5 days at the longest" in said
    assert run_longwriter(*command, "--mode", "parallel", "--json").summary["waves"] == 2


# --- the other commands, and what is refused


def test_dry_run_of_the_embedded_model_tells_of_no_batch(source: Path, run: Path) -> None:
    assert "batch" not in run_longwriter("build-dataset", source, "-r", run, "-m", "local", "--dry-run").stdout


def test_plan_and_write_go_by_batch(source: Path, run: Path, server: FakeServer, undisturbed: bytes) -> None:
    run_longwriter("plan", source, "-r", run, *BATCH, *at(server))
    assert len(server.batches.batches) == 1
    run_longwriter("write", "-r", run, *BATCH, "--mode", "serial", *at(server))
    assert len(server.batches.batches) == 1 + STEPS
    run_longwriter("build-dataset", "-r", run, "--export-only")
    assert dataset(run) == undisturbed


def test_parallel_sections_are_one_wave(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("build-dataset", source, "-r", run, *BATCH, "--mode", "parallel", *at(server))
    assert [batch["request_counts"]["total"] for batch in server.batches.batches.values()] == [COUNT, COUNT * STEPS]


def test_samples_that_are_asked_for_in_the_same_words_are_different_requests(
    run: Path, tmp_path: Path, server: FakeServer
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(2, 400))
    texts = iter(range(100))
    server.answer = lambda request: f"Text number {next(texts)} is here. " * 5
    command = ("pairs", source, "-r", run, *BATCH, "--samples", "3", "--quality-weight", "0", *at(server))
    run_longwriter(*command)
    rows = read_rows(run / "predictions.jsonl")
    assert sorted((row["id"], row["sample"]) for row in rows) == sorted({(row["id"], row["sample"]) for row in rows})
    assert len({row["response"] for row in rows}) == len(rows) == 6
    assert len(server.batches.batches) == 1


def test_an_evaluation_goes_by_batch(run: Path, server: FakeServer) -> None:
    command = ("evaluate", "builtin", "-r", run, *BATCH, "--limit", "4", "--judge-model", "fake-judge", *at(server))
    result = run_longwriter(*command, "--json")
    assert (len(read_rows(run / "predictions.jsonl")), len(read_rows(run / "judgements.jsonl"))) == (4, 4)
    assert result.summary["failed"] == 0
    assert "--redo-judging" in run_longwriter(*command, "--redo-judging", code=2).stderr


@pytest.mark.parametrize(
    ("command", "file"),
    [
        (("ruler", "--lengths", "300,900", "--limit", "3"), "results.json"),
        (("ruler", "--lengths", "300,900", "--limit", "3", "--method", "agentwrite"), "results.json"),
        (("pairs", "@", "--method", "agentwrite", "--samples", "2", "--judge-model", "fake-judge"), "pairs.jsonl"),
    ],
    ids=["ruler", "ruler along plans", "pairs along plans"],
)
def test_what_else_is_measured_or_compared_goes_by_batch(
    tmp_path: Path, server: FakeServer, command: tuple[str, ...], file: str
) -> None:
    source = write_rows(tmp_path / "in.jsonl", essays(4, 800))
    command = tuple(str(source) if argument == "@" else argument for argument in command)
    server.answer, server.bias = model, 0.8
    run_longwriter(*command, "-r", tmp_path / "online", *at(server))
    calls = server.stats.calls
    server.reset()
    run_longwriter(*command, "-r", tmp_path / "batch", *BATCH, *at(server))
    assert (tmp_path / "batch" / file).read_bytes() == (tmp_path / "online" / file).read_bytes()
    assert sum(batch["request_counts"]["total"] for batch in server.batches.batches.values()) == calls
    assert max(server.batches.asked.values()) == 1


def test_a_selection_goes_by_batch(tmp_path: Path, server: FakeServer) -> None:
    logs = write_rows(tmp_path / "logs.jsonl", [{"prompt": f"Write the history of river {i} for me"} for i in range(9)])
    picked = tmp_path / "picked.jsonl"
    run_longwriter("select", logs, "-o", picked, *BATCH, *at(server))
    assert len(server.batches.batches) == 1
    assert len(read_rows(tmp_path / "picked.jsonl.run" / "selections.jsonl")) == 9


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--no-wait",), "--transport batch"),
        ((*BATCH, "--base-url", "http://127.0.0.1:1/v1"), "one endpoint"),
        ((*BATCH, "--stream", "on"), "--stream"),
        ((*BATCH, "--ray", "local"), "--ray"),
        ((*BATCH, "-m", "local"), "no Batch API"),
    ],
    ids=["no-wait alone", "two endpoints", "streamed", "on a cluster", "local"],
)
def test_what_cannot_go_by_batch_is_refused(
    source: Path, run: Path, server: FakeServer, options: tuple[str, ...], said: str
) -> None:
    result = run_longwriter("build-dataset", source, "-r", run, *at(server), *options, code=2)
    assert said in result.stderr
    assert server.stats.calls == 0


def test_a_plan_made_anew_is_asked_for_anew(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *BATCH, *at(server))
    first = read_rows(run / "plans.jsonl")[0]["id"]
    run_longwriter("plan", "-r", run, "--redo", first, *BATCH, *at(server))
    assert len(server.batches.batches) == 2
    assert len(read_rows(run / "plans.jsonl")) == COUNT + 1


def test_a_file_of_batches_that_cannot_be_read_is_named(source: Path, run: Path, server: FakeServer) -> None:
    run_longwriter("plan", source, "-r", run, *BATCH, "--no-wait", *at(server), code=75)
    path = run / "batches.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"created"', b'"craeted"'))
    result = run_longwriter("plan", "-r", run, *BATCH, *at(server), code=2)
    assert "batches.jsonl line 3" in result.stderr
