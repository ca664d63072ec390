"""A person's way through the inspection page, in a real browser from a file:// address."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
    return str(browser.evaluate("document.querySelector('article:not([hidden])').dataset.picture"))


def _kinds(saved: dict[str, Any]) -> dict[str, list[str]]:
    return {picture: answer["kinds"] for picture, answer in saved["answers"].items()}


def _hinted(saved: dict[str, Any]) -> list[str]:
    return sorted(picture for picture, answer in saved["answers"].items() if answer["hinted"])


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
    assert _hinted(saved) == []
    assert _kinds(saved) == {images[0]: ["joint", "curvature"], images[1]: ["text"], images[2]: ["none"]}
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
    assert _hints(browser) == ["grid", "grid"]
    browser.press("ArrowRight")
    second = _image(browser)
    assert _hints(browser) == ["none", "none"]
    browser.press("h", "h", "2", "ArrowRight")  # seen, hidden again, then answered
    third = _image(browser)
    browser.press("0", "h")

    browser.click("#save")
    saved_first = browser.downloaded("gist-answers-*.json")
    assert _hinted(json.loads(saved_first.read_text())) == [second]
    saved_first.unlink()
    browser.open(page)  # what was seen is remembered
    browser.press("ArrowRight", "ArrowRight", "3")
    browser.click("#save")
    saved = json.loads(browser.downloaded("gist-answers-*.json").read_text())
    assert _kinds(saved) == {first: ["joint"], second: ["blur"], third: ["curvature"]}
    assert _hinted(saved) == sorted([second, third])
    assert browser.errors == []


def test_a_comment_is_typed_without_ticking_by_its_letters_and_all_is_there_on_a_page_with_other_kinds(
    run_folder: Path, browser: Browser
) -> None:
    browser.open(gist.inspect(run_folder, worst=0, random=6))
    first = _image(browser)
    browser.press("2", "o", *"so 0 <b>", "Enter")
    second = _image(browser)
    assert second != first
    browser.press("1", "ArrowRight", "0", "s")
    saved = json.loads(browser.downloaded("gist-answers-*.json").read_text())
    assert saved["answers"][first] == {"kinds": ["blur", "other"], "comment": "so 0 <b>", "hinted": False}
    changes = {"inspect.kinds": ("blur", "double contour")}
    gist.evaluate(run_folder, neighbours=4)
    browser.open(gist.inspect(run_folder, worst=2, random=6, changes=changes))
    assert browser.evaluate("document.getElementById('answered').textContent") == "2"
    kept = browser.evaluate(
        "[...document.querySelectorAll('article')].filter(each => each.querySelector('.comment input').value)"
        ".map(each => [each.dataset.picture, [...each.querySelectorAll(':checked')].map(box => box.value)])"
    )
    assert kept == [[first, ["blur", "other"]]]
    assert browser.errors == []


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1280, 800), (390, 844)])
def test_the_whole_picture_stands_above_the_boxes_and_both_are_in_sight(
    run_folder: Path, browser: Browser, width: int, height: int
) -> None:
    page = gist.inspect(run_folder, worst=0, random=6)
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=width < 500,
    )
    browser.open(page)
    place = "document.querySelector('article:not([hidden]) {}').getBoundingClientRect()"
    for keys in ("", "o", "\x1bh"):
        browser.press(*["Escape" if key == "\x1b" else key for key in keys])
        picture, boxes = (
            browser.evaluate(f"({place.format(part)}).toJSON()") for part in (".main img", "fieldset")
        )
        assert 0 < picture["top"] < picture["bottom"] <= boxes["top"]
        if (
            width > 500 or "h" not in keys
        ):  # three pictures below one another are more than a telephone's screen
            assert boxes["bottom"] <= height
        assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.errors == []
