"""What a run may spend: held over all resumes, with what is in flight, and refused where it could not be held."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, audit, essays, run_longwriter, write_rows

PRICES = ("--price-in", "1", "--price-out", "10", "--price-cached", "0.5")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "in.jsonl", essays(12))


def whole_run(source: Path, directory: Path, server: FakeServer) -> dict[str, float]:
    """What the run uses when nothing holds it."""
    return run_longwriter("build-dataset", source, "-r", directory, *PRICES, "--json", *at(server)).summary


@pytest.mark.parametrize("concurrency", [1, 8])
def test_the_run_stops_with_4_before_it_uses_more_tokens_and_exports_what_is_finished(
    concurrency: int, source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    whole = whole_run(source, tmp_path / "whole", server)
    cap = int((whole["prompt_tokens"] + whole["completion_tokens"]) // 2)
    command = ("build-dataset", source, "-r", run, "-c", concurrency, "--max-total-tokens", cap, "--json", *at(server))
    result = run_longwriter(*command, code=4)
    used = result.summary["prompt_tokens"] + result.summary["completion_tokens"]
    assert 0.6 * cap <= used <= cap
    assert "--max-total-tokens" in result.stderr
    assert result.summary["dataset"] == str(run / "dataset.jsonl")
    assert server.stats.abandoned == 0, "what was in flight was paid and is kept"


def test_the_cap_counts_what_earlier_commands_spent(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, "-c", "2", "--max-cost", "0.05", *PRICES, "--json", *at(server))
    first = run_longwriter(*command, code=4).summary
    again = run_longwriter(*command, code=4).summary
    assert 0 < first["cost_usd"] <= 0.05
    assert again["cost_usd"] <= 0.05
    assert again["calls"] <= 2
    more = ("build-dataset", "-r", run, "--max-cost", "5", *PRICES, "--json", *at(server))
    assert run_longwriter(*more).summary["written"] == 12
    assert audit(run) == 12


def test_a_finished_run_needs_no_budget(source: Path, run: Path, server: FakeServer) -> None:
    whole_run(source, run, server)
    command = ("build-dataset", source, "-r", run, "--max-total-tokens", "0", "--json", *at(server))
    assert run_longwriter(*command).summary["calls"] == 0


def test_a_cost_that_could_not_be_known_is_refused_at_the_start(source: Path, run: Path, server: FakeServer) -> None:
    result = run_longwriter("build-dataset", source, "-r", run, "--max-cost", "5", *at(server), code=2)
    assert "--price-in" in result.stderr
    assert server.stats.calls == 0
    assert not (run / "manifest.json").exists()


def test_the_cost_is_the_tokens_at_their_prices(source: Path, run: Path, server: FakeServer) -> None:
    summary = whole_run(source, run, server)
    fresh = summary["prompt_tokens"] - summary["cached_tokens"]
    expected = (fresh * 1 + summary["cached_tokens"] * 0.5 + summary["completion_tokens"] * 10) / 1e6
    assert summary["cost_usd"] == pytest.approx(expected, rel=1e-4)


def test_requests_per_minute_are_held(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(
        tmp_path / "few.jsonl", [{"prompt": f"Write a 150-word note about day {n}."} for n in range(30)]
    )
    command = ("build-dataset", source, "-r", run, "--rpm", "600", "--json", *at(server))
    summary = run_longwriter(*command).summary
    assert summary["calls"] == 30
    assert summary["elapsed_s"] >= (30 - 10) / 10, "10 a second, after the first 10"


def test_tokens_per_minute_are_held(tmp_path: Path, run: Path, server: FakeServer) -> None:
    source = write_rows(
        tmp_path / "few.jsonl", [{"prompt": f"Write a 150-word note about day {n}."} for n in range(20)]
    )
    command = ("build-dataset", source, "-r", run, "--tpm", "120000", "--json", *at(server))
    summary = run_longwriter(*command).summary
    used = summary["prompt_tokens"] + summary["completion_tokens"]
    assert summary["elapsed_s"] >= (used - 2 * 2000) / 2000


def test_limits_are_read_from_environment_and_config_file_too(
    source: Path, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    config = tmp_path / "longwriter.toml"
    config.write_text("max-total-tokens = 3000\n")
    run_longwriter("build-dataset", source, "-r", run, "--config", config, *at(server), code=4)
    run_longwriter("build-dataset", source, "-r", run, *at(server), env={"LONGWRITER_MAX_TOTAL_TOKENS": "3000"}, code=4)
    assert "max_total_tokens" not in json.loads((run / "manifest.json").read_text())["settings"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_dry_run_is_within_a_quarter_of_what_the_run_then_uses(
    language: str, tmp_path: Path, run: Path, server: FakeServer
) -> None:
    texts = {"en": "Write a {n}-word report about town {n}.", "zh": "写一篇{n}字的报告，介绍第{n}号小镇。"}
    lengths = range(150, 9000, 700)
    source = write_rows(tmp_path / "in.jsonl", [{"prompt": texts[language].format(n=n)} for n in lengths])
    command = ("build-dataset", source, "-r", run, *PRICES, "--json", *at(server))
    expected = run_longwriter(*command, "--dry-run").summary
    assert server.stats.calls == 0
    assert not run.exists()
    used = run_longwriter(*command).summary
    for name in ("calls", "sections", "prompt_tokens", "completion_tokens", "cost_usd"):
        assert expected[name] == pytest.approx(used[name], rel=0.25), name
    left = run_longwriter(*command, "--dry-run").summary
    assert (left["calls"], left["cost_usd"]) == (0, 0)


def test_a_dry_run_of_a_run_under_way_counts_what_is_left(source: Path, run: Path, server: FakeServer) -> None:
    command = ("build-dataset", source, "-r", run, *PRICES, "--json", *at(server))
    whole = run_longwriter(*command, "--dry-run").summary
    run_longwriter(*command, "--limit", "6")
    left = run_longwriter(*command, "--dry-run").summary
    assert left["instructions"] == 6
    assert 0.2 * whole["calls"] < left["calls"] < 0.8 * whole["calls"]
