"""A real Chromium without a window, told what to do over a pipe: nothing but the browser itself is needed.

    with Chromium() as browser:
        tab = browser.open("file:///tmp/report.html", width=1280)
        tab.until("document.title")

It speaks the DevTools protocol (`--remote-debugging-pipe`: JSON, each message ended by a NUL). Clicks and keys are real
ones, sent to where the element is seen.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any, Self

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
TIMEOUT_S = 30.0
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowRight": 39, " ": 32}


def find_chromium() -> str:
    """The browser to use: `CHROMIUM`, else the first one on the PATH."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    raise FileNotFoundError("no Chromium on the PATH; `scripts/test browser` installs it, CHROMIUM names one")


class Chromium:
    """The process, with a profile of its own that ends with it."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 64) for fd in (theirs_in, theirs_out)]  # out of the way of 3 and 4
        null = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, null, fd) for fd in (0, 1, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, fd, wanted) for fd, wanted in zip(high, (3, 4), strict=True)]
        program = find_chromium()
        arguments = [
            program,
            "--headless=new",
            "--remote-debugging-pipe",
            "--no-sandbox",  # there is none for root, and the page is the test's own
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--no-first-run",
            "--disable-background-networking",
            f"--user-data-dir={self._directory.name}",
            "about:blank",
        ]
        env = {**os.environ, "HOME": self._directory.name}
        self._pid = os.posix_spawn(program, arguments, env, file_actions=actions, setpgroup=0)
        for fd in (theirs_in, theirs_out, *high, null):
            os.close(fd)
        self._number = 0
        self._buffer = b""
        self._tabs: dict[str, Tab] = {}

    def open(self, url: str, *, width: int = 1280, height: int = 900, scheme: str = "light", scale: float = 1.0) -> Tab:
        """A tab of that size, with the address loaded; `scheme` is what the system is said to prefer."""
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            tab.send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
        tab.send("Emulation.setDeviceMetricsOverride", size)
        preferred = [
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        tab.send("Emulation.setEmulatedMedia", {"features": preferred})
        tab.send("Page.navigate", {"url": url})
        tab.until(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")
        return tab

    def send(self, method: str, params: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """Asks, and waits for the answer; what happens meanwhile is kept by its tab."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params or {}}
        data = json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        ends = time.monotonic() + TIMEOUT_S
        while True:
            said = self._read(ends, method)
            if said.get("id") == self._number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                result: dict[str, Any] = said["result"]
                return result
            if (tab := self._tabs.get(said.get("sessionId", ""))) is not None:
                tab.take(said["method"], said["params"])

    def _read(self, ends: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0.0, ends - time.monotonic()))[0]:
                raise AssertionError(f"the browser did not answer {method} within {TIMEOUT_S:g} s")
            piece = os.read(self._in, 1 << 20)
            if not piece:
                raise AssertionError(f"the browser ended at {method}")
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        said: dict[str, Any] = json.loads(message)
        return said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._pid, signal.SIGKILL)  # the group that this process began, with its helpers
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)
        self._directory.cleanup()


class Tab:
    """One page. `requests` are the addresses that it asked for, `errors` what its console said of errors."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.dialogs: deque[str] = deque()

    def send(self, method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._browser.send(method, params, self._session)

    def close(self) -> None:
        self.send("Page.close")

    def take(self, method: str, params: dict[str, Any]) -> None:
        """Notes an event."""
        match method:
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "warning", "assert"):
                self.errors.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                self.errors.append(json.dumps(params["entry"]))
            case "Page.javascriptDialogOpening":
                self.dialogs.append(params["message"])

    def value(self, expression: str) -> Any:
        """What the expression is in the page; a promise is waited for."""
        asked = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        said = self.send("Runtime.evaluate", asked)
        if "exceptionDetails" in said:
            raise AssertionError(f"{expression}: {said['exceptionDetails']}")
        return said["result"].get("value")

    def until(self, expression: str) -> None:
        """Waits until the expression is true in the page."""
        ends = time.monotonic() + TIMEOUT_S
        while not self.value(f"(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"):
            assert time.monotonic() < ends, f"waited in vain for {expression}"
            time.sleep(0.02)

    def text(self, selector: str) -> str:
        """What can be seen of an element's text."""
        return str(self.value(f"document.querySelector({json.dumps(selector)}).innerText"))

    def count(self, selector: str) -> int:
        return int(self.value(f"document.querySelectorAll({json.dumps(selector)}).length"))

    def is_seen(self, selector: str) -> bool:
        return bool(self.value(f"document.querySelector({json.dumps(selector)}).checkVisibility()"))

    def click(self, selector: str) -> None:
        """Presses the mouse in the middle of the element."""
        place = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            event = {"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1}
            self.send("Input.dispatchMouseEvent", event)

    def press(self, key: str) -> None:
        code = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS[key]}
        text = {"text": "\r"} if key == "Enter" else {"text": key} if key == " " else {}
        self.send("Input.dispatchKeyEvent", {"type": "keyDown", **code, **text})
        self.send("Input.dispatchKeyEvent", {"type": "keyUp", **code})

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self.send("Input.insertText", {"text": text})

    def choose(self, selector: str, value: str) -> None:
        """Takes an option of a select, as its user would."""
        self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.value = {json.dumps(value)};"
            " e.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def screenshot(self, path: Path, *, top: float = 0, height: float | None = None) -> None:
        """The page from `top` on, `height` high or to its end, as PNG."""
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": top, "width": size["width"], "height": height or size["height"] - top, "scale": 1}
        said = self.send("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        path.write_bytes(base64.b64decode(said["data"]))
