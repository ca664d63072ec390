"""Oblong to square, and large to small by exact area averaging."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Fit = Literal["pad", "crop", "stretch"]
FloatImage = NDArray[np.float32]


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
    whole = np.minimum(edges.astype(np.intp), length - 1)
    part = (edges - whole).astype(np.float32)
    first, last = int(whole[0]), int(whole[-1])
    inside = image[first : last + 1]
    sums = np.add.reduceat(inside, whole[:-1] - first, axis=0)
    sums[whole[1:] == whole[:-1]] = 0.0  # reduceat gives one row where an interval holds no row's start
    sums[-1] -= (
        inside[-1] if whole[-1] != whole[-2] else 0.0
    )  # and runs to the end of the array in the last one
    boundary = inside[whole - first] * part[:, None]
    sums += boundary[1:] - boundary[:-1]
    sums *= np.float32(cells / (stop - start))
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
