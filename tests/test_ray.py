"""A run on a Ray cluster is the run of one process: the same files, whatever becomes of the nodes.

Each test has the program in a process of its own and a cluster of nodes on this machine; `scripts/test ray` runs them.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fake_faults import SPOILED_ANSWERS
from fake_http import HttpRequest
from fake_server import RETRYABLE_FAULTS, FakeServer
from program import Program, Result, at, audit, essays, read_rows, rows_so_far, run_longwriter, until, write_rows

pytestmark = pytest.mark.ray

KEY = "sk-a-key-that-nobody-may-see-7Q2"
EXPORT_WAITS = """
import sys, time
from pathlib import Path
if sys.argv[:1] == ["-m"]:
    import longwriter_cli.store.export as module
    def waiting(*_):
        Path({mark!r}).touch()
        time.sleep(60)
    module.sync_file = waiting
"""
TIMEOUT_S = 120.0  # the start of a node takes ten seconds on a machine that does other things


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes that take work, beside a head that takes none."""
    yield from _cluster(nodes=2)


@pytest.fixture
def short_lived() -> Iterator[Any]:
    """Another one, to be damaged."""
    yield from _cluster(nodes=2)


def _cluster(nodes: int) -> Iterator[Any]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(nodes):
            made.add_node(num_cpus=1)
        yield made
    finally:
        made.shutdown()


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", [*essays(7, 1600), {"prompt": "写一篇1600字的文章，谈谈长江。"}])


def build(source: Path | None, run: Path, server: FakeServer, *more: object, **options: Any) -> Result:
    """In an interpreter of its own: what Ray starts in threads does not go along with a fork."""
    given = () if source is None else (source,)
    command = ("build-dataset", *given, "-r", run, *at(server), "-c", "4", *more)
    return run_longwriter(*command, fresh=True, timeout_s=TIMEOUT_S, **options)


def on(cluster: Any) -> tuple[str, str]:
    return "--ray", cluster.address


def dataset(run: Path) -> bytes:
    return (run / "dataset.jsonl").read_bytes()


def joined(text: str) -> list[str]:
    return re.findall(r"an actor on node (.*) has joined", text)


def actors_in(progress: str) -> list[dict[str, Any]]:
    """What the last line of `--progress json` says of the actors."""
    rows = [json.loads(line) for line in progress.splitlines() if line.startswith("{") and line.endswith("}")]
    actors: list[dict[str, Any]] = rows[-1]["actors"] if rows else []
    return actors


def test_a_run_with_a_node_killed_in_the_middle_is_the_local_one_to_the_byte(
    short_lived: Any, source: Path, tmp_path: Path, server: FakeServer
) -> None:
    build(source, tmp_path / "local", server)
    calls = server.stats.calls
    server.reset()
    server.latency_s = 1.0
    run = tmp_path / "run"
    command = ("build-dataset", source, "-r", run, *at(server), "-c", "4", *on(short_lived), "--progress", "plain")
    program = Program(*command, fresh=True)
    until(lambda: len(joined(program.stderr)) == 2, TIMEOUT_S)
    written = len(rows_so_far(run / "sections.jsonl"))
    until(lambda: len(rows_so_far(run / "sections.jsonl")) >= written + 4, TIMEOUT_S)
    short_lived.remove_node(next(iter(short_lived.worker_nodes)), allow_graceful=False)
    result = program.wait(TIMEOUT_S)
    assert result.code == 0, result
    assert dataset(run) == dataset(tmp_path / "local")
    assert audit(run) == 8
    lost = re.findall(r"the actor on node .* is lost: .* made again: (\d+)", result.stderr)
    assert len(lost) == 1, result.stderr
    assert server.stats.repeats_after_success <= server.stats.repeats <= int(lost[0]) <= 4
    assert server.stats.calls - server.stats.repeats == calls
    assert not (run / "failures.jsonl").exists() or {row["n"] for row in read_rows(run / "failures.jsonl")} == {0}
    for name in ("plans", "sections"):
        rows = read_rows(run / f"{name}.jsonl")
        assert len({(row["id"], row.get("n")) for row in rows}) == len(rows), "a row is paid once"


