"""One instruction file in shards, each a run of its own, and the run that is merged of them."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from fake_model import is_judging, prompt_text
from fake_server import FakeServer
from program import Program, Result, at, essays, read_rows, run_longwriter, snapshot, texts, until, write_rows
from test_resume import KILL_AT_APPEND

INSTRUCTIONS = [
    *essays(4, 1200),
    {"prompt": "写一篇1200字的文章，谈谈长江。", "id": "yangtze"},
    essays(1, 1200)[0],  # a duplicate: it stands for no instruction, and is counted by nobody
    *({"prompt": f"Write 1,200 words on lake {n}."} for n in range(6)),
]
COUNT = 11
SHARDS = ("1/3", "2/3", "3/3")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "instructions.jsonl", INSTRUCTIONS)


@pytest.fixture
def whole(source: Path, tmp_path: Path, server: FakeServer) -> Path:
    """The run of one process."""
    build(source, tmp_path / "whole", server)
    return tmp_path / "whole"


def build(source: Path | None, run: Path, server: FakeServer, *more: object, **options: Any) -> Result:
    given = () if source is None else (source,)
    return run_longwriter("build-dataset", *given, "-r", run, "-c", "4", *at(server), *more, **options)


def shards_of(source: Path, folder: Path, server: FakeServer, *more: object, **options: Any) -> list[Path]:
    runs = [folder / f"shard-{shard[0]}" for shard in SHARDS]
    for run, shard in zip(runs, SHARDS, strict=True):
        build(source, run, server, "--shard", shard, *more, **options)
    return runs


def written_earlier(run: Path) -> None:
    """Makes its rows others than those of a run that was written within the same second, from the same answers."""
    for path in (run / "plans.jsonl", run / "sections.jsonl"):
        path.write_text(re.sub('"at":"[^"]+"', '"at":"2026-01-01T00:00:00Z"', path.read_text()))


def merge(runs: list[Path], run: Path, *more: object, **options: Any) -> Result:
    return run_longwriter("merge", *runs, "-r", run, *more, **options)


def export(run: Path, *more: object) -> bytes:
    result = run_longwriter("build-dataset", "-r", run, "--export-only", "--json", *more, code=None)
    assert result.summary["calls"] == 0
    return (run / "dataset.jsonl").read_bytes()


def test_three_shards_merged_export_the_bytes_of_the_run_in_one(
    source: Path, whole: Path, tmp_path: Path, server: FakeServer
) -> None:
    calls = server.stats.calls
    runs = shards_of(source, tmp_path, server)
    assert server.stats.calls == 2 * calls, "the shards ask what one process asks, and nothing twice"
    rows = [[row["row"] for row in read_rows(run / "instructions.jsonl")] for run in runs]
    assert rows == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8]]
    random.Random(1).shuffle(runs)
    result = merge(runs, tmp_path / "merged", "--json")
    assert (result.summary["instructions"], result.summary["written"], result.summary["merged"]) == (COUNT, COUNT, 3)
    assert [row["row"] for row in read_rows(tmp_path / "merged" / "instructions.jsonl")] == list(range(COUNT))
    assert export(tmp_path / "merged", "--metadata") == export(whole, "--metadata")
    for key in ("prompt_tokens", "completion_tokens"):
        total = sum(json.loads(build(None, run, server, "--json").stdout)[key] for run in runs)
        assert result.summary[key] == total
    manifests = [json.loads((run / "manifest.json").read_text()) for run in (*runs, tmp_path / "merged")]
    assert sorted(manifest.pop("shard", "") for manifest in manifests) == ["", *SHARDS]
    assert len({json.dumps(manifest["settings"]) for manifest in manifests}) == 1
    templates = [{name: held for name, (held, _) in snapshot(run / "prompts").items()} for run in (runs[0], whole)]
    assert {name: held for name, (held, _) in snapshot(tmp_path / "merged" / "prompts").items()} == templates[0]
    assert templates[0] == templates[1]
    assert not list(tmp_path.glob(".*"))


def test_a_limit_holds_before_the_shards_are_divided(source: Path, tmp_path: Path, server: FakeServer) -> None:
    runs = shards_of(source, tmp_path, server, "--limit", "5")
    assert [len(texts(run)) for run in runs] == [2, 2, 1]
    build(source, runs[0], server)  # all of the shard now
    assert len(texts(runs[0])) == 4
    before = server.stats.calls
    build(source, runs[2], server, "--limit", "8")
    assert [row["row"] for row in read_rows(runs[2] / "instructions.jsonl")] == [2, 5]
    assert server.stats.calls > before
    build(None, runs[0], server, "--limit", "1", "--temperature", "1", "--new-settings")
    plan = run_longwriter("plan", source, "-r", runs[1], "--limit", "5", "--dry-run", "--json", *at(server))
    assert plan.summary["instructions"] == 0
    new = run_longwriter("plan", source, "-r", tmp_path / "new", "--shard", "2/3", "--dry-run", "--json", *at(server))
    assert new.summary["instructions"] == 4


def test_a_run_goes_on_with_its_shard_and_takes_no_other(source: Path, tmp_path: Path, server: FakeServer) -> None:
    run = tmp_path / "one"
    build(source, run, server, "--shard", "2/3")
    assert "shard  2/3" in run_longwriter("inspect", run).stdout
    write_rows(source, [*INSTRUCTIONS, *({"prompt": f"Write 900 words on hill {n}."} for n in range(3))])
    build(source, run, server)
    assert [row["row"] for row in read_rows(run / "instructions.jsonl")] == [1, 4, 7, 10, 13]
    for shard in ("1/3", "2/4", "1/1"):
        refused = build(source, run, server, "--shard", shard, code=2)
        assert "was begun for shard 2/3" in refused.stderr
        assert f"--shard says {shard}" in refused.stderr
    assert (
        "was begun for all instructions"
        in (
            build(source, tmp_path / "all", server)
            and build(source, tmp_path / "all", server, "--shard", "1/2", code=2)
        ).stderr
    )
    build(source, tmp_path / "all", server, "--shard", "1/1")


@pytest.mark.parametrize("shard", ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/5", "½"])
def test_what_is_no_shard_is_refused_before_anything_is_made(source: Path, tmp_path: Path, shard: str) -> None:
    options = ("-m", "nobody", "--shard", shard)
    refused = run_longwriter("build-dataset", source, "-r", tmp_path / "run", *options, code=2)
    assert "no such shard" in refused.stderr
    assert "--shard 1/3" in refused.stderr
    assert not (tmp_path / "run").exists()


def test_a_merge_given_again_changes_no_file_and_takes_in_what_has_grown(
    source: Path, whole: Path, tmp_path: Path, server: FakeServer
) -> None:
    merged = tmp_path / "merged"
    runs = shards_of(source, tmp_path, server, "--limit", "7")
    assert "shard 2/3" in merge([runs[0], runs[2]], merged).stderr, "what is missing is told"
    merge(runs, merged)
    before = snapshot(merged)
    again = merge([*runs, merged], merged, "--json")  # as `merge shard-* merged -r merged` may name it
    assert again.summary["added"] == 0
    assert drop_lock(snapshot(merged)) == drop_lock(before)
    shards_of(source, tmp_path, server)
    grown = merge(runs, merged, "--json")
    assert grown.summary["written"] == COUNT
    assert grown.summary["added"] > 0
    assert export(merged) == export(whole)
    for name in ("instructions", "plans", "sections"):
        lines = (merged / f"{name}.jsonl").read_bytes().splitlines()
        assert len(set(lines)) == len(lines) == sum(len(read_rows(run / f"{name}.jsonl")) for run in runs)


def drop_lock(files: dict[str, Any]) -> dict[str, Any]:
    return {name: held for name, held in files.items() if name != "run.lock"}


def test_a_merged_run_goes_on_with_what_no_shard_has_written(
    source: Path, whole: Path, tmp_path: Path, server: FakeServer
) -> None:
    runs = shards_of(source, tmp_path, server)
    written_earlier(runs[2])
    merged = tmp_path / "merged"
    merge(runs[:2], merged)
    before = server.stats.calls
    build(source, merged, server)
    assert export(merged) == export(whole)
    sections = sum(len(read_rows(runs[2] / f"{name}.jsonl")) for name in ("plans", "sections"))
    assert server.stats.calls - before == sections
    refused = merge(runs, merged, code=2)
    assert f"{merged} and {runs[2]} have both worked on" in refused.stderr
    assert "Leave one of the two out" in refused.stderr
    merge(runs[:2], merged)


@pytest.mark.parametrize("appends", range(1, 60, 13))
def test_a_merge_that_is_killed_leaves_no_half_and_the_next_one_is_whole(
    tmp_path: Path, appends: int, written: tuple[list[Path], bytes]
) -> None:
    shards, undivided = written
    runs = [Path(shutil.copytree(shard, tmp_path / shard.name)) for shard in shards]
    before = [snapshot(run) for run in runs]
    merged = tmp_path / "merged"
    patch = KILL_AT_APPEND.format(at=appends, share=0.5)
    assert merge(runs, merged, patch=patch, code=None).code == -signal.SIGKILL
    assert not merged.exists(), "half of a run would be gone on with, and paid for again"
    merge(runs[:1], merged)  # nothing is left of the runs that were named before
    assert len(read_rows(merged / "instructions.jsonl")) == 4
    assert merge(runs, merged, patch=patch, code=None).code in (0, -signal.SIGKILL)  # now in its place
    merge(runs, merged)
    assert export(merged) == undivided
    assert [drop_lock(snapshot(run)) for run in runs] == [drop_lock(files) for files in before]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], bytes]:
    """Three shards, and the dataset of one process."""
    folder = tmp_path_factory.mktemp("written")
    source = write_rows(folder / "in.jsonl", INSTRUCTIONS)
    with FakeServer() as server:
        build(source, folder / "whole", server)
        return shards_of(source, folder, server), (folder / "whole" / "dataset.jsonl").read_bytes()


# --- what is refused --------------------------------------------------------------------------------------------------


def test_runs_that_worked_on_the_same_instruction_are_refused_and_nothing_is_made(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    runs = shards_of(source, tmp_path, server)
    build(source, tmp_path / "halves", server, "--shard", "2/2")
    written_earlier(tmp_path / "halves")
    refused = merge([*runs, tmp_path / "halves"], tmp_path / "merged", code=2)
    assert f"{runs[0]} and {tmp_path / 'halves'} have both worked on" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "halves",
        "instructions.jsonl",
        "shard-1",
        "shard-2",
        "shard-3",
    ]


def test_an_instruction_that_only_one_run_has_worked_on_may_stand_in_two(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    """A source that lost a row between two shards: its instructions moved on, and one is now in both."""
    first, second = tmp_path / "first", tmp_path / "second"
    build(source, first, server, "--shard", "1/2", "--limit", "1")
    write_rows(source, INSTRUCTIONS[1:4])
    build(source, second, server, "--shard", "1/2")  # rivers 1 and 3
    write_rows(source, INSTRUCTIONS[:4])
    server.answer = lambda request: "" if "river number 2" in prompt_text(request) else None
    run_longwriter("plan", source, "-r", first, *at(server), code=3)
    result = merge([first, second], tmp_path / "merged", "--json")
    assert (result.summary["instructions"], result.summary["written"]) == (4, 3)
    assert "not all the same source" in result.stderr


def test_other_settings_other_prompts_and_shards_themselves_are_refused(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    runs = shards_of(source, tmp_path, server)
    build(source, tmp_path / "hot", server, "--shard", "2/3", "--temperature", "1.5")
    refused = merge([runs[0], tmp_path / "hot"], tmp_path / "merged", code=2)
    assert "--temperature is not set there and 1.5 here" in refused.stderr
    assert f"{tmp_path / 'hot'} was made with other settings than {runs[0]}" in refused.stderr
    other = write_rows(tmp_path / "other.jsonl", [{"id": "yangtze", "prompt": "Write 1,200 words on the Nile."}])
    build(other, tmp_path / "nile", server)
    refused = merge([runs[1], tmp_path / "nile"], tmp_path / "merged", code=2)
    assert "The id 'yangtze' stands for one prompt in" in refused.stderr
    assert not (tmp_path / "merged").exists()
    merge(runs[:1], tmp_path / "merged")
    assert "--temperature" in merge([tmp_path / "hot"], tmp_path / "merged", code=2).stderr
    assert "is shard 3/3 itself" in merge(runs[:2], runs[2], code=2).stderr
    assert "holds no run" in merge([tmp_path / "none", *runs], tmp_path / "m", code=2).stderr
    assert "the only run named" in merge([tmp_path / "merged"], tmp_path / "merged", code=2).stderr
    (runs[0] / "plans.jsonl").write_text('{"id": "x"}\n')
    bad = merge(runs, tmp_path / "new", code=2)
    assert "plans.jsonl line 1" in bad.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("place", ["merged", "prompts", "batches/merged"])
def test_a_run_inside_a_shard_is_refused(tmp_path: Path, written: tuple[list[Path], bytes], place: str) -> None:
    """A shard's folders are its own, and it is left as it is."""
    runs = [shutil.copytree(run, tmp_path / run.name) for run in written[0]]
    before = [snapshot(run) for run in runs]
    assert "is inside" in merge(runs, runs[1] / place, code=2).stderr
    assert [snapshot(run) for run in runs] == before


