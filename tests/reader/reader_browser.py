"""A real browser and a real server for the reader's page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import chromium

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")


@contextmanager
def browser_page(profile: Path, width: int = 1280, height: int = 800) -> Iterator[playwright.Page]:
    """A page of a browser that keeps its data in `profile`; nothing may fail or be complained of on it."""
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with playwright.sync_playwright() as running:
        context = running.chromium.launch_persistent_context(
            str(profile),
            executable_path=executable,
            args=["--no-sandbox"],
            viewport={"width": width, "height": height},
            accept_downloads=True,
        )
        page = context.pages[0]
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield page
        if page.context.browser is None or page.context.browser.is_connected():
            context.close()
        # A server that was killed is complained of by the browser itself.
        assert [said for said in complaints if "ERR_CONNECTION_REFUSED" not in said] == []


def kill_browser(profile: Path) -> None:
    """Kills all processes of the browser that keeps its data there, as a crash or a power cut does."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(profile) in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            continue


class Server:
    """`gist reader serve` as a process of its own."""

    def __init__(self, study: Path, port: int) -> None:
        self.command = [sys.executable, "-m", "gist", "reader", "serve", str(study), "--port", str(port)]
        self.port = port
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.link = self.process.stdout.readline().strip().partition(": ")[2]
        while self.process.poll() is None:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/", timeout=10).close()
                return
            except OSError:  # not yet
                continue

    def kill(self) -> None:
        with self.process:  # which closes its pipe
            self.process.kill()


@contextmanager
def served(study: Path, port: int) -> Iterator[Server]:
    server = Server(study, port)
    try:
        yield server
    finally:
        server.kill()


class Reading:
    """What a reader presses and must find in the table afterwards."""

    def __init__(self, page: playwright.Page, said: list[list[str]]) -> None:
        self.page, self.said = page, said

    def begin(self, at: int) -> None:
        """Opens the first image that has no answer."""
        self.page.wait_for_selector("body[data-ready]")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(f"body[data-shown='{at}']")

    def answer(self) -> None:
        """Answers one image by keyboard and waits for the next, or for the end."""
        number = len(self.said)
        self.press()
        self.page.wait_for_selector(f"body[data-shown='{number + 1}'], #done:not([hidden])")

    def press(self) -> None:
        number = len(self.said)
        answer, confidence = ("real", "synthetic")[number % 3 == 0], str(number % 5 + 1)
        cues = ["blur"] if number % 4 == 0 else []
        comment = 'odd, "very"' if number % 7 == 0 else ""
        keys = [answer[0], confidence, f"Shift+Digit{number % 2 + 1}", *("b" for _ in cues)]
        if comment:
            keys += ["c", *comment, "Enter"]
        for key in [*keys, "Enter"]:
            self.page.keyboard.press(key)
        self.said.append([answer, confidence, ("mild", "severe")[number % 2], ";".join(cues), comment])
