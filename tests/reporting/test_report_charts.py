"""Training curves and the strip of training pictures."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from page_reader import PageReader
from run_builder import RunBuilder

from gist.generators.registry import family_named
from gist.images.sheets import cut
from gist.pages.charts import Series, line_chart, nice_ticks
from gist.training.curves import training_curves


@settings(max_examples=200, deadline=None)
@given(low=st.floats(-1e6, 1e6), width=st.floats(1e-3, 1e6))
def test_ticks_are_round_and_cover_the_data(low: float, width: float) -> None:
    high = low + width
    ticks = nice_ticks(low, high)
    steps = np.diff(ticks)
    assert 2 <= len(ticks) <= 8
    assert ticks[0] <= low + 1e-6 * width
    assert ticks[-1] >= high - 1e-6 * width
    mantissa = steps[0] / 10 ** np.floor(np.log10(steps[0]) + 1e-9)
    assert min(abs(mantissa - round_) for round_ in (1, 2, 5, 10)) < 1e-3


def test_the_line_goes_through_its_points_in_proportion() -> None:
    chart = line_chart(
        "t", [Series("a", np.array([0.0, 50, 100]), np.array([0.0, 1, 4]))], x_label="kimg", y_label="u"
    )
    (path,) = re.findall(r'd="M([\d. L]+)" fill="none"', chart)
    (x0, y0), (x1, y1), (x2, y2) = ([float(n) for n in point.split()] for point in path.split("L"))
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.5, abs=0.01)
    assert (y0 - y1) / (y0 - y2) == pytest.approx(0.25, abs=0.01)


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(st.floats(-1e5, 1e5), min_size=1, max_size=8),
    names=st.lists(st.text(max_size=5), min_size=1, max_size=3),
)
def test_any_numbers_and_names_give_well_formed_svg_inside_its_frame(
    values: list[float], names: list[str]
) -> None:
    names = ["".join(character for character in name if character.isprintable()) for name in names]
    x = np.arange(len(values), dtype=np.float64)
    chart = line_chart("<t>", [Series(name, x, np.array(values)) for name in names], x_label="x", y_label="y")
    root = ElementTree.fromstring(chart)
    left, top, width, height = map(int, root.attrib["viewBox"].split())
    assert left <= 0
    assert (top, height) == (0, 260)
    assert left + width >= 460
    for path in re.findall(r'd="M([\d.\- L]+)" fill="none"', chart):
        points = np.array([[float(n) for n in point.split()] for point in path.split("L")])
        assert (points >= 0).all()
        assert (points <= [460, 260]).all()


def test_a_long_log_is_thinned() -> None:
    x = np.arange(10_000, dtype=np.float64)
    chart = line_chart("t", [Series("a", x, np.sin(x))], x_label="x", y_label="y")
    assert chart.count("L") == 299


def test_charts_appear_for_what_the_log_holds() -> None:
    ticks = [
        {"kimg": 1.0, "loss_G": 0.5},
        {"kimg": 2.0, "loss_G": 0.4, "augment_p": 0.1},
        {"loss_G": 9.0},
        {},
    ]
    charts = training_curves(ticks, family_named("stylegan3-t").charts, {"augment_target": 0.6})
    assert len(charts) == 2
    assert "generator ends at 0.400" in charts[0]
    assert "strength p ends at 0.100" in charts[1]
    assert training_curves([], family_named("stylegan3-t").charts, {}) == []


def test_half_a_last_line_and_numbers_that_are_none_do_not_spoil_the_log(
    builder: Callable[..., RunBuilder],
) -> None:
    made = builder()
    made.done_prepare()
    lines = (
        '{"kimg": 1, "loss_G": 0.5}',
        '{"kimg": 2, "loss_G": NaN, "loss_D": 1.25}',
        "[]",
        '{"kimg": 3, "loss_G": 1e999}',
        '{"ki',
    )
    made.done_train(log="\n".join(lines))
    page = made.page()
    assert page.count("<svg") == 1
    assert "generator ends at 0.500; discriminator ends at 1.25" in page


def test_the_strip_shows_the_same_latents_in_rows_and_time_in_columns(finished: RunBuilder) -> None:
    reader = PageReader(finished.page())
    (strip,) = [pixels for attributes, pixels, _ in reader.images() if "same latent" in attributes["alt"]]
    tiles = cut(np.pad(strip, 2, constant_values=255), 64)
    assert len(tiles) == 16
    for row, latent in enumerate((0, 5, 10, 15)):
        np.testing.assert_array_equal(tiles[4 * row + 3], finished.images[latent])
    assert "0 20 40 60" in reader.text


def test_unreadable_training_pictures_are_left_out(finished: RunBuilder) -> None:
    for file in (finished.run.path / "train/grids").iterdir():
        file.write_bytes(b"not a picture")
    page = finished.page()
    assert "same latent" not in page
    assert page.count("<svg") == 4
