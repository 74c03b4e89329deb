"""A text in a real browser: shown beside its plan, by mouse and keyboard, and never obeyed."""

from __future__ import annotations

from pathlib import Path

from chromium import Chromium, Tab
from lure import Lure
from opened import opened
from planted_run import planted
from program import read_rows


def test_a_record_shows_each_step_beside_its_section(tab: Tab, run: Path) -> None:
    tab.click("#open-10")
    tab.until("document.querySelector('#record-title')?.textContent === 'r10'")
    assert tab.value("document.activeElement.id") == "record-title"
    sections = [row for row in read_rows(run / "sections.jsonl") if row["id"] == "r10"]
    plan = next(row for row in read_rows(run / "plans.jsonl") if row["id"] == "r10")
    assert tab.count("#record .passage") == len(sections) == len(plan["steps"])
    for place, (section, step) in enumerate(
        zip(sorted(sections, key=lambda row: row["n"]), plan["steps"], strict=True), 1
    ):
        beside = f"#record .passage:nth-of-type({place})"
        assert tab.value(f"document.querySelector('{beside} .text').textContent") == section["text"]
        assert step["main_point"] in tab.text(f"{beside} .step")
        assert f"{section['words']:,} of {step['words']:,} words" in tab.text(f"{beside} .step")


def test_a_record_can_be_read_and_left_by_keyboard(tab: Tab) -> None:
    tab.press("Escape")
    assert tab.value("location.hash") == "", "in the list the keys mean nothing"
    tab.value("document.querySelector('#open-5').focus()")
    tab.press("Enter")
    tab.until("document.querySelector('#record-title')?.textContent === 'r5'")
    tab.press("ArrowRight")
    tab.until("document.querySelector('#record-title').textContent === 'r6'")
    tab.press("ArrowLeft")
    tab.until("document.querySelector('#record-title').textContent === 'r5'")
    tab.press("Escape")
    tab.until("document.querySelector('#record').hidden")
    assert tab.value("document.activeElement.id") == "open-5"


def test_the_way_back_is_also_the_browsers(tab: Tab) -> None:
    tab.click("#last")
    tab.click("#open-55")
    tab.until("document.querySelector('#record-title')?.textContent === 'r55'")
    tab.value("history.back()")
    tab.until("document.querySelector('#record').hidden")
    assert tab.text("#count").endswith("page 3 of 3")


def test_a_failed_step_says_why(tab: Tab) -> None:
    tab.click("#open-4")
    tab.until("document.querySelector('#record-title')?.textContent === 'broken'")
    assert "failed: bad_request" in tab.text("#record .facts")


def test_an_address_leads_to_its_record(browser: Chromium, page: str) -> None:
    tab = browser.open(f"{page}#text-3")
    tab.until("document.querySelector('#record-title')")
    assert tab.text("#record-title").startswith("<b>p</b>")
    tab.close()


# --- what is planted


def test_markup_in_what_a_model_or_a_user_says_is_shown_as_text(tab: Tab, lure: Lure) -> None:
    tab.click("#open-3")
    tab.until("document.querySelector('#record .passage')")
    shown = tab.value("document.querySelector('#record').textContent")
    assert shown.count(planted(lure.url)) >= 4, "in the id, the prompt, the main point and the text"
    assert tab.count("#record :is(script, img, a, style)") == 0
    assert tab.count("#record b") == 0
    tab.press("ArrowRight")
    tab.until("document.querySelector('#record-title').textContent === 'broken'")
    assert "<img src=x onerror=alert(1)>" in tab.text("#record")
    assert tab.count("body :is(img, iframe, object, embed, form[action])") == 0


def test_the_page_could_not_ask_for_anything_if_it_tried(browser: Chromium, page: str, lure: Lure) -> None:
    tab = opened(browser, page)
    asked = f"fetch('{lure.url}/fetch').then(() => 'answered', () => 'refused')"
    assert tab.value(asked) == "refused"
    tab.value(f"document.body.append(Object.assign(new Image(), {{src: '{lure.url}/image'}}))")
    tab.value("document.body.append(Object.assign(document.createElement('script'), {text: 'window.planted = 6'}))")
    tab.value("document.body.insertAdjacentHTML('beforeend', '<p onclick=\"window.planted = 7\" id=\"trap\">x</p>')")
    tab.value("document.getElementById('trap').click()")
    assert tab.value("window.planted") is None
    assert lure.connections == 0
    assert any("Content Security Policy" in error for error in tab.errors), "this is how the others would be told"
    tab.close()