def test_a_node_that_joins_takes_its_share(cluster: Any, tmp_path: Path, server: FakeServer) -> None:
    server.latency_s = 0.3
    source = write_rows(tmp_path / "in.jsonl", essays(30, 1200))
    run = tmp_path / "run"
    command = ("build-dataset", source, "-r", run, *at(server), "-c", "4", *on(cluster), "--progress", "json")
    program = Program(*command, fresh=True)
    until(lambda: len(rows_so_far(run / "sections.jsonl")) >= 4, TIMEOUT_S)
    cluster.add_node(num_cpus=1)
    server.latency_s = 2.0  # so that there is time enough for it to join
    until(lambda: len(actors_in(program.stderr)) == 3, TIMEOUT_S)
    server.latency_s = 0.1
    result = program.wait(TIMEOUT_S)
    assert result.code == 0, result
    actors = actors_in(result.stderr)
    assert len(actors) == 3
    assert all(actor["calls"] > 0 and actor["calls_per_s"] > 0 and actor["in_flight"] == 0 for actor in actors)
    assert sum(actor["calls"] for actor in actors) >= server.stats.calls
    assert server.stats.max_in_flight <= 4, "the calls at once are those of all actors"
    assert audit(run) == 30


def test_a_run_goes_from_one_process_to_a_cluster_and_back(
    cluster: Any, source: Path, tmp_path: Path, server: FakeServer
) -> None:
    build(source, tmp_path / "local", server)
    calls = server.stats.calls
    server.reset()
    run = tmp_path / "run"
    plan = run_longwriter("plan", source, "-r", run, *at(server), fresh=True)
    assert plan.code == 0
    tokens = 15_000
    stopped = build(source, run, server, *on(cluster), "--max-total-tokens", tokens, "--json", code=4)
    summary = stopped.summary
    assert 0 < summary["sections"] < summary["instructions"] * 4
    assert summary["prompt_tokens"] + summary["completion_tokens"] <= tokens
    build(None, run, server, "--limit", "4")
    build(source, run, server, *on(cluster))
    assert dataset(run) == dataset(tmp_path / "local")
    assert server.stats.calls == calls
    assert server.stats.repeats == 0
    done = build(source, run, server, *on(cluster), "--json")
    assert done.summary["calls"] == 0
    assert done.summary["elapsed_s"] < 5, "with nothing left to do no cluster is joined"


