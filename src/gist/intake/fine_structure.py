"""What pictures are compared by: a thumbnail, and structure finer than a blur, which tells patients apart.

Both are of what lies inside bare margins, stretched to the square: a copy with a border, or stretched where its
original was padded, has the same.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gist.intake.geometry import FloatImage
from gist.intake.sliding import sliding

Span = tuple[float, float]
"""Start and stop in pixels."""
FINE_SIDE = 64
THUMBNAIL_SIDE = 16
_BARE = 3.0 / 255.0
_FEWEST_LINES = 8
_FLAT = 0.4 / 255.0
_CUT = 2.0
_LEAST_CUT = 1.0 / 255.0
_TOP = 127.0


def thumbnail(square: FloatImage) -> bytes:
    """16x16 greys, one byte each, of a square in 0-1 whose side is a power of two."""
    small = _small(square, THUMBNAIL_SIDE)
    return bytes(np.rint(small * np.float32(255.0)).astype(np.uint8))


def fine_structure(square: FloatImage) -> bytes:
    """int8 [S, S], S = min(64, side of the square), of a square in 0-1 whose side is a power of two.

    The picture less its Gaussian blur (sigma 1), cut at twice its median strength, so that letters put into a copy
    weigh little, and faded at the edges. Flat parts are left out with their surroundings: borders have the same edges
    in every picture.
    """
    side = min(FINE_SIDE, len(square))
    blur, fade = _matrices(side)
    small = _small(square, side)
    fine = (small - blur @ small @ blur) * ~_around_borders(small)
    strength = np.abs(fine[fine != 0.0])
    limit = max(_CUT * float(np.median(strength)) if strength.size else 0.0, _LEAST_CUT)
    faded = np.clip(fine, -limit, limit) * (fade * (_TOP / limit))
    return np.rint(faded).astype(np.int8).tobytes()


def _small(square: FloatImage, side: int) -> FloatImage:
    """What lies inside margins of pure black or white as [side, side]."""
    rows, columns = (_means(*span, len(square), side) for span in _inside(square))
    small: FloatImage = (rows @ square @ columns.T).astype(np.float32, copy=False)
    return small


def _inside(picture: FloatImage) -> tuple[Span, Span]:
    """Rows and columns inside margins, and inside margins of the other grey within those."""
    height, width = picture.shape
    rows = _between_margins(picture @ np.full(width, 1 / width, np.float32))
    columns = _between_margins(np.full(height, 1 / height, np.float32) @ picture)
    if rows == (0.0, height) and columns == (0.0, width):
        return rows, columns
    top, left = math.ceil(rows[0]), math.ceil(columns[0])
    inner = picture[top : math.floor(rows[1]), left : math.floor(columns[1])]
    rows_within, columns_within = _inside(inner)
    return (
        _narrowed(rows, top, rows_within, inner.shape[0]),
        _narrowed(columns, left, columns_within, inner.shape[1]),
    )


def _narrowed(span: Span, first: int, within: Span, length: int) -> Span:
    start, stop = within
    return first + start if start > 0 else span[0], first + stop if stop < length else span[1]


def _between_margins(lines: NDArray[np.float32]) -> Span:
    """Where margins end and begin, by the mean of each line of the picture."""
    start, stop = _margin(lines), len(lines) - _margin(lines[::-1])
    return (start, stop) if stop - start >= _FEWEST_LINES else (0.0, float(len(lines)))


def _margin(lines: NDArray[np.float32]) -> float:
    """How many lines are bare, to parts of one: how much of the next is can be told from those behind it."""
    outermost = float(lines[0])
    if _BARE < outermost < 1 - _BARE:
        return 0.0
    apart = np.abs(lines - round(outermost))
    first = int(np.argmax(apart > _BARE))
    if not 0 < first < len(lines) - 2:
        return 0.0
    edge, second, third = apart[first : first + 3].tolist()
    return float(first + 1 - min(1.0, edge / max(2 * second - third, _BARE)))


@lru_cache(maxsize=8)
def _means(start: float, stop: float, length: int, side: int) -> NDArray[np.float32]:
    """The matrix [side, length] of means over equal cells of a span, each of at least one pixel; pixels that are margin
    in part are left out."""
    cell, pixel = (stop - start) / side, np.arange(length)
    half, first, last = max(cell, 1.0) / 2, math.ceil(start), math.floor(stop)
    middle = np.clip(start + cell * (np.arange(side)[:, None] + 0.5), first + 0.5, last - 0.5)
    covered = np.maximum(np.minimum(middle + half, pixel + 1) - np.maximum(middle - half, pixel), 0.0)
    covered *= (pixel >= first) & (pixel < last)
    means: FloatImage = (covered / covered.sum(axis=1, keepdims=True)).astype(np.float32)
    return means


def _around_borders(small: FloatImage) -> NDArray[np.bool_]:
    """Flat parts of five pixels or more, and three pixels around them."""
    # Every such part holds a whole block of four, so that mostly this look suffices.
    blocks = small.reshape(len(small) // 4, 4, len(small) // 4, 4)
    if (blocks.max(axis=(1, 3)) - blocks.min(axis=(1, 3))).min() >= 2 * _FLAT:
        return np.zeros(small.shape, np.bool_)
    across = sliding(np.maximum, small, 3, -np.inf) - sliding(np.minimum, small, 3, np.inf)
    flat = sliding(np.minimum, across < _FLAT, 5, True)
    near: NDArray[np.bool_] = sliding(np.maximum, flat, 2 * (3 + 3) + 1, False)
    return near


@lru_cache(maxsize=2)
def _matrices(side: int) -> tuple[NDArray[np.float32], ...]:
    """A blur as a matrix (for squares this small a product is quicker than anything else), and how much of each pixel
    stays at the edges."""
    apart = np.abs(np.arange(side)[:, None] - np.arange(side))
    kernel = np.exp(-0.5 * np.minimum(apart, side - apart) ** 2.0)
    fade = np.outer(np.hanning(side), np.hanning(side))
    return (kernel / kernel[0].sum()).astype(np.float32), fade.astype(np.float32)
