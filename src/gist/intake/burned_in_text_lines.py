"""Glyphs -> lines of text: what stands in a row, is of like height and of one grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.intake.burned_in_text_glyphs import Boxes, Glyphs, find_glyphs, joined

_FEWEST_PIXELS = 20
_FEWEST_STROKES = 4.0
_FEWEST_LARGE_STROKES = 7.0
_FEWEST_FAINT_STROKES = 9.0
_FAINT = 45.0
"""Of 255: bone edges and trabeculae reach this contrast, so that a fainter line must be longer to be text."""
_LARGE = 1 / 24
"""Of the picture's longer side: the height from which few glyphs in a row are taken for a lead marker."""
_STROKES_PER_HEIGHT = 0.7
_SHORTEST = 2.5
"""Of its height: what a line is long at least."""
_REACH = 3.0
"""Of its height: how far what belongs to a line may lie from it."""


def text_lines(
    bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8], contrast: int
) -> list[tuple[int, int, int, int]]:
    """Boxes (top, left, bottom, right) of lines of text.

    `bright_HW` is a picture in which text is brighter than what surrounds it, `raised_HW` by how much thin structures
    are; those of less than `contrast` are overlooked.
    """
    mask = raised_HW > contrast
    if np.count_nonzero(mask) < _FEWEST_PIXELS:
        return []
    glyphs = find_glyphs(bright_HW, raised_HW, mask)
    if glyphs.strokes.sum() < _FEWEST_STROKES:
        return []
    line_of = _rows(glyphs)
    long_enough = np.flatnonzero(np.bincount(line_of, glyphs.strokes) >= _FEWEST_STROKES)
    lines = [glyphs.chosen(line_of == line) for line in long_enough]
    large = _LARGE * max(bright_HW.shape)
    return [_whole(line, glyphs) for line in lines if _is_text(line, large)]


def _rows(glyphs: Glyphs) -> Boxes:
    """Number of the row that each glyph stands in: neighbours of like height, level and grey are in one."""
    top, left, bottom, right = glyphs.boxes.T
    low, tall = _pairs(np.minimum, glyphs.height), _pairs(np.maximum, glyphs.height)
    gap = _pairs(np.maximum, left) - _pairs(np.minimum, right)
    shared = _pairs(np.minimum, bottom) - _pairs(np.maximum, top)
    neighbours = (
        (gap <= 0.9 * low + 2) & (shared >= 0.7 * low) & (low >= 0.6 * tall) & _one_grey(glyphs, glyphs)
    )
    one, other = np.nonzero(neighbours)
    return joined(len(glyphs), one, other)[0]


def _is_text(line: Glyphs, large: float) -> bool:
    high = float(np.median(line.height))
    length = float(line.boxes[:, 3].max() - line.boxes[:, 1].min()) / high
    strokes = float(line.strokes.sum())
    fewest = _FEWEST_LARGE_STROKES if high > large else _FEWEST_STROKES
    if float(np.median(line.rise)) < _FAINT:
        fewest = _FEWEST_FAINT_STROKES
    return length >= _SHORTEST and strokes >= max(fewest, _STROKES_PER_HEIGHT * length)


def _whole(line: Glyphs, glyphs: Glyphs) -> tuple[int, int, int, int]:
    """Box of a line and of all that belongs to it by place and grey: words apart, initials, stops."""
    high = float(np.median(line.height))
    top, left, bottom, right = (
        line.boxes[:, 0].min(),
        line.boxes[:, 1].min(),
        line.boxes[:, 2].max(),
        line.boxes[:, 3].max(),
    )
    alike = _one_grey(line, glyphs).any(axis=0) & (glyphs.height <= 1.7 * high)
    others = glyphs.boxes[alike]
    while True:
        near = (
            (others[:, 1] <= right + _REACH * high)
            & (others[:, 3] >= left - _REACH * high)
            & (
                np.minimum(others[:, 2], bottom) - np.maximum(others[:, 0], top)
                >= 0.5 * (others[:, 2] - others[:, 0])
            )
        )
        first, last = min(left, *others[near, 1]), max(right, *others[near, 3])
        if (first, last) == (left, right):
            return int(top), int(left), int(bottom), int(right)
        left, right = first, last


def _one_grey(some: Glyphs, others: Glyphs) -> NDArray[np.bool_]:
    apart = np.abs(some.level[:, None] - others.level[None])
    return apart <= 0.2 * np.maximum(some.rise[:, None], others.rise[None]) + 4.0


def _pairs(combine: np.ufunc, values: Boxes) -> Boxes:
    paired: Boxes = combine(values[:, None], values[None])
    return paired
