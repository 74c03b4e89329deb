"""Limits of endpoints, seen from the whole program: what one of several says, and one that puts off everything."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import Program, at, audit, essays, run_longwriter, until, write_rows


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(24, words=250))


def test_what_one_endpoint_says_of_its_limits_holds_back_no_other(source: Path, run: Path, server: FakeServer) -> None:
    """One takes two requests a minute: with one allowance for both, the other one would stand still too."""
    with FakeServer(rate_limit_rpm=2) as tight:
        command = ("build-dataset", source, "-r", run, "-c", "32", "--grace", "2", "--json", *at(server))
        program = Program(*command, "--base-url", tight.base_url)
        until(lambda: server.stats.answered >= 6 and tight.stats.answered == 2)
        program.signal(signal.SIGTERM)
        assert program.wait().summary["written"] == server.stats.answered + 2


@pytest.mark.parametrize("instructions", [1, 24])
def test_an_endpoint_that_puts_off_everything_without_a_time_ends_in_75(
    instructions: int, source: Path, run: Path, server: FakeServer
) -> None:
    server.faults, server.fault_kinds, server.max_faults = 1.0, ("429_bare",), 10**9
    command = ("build-dataset", source, "-r", run, "--limit", instructions, "--give-up-after", "3", "--json")
    result = run_longwriter(*command, *at(server), code=75)
    assert "--give-up-after" in result.stderr or "no answer for" in result.stderr
    assert not (run / "failures.jsonl").exists(), "an instruction was blamed for it"
    server.faults = 0.0
    run_longwriter(*command, *at(server))
    assert audit(run) == instructions


def test_rates_of_the_users_are_over_all_endpoints(source: Path, run: Path, server: FakeServer) -> None:
    with FakeServer() as other:
        command = ("build-dataset", source, "-r", run, "--rpm", "600", "--json", *at(server))
        summary = run_longwriter(*command, "--base-url", other.base_url).summary
        assert min(server.stats.calls, other.stats.calls) > 3
    assert summary["calls"] == 24
    assert summary["elapsed_s"] >= (24 - 10) / 10, "10 a second, after the first 10"
