"""A person's way through the inspection page, in a real browser from a file:// address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Browser, chromium

import gist


@pytest.fixture
def browser(folder: Path) -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    with Browser(folder / "browser", executable) as opened:
        yield opened


def _ticked(browser: Browser) -> list[str]:
    found: list[str] = browser.evaluate(
        "[...document.querySelectorAll('article:not([hidden]) input:checked')].map(box => box.value)"
    )
    return found


def _image(browser: Browser) -> str:
    return str(browser.evaluate("document.querySelector('article:not([hidden])').dataset.image"))


def test_ticks_made_by_keyboard_and_mouse_are_saved_counted_and_remembered(
    run_folder: Path, browser: Browser
) -> None:
    page = gist.inspect(run_folder, worst=0, random=6)
    browser.open(page)
    images = []
    images.append(_image(browser))
    browser.press("1", "3", "2", "2")
    assert _ticked(browser) == ["joint", "curvature"]
    browser.press("ArrowRight")
    images.append(_image(browser))
    browser.press("2", "0")
    assert _ticked(browser) == ["none"]
    browser.press("5")
    assert _ticked(browser) == ["text"]
    browser.press("Enter")
    images.append(_image(browser))
    browser.click("article:not([hidden]) input[value='none']")
    assert _ticked(browser) == ["none"]
    browser.press("ArrowLeft", "u")
    assert browser.evaluate("document.querySelector('article:not([hidden]) .which').textContent").startswith(
        "Image 4"
    )
    assert browser.evaluate("document.getElementById('answered').textContent") == "3"
    assert len(set(images)) == 3

    browser.click("#save")
    file = browser.downloaded("gist-answers-*.json")
    saved = json.loads(file.read_text())
    assert saved["hinted"] == []
    assert saved["answers"] == {images[0]: ["joint", "curvature"], images[1]: ["text"], images[2]: ["none"]}
    result = gist.count_answers(run_folder, file)
    assert result.overall is not None
    assert (result.overall.count, result.overall.n, result.random_asked) == (2, 3, 6)

    browser.open(page)
    assert browser.evaluate("document.getElementById('answered').textContent") == "3"
    assert _ticked(browser) == ["joint", "curvature"]
    assert browser.errors == []


def _hints(browser: Browser) -> list[str]:
    found: list[str] = browser.evaluate(
        "[...document.querySelectorAll('article:not([hidden]) .aid')].map(aid => getComputedStyle(aid).display)"
    )
    return found


def test_hints_are_off_until_asked_for_and_what_is_answered_after_them_is_noted(
    run_folder: Path, browser: Browser
) -> None:
    page = gist.inspect(run_folder, worst=0, random=6)
    browser.open(page)
    first = _image(browser)
    assert _hints(browser) == ["none", "none"]
    browser.press("1")
    assert _hints(browser) == ["none", "none"]
    browser.press("h")  # a look after the answer changes nothing
    assert _hints(browser) == ["block", "block"]
    browser.press("ArrowRight")
    second = _image(browser)
    assert _hints(browser) == ["none", "none"]
    browser.press("h", "h", "2", "ArrowRight")  # seen, hidden again, then answered
    third = _image(browser)
    browser.press("0", "h")

    browser.click("#save")
    saved_first = browser.downloaded("gist-answers-*.json")
    assert json.loads(saved_first.read_text())["hinted"] == [second]
    saved_first.unlink()
    browser.open(page)  # what was seen is remembered
    browser.press("ArrowRight", "ArrowRight", "3")
    browser.click("#save")
    saved = json.loads(browser.downloaded("gist-answers-*.json").read_text())
    assert saved["answers"] == {first: ["joint"], second: ["blur"], third: ["curvature"]}
    assert sorted(saved["hinted"]) == sorted([second, third])
    assert browser.errors == []