def test_a_shard_that_is_being_written_is_not_merged(source: Path, tmp_path: Path, server: FakeServer) -> None:
    runs = shards_of(source, tmp_path, server)
    write_rows(source, [*INSTRUCTIONS, *essays(12, 800)])
    server.latency_s = 60
    calls = server.stats.calls
    writing = Program("build-dataset", source, "-r", runs[1], *at(server), "--grace", "0")
    until(lambda: server.stats.calls > calls or server.stats.in_flight)
    busy = merge(runs, tmp_path / "merged", code=75)
    assert f"{runs[1]} is in use by process {writing.pid}" in busy.stderr
    writing.signal(signal.SIGTERM)
    writing.wait()


# --- what comes along -------------------------------------------------------------------------------------------------


def test_a_shard_with_batches_under_way_is_merged_with_a_word_on_what_that_leaves(
    source: Path, tmp_path: Path, server: FakeServer, whole: Path
) -> None:
    by_batch = ("--transport", "batch")
    runs = [tmp_path / f"shard-{shard[0]}" for shard in SHARDS]
    for run, shard in zip(runs, SHARDS, strict=True):
        build(source, run, server, "--shard", shard, *by_batch)
    (runs[1] / "plans.jsonl").unlink()
    build(None, runs[1], server, *by_batch, "--no-wait", code=75)
    result = merge(runs, tmp_path / "merged")
    assert result.stderr.count("in batches") == 1
    assert "4 requests of " in result.stderr
    assert str(runs[1]) in result.stderr
    build(None, runs[1], server, *by_batch)
    assert "in batches" not in merge(runs, tmp_path / "merged").stderr
    assert export(tmp_path / "merged") == (whole / "dataset.jsonl").read_bytes()


