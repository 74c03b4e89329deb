"""One browser for all tests here, and a server that must never be asked for anything."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import Chromium, Tab
from lure import Lure
from opened import opened
from planted_run import make_planted_run
from program import run_longwriter


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lure() -> Iterator[Lure]:
    lure = Lure()
    yield lure
    lure.close()


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, lure: Lure) -> Path:
    return make_planted_run(tmp_path_factory.mktemp("page"), lure.url)


@pytest.fixture(scope="session")
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
