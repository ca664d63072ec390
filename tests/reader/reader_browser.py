"""A real browser for the reader's page."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")


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