def test_failures_judgements_and_bad_rows_come_along_and_count_once(
    source: Path, tmp_path: Path, server: FakeServer
) -> None:
    with source.open("a") as file:
        file.write('{"prompt": 5}\n')
    asked: list[str] = []

    def answer(request: dict[str, Any]) -> str | None:
        asked.append(prompt_text(request))
        return "" if "lake 3" in prompt_text(request) and not is_judging(prompt_text(request)) else None

    server.answer = answer
    more = ("--skip-bad-rows", "--judge-model", "fake-judge")
    build(source, tmp_path / "whole", server, *more, code=3)
    runs = shards_of(source, tmp_path, server, *more, code=3)
    merged = tmp_path / "merged"
    summary = merge(runs, merged, "--json").summary
    assert summary["failed"] == 2, "lake 3, and the bad row that every shard has read"
    assert summary["written"] == COUNT - 1
    assert len(read_rows(merged / "judgements.jsonl")) == COUNT - 1
    assert export(merged, "--metadata") == export(tmp_path / "whole", "--metadata")
    # A failure is tried in three commands in all, those of the shard included.
    for _ in range(4):
        del asked[:]
        build(None, merged, server, code=3)
        assert all("lake 3" in prompt for prompt in asked)
    assert not asked
    kinds = [row["kind"] for row in read_rows(merged / "failures.jsonl")]
    assert sorted(kinds) == ["bad_plan", "bad_plan", "bad_plan", "bad_row"]


