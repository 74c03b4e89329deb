"""The page of `inspect --html` in a real browser: it opens, filters, pages, shows a record, and obeys no text in it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, Tab
from fake_model import ScriptedModel, prompt_text, prose
from fake_server import FakeServer, Reply
from lure import Lure
from program import at, read_rows, run_longwriter, write_rows

COUNT = 60


def planted(lure: str) -> str:
    """What would run or ask for something, were it taken for HTML."""
    return (
        f'<script>window.planted = 1</script><img src="{lure}/image" onerror="window.planted = 2">'
        f"</script><script>window.planted = 3</script><style>@import url({lure}/style);</style>"
        f'<svg onload="window.planted = 4"></svg><a href="javascript:window.planted = 5">here</a> & "so" <!-- on'
    )


def instructions(lure: str) -> list[dict[str, Any]]:
    """Sixty instructions; the fourth one is planted with markup in all that a user or a model may say."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"r{i}",
            "prompt": f"Write an essay of {300 + 100 * i} words on river number {i}.",
            "type": f"kind {i % 3}",
        }
        for i in range(COUNT)
    ]
    rows[1] = {"id": "zh", "prompt": "写一篇500字左右的文章，主题是长江。", "type": "kind 1"}
    rows[2] = {"id": "refused", "prompt": "Write 900 words that you will refuse."}
    rows[3] = {
        "id": f"<b>p</b>{planted(lure)}",
        "prompt": f"Write 600 words on markup. {planted(lure)}",
        "type": planted(lure),
        "plan": [{"n": 1, "main_point": planted(lure), "words": 300}, {"n": 2, "main_point": "The end", "words": 300}],
    }
    rows[4] = {"id": "broken", "prompt": "Write 700 words that break the endpoint."}
    return rows


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, lure: Lure) -> Path:
    directory = tmp_path_factory.mktemp("page")

    def answer(body: dict[str, Any]) -> str | Reply | None:
        prompt = prompt_text(body)
        if "that you will refuse" in prompt:
            return Reply(text=None, refusal=planted(lure.url))
        if "break the endpoint" in prompt:
            return Reply(status=400, body=b'{"error": {"message": "<img src=x onerror=alert(1)>"}}')
        said = ScriptedModel(bias=0.9).answer(body)
        return f"{said}\n\n{planted(lure.url)} and that is all." if "on markup" in prompt else said

    source = write_rows(directory / "in.jsonl", instructions(lure.url))
    with FakeServer(answer=answer) as server:
        run_longwriter(
            *("build-dataset", source, "-r", directory / "run", *at(server), "--no-filters"), code=3, timeout_s=300
        )
    return directory / "run"


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    """The address of the page."""
    file = run.parent / "report.html"
    run_longwriter("inspect", run, "--html", file, "--price-in", 1, "--price-out", 2)
    return file.as_uri()


@pytest.fixture
def tab(browser: Chromium, page: str, lure: Lure) -> Iterator[Tab]:
    """The page, opened; in the end it has asked for nothing but itself, and nothing went wrong."""
    tab = opened(browser, page)
    yield tab
    tab.value("0")  # so that what was said until now has been heard
    assert tab.requests == [page]
    assert tab.errors == []
    assert list(tab.dialogs) == []
    assert lure.connections == 0
    assert tab.value("window.planted") is None
    tab.close()


def opened(browser: Chromium, address: str, **how: Any) -> Tab:
    tab = browser.open(address, **how)
    tab.until("document.querySelector('#count').textContent")
    return tab


def listed(tab: Tab) -> list[str]:
    """The ids in the list."""
    found: list[str] = tab.value("[...document.querySelectorAll('#list .id')].map(e => e.textContent)")
    return found


def wait_for_count(tab: Tab, said: str) -> None:
    tab.until(f"document.querySelector('#count').textContent.startsWith({said!r})")


# --- the list


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


# --- a record


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


# --- how it looks


