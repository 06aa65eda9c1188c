"""Headless Chromium, spoken to over two pipes: what a page shows, does, says and asks for."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Where Debian, Ubuntu and others have it.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
    "--disable-extensions", "--disable-dev-shm-usage", "--disable-background-networking",
    "--remote-debugging-pipe",
)  # fmt: skip
_READS, _WRITES = 3, 4  # the browser's ends of the pipes


class Page:
    """One open page.

    Attributes:
        complaints: What it wrote to the console, and its errors.
        requests: The addresses that it asked for.
    """

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive, self._rest, self._count = send, receive, b"", 0
        self._session: str | None = None
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> Mapping[str, Any]:
        """Ask the browser for something, and wait for the answer."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                result: Mapping[str, Any] = answer["result"]
                return result

    def _next(self) -> Mapping[str, Any]:
        while b"\0" not in self._rest:
            more = os.read(self._receive, 2**20)
            assert more, "the browser has gone"
            self._rest += more
        text, _, self._rest = self._rest.partition(b"\0")
        message: Mapping[str, Any] = json.loads(text)
        self._note(message.get("method"), message.get("params", {}))
        return message

    def _note(self, event: str | None, params: Mapping[str, Any]) -> None:
        if event in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded"):
            self.complaints.append(json.dumps(params))
        elif event == "Page.javascriptDialogOpening":
            self.complaints.append(f"dialog {params['message']}")
        elif event == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif event == "Page.loadEventFired":
            self.is_loaded = True

    def open(self, path: Path, *, width: int = 1440, height: int = 1000, dark: bool = False) -> None:
        """Load a file."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.is_loaded = False
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not self.is_loaded:
            self._next()

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Click in the middle of the first element that a selector finds."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            " return [r.left + r.width / 2, r.top + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1
            )

    def type(self, selector: str, text: str) -> None:
        """Write into a field."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)

    def screenshot(self, path: Path) -> None:
        """Save what is seen as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


@contextmanager
def browser() -> Iterator[Page]:
    """A new browser with one empty page."""
    assert CHROMIUM is not None
    its_input, send = os.pipe()
    receive, its_output = os.pipe()
    ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (its_input, its_output)]

    def connect() -> None:
        os.dup2(ends[0], _READS)
        os.dup2(ends[1], _WRITES)

    with tempfile.TemporaryDirectory(prefix="k2t-browser-", ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=connect, pass_fds=(_READS, _WRITES),
        )  # fmt: skip
        for end in (its_input, its_output, *ends):
            os.close(end)
        try:
            yield Page(send, receive)
        finally:
            process.terminate()
            process.wait()
            os.close(send)
            os.close(receive)
