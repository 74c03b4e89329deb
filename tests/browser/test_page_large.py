"""Several runs in one page, and six thousand records."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from chromium import Chromium
from fake_model import prose
from fake_server import FakeServer
from opened import listed, opened, wait_for_count
from program import at, run_longwriter, write_rows


def test_runs_stand_side_by_side_and_an_instruction_is_found_in_the_other(
    browser: Chromium, run: Path, tmp_path: Path
) -> None:
    with FakeServer(bias=0.6) as server:
        run_longwriter("build-dataset", run.parent / "in.jsonl", "-r", tmp_path / "short", *at(server), "--limit", 20)
    file = tmp_path / "both.html"
    run_longwriter("inspect", run, tmp_path / "short", "--html", file)
    tab = opened(browser, file.as_uri())
    assert tab.text("#count").startswith("80 texts")
    assert tab.count("#summary thead th") == 3
    tab.choose("#by-run", "is 1")
    wait_for_count(tab, "20 of 80 texts")
    tab.click("#open-70")
    tab.until("document.querySelector('#record-title')?.textContent === 'r10'")
    tab.click("#record p.moves button")
    tab.until("location.hash === '#text-10'")
    assert tab.errors == []
    tab.close()


def test_six_thousand_records_open_page_and_are_searched(browser: Chromium, tmp_path: Path) -> None:
    def record(i: int) -> dict[str, Any]:
        asked, said = f"Write {1000 + i} words on subject {i}.", prose(random.Random(i), 400, "en")
        return {"id": f"d{i}", "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]}

    source, file = write_rows(tmp_path / "many.jsonl", map(record, range(6000))), tmp_path / "many.html"
    made = run_longwriter("inspect", source, "--html", file, "--json").summary
    assert (made["texts"], made["left_out"]) == (6000, 0)
    assert 2_700_000 < file.stat().st_size <= 3_000_000
    assert 0 < made["whole"] < 6000
    tab = opened(browser, file.as_uri())
    assert tab.text("#count") == "6,000 texts, page 1 of 240"
    tab.click("#last")
    assert listed(tab)[-1] == "d5999"
    tab.click("#search")
    tab.type("d4321")
    wait_for_count(tab, "1 of 6,000 texts")
    tab.click("#clear")
    tab.choose("#by-held", "is beginnings")
    tab.until("document.querySelector('#count').textContent.includes(' of 6,000')")
    tab.click("#list .open")
    tab.until("document.querySelector('#record code')")
    assert tab.text("#record code").startswith(f"longwriter inspect {source} --id d")
    assert tab.errors == []
    tab.close()
