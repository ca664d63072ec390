"""A page of a real browser, on which nothing may fail or be complained of."""

from __future__ import annotations

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
