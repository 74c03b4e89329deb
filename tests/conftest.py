"""For all tests: an environment in which no test can reach, or pay, a real endpoint."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_server import FakeServer

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _clean_environment(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """No key, no endpoint, no option of the user's and no home: without a key the program makes no call to OpenAI."""
    for name in list(os.environ):
        if name.startswith(("OPENAI_", "LONGWRITER_", "HF_")) or name.lower() in _PROXIES:
            monkeypatch.delenv(name)
    # Whoever runs the embedded model wants the weights that were fetched once, not once a test.
    if request.node.get_closest_marker("local") is None:
        monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def server() -> Iterator[FakeServer]:
    """A fake endpoint that keeps what it was asked."""
    with FakeServer(keep_requests=True) as server:
        yield server


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run directory that is not there yet."""
    return tmp_path / "run"
