"""The list of the page in a real browser: it opens, filters, searches, orders and pages."""

from __future__ import annotations

from pathlib import Path

from chromium import Tab
from opened import listed, wait_for_count
from planted_run import COUNT
from program import read_rows


def test_it_opens_and_lists_every_instruction(tab: Tab) -> None:
    assert tab.text("#count") == "60 texts, page 1 of 3"
    assert listed(tab)[:3] == ["r0", "zh", "refused"]
    assert len(listed(tab)) == 25
    assert tab.text("#summary .tile b") == "58"
    assert tab.count("figure svg.plot") == 5
    assert not tab.is_seen("#trouble")


def test_pages_turn_and_stop_at_the_ends(tab: Tab) -> None:
    tab.click("#previous")
    assert tab.text("#count").endswith("page 1 of 3")
    tab.click("#next")
    assert tab.text("#count").endswith("page 2 of 3")
    assert listed(tab)[0] == "r25"
    tab.click("#last")
    assert tab.text("#count").endswith("page 3 of 3")
    assert len(listed(tab)) == COUNT - 50
    tab.click("#next")
    assert tab.text("#count").endswith("page 3 of 3")
    assert tab.value("document.activeElement.id") == "next", "who pages by keyboard keeps the focus"


def test_filters_leave_what_they_say(tab: Tab) -> None:
    tab.choose("#by-outcome", "is failed")
    wait_for_count(tab, "2 of 60 texts")
    assert listed(tab) == ["refused", "broken"]
    tab.choose("#by-outcome", "is failed: refusal")
    wait_for_count(tab, "1 of 60 texts")
    tab.choose("#by-outcome", "")
    tab.choose("#by-language", "is zh")
    wait_for_count(tab, "1 of 60 texts")
    assert listed(tab) == ["zh"]
    tab.click("#clear")
    wait_for_count(tab, "60 texts")
    tab.choose("#by-range", "is 0")
    wait_for_count(tab, "1 of 60")
    assert listed(tab) == ["r0"], "300 words"
    tab.choose("#by-type", "is kind 1")
    wait_for_count(tab, "0 of 60 texts")
    assert "Nothing is like that" in tab.text("#list")


def test_each_choice_of_a_filter_leaves_as_many_as_it_says(tab: Tab) -> None:
    for key in ("outcome", "range", "language", "type"):
        choices = tab.value(f"[...document.querySelector('#by-{key}').options].map(o => [o.value, o.text])")
        for value, name in choices[1:]:
            tab.choose(f"#by-{key}", value)
            wait_for_count(tab, f"{name.rpartition('(')[2].rstrip(')')} ")
        tab.choose(f"#by-{key}", "")


def test_search_finds_words_of_prompts_ids_and_texts(tab: Tab, run: Path) -> None:
    tab.click("#search")
    tab.type("RIVER 5900")
    wait_for_count(tab, "1 of 60 texts")
    assert listed(tab) == ["r56"]
    tab.click("#clear")
    wait_for_count(tab, "60 texts")
    mark = next(
        row["text"].split()[1] for row in read_rows(run / "sections.jsonl") if (row["id"], row["n"]) == ("r30", 2)
    )
    tab.click("#search")
    tab.type(mark.upper())
    wait_for_count(tab, "1 of 60 texts")
    assert listed(tab) == ["r30"], "the mark stands in the second section of that text alone"


def test_the_list_can_be_ordered_by_length_and_score(tab: Tab) -> None:
    tab.choose("#sort", "longest")
    tab.until("document.querySelector('#list .id').textContent === 'r59'")
    tab.choose("#sort", "shortest")
    tab.until("document.querySelector('#list .id').textContent === 'r0'")
    assert tab.count("#sort option[value=s_q]") == 0, "without a judge there is no such order"
