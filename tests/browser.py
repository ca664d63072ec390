"""A headless Chromium driven through its debugging pipe (Chrome DevTools Protocol), without further packages."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

SECONDS = 60
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# The browser expects its pipe at the descriptors 3 and 4, which may be taken here.
_LAUNCHER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for place, end in zip((3, 4), ends):
    os.dup2(end, place)
os.execv(sys.argv[3], sys.argv[3:])
"""
_KEYS = {"ArrowRight": 39, "ArrowLeft": 37, "Enter": 13, "Escape": 27}


def chromium() -> str | None:
    """The browser's path, None where there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page. Use as a context manager."""

    def __init__(self, folder: Path, executable: str, *, width: int = 1280, height: int = 900) -> None:
        self.downloads = folder / "downloads"
        self.downloads.mkdir(parents=True)
        self._buffer, self._number = b"", 0
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        command = [
            sys.executable,
            "-c",
            _LAUNCHER,
            str(to_browser),
            str(from_browser),
            executable,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--hide-scrollbars",
            "--remote-debugging-pipe",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},{height}",
            "about:blank",
        ]
        self._process = subprocess.Popen(
            command,
            pass_fds=(to_browser, from_browser),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._session: str | None = None
        self.errors: list[str] = []
        try:
            targets = self.send("Target.getTargets")["targetInfos"]
            target = next(info["targetId"] for info in targets if info["type"] == "page")
            attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
            self.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log"):
                self.send(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)

    def open(self, file: Path) -> None:
        """Loads a file by its file:// address."""
        self.send("Page.navigate", url=file.resolve().as_uri())
        self.wait("document.readyState === 'complete' && location.protocol === 'file:'")

    def evaluate(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, condition: str) -> None:
        """Waits until a JavaScript expression is true."""
        end = time.monotonic() + SECONDS
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.05)

    def press(self, *keys: str) -> None:
        """Presses keys by name, as a person would."""
        for key in keys:
            code = _KEYS.get(key, ord(key[0].upper()))
            common = {"key": key, "windowsVirtualKeyCode": code}
            text = {"text": key} if len(key) == 1 else {"text": "\r"} if key == "Enter" else {}
            self.send("Input.dispatchKeyEvent", type="keyDown", **common, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", **common)

    def click(self, selector: str) -> None:
        """Clicks into the middle of the first element of a CSS selector."""
        box = self.evaluate(
            "(selector => {"
            "const found = document.querySelector(selector);"
            "found.scrollIntoView({block: 'center'});"
            "const place = found.getBoundingClientRect();"
            "return [place.x + place.width / 2, place.y + place.height / 2];"
            f"}})({json.dumps(selector)})"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=box[0], y=box[1], button="left", clickCount=1)

    def downloaded(self, pattern: str) -> Path:
        """The finished download of a name, once it is there."""
        end = time.monotonic() + SECONDS
        while True:
            found = [f for f in self.downloads.glob(pattern) if f.stat().st_size]
            if found and not list(self.downloads.glob("*.crdownload")):
                return found[0]
            assert time.monotonic() < end, f"nothing downloaded as {pattern}"
            time.sleep(0.05)

    def screenshot(self, file: Path) -> None:
        """Writes what is seen as PNG."""
        file.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", format="png")["data"]))

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result; errors of the page are noted on the way."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return dict(answer["result"])
            if answer.get("method") == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(answer["params"]["exceptionDetails"]))
            if answer.get("method") == "Log.entryAdded" and answer["params"]["entry"]["level"] == "error":
                self.errors.append(answer["params"]["entry"]["text"])

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._in], [], [], SECONDS)
            assert ready, "the browser gives no answer"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser ended"
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        return dict(json.loads(message))
