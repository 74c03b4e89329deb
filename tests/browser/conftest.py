"""One browser for all tests here, and a server that must never be asked for anything."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chromium import Chromium
from lure import Lure


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    with Chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def lure() -> Iterator[Lure]:
    lure = Lure()
    yield lure
    lure.close()
