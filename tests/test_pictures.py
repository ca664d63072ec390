"""Contact sheets and PNG files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gist.images.sheets import as_bytes, cut, grid, write_png_atomic


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 12), columns=st.integers(1, 6), margin=st.integers(0, 3), seed=st.integers(0, 99))
def test_every_image_lies_in_its_cell_of_the_grid(count: int, columns: int, margin: int, seed: int) -> None:
    images = np.random.default_rng(seed).integers(0, 256, (count, 5, 7), dtype=np.uint8)
    sheet = grid(images, columns, margin=margin)
    across = min(columns, count)
    assert sheet.shape == (-(-count // across) * (5 + margin) + margin, across * (7 + margin) + margin)
    for index, image in enumerate(images):
        top, left = margin + index // across * (5 + margin), margin + index % across * (7 + margin)
        np.testing.assert_array_equal(sheet[top : top + 5, left : left + 7], image)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_a_grid_is_cut_into_the_images_it_was_made_of(count: int) -> None:
    images = np.random.default_rng(count).integers(0, 255, (count, 8, 8), dtype=np.uint8)
    np.testing.assert_array_equal(cut(grid(images, 3), 8), images)


def test_a_sheet_of_another_size_is_not_cut() -> None:
    with pytest.raises(ValueError, match="not a grid"):
        cut(np.zeros((40, 41), np.uint8), 8)


def test_margins_and_empty_cells_are_white() -> None:
    sheet = grid(np.zeros((3, 4, 4), np.uint8), 2, margin=2)
    assert (sheet[:2] == 255).all()
    assert (sheet[8:12, 8:] == 255).all()
    assert (sheet == 0).sum() == 3 * 16


@pytest.mark.parametrize(
    ("images", "columns"),
    [
        (np.zeros((0, 4, 4), np.uint8), 2),
        (np.zeros((4, 4), np.uint8), 2),
        (np.zeros((2, 4, 4), np.float32), 2),
        (np.zeros((2, 4, 4), np.uint8), 0),
    ],
)
def test_a_grid_of_nothing_is_refused(images: np.ndarray, columns: int) -> None:
    with pytest.raises(ValueError, match="grid needs"):
        grid(images, columns)


def test_sixteen_bits_become_eight_by_rounding_over_the_whole_range() -> None:
    levels = np.arange(0, 65536, dtype=np.uint16).reshape(256, 256)
    np.testing.assert_array_equal(as_bytes(levels), np.rint(levels / 257).astype(np.uint8))


def test_a_picture_is_written_with_its_text_and_no_leftover(folder: Path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    write_png_atomic(folder / "grid.png", image, {"Synthetic": "yes"})
    with Image.open(folder / "grid.png") as read:
        assert read.info["Synthetic"] == "yes"
        np.testing.assert_array_equal(np.asarray(read), image)
    assert [path.name for path in folder.iterdir()] == ["grid.png"]
