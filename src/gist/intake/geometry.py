"""Oblong to square, and large to small by exact area averaging."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fit = Literal["pad", "crop", "stretch"]
FloatImage = NDArray[np.float32]
THUMBNAIL_SIDE = 16
_FEW_ROWS = 4


def covered_pixels(height: int, width: int, fit: Fit) -> int:
    """Pixels of the original along the side of the square: a larger square means enlarging."""
    return max(height, width) if fit == "pad" else min(height, width)


def to_square(image: FloatImage, side: int, fit: Fit) -> FloatImage:
    """A float32 [H, W] image as [side, side]; borders are 0 (black), values stay within those of the image.

    Each new pixel is the mean over exactly the area it covers, parts of pixels included, so nothing aliases
    and the mean brightness is kept. Where a pixel covers less than one old pixel the image is interpolated
    (bicubic).
    """
    height, width = image.shape
    square = covered_pixels(height, width, fit)
    rows, columns = _extent(height, square, fit), _extent(width, square, fit)
    if rows[1] - rows[0] < side or columns[1] - columns[0] < side:
        return _enlarge(image, rows, columns, side)
    fewer_rows = _area_mean(image, *rows, side)
    return np.ascontiguousarray(_area_mean(np.ascontiguousarray(fewer_rows.T), *columns, side).T)


def thumbnail(square: FloatImage) -> bytes:
    """16x16 greys of a square of values in 0-1, one byte each, for finding pictures that are alike."""
    small = to_square(square, THUMBNAIL_SIDE, "stretch")
    return bytes(np.rint(small * 255.0).astype(np.uint8))


def _extent(length: int, square: int, fit: Fit) -> tuple[float, float]:
    """Start and stop, in pixels of the image, of what the square shows along an axis of `length`."""
    if fit == "stretch":
        return 0.0, float(length)
    start = (length - square) / 2
    return start, start + square


def _area_mean(image: FloatImage, start: float, stop: float, cells: int) -> FloatImage:
    """Means over `cells` equal intervals of [start, stop] along axis 0; outside the image lies black."""
    length = image.shape[0]
    edges = np.clip(start + (stop - start) * np.arange(cells + 1) / cells, 0.0, length)
    first = np.minimum(edges[:-1].astype(np.intp), length - 1)
    span = math.ceil((stop - start) / cells) + 1
    narrow = span <= _FEW_ROWS
    sums = _add_by_row(image, edges, first, span) if narrow else _add_by_cell(image, edges, first)
    sums *= np.float32(cells / (stop - start))
    return sums


def _add_by_row(
    image: FloatImage, edges: NDArray[np.float64], first: NDArray[np.intp], span: int
) -> FloatImage:
    """Sums between edges, taking one row at a time for all cells: quicker where cells are narrow."""
    sums = np.zeros((first.size, image.shape[1]), np.float32)
    for offset in range(span):
        row = first + offset
        covered = np.minimum(edges[1:], row + 1) - np.maximum(edges[:-1], row)
        weight = np.maximum(covered, 0.0).astype(np.float32)
        sums += image[np.minimum(row, len(image) - 1)] * weight[:, None]
    return sums


def _add_by_cell(image: FloatImage, edges: NDArray[np.float64], first: NDArray[np.intp]) -> FloatImage:
    """Sums between edges, taking all rows of a cell at a time: quicker where cells are wide."""
    whole = np.append(first, min(int(edges[-1]), len(image) - 1))
    part = (edges - whole).astype(np.float32)
    sums = np.empty((first.size, image.shape[1]), np.float32)
    bounds = whole.tolist()
    for cell in range(first.size):
        np.add.reduce(image[bounds[cell] : bounds[cell + 1]], axis=0, out=sums[cell])
    boundary = image[whole] * part[:, None]
    sums += boundary[1:]
    sums -= boundary[:-1]
    return sums


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
