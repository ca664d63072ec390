"""Oblong to square, and large to small by exact area averaging."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gist.intake.picture import Tones, as_float

Fit = Literal["pad", "crop", "stretch"]
FloatImage = NDArray[np.float32]
_FEW_ROWS = 4


@dataclass(frozen=True, slots=True)
class View:
    """The part of an image that a square shows, in pixels of the image; outside the image lies black."""

    rows: tuple[float, float]
    """Start and stop."""
    columns: tuple[float, float]

    def enlarges(self, side: int) -> bool:
        """Whether a square of `side` pixels has more pixels than the image has there."""
        return min(self.rows[1] - self.rows[0], self.columns[1] - self.columns[0]) < side


def square_view(height: int, width: int, fit: Fit, aspect: float = 1.0) -> View:
    """What a square shows of an image whose pixels are `aspect` times as high as wide."""
    if fit == "stretch":
        return View((0.0, float(height)), (0.0, float(width)))
    longer = max if fit == "pad" else min
    square = longer(height * aspect, float(width))
    return View(_centred(height, square / aspect), _centred(width, square))


def scaled_view(
    height: int, width: int, side: int, spacing: tuple[float, float], mm_per_pixel: float
) -> View:
    """What a square of `side` pixels of `mm_per_pixel` shows of an image with this spacing of rows and columns."""
    field = side * mm_per_pixel
    return View(_centred(height, field / spacing[0]), _centred(width, field / spacing[1]))


def covered_pixels(height: int, width: int, fit: Fit) -> int:
    """Pixels of the original along the side of the square: a larger square means enlarging."""
    return max(height, width) if fit == "pad" else min(height, width)


def to_square(image: FloatImage, side: int, fit: Fit) -> FloatImage:
    """A float32 [H, W] image as [side, side], see `show`."""
    height, width = image.shape
    return show(image, square_view(height, width, fit), side)


def show(image: Tones, view: View, side: int) -> FloatImage:
    """A view of an image [H, W] or [H, W, 3] as [side, side] or [side, side, 3] in 0-1; values stay within those of
    the image and 0.

    Each new pixel is the mean over exactly the area it covers, parts of pixels included, so nothing aliases
    and the mean brightness is kept. Where a pixel covers less than one old pixel the image is interpolated
    (bicubic).
    """
    if image.ndim == 3:
        return np.stack([show(image[..., colour].copy(), view, side) for colour in range(3)], axis=2)
    if view.enlarges(side):
        return _enlarge(as_float(image), view.rows, view.columns, side)
    fewer_rows = _area_mean(image, *view.rows, side)
    return np.ascontiguousarray(_area_mean(np.ascontiguousarray(fewer_rows.T), *view.columns, side).T)


def _centred(length: int, shown: float) -> tuple[float, float]:
    """Start and stop of what is shown of an axis, rounded so that whole pixels stay whole."""
    start = (length - shown) / 2
    return round(start, 6), round(start + shown, 6)


def _area_mean(image: Tones, start: float, stop: float, cells: int) -> FloatImage:
    """Means in 0-1 over `cells` equal intervals of [start, stop] along axis 0; outside the image lies black."""
    if math.ceil((stop - start) / cells) < _FEW_ROWS:
        sums = _add_by_row(image, start, stop, cells)
        white = 255.0 if image.dtype == np.uint8 else 1.0
    else:
        sums, white = _add_by_cell(as_float(image), start, stop, cells), 1.0
    sums *= np.float32(cells / (stop - start) / white)
    return sums


def _add_by_row(image: Tones, start: float, stop: float, cells: int) -> FloatImage:
    """Sums within cells, taking one row at a time for all cells: quicker where cells are narrow."""
    (row, weight), *others = _rows_in_cells(len(image), start, stop, cells)
    rows = image.take(row, axis=0)
    sums: FloatImage = rows * weight
    part = np.empty_like(sums)
    for row, weight in others:
        image.take(row, axis=0, out=rows, mode="clip")
        np.multiply(rows, weight, out=part)
        sums += part
    return sums


@lru_cache(maxsize=8)
def _rows_in_cells(
    length: int, start: float, stop: float, cells: int
) -> list[tuple[NDArray[np.intp], FloatImage]]:
    """The first row of each cell and how much of it the cell covers ([cells, 1]), the second one, and so on."""
    edges, first = _edges(length, start, stop, cells)
    found: list[tuple[NDArray[np.intp], FloatImage]] = []
    for row in (first + offset for offset in range(_FEW_ROWS)):
        covered = np.minimum(edges[1:], row + 1) - np.maximum(edges[:-1], row)
        weight = np.maximum(covered, 0.0).astype(np.float32)[:, None]
        if not found or weight.any():
            found.append((np.minimum(row, length - 1), weight))
    return found


def _add_by_cell(image: FloatImage, start: float, stop: float, cells: int) -> FloatImage:
    """Sums within cells, taking all rows of a cell at a time: quicker where cells are wide."""
    edges, first = _edges(len(image), start, stop, cells)
    whole = np.append(first, min(int(edges[-1]), len(image) - 1))
    part = (edges - whole).astype(np.float32)
    sums = np.empty((cells, image.shape[1]), np.float32)
    bounds = whole.tolist()
    for cell in range(cells):
        np.add.reduce(image[bounds[cell] : bounds[cell + 1]], axis=0, out=sums[cell])
    boundary = image[whole] * part[:, None]
    sums += boundary[1:]
    sums -= boundary[:-1]
    return sums


def _edges(
    length: int, start: float, stop: float, cells: int
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Where cells begin and end within the image, and the first row of each."""
    edges = np.clip(start + (stop - start) * np.arange(cells + 1) / cells, 0.0, length)
    return edges, np.minimum(edges[:-1].astype(np.intp), length - 1)


def _enlarge(
    image: FloatImage, rows: tuple[float, float], columns: tuple[float, float], side: int
) -> FloatImage:
    height, width = image.shape
    top, left = max(0, math.ceil(-rows[0])), max(0, math.ceil(-columns[0]))
    bottom, right = max(0, math.ceil(rows[1] - height)), max(0, math.ceil(columns[1] - width))
    padded = np.pad(image, ((top, bottom), (left, right)))
    box = (columns[0] + left, rows[0] + top, columns[1] + left, rows[1] + top)
    larger = Image.fromarray(padded).resize((side, side), Image.Resampling.BICUBIC, box=box)
    return np.clip(np.asarray(larger, dtype=np.float32), image.min(initial=0.0), image.max(initial=0.0))
