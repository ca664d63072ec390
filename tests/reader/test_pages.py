"""The reader's page looked at: accessible, whole at two widths, and 16 bits as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_page import browser_page
from known_run import deep, made_run
from made_runs import Images
from reader_browser import Reading

from gist.reader.serve import write_files
from gist.reader.study import create_study
from gist.reader.study.folder import levels, pictures_of
from gist.runs.folder import RunFolder

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the package axe is not installed")


def violations(page: Any) -> list[str]:
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


@pytest.mark.parametrize("kind", ["single", "pairs"])
def test_every_state_of_the_page_is_accessible_and_as_wide_as_the_screen(
    run: RunFolder, folder: Path, kind: Any
) -> None:
    place = folder / "study"
    create_study(run, place, images=2, repeats=0, reference_images=4, asks_class=True, kind=kind)
    (file,) = write_files(place)
    for width, height in ((1280, 800), (390, 844)):
        with browser_page(folder / f"profile {width}", width, height) as page:
            page.goto(file.as_uri())
            page.wait_for_selector("body[data-ready]")
            states = [violations(page)]
            page.keyboard.press("Enter")
            page.wait_for_selector("body[data-shown='0']")
            states.append(violations(page))
            page.keyboard.press("Enter")
            page.get_by_text("Still missing").wait_for()
            states.append(violations(page))
            for number in range(4 if kind == "single" else 2):
                page.wait_for_selector(f"body[data-shown='{number}']")
                for key in ("r", "4", "Shift+Digit1", "b", "Enter"):
                    page.keyboard.press(key)
                assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.wait_for_selector("#done:not([hidden])")
            states.append(violations(page))
            assert states == [[], [], [], []]


def canvas_pixels(page: Any) -> np.ndarray[Any, Any]:
    drawn = page.evaluate(
        """() => {
          const canvas = document.querySelector(".view canvas");
          const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
          return [canvas.width, canvas.height, Array.from(data).filter((_, index) => index % 4 === 0)];
        }"""
    )
    return np.array(drawn[2], np.uint8).reshape(drawn[1], drawn[0])


def test_a_narrow_window_shows_levels_that_eight_bits_do_not_have(folder: Path, phantoms: Images) -> None:
    fine = deep(phantoms)
    run, place = made_run(folder / "run", fine[:60], fine[60:120], fine[120:]), folder / "study"
    study = create_study(run, place, images=4, reference_images=0)
    (file,) = write_files(place)
    image = np.frombuffer(levels(place, study, pictures_of(study, study.order("reader-1")[0][0])), "<u2")
    with browser_page(folder / "profile") as page:
        page.goto(file.as_uri())
        reading = Reading(page, [])
        reading.begin(0)
        page.keyboard.press("x")  # pixels as squares
        for _ in range(18):
            page.keyboard.press("Shift+ArrowLeft")  # down to a tenth of the range
        shown = page.inner_text("#how")
        low, high = (int(part) for part in shown.split("·")[1].split(" of ")[0].split(" to "))
        assert 6000 < high - low < 7000
        drawn = canvas_pixels(page)
    factor = min(drawn.shape) // 32
    top, left = ((length - 32 * factor) // 2 for length in drawn.shape)
    shown_pixels = drawn[top + factor // 2 :: factor, left + factor // 2 :: factor][:32, :32]
    greys = np.clip((image.reshape(32, 32).astype(float) - low) / (high - low), 0, 1) * 255
    assert np.abs(shown_pixels - greys).max() <= 0.6  # rounding, and low and high as whole numbers
    inside = (image > low) & (image < high)
    assert len(np.unique(shown_pixels.ravel()[inside])) > len(np.unique(image[inside] >> 8))


def test_drag_changes_window_and_level_wheel_zooms_and_a_click_marks(run: RunFolder, folder: Path) -> None:
    place = folder / "study"
    create_study(run, place, images=2, repeats=0, reference_images=0)
    (file,) = write_files(place)
    with browser_page(folder / "profile") as page:
        page.goto(file.as_uri())
        Reading(page, []).begin(0)
        box = page.locator(".view canvas").bounding_box()
        middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        start = page.inner_text("#how")
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] - 100, middle[1] - 40)
        page.mouse.up()
        assert page.inner_text("#how") != start
        page.keyboard.press("0")
        assert page.inner_text("#how") == start
        page.mouse.move(*middle)
        page.mouse.wheel(0, -100)
        page.get_by_text("×26.4").wait_for()
        page.keyboard.press("0")
        page.mouse.click(*middle)
        page.get_by_text("Tick what gave the image away").wait_for()
        page.keyboard.press("b")
        page.mouse.click(middle[0] + 50, middle[1] + 5)
        page.keyboard.press("m")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.keyboard.press("Escape")
        for key in ("s", "5", "Enter"):
            page.keyboard.press(key)
        page.wait_for_selector("body[data-shown='1']")
        with page.expect_download() as saved:
            page.click("#save")
        text = Path(saved.value.path()).read_text()
    assert text.splitlines()[1].endswith(",0,blur 18 16;blur 16 15"), json.dumps(text)