def test_a_bad_row_that_one_shard_has_seen_mended_is_mended(source: Path, tmp_path: Path, server: FakeServer) -> None:
    good = source.read_text()
    source.write_text(good + '{"prompt": 5}\n')
    runs = shards_of(source, tmp_path, server, "--skip-bad-rows", code=3)
    source.write_text(good + '{"prompt": "Write 400 words on a mended row."}\n')
    past = [row | {"at": "2020-01-01T00:00:00Z"} for row in read_rows(runs[0] / "failures.jsonl")]
    for run in runs:
        write_rows(run / "failures.jsonl", past)
    build(source, runs[0], server, "--skip-bad-rows")
    assert merge(runs[::-1], tmp_path / "merged", "--json").summary["failed"] == 0
    assert merge(runs, tmp_path / "merged", "--json").summary["added"] == 0


def test_rows_that_are_alike_are_as_many_as_they_were(tmp_path: Path, written: tuple[list[Path], bytes]) -> None:
    """Two commands in one second may leave the same failure, which then counts as two tries."""
    runs = [Path(shutil.copytree(shard, tmp_path / shard.name)) for shard in written[0]]
    row = {"id": "yangtze", "n": 1, "stage": "write", "kind": "empty", "message": "", "at": "2026-01-02T03:04:05Z"}
    shard = next(run for run in runs if any(each["id"] == "yangtze" for each in read_rows(run / "plans.jsonl")))
    write_rows(shard / "failures.jsonl", [row, row])
    for _ in range(2):
        merge(runs, tmp_path / "merged")
        assert read_rows(tmp_path / "merged" / "failures.jsonl") == [row, row]
    write_rows(shard / "failures.jsonl", [row, row, row])
    merge(runs, tmp_path / "merged")
    assert len(read_rows(tmp_path / "merged" / "failures.jsonl")) == 3


