"""A real browser for the reader's page."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from browser import chromium

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")


@contextmanager
def browser_page(
    profile: Path, width: int = 1280, height: int = 800, *, server_killed: bool = False
) -> Iterator[playwright.Page]:
    """A page of a browser that keeps its data in `profile`; nothing may fail or be complained of on it.

    `server_killed` says that the test kills the server: of each request that is on its way then, such as that for
    the image ahead, the browser itself complains, in words that say how far it had come.
    """
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
        closed: list[bool] = []
        context.on("close", lambda _: closed.append(True))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        yield page
        if not closed:
            context.close()
        if server_killed:
            complaints = [
                said for said in complaints if not said.startswith("Failed to load resource: net::ERR_")
            ]
        assert complaints == [], f"the page complains: {complaints}"


def kill_browser(page: playwright.Page, profile: Path) -> None:
    """Kills all processes of the page's browser, which keeps its data there, as a crash or a power cut does."""
    with page.context.expect_event("close"):
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.fsencode(profile) in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue


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
