"""`longwriter select` given again: under another limit, with other spellings of its logs, looked at later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fake_server import FakeServer
from program import at, read_rows, run_longwriter, write_rows
from test_select import LONG, NOVEL, log_of, novels, rejects, select

NEW = "--new-settings"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "instructions.jsonl"


def verdict(keep: bool, words: int | None) -> str:
    return json.dumps({"reason": "r", "keep": keep} | ({} if words is None else {"words": words}))


# --- another limit


@pytest.mark.parametrize(
    ("keep", "words", "first", "then", "kept", "calls"),
    [
        (True, 5000, 2000, 4000, True, 0),
        (True, 3000, 2000, 4000, False, 0),
        (False, 3000, 4000, 2000, True, 0),
        (False, 3000, 4000, 3500, False, 0),
        (False, 9000, 2000, 1000, False, 0),  # its words would do, so it has another reason
        (True, None, 4000, 2000, True, 0),
        (False, None, 2000, 4000, False, 0),
        (True, None, 2000, 4000, True, 1),
        (False, None, 4000, 2000, False, 1),
    ],
)
def test_a_verdict_is_held_against_another_limit_and_paid_for_again_only_where_it_leaves_that_open(
    tmp_path: Path,
    out: Path,
    server: FakeServer,
    keep: bool,
    words: int | None,
    first: int,
    then: int,
    kept: bool,
    calls: int,
) -> None:
    server.answer = lambda request: verdict(keep, words)
    log = log_of(tmp_path, *novels(1))
    select(log, "-o", out, "--min-words", first, *at(server))
    again = (log, "-o", out, "--min-words", then, NEW, "--json", *at(server))
    out.unlink()
    assert select(*again, "--dry-run").summary["calls"] == calls
    assert select(*again).summary["calls"] == calls
    assert len(read_rows(out)) == kept
    assert select(*again).summary["calls"] == 0
    assert run_longwriter("inspect", f"{out}.run", "--json").summary["selection"]["kept"] == kept


def test_a_verdict_of_an_earlier_version_stands_without_a_call(tmp_path: Path, out: Path, server: FakeServer) -> None:
    log = log_of(tmp_path, *novels(2))
    select(log, "-o", out, *at(server))
    checkpoint = Path(f"{out}.run") / "selections.jsonl"
    rows = read_rows(checkpoint)
    assert all(row.pop("min_words") == 2000 for row in rows)
    write_rows(checkpoint, rows)
    assert select(log, "-o", out, "--json", *at(server)).summary["records"] == 2
    out.unlink()
    assert select(log, "-o", out, "--min-words", "9000", NEW, "--json", *at(server)).summary["records"] == 0
    assert server.stats.calls == 2


def test_the_tip_about_another_limit_speaks_of_verdicts(tmp_path: Path, out: Path, server: FakeServer) -> None:
    log = log_of(tmp_path, *novels(1))
    select(log, "-o", out, *at(server))
    said = select(log, "-o", out, "--min-words", "3000", *at(server), code=2).stderr
    assert "has no verdict yet" in said
    assert "written" not in said


# --- bad rows


def test_the_share_that_may_fail_is_one_of_all_rows_that_were_read(
    tmp_path: Path, out: Path, server: FakeServer
) -> None:
    log = tmp_path / "log.jsonl"
    rows = [{"prompt": f"{LONG}, number {n}."} for n in range(2)] + [{"prompt": "hi"}] * 17
    log.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{broken\n")
    for model in ((), at(server)):
        select(log, "-o", out, "--skip-bad-rows", "--max-failed", "5%", *model)
        select(log, "-o", out, "--skip-bad-rows", "--max-failed", "4%", *model, code=3)


def test_two_spellings_of_a_log_are_one_log(tmp_path: Path, out: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"prompt": LONG}) + "\n{broken\n")
    (tmp_path / "below").mkdir()
    options = ("-o", out, "--skip-bad-rows", "--json")
    for name, place in (("log.jsonl", tmp_path), (log, tmp_path), ("../log.jsonl", tmp_path / "below")):
        assert select(name, *options, cwd=place, code=3).summary["failed"] == 1
    (failure,) = read_rows(Path(f"{out}.run") / "failures.jsonl")
    assert failure["file"] == str(log)
    log.write_text(json.dumps({"prompt": LONG}) + "\n")
    assert select("./log.jsonl", *options, cwd=tmp_path).summary["failed"] == 0


def test_a_bad_row_that_earlier_versions_recorded_twice_is_one_again(tmp_path: Path, out: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"prompt": LONG}) + "\n{broken\n")
    options = ("-o", out, "--skip-bad-rows", "--json")
    select(log, *options, code=3)
    failures = Path(f"{out}.run") / "failures.jsonl"
    (row,) = read_rows(failures)
    write_rows(failures, [row | {"file": "log.jsonl"}, row | {"file": "./log.jsonl"}])
    assert select("log.jsonl", *options, cwd=tmp_path, code=3).summary["failed"] == 1
    before = read_rows(failures)
    assert select("log.jsonl", *options, cwd=tmp_path, code=3).summary["failed"] == 1
    assert read_rows(failures) == before


def test_standard_input_that_was_mended_has_no_failure_left(out: Path) -> None:
    good = json.dumps({"prompt": LONG}).encode() + b"\n"
    assert select("-", "-o", out, "--skip-bad-rows", "--json", stdin=good + b"{broken\n", code=3).summary["failed"] == 1
    assert select("-", "-o", out, "--skip-bad-rows", "--json", stdin=good).summary["failed"] == 0


# --- looked at


def test_inspect_knows_a_selection_that_asked_no_model(tmp_path: Path, out: Path) -> None:
    select(log_of(tmp_path, {"prompt": LONG}, {"prompt": NOVEL}, {"prompt": "hi"}), "-o", out)
    shown = run_longwriter("inspect", f"{out}.run").stdout
    assert "by the rules alone" in shown
    assert "no_length 1" in shown
    assert "planned" not in shown
    assert str(out) in "".join(shown.split()), "a long path is folded"
    seen = run_longwriter("inspect", f"{out}.run", "--json").summary
    assert seen["selection"] == {"by_model": False, "asked": 0, "kept": 0}


def test_what_a_log_lacks_is_told_with_the_columns_that_it_has(tmp_path: Path, out: Path) -> None:
    said = select(log_of(tmp_path, {"query": LONG}), "-o", out, code=2).stderr
    assert 'it holds "query"' in said
    assert '"plan"' not in said


def test_languages_may_be_a_list_in_the_config_file(tmp_path: Path, out: Path) -> None:
    config = tmp_path / "my.toml"
    config.write_text('[select]\nlanguages = ["zh", "de"]\n')
    select(log_of(tmp_path, {"prompt": LONG}), "-o", out, "--config", config)
    assert rejects(out)[0]["reason"] == "language"
    config.write_text('[select]\nlanguages = ["zh", "en"]\n')
    select(log_of(tmp_path, {"prompt": LONG}), "-o", out, "--config", config)
    assert len(read_rows(out)) == 1
