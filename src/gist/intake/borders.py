"""Black bars and collimation borders around a radiograph.

A border is a strip along an edge that is one grey, film grain aside, and ends in a straight line: most of the
first rows behind it differ from it. Air beside a limb is as uniform but ends along the limb, so it stays. Of a
collimated field that stands askew the largest upright rectangle is left.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.intake.geometry import FloatImage, View, show

Box = tuple[int, int, int, int]
_LOOK_SIDE = 256
_UNIFORM = 0.95  # share of a border row within _GRAIN of its grey: a side marker may lie on it
_GRAIN = 0.05
_STEP = 0.6  # share of what is filled in the row behind a border that differs from it
_BEHIND = 3  # rows within which that happens, as reduction blurs the line
_BEHIND_BRIGHT = 12  # scattered rays blur the edge of collimation; air, which must stay, is never bright
_LEAST_LEFT = 0.3


def content_box(grey: FloatImage) -> Box:
    """First row, row after the last, first column and column after the last of what lies inside all borders.

    `grey` is float32 [H, W] in 0-1. The whole image where there is no border, or where less than a third of a side
    would be left, which is no border but a nearly empty picture.
    """
    from gist.intake.tilted_field import inside_tilted_field

    height, width = grey.shape
    small = _reduced(grey)
    rows, columns = height / small.shape[0], width / small.shape[1]
    tilted = inside_tilted_field(small, rows, columns)
    if tilted is None or not _large_enough(tilted, small):
        tilted = 0, small.shape[0], 0, small.shape[1]
    top, bottom, left, right = tilted
    while True:
        inside = small[top:bottom, left:right]
        cuts = (
            _border_rows(inside),
            _border_rows(inside[::-1]),
            _border_rows(inside.T),
            _border_rows(inside[:, ::-1].T),
        )
        if not any(cuts):
            break
        top, bottom, left, right = top + cuts[0], bottom - cuts[1], left + cuts[2], right - cuts[3]
        if not _large_enough((top, bottom, left, right), small):
            return 0, height, 0, width
    return _outer(top, bottom, rows, small.shape[0]) + _outer(left, right, columns, small.shape[1])


def _large_enough(box: Box, image: NDArray[np.float32]) -> bool:
    top, bottom, left, right = box
    height, width = image.shape
    return bool(bottom - top >= _LEAST_LEFT * height and right - left >= _LEAST_LEFT * width)


def _reduced(grey: FloatImage) -> FloatImage:
    """At most _LOOK_SIDE pixels along a side: grain averages out, and looking is quick."""
    height, width = grey.shape
    side = min(_LOOK_SIDE, height, width)
    return show(grey, View((0.0, float(height)), (0.0, float(width))), side)


def _border_rows(image: NDArray[np.float32]) -> int:
    """Rows of the border along the first row; 0 where there is none."""
    if min(image.shape) < 8:
        return 0
    grey = np.median(image[0])
    alike = np.abs(image - grey) <= _GRAIN
    uniform = alike.mean(axis=1) >= _UNIFORM
    filled = alike.mean(axis=0) < _UNIFORM  # without the borders at the row's own ends
    if not uniform[0] or uniform.all() or not filled.any():
        return 0  # no border, or nothing else
    end = int(np.argmin(uniform))
    reach = _BEHIND if grey < 0.5 else _BEHIND_BRIGHT
    behind = (~alike[end : end + reach, filled]).mean(axis=1)
    steps = np.flatnonzero(behind >= _STEP)
    return end + int(steps[0]) if steps.size else 0


def _outer(first: int, last: int, step: float, length: int) -> tuple[int, int]:
    """The cut in pixels of the image; a reduced pixel that a border touches goes with it."""
    start = 0 if first == 0 else round(np.ceil(first * step))
    stop = round(length * step) if last == length else round(np.floor(last * step))
    return start, stop
