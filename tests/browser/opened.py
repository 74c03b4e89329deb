"""The page, opened in the browser, and what its list shows."""

from __future__ import annotations

from typing import Any

from chromium import Chromium, Tab


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
