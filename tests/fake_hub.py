"""A real HTTP server that speaks as much of the Hugging Face hub's API as a push of a dataset needs.

It keeps repositories in memory: files by path, and whether they are private. Not covered: LFS and Xet uploads, which
the hub asks for where files are large; here every file comes with the commit.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

TOKEN = "hf_a-token-for-the-fake-hub"
USER = "writer"


@dataclass
class Repo:
    url: str
    private: bool
    files: dict[str, bytes] = field(default_factory=dict)
    commits: int = 0


class FakeHub:
    """`fail` is a status that every call is answered with, or None; a card with `refused_word` in it is not valid."""

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.fail: int | None = None
        self.refused_word = b"no-such-licence"
        hub = self

        class Handler(_Handler):
            def handle_call(self, method: str) -> None:
                hub._answer(self, method)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def env(self) -> dict[str, str]:
        """The environment in which the hub's client comes here, logged in."""
        return {"HF_ENDPOINT": self.url, "HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "0"}

    def save(self, name: str, folder: Path) -> None:
        """Writes the files of a repository into a folder, as a clone would have them."""
        for path, content in self.repos[name].files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, call: _Handler, method: str) -> None:
        body = call.rfile.read(int(call.headers.get("content-length", 0)))
        path = urlsplit(call.path).path
        if self.fail is not None:
            call.reply(self.fail, {"error": "the hub is not well today"})
        elif call.headers.get("authorization") != f"Bearer {TOKEN}":
            call.reply(401, {"error": "Invalid username or password."})
        elif path == "/api/repos/create":
            self._create(call, json.loads(body))
        elif path == "/api/validate-yaml":
            refused = self.refused_word in body
            call.reply(400 if refused else 200, {"errors": [{"message": '"license" is none'}]} if refused else {})
        elif match := re.fullmatch(r"/api/datasets/([^/]+/[^/]+)/(tree|preupload|commit)/main", path):
            repo = self.repos[match[1]]
            call.reply(200, {"tree": _tree, "preupload": _preupload, "commit": _commit}[match[2]](repo, body))
        elif match := re.fullmatch(r"/datasets/([^/]+/[^/]+)/resolve/main/(.+)", path):
            content = self.repos[match[1]].files[match[2]]
            digest = hashlib.sha256(content).hexdigest()
            call.reply(200, content, {"ETag": f'"{digest[:40]}"', "X-Repo-Commit": digest[:40]})
        else:
            call.reply(404, {"error": f"{method} {path} is not known here"})

    def _create(self, call: _Handler, wanted: dict[str, Any]) -> None:
        name = f"{wanted.get('organization') or USER}/{wanted['name']}"
        if not name.startswith(f"{USER}/"):
            call.reply(403, {"error": f"You don't have the rights to create a dataset under {name}"})
            return
        known = name in self.repos
        url = f"{self.url}/datasets/{name}"
        self.repos.setdefault(name, Repo(url, private=wanted.get("visibility") == "private"))
        call.reply(409 if known else 200, {"url": url})


def _tree(repo: Repo, _: bytes) -> list[dict[str, Any]]:
    return [{"type": "file", "path": path, "size": len(file), "oid": "0"} for path, file in repo.files.items()]


def _preupload(_: Repo, body: bytes) -> dict[str, Any]:
    asked = json.loads(body)["files"]
    return {"files": [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in asked]}


def _commit(repo: Repo, body: bytes) -> dict[str, Any]:
    for line in body.splitlines():
        row = json.loads(line)
        if row["key"] == "file":
            repo.files[row["value"]["path"]] = base64.b64decode(row["value"]["content"])
        elif row["key"] == "deletedFile":
            del repo.files[row["value"]["path"]]
    repo.commits += 1
    return {"commitUrl": f"{repo.url}/commit/{repo.commits:040x}", "commitOid": f"{repo.commits:040x}"}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_call(self, method: str) -> None:
        raise NotImplementedError

    def do_GET(self) -> None:
        self.handle_call("GET")

    def do_HEAD(self) -> None:
        self.handle_call("HEAD")

    def do_POST(self) -> None:
        self.handle_call("POST")

    def reply(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: standard error is the tests'."""