class Listening(FakeServer):
    """Keeps the headers of the calls."""

    async def _respond(self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        vars(self).setdefault("heard", []).append(dict(request.headers))
        return await super()._respond(request, reader, writer)


def test_the_key_reaches_the_actors_and_stands_nowhere_else(cluster: Any, source: Path, tmp_path: Path) -> None:
    env = {"OPENAI_API_KEY": KEY, "OPENAI_ORG_ID": "org-of-mine"}
    with Listening() as server:
        result = build(source, tmp_path / "run", server, *on(cluster), "-v", env=env)
        heard = vars(server)["heard"]
        assert heard
        assert all(headers["authorization"] == f"Bearer {KEY}" for headers in heard)
        assert all(headers["openai-organization"] == "org-of-mine" for headers in heard)
        server.mode = "bad_key"
        refused = build(source, tmp_path / "refused", server, *on(cluster), "-v", env=env, code=5)
    assert "--api-key-env" in refused.stderr or "key" in refused.stderr
    said = result.stdout + result.stderr + refused.stdout + refused.stderr
    places = [tmp_path, Path(cluster.head_node.get_session_dir_path())]
    files = [path for place in places for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any("worker" in path.name for path in files), "the actors' logs are among them"
    assert KEY not in said
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_what_goes_wrong_at_the_endpoint_is_sorted_there_as_here(
    cluster: Any, source: Path, tmp_path: Path, server: FakeServer
) -> None:
    build(source, tmp_path / "local", server)
    server.reset()
    # Without those after which a plan is asked for in other words, and may be another one.
    server.faults, server.fault_kinds = 0.3, sorted(set(RETRYABLE_FAULTS) - set(SPOILED_ANSWERS))
    server.stall_s = 0.2
    result = build(source, tmp_path / "run", server, *on(cluster), "--json", "--timeout", "30")
    assert dataset(tmp_path / "run") == dataset(tmp_path / "local")
    assert result.summary["retries"] > 0
    assert server.stats.repeats_after_success == 0
    server.faults = 0
    server.max_context_tokens = 600
    failed = build(source, tmp_path / "small", server, *on(cluster), code=3)
    kinds = {row["kind"] for row in read_rows(tmp_path / "small" / "failures.jsonl")}
    assert kinds == {"context_length"}, failed


def test_an_evaluation_is_written_and_judged_there(cluster: Any, tmp_path: Path, server: FakeServer) -> None:
    options = ("evaluate", "builtin", *at(server), "--judge-model", "fake-judge", "--limit", "4", "-c", "4")
    run_longwriter(*options, "-r", tmp_path / "local", fresh=True)
    run_longwriter(*options, "-r", tmp_path / "ray", *on(cluster), fresh=True, timeout_s=TIMEOUT_S)
    rows = [json.loads((tmp_path / name / "results.json").read_text())["rows"] for name in ("local", "ray")]
    assert rows[0] == rows[1]
    assert len(rows[0]) == 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_in_good_order(
    cluster: Any, source: Path, tmp_path: Path, server: FakeServer, number: signal.Signals
) -> None:
    server.latency_s = 0.5
    run = tmp_path / "run"
    program = Program("build-dataset", source, "-r", run, *at(server), "-c", "4", *on(cluster), fresh=True)
    until(lambda: len(rows_so_far(run / "sections.jsonl")) >= 3, TIMEOUT_S)
    server.latency_s = 5.0
    slow = server.stats.calls + 4
    until(lambda: server.stats.calls >= slow, TIMEOUT_S)
    program.signal(number)
    result = program.wait(TIMEOUT_S)
    assert result.code == 128 + number, result
    assert server.stats.abandoned == 0, "an answer that came within the grace is lost"
    server.latency_s = 0.0
    assert "Go on with: longwriter build-dataset" in result.stderr
    assert "Traceback" not in result.stderr
    build(source, run, server, *on(cluster))
    assert server.stats.repeats_after_success == 0
    assert audit(run) == 8


def test_a_signal_after_the_cluster_was_left_stops_it_in_good_order(
    cluster: Any, source: Path, tmp_path: Path, server: FakeServer
) -> None:
    there, run = tmp_path / "exporting", tmp_path / "run"
    patch = tmp_path / "sitecustomize.py"
    patch.write_text(EXPORT_WAITS.format(mark=str(there)))
    command = ("build-dataset", source, "-r", run, *at(server), *on(cluster))
    program = Program(*command, fresh=True, env={"PYTHONPATH": str(tmp_path)})
    until(there.exists, TIMEOUT_S)
    program.signal(signal.SIGTERM)
    result = program.wait(TIMEOUT_S)
    assert result.code == 143, result
    assert "Stopped by SIGTERM" in result.stderr
    run_longwriter("build-dataset", "-r", run, "--export-only")
    assert audit(run) == 8


def test_a_cluster_of_its_own_is_started_and_ended(source: Path, tmp_path: Path, server: FakeServer) -> None:
    result = build(source, tmp_path / "run", server, "--ray", "local", "--json")
    assert result.summary["written"] == 8
    assert len(joined(result.stderr)) == 1


def test_what_cannot_be_is_said(source: Path, tmp_path: Path, server: FakeServer) -> None:
    away = build(source, tmp_path / "away", server, "--ray", "127.0.0.1:1", code=75)
    assert "The Ray cluster at 127.0.0.1:1 cannot be reached" in away.stderr
    assert "--ray" in away.stderr
    local = run_longwriter("build-dataset", source, "-r", tmp_path / "l", "-m", "local", "--ray", "local", code=2)
    assert "the embedded server is on this machine alone" in local.stderr
    assert server.stats.calls == 0


def test_where_no_node_can_run_an_actor_the_run_stops_and_says_why(
    cluster: Any, source: Path, tmp_path: Path, server: FakeServer
) -> None:
    # Another version here than there: the actors import what is installed, this process says that it is newer.
    patch = tmp_path / "sitecustomize.py"
    patch.write_text(
        "import sys\nif sys.argv[:1] == ['-m']:\n    import longwriter_cli\n    longwriter_cli.__version__ = '99.0'\n"
    )
    result = build(source, tmp_path / "run", server, *on(cluster), env={"PYTHONPATH": str(tmp_path)}, code=2)
    assert "No node of the Ray cluster can run an actor" in result.stderr
    assert "99.0 here" in result.stderr
    assert server.stats.calls == 0
    assert sys.executable not in result.stdout
