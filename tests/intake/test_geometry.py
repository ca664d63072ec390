"""Square and small, against a direct sum over covered areas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gist.intake.geometry import Fit, covered_pixels, show, square_view, to_square
from gist.intake.picture import as_float

sizes = st.integers(3, 40)
fits = st.sampled_from(["pad", "crop", "stretch"])


def weights(length: int, start: float, stop: float, cells: int) -> NDArray[np.float64]:
    """[cells, length] share of each old pixel in each new one, by overlap of intervals."""
    edges = np.linspace(start, stop, cells + 1)
    low = np.maximum(edges[:-1, None], np.arange(length)[None])
    high = np.minimum(edges[1:, None], np.arange(1, length + 1)[None])
    return np.maximum(high - low, 0) / (edges[1] - edges[0])


def direct(image: NDArray[np.float32], side: int, fit: Fit) -> NDArray[np.float64]:
    height, width = image.shape
    if fit == "stretch":
        return weights(height, 0, height, side) @ image @ weights(width, 0, width, side).T
    square = max(height, width) if fit == "pad" else min(height, width)
    top, left = (height - square) / 2, (width - square) / 2
    return weights(height, top, top + square, side) @ image @ weights(width, left, left + square, side).T


@settings(deadline=None)
@given(sizes, sizes, st.integers(1, 48), fits, st.integers(0, 99))
def test_bytes_and_floats_of_one_picture_look_the_same(
    h: int, w: int, side: int, fit: Fit, seed: int
) -> None:
    levels = np.random.default_rng(seed).integers(0, 256, (h, w), np.uint8)
    kept = levels.copy()
    view = square_view(h, w, fit)
    assert np.abs(show(levels, view, side) - show(as_float(levels), view, side)).max() < 1e-6
    assert np.array_equal(levels, kept)


@settings(deadline=None, max_examples=120)
@given(sizes, sizes, st.integers(1, 24), fits, st.integers(0, 99))
def test_reduction_is_the_mean_over_the_covered_area(h: int, w: int, side: int, fit: Fit, seed: int) -> None:
    image = np.random.default_rng(seed).random((h, w), dtype=np.float32)
    if min(h, w) < side and (fit != "pad" or max(h, w) < side):
        side = min(h, w)
    square = to_square(image, side, fit)
    assert square.shape == (side, side)
    assert np.abs(square - direct(image, side, fit)).max() < 1e-5


@settings(deadline=None, max_examples=60)
@given(sizes, sizes, fits, st.integers(0, 99))
def test_enlarging_keeps_size_and_range(h: int, w: int, fit: Fit, seed: int) -> None:
    image = np.random.default_rng(seed).random((h, w), dtype=np.float32)
    square = to_square(image, 64, fit)
    assert square.shape == (64, 64)
    assert square.min() >= 0
    assert square.max() <= image.max()


def test_padding_is_black_and_central() -> None:
    square = to_square(np.ones((60, 30), np.float32), 20, "pad")
    assert (square[:, 5:15] == 1).all()
    assert (square[:, :5] == 0).all()
    assert (square[:, 15:] == 0).all()


def test_a_fine_grating_averages_out_instead_of_aliasing() -> None:
    grating = np.tile(np.array([0, 1], np.float32), (256, 128))
    square = to_square(grating, 32, "stretch")
    assert np.abs(square - 0.5).max() < 1e-6


@pytest.mark.parametrize(("fit", "expected"), [("pad", 200), ("crop", 100), ("stretch", 100)])
def test_what_counts_as_enlarging_depends_on_the_fit(fit: Fit, expected: int) -> None:
    assert covered_pixels(100, 200, fit) == expected
