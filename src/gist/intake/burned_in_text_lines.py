"""Glyphs -> lines of text: what stands in a row, is of like height and of one grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.intake.burned_in_text_glyphs import Boxes, Doubles, Glyphs, find_glyphs, joined

CONTRAST = 28
"""Of 255: what a stroke differs from its surroundings by."""
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
_REACH = 6.0
"""Of its height: how far what belongs to a line may lie from it."""
_TRACE = 4
"""Of 255: the contrast from which a stroke beside a line of text counts as more of it."""

Box = tuple[int, int, int, int]


def rows_of_strokes(
    bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8], contrast: int
) -> list[Glyphs]:
    """Glyphs that stand in a row, row by row: lines of text, and what may be a part of one.

    `bright_HW` is a picture in which text is brighter than what surrounds it, `raised_HW` by how much thin structures
    are; those of less than `contrast` are overlooked.
    """
    mask = raised_HW > contrast
    if np.count_nonzero(mask) < _FEWEST_PIXELS:
        return []
    glyphs = find_glyphs(bright_HW, raised_HW, mask)
    if glyphs.strokes.sum() < _FEWEST_STROKES:
        return []
    row_of = _rows(glyphs)
    long_enough = np.flatnonzero(np.bincount(row_of, glyphs.strokes) >= _FEWEST_STROKES)
    return [glyphs.chosen(row_of == row) for row in long_enough]


def without_gaps(rows: list[Glyphs], inverse: list[Glyphs]) -> list[Glyphs]:
    """Rows without those that are the gaps between the letters of a row of the inverse picture, and lie within it."""
    return [row for row in rows if not any(_is_within(_box(row), _box(other)) for other in inverse)]


def is_text(row: Glyphs, picture_side: int) -> bool:
    """Whether a row is a line of text, in a picture with this longer side."""
    high = float(np.median(row.height))
    left, right = _box(row)[1::2]
    length = (right - left) / high
    strokes = float(row.strokes.sum())
    fewest = _FEWEST_LARGE_STROKES if high > _LARGE * picture_side else _FEWEST_STROKES
    if float(np.median(row.rise)) < _FAINT:
        fewest = _FEWEST_FAINT_STROKES
    return length >= _SHORTEST and strokes >= max(fewest, _STROKES_PER_HEIGHT * length)


def whole_line(row: Glyphs, bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8]) -> Box:
    """Box of a row and of all its ink that follows it: words apart, stops, letters that are faint on bright bone.

    A bone behind some letters leaves them little contrast and ties them to its edges, so that they are no glyphs; what
    tells of them is that columns of the row's height hold traces of its grey.
    """
    top, left, bottom, right = _box(row)
    bright, raised = bright_HW[top:bottom], raised_HW[top:bottom]
    plain = (raised > CONTRAST) & (bright >= darkest_ink([row]))
    faint = (raised > _TRACE) & (
        bright >= np.median(row.level)
    )  # what stands on bright bone is no darker elsewhere
    inked = np.flatnonzero((plain | faint).any(axis=0))
    reach = _REACH * float(np.median(row.height))
    while True:
        near = inked[(inked >= left - reach) & (inked < right + reach)]
        first, last = min(left, *near.tolist()), max(right, *(near + 1).tolist())
        if (first, last) == (left, right):
            return top, left, bottom, right
        left, right = first, last


def darkest_ink(rows: list[Glyphs]) -> float:
    """The grey from which a stroke may be of the ink of one of some rows."""
    return min(float(np.min(row.level - _same_grey(row.rise))) for row in rows)


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


def _box(row: Glyphs) -> Box:
    (top, left), (bottom, right) = (
        row.boxes[:, :2].min(axis=0).tolist(),
        row.boxes[:, 2:].max(axis=0).tolist(),
    )
    return top, left, bottom, right


def _is_within(box: Box, other: Box) -> bool:
    """Whether a box lies in another, one pixel more being allowed above and below, where letters are open."""
    return (
        other[0] - 1 <= box[0]
        and box[2] <= other[2] + 1
        and other[1] <= box[1]
        and box[3] <= other[3]
        and other[3] - other[1] > box[3] - box[1]
    )


def _same_grey(rise: Doubles) -> Doubles:
    """By how much the greys of strokes that rise so much may differ."""
    allowed: Doubles = 0.2 * rise + 4.0
    return allowed


def _one_grey(some: Glyphs, others: Glyphs) -> NDArray[np.bool_]:
    apart = np.abs(some.level[:, None] - others.level[None])
    return apart <= _same_grey(np.maximum(some.rise[:, None], others.rise[None]))


def _pairs(combine: np.ufunc, values: Boxes) -> Boxes:
    paired: Boxes = combine(values[:, None], values[None])
    return paired
