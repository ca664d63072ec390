"""The report as it is met: on a laptop, on a telephone and on paper, in a real browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, chromium
from numpy.typing import NDArray
from run_builder import RunBuilder, utility

from gist.pages.charts import IMAGES_SHOWN, Series, line_chart
from gist.pages.html import embedded

SIZES = {"laptop": (1280, 800), "telephone": (390, 844)}
LONG = "Kellgren-Lawrence grade three or four with earlier surgery"


@pytest.fixture(params=SIZES)
def screen(request: pytest.FixtureRequest, folder: Path) -> Iterator[Browser]:
    executable = chromium()
    if executable is None:
        pytest.skip("no Chromium on this machine")
    width, height = SIZES[request.param]
    with Browser(folder / "browser", executable) as opened:
        opened.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=request.param == "telephone",
        )
        yield opened


@pytest.mark.parametrize("number", [-0.00123, 0.0000123, 1_234_567.0, 9e-19, 0.5])
def test_labels_of_charts_are_whole_whatever_the_numbers(
    screen: Browser, folder: Path, number: float
) -> None:
    line = Series("value", np.array([0.0, 3000.0]), np.array([number, number]))
    low = Series("95 % low", np.array([0.0, 3000.0]), np.array([number / 2, number / 3]))
    drawn = line_chart(
        "A chart", [line, low], x_label=IMAGES_SHOWN, y_label="lower is better", y_from_zero=True
    )
    (folder / "chart.html").write_text(
        f"<style>{embedded('gist.pages/page.css')}</style><main>{drawn}</main>"
    )
    screen.open(folder / "chart.html")
    assert _clipped(screen) == []


@pytest.fixture
def page(builder: Callable[..., RunBuilder], phantoms: NDArray[np.uint8], screen: Browser) -> Browser:
    """The report of a finished run with sixteen images on each side and names that are hard to set."""
    made = builder(images=np.concatenate([phantoms] * 2), class_names=(LONG, "Unbroken" * 9), held_out=30)
    made.done_everything()
    made.done_utility(utility("poor", "fair", made.class_names))
    made.page(made.config(title="Knees of a hospital with a name that is rather long, second attempt"))
    screen.open(made.run.path / "report/report.html")
    return screen


def _bottoms(screen: Browser, selector: str) -> list[float]:
    found: list[float] = screen.evaluate(
        f"[...document.querySelectorAll({selector!r})].map(part => part.getBoundingClientRect().bottom)"
    )
    return found


def _clipped(screen: Browser) -> list[Any]:
    """Texts of charts that reach beyond their drawing."""
    found: list[Any] = screen.evaluate(
        "[...document.querySelectorAll('svg.chart')].flatMap(chart => [...chart.querySelectorAll('text')]"
        ".filter(text => { const box = text.getBBox(), view = chart.viewBox.baseVal;"
        " return box.x < view.x - 1 || box.x + box.width > view.x + view.width + 1; }).map(text => text.textContent))"
    )
    return found


def test_the_first_screen_holds_the_answers_and_the_pictures(page: Browser) -> None:
    height = page.evaluate("innerHeight")
    assert len(_bottoms(page, ".answers > div")) == 3
    assert len(_bottoms(page, ".beside img")) == 2
    assert max(_bottoms(page, ".answers > div, .beside img")) <= height
    assert page.evaluate(
        "[...document.querySelectorAll('.beside img')].every(picture => picture.width > 150)"
    )


def test_nothing_makes_the_page_scroll_sideways_nor_is_a_label_clipped(page: Browser) -> None:
    for unfold in ("false", "true"):
        page.evaluate(f"document.querySelectorAll('details').forEach(part => part.open = {unfold})")
        assert page.evaluate("document.documentElement.scrollWidth") == page.evaluate("innerWidth")
    assert _clipped(page) == []


def test_what_is_unfolded_is_read_in_minutes(page: Browser) -> None:
    words = len(page.evaluate("document.body.innerText").split())
    assert 100 < words <= 1200
    page.evaluate("document.querySelectorAll('details').forEach(part => part.open = true)")
    assert len(page.evaluate("document.body.innerText").split()) > 2 * words


def test_the_contents_unfold_what_they_lead_to(page: Browser) -> None:
    parts = page.evaluate("[...document.querySelectorAll('nav a')].map(link => link.hash.slice(1))")
    assert parts == page.evaluate("[...document.querySelectorAll('.part > div')].map(part => part.id)")
    page.click("nav a[href='#scores']")
    page.wait("document.getElementById('scores').checkVisibility({contentVisibilityAuto: true})")
    assert page.evaluate("document.querySelectorAll('.part[open]').length") == 1


def test_on_paper_everything_is_unfolded(page: Browser) -> None:
    heights = "[...document.querySelectorAll('details > :not(summary)')].map(part => part.clientHeight)"
    page.send("Emulation.setEmulatedMedia", media="print")
    assert min(page.evaluate(heights)) > 0
    assert page.evaluate(
        "[...document.querySelectorAll('details > :not(summary)')].every(part => part.checkVisibility())"
    )
    assert page.errors == []