def test_samples_of_pairs_come_along(source: Path, tmp_path: Path, server: FakeServer) -> None:
    def pairs(run: Path, *more: object) -> Result:
        method = ("--method", "agentwrite", "--samples", "2", "--quality-weight", "0", "--seed", "3")
        return run_longwriter("pairs", source, "-r", run, *at(server), *method, *more)

    pairs(tmp_path / "whole")
    runs = [tmp_path / "a", tmp_path / "b"]
    for number, run in enumerate(runs, 1):
        pairs(run, "--shard", f"{number}/2")
    merge(runs, tmp_path / "merged")
    before = server.stats.calls
    pairs(tmp_path / "merged")
    assert server.stats.calls == before
    assert (tmp_path / "merged" / "pairs.jsonl").read_bytes() == (tmp_path / "whole" / "pairs.jsonl").read_bytes()


def test_a_selection_in_shards_is_that_of_one_process(tmp_path: Path, server: FakeServer) -> None:
    prompts = ["a lighthouse", "the old mill", "a ship", "the northern road", "two brothers", "a clockmaker"]
    log = write_rows(
        tmp_path / "log.jsonl",
        [{"prompt": f"Write a novel about {what}, chapter by chapter."} for what in prompts]
        + [{"prompt": "Write 50 words."}],
    )

    def select(name: str, *more: object) -> Path:
        run_longwriter("select", log, "-o", tmp_path / f"{name}.jsonl", *at(server), *more)
        return tmp_path / f"{name}.jsonl"

    whole = select("whole")
    parts = [select(f"part-{n}", "--shard", f"{n}/2") for n in (1, 2)]
    assert [len(read_rows(part)) for part in parts] == [3, 3]
    merge([part.with_name(part.name + ".run") for part in parts], tmp_path / "merged.jsonl.run")
    before = server.stats.calls
    assert select("merged").read_bytes() == whole.read_bytes()
    assert server.stats.calls == before


def test_an_evaluation_in_shards_scores_as_one(tmp_path: Path, server: FakeServer) -> None:
    def evaluate(run: Path, *more: object) -> Result:
        options = ("--judge-model", "fake-judge", "--limit", "7")
        return run_longwriter("evaluate", "builtin", "-r", run, *at(server), *options, *more)

    evaluate(tmp_path / "whole")
    runs = [tmp_path / "a", tmp_path / "b"]
    for number, run in enumerate(runs, 1):
        evaluate(run, "--shard", f"{number}/2")
    merge(runs, tmp_path / "merged")
    before = server.stats.calls
    evaluate(tmp_path / "merged")
    assert server.stats.calls == before
    scores = [json.loads((tmp_path / name / "results.json").read_text()) for name in ("whole", "merged")]
    assert len(scores[0]["rows"]) == 7
    assert scores[0]["rows"] == scores[1]["rows"]


# --- the examples -----------------------------------------------------------------------------------------------------

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(script: str, *arguments: object, server: FakeServer, **env: str) -> None:
    """Runs a script with the program of this environment on the PATH."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    settings = {"PATH": path, "LONGWRITER_MODEL": "fake-writer", "OPENAI_BASE_URL": server.base_url, **env}
    command = ["bash", str(EXAMPLES / script), *map(str, arguments)]
    done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_script_for_slurm_writes_each_shard_and_then_merges_them(
    source: Path, tmp_path: Path, server: FakeServer, written: tuple[list[Path], bytes]
) -> None:
    runs = tmp_path / "runs"
    for task in (2, 1, 3):
        example("slurm-array.sh", source, runs, 3, server=server, SLURM_ARRAY_TASK_ID=str(task))
    example("slurm-array.sh", source, runs, 3, server=server)
    assert (runs / "merged" / "dataset.jsonl").read_bytes() == written[1]


def has_gnu_parallel() -> bool:
    """moreutils has another program of that name."""
    if shutil.which("parallel") is None:
        return False
    said = subprocess.run(["parallel", "--version"], capture_output=True, text=True, check=False).stdout
    return "GNU parallel" in said


@pytest.mark.skipif(not has_gnu_parallel(), reason="needs GNU parallel")
def test_the_script_for_gnu_parallel_does_the_same(
    source: Path, tmp_path: Path, server: FakeServer, written: tuple[list[Path], bytes]
) -> None:
    runs = tmp_path / "runs"
    for _ in range(2):
        example("parallel.sh", source, runs, 3, server=server)
        assert (runs / "merged" / "dataset.jsonl").read_bytes() == written[1]
