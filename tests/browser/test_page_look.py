"""How the page looks, and what it is to those who do not see it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from chromium import Chromium, Tab
from opened import opened


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