@pytest.mark.parametrize("width", [360, 390, 768, 1280, 2000])
def test_nothing_is_wider_than_the_screen(browser: Chromium, page: str, width: int) -> None:
    tab = opened(browser, page, width=width, height=800)
    widest = "Math.max(document.documentElement.scrollWidth, document.body.scrollWidth)"
    assert tab.value(widest) <= width
    tab.click("#open-3")
    tab.until("document.querySelector('#record .passage')")
    assert tab.value(widest) <= width
    tab.close()


def test_colours_follow_the_system_until_the_reader_says_otherwise(browser: Chromium, page: str) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(browser, page), opened(browser, page, scheme="dark")
    by_system = dark.value(ground)
    assert light.value(ground) != by_system
    light.choose("#theme", "dark")
    assert light.value(ground) == by_system
    dark.choose("#theme", "light")
    assert dark.value(ground) != by_system
    dark.choose("#theme", "")
    for tab in (light, dark):
        tab.close()


_CONTRASTS = """
(() => {
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const found = numbers(getComputedStyle(e).backgroundColor);
      if (found.length < 4 || found[3] === 1) return found;
    }
    return [255, 255, 255];
  };
  const bad = [];
  for (const e of document.querySelectorAll("body *")) {
    const said = [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!said || !e.checkVisibility() || e.getAttribute("aria-disabled") === "true") continue;
    if (["SCRIPT", "STYLE", "OPTION", "NOSCRIPT"].includes(e.tagName)) continue;
    const style = getComputedStyle(e);
    const ink = e instanceof SVGElement ? style.fill : style.color;
    const pair = [light(numbers(ink)), light(ground(e instanceof SVGElement ? e.ownerSVGElement : e))];
    const ratio = (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
    if (ratio < 4.5) bad.push(`${e.tagName}.${e.className} ${e.textContent.slice(0, 30)}: ${ratio.toFixed(2)}`);
  }
  return bad;
})()
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_word_stands_out_from_its_ground(browser: Chromium, page: str, scheme: str) -> None:
    tab = opened(browser, page, scheme=scheme)
    assert tab.value(_CONTRASTS) == []
    tab.click("#open-4")
    tab.until("document.querySelector('#record-title')")
    assert tab.value(_CONTRASTS) == []
    tab.close()


# --- who does not see it


def test_everything_that_can_be_used_has_a_name(tab: Tab) -> None:
    nodes = tab.send("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "combobox", "searchbox", "link", "image", "region", "table", "navigation", "form", "search"}
    named = [node for node in nodes if not node.get("ignored") and node["role"]["value"] in used]
    assert len(named) > 40
    assert [node["role"]["value"] for node in named if not node.get("name", {}).get("value")] == []


def test_headings_go_down_one_level_at_a_time(tab: Tab) -> None:
    levels = "[...document.querySelectorAll('h1,h2,h3,h4,h5')].filter(e => e.checkVisibility()).map(e => +e.tagName[1])"
    for _ in range(2):
        found = tab.value(levels)
        assert found[0] == 1
        assert all(next_ - level <= 1 for level, next_ in pairwise(found))
        tab.click("#open-5")
        tab.until("!document.querySelector('#record').hidden")


def test_every_chart_has_its_figures_as_a_table(tab: Tab) -> None:
    assert tab.count("figure") == tab.count("figure details table tbody tr:first-child")


def test_the_number_found_is_said_aloud(tab: Tab) -> None:
    assert tab.value("document.querySelector('#count').getAttribute('aria-live')") == "polite"


def test_without_scripts_the_figures_are_there(browser: Chromium, page: str) -> None:
    tab = browser.open("about:blank")
    tab.send("Emulation.setScriptExecutionDisabled", {"value": True})
    tab.send("Page.navigate", {"url": page})
    tab.until("document.querySelectorAll('figure svg.plot').length === 5")
    assert "switched off" in tab.text("noscript")
    tab.close()


# --- several runs, many records


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
