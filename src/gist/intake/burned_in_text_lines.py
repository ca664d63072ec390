"""Glyphs -> lines of text: what stands in a row, is of like height and of one grey."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gist.intake.burned_in_text_glyphs import Boxes, Doubles, Glyphs, find_glyphs, joined

if TYPE_CHECKING:
    from gist.intake.word_reader import Strip

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
_STROKES_PER_HEIGHT = 0.45
_SHORTEST = 2.5
"""Of its height: what a line is long at least."""
_LIKE = 0.5
"""Of a row's rise: what rises so much beside it is like its strokes."""
_LIKE_BESIDE_TEXT, _MOST_LIKE = 0.02, 0.12
"""Share of the surroundings of a line of text that is, and may be, like its strokes."""
_STROKES_FOR_LIKE = 90.0
"""Strokes that a line must have more for each surroundings full of the like: among grain some stand in a row."""
_SEEN = 0.25
"""Share of the surroundings at least that no other row takes; where rows take more, a wider look is needed."""
_SURROUNDINGS = 12
"""Pixels around a row at least that are looked at; else one and a half of its height."""
_GRAIN = 0.7
_BEYOND_GRAIN = 2.6
"""Of that quantile: what grain of most kinds exceeds in a pixel of several hundred."""
_PARTS, _LEAST_PART = 6, 40
_TRACE_OF_GRAIN = 0.9
"""Of what grain hardly ever exceeds: what a trace of ink must; how many there are above and below is counted, too."""
_FEWEST_TRACES = 3
"""Pixels of a column and its neighbours below which a trace is no part of a letter."""
_REACH = 6.0
"""Of its height: how far what belongs to a line may lie from it."""
_NEXT_LINE = 1.5
"""Of its height: how far above or below a line a short word may belong to it."""
FEWEST_BESIDE = 2.0
"""Strokes of a short word beside a line of text."""
_FEWEST_TO_READ = 2.5
"""Strokes of a row that may be a word of three letters."""
_TRACE = 4
"""Of 255: the contrast from which a stroke beside a line of text counts as more of it."""

Box = tuple[int, int, int, int]
Contrast = int | NDArray[np.uint8]
"""Of 255, for all pixels or for each."""


def rows_of_strokes(
    bright_HW: NDArray[np.uint8],
    raised_HW: NDArray[np.uint8],
    contrast: Contrast,
    fewest: float = _FEWEST_STROKES,
) -> list[Glyphs]:
    """Glyphs that stand in a row, row by row, with `fewest` strokes: lines of text, and what may be a part of one.

    `bright_HW` is a picture in which text is brighter than what surrounds it, `raised_HW` by how much thin structures
    are; those of less than `contrast` are overlooked.
    """
    mask = raised_HW > contrast
    if np.count_nonzero(mask) < _FEWEST_PIXELS:
        return []
    glyphs = find_glyphs(bright_HW, raised_HW, mask)
    if glyphs.strokes.sum() < fewest:
        return []
    row_of = _rows(glyphs)
    long_enough = np.flatnonzero(np.bincount(row_of, glyphs.strokes) >= fewest)
    return [glyphs.chosen(row_of == row) for row in long_enough]


def grain_level(raised_HW: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What grain hardly ever rises above, around each pixel: a multiple of a quantile over parts of the picture."""
    height, width = raised_HW.shape
    level = np.zeros(raised_HW.shape, np.uint8)
    part = max(_LEAST_PART, max(raised_HW.shape) // _PARTS)
    for top in range(0, height, part):
        for left in range(0, width, part):
            here = raised_HW[top : top + part, left : left + part]
            some = np.sort(here[::2, ::2], axis=None)
            level[top : top + part, left : left + part] = min(
                255, _BEYOND_GRAIN * some[int(_GRAIN * some.size)]
            )
    return level


def without_gaps(rows: list[Glyphs], inverse: list[Glyphs]) -> list[Glyphs]:
    """Rows without those that are the gaps between the letters of a row of the inverse picture, and lie within it."""
    return [row for row in rows if not any(_is_within(_box(row), _box(other)) for other in inverse)]


def lines_of_text(
    rows: list[Glyphs], raised_HW: NDArray[np.uint8], contrast: Contrast, like: float = _LIKE
) -> list[Glyphs]:
    """The rows that are lines of text: that look so, and whose strokes are rare around them; and short words beside.

    Arguments as those of `rows_of_strokes`; around a line, what exceeds the contrast and rises by `like` of the line's
    rise is like its strokes.
    """
    side = max(raised_HW.shape)
    likely = [row for row in rows if _spare_strokes(row, side) >= 0]
    beside = np.ones(raised_HW.shape if likely else (0, 0), np.bool_)
    for top, left, bottom, right in map(_box, likely):
        beside[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1] = False
    lines = [row for row in likely if _stands_out(row, raised_HW, contrast, beside, like)]
    return [row for row in rows if any(row is line or _is_beside(row, line) for line in lines)]


def likely_words(bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8]) -> list[Strip]:
    """What is worth reading: rows of strokes as long as a short word, with room on both sides, the strongest first.

    Arguments as those of `rows_of_strokes`; the contrast is that of text or what stands out from the grain.
    """
    from gist.intake.word_reader import Strip

    rows = rows_of_strokes(bright_HW, raised_HW, CONTRAST, _FEWEST_TO_READ)
    if not rows:
        return []
    contrast = np.maximum(grain_level(raised_HW), np.uint8(CONTRAST))
    if contrast.max() > CONTRAST:
        rows = rows_of_strokes(bright_HW, raised_HW, contrast, _FEWEST_TO_READ)
    strips: list[Strip] = []
    for row in sorted(rows, key=lambda row: -float(row.strokes.sum())):
        high, rise = float(np.median(row.height)), float(np.median(row.rise))
        top, left, bottom, right = _box(row)
        margin, reach = round(high / 2) + 1, round(_REACH * high)
        if any(
            strip.top <= top
            and bottom <= strip.top + len(strip.strokes)
            and strip.left <= left
            and right <= strip.left + strip.strokes.shape[1]
            for strip in strips
        ):
            continue
        first, start = max(0, top - margin), max(0, left - reach)
        part = raised_HW[first : bottom + margin, start : right + reach]
        strokes = np.minimum(255, part * np.float32(255 / rise)).astype(np.uint8)
        strips.append(Strip(strokes, first, start, high))
    return strips


def _is_beside(row: Glyphs, line: Glyphs) -> bool:
    """Whether a row is a word of the same writing: of like ink and height, on the line or on one next to it."""
    high = float(np.median(line.height))
    top, left, bottom, right = _box(row)
    above, start, below, stop = _box(line)
    return (
        max(above - bottom, top - below) <= _NEXT_LINE * high
        and max(start - right, left - stop) <= _REACH * high
        and 0.6 <= float(np.median(row.height)) / high <= 1 / 0.6
        and float(np.median(row.rise)) >= _LIKE * float(np.median(line.rise))
        and bool(_one_grey(row, line).any(axis=1).all())
    )


def _stands_out(
    row: Glyphs, raised: NDArray[np.uint8], contrast: Contrast, beside: NDArray[np.bool_], like: float
) -> bool:
    """Whether few pixels around a row are like its strokes; `beside` leaves out what may be other lines."""
    top, left, bottom, right = _box(row)
    least = np.maximum(contrast, np.uint8(like * np.median(row.rise)))
    reach = max(_SURROUNDINGS, 3 * (bottom - top) // 2)
    while True:
        around = slice(max(0, top - reach), bottom + reach), slice(max(0, left - reach), right + reach)
        seen = beside[around]
        pixels = np.count_nonzero(seen)
        if pixels >= _SEEN * seen.size:
            break
        if seen.size == beside.size:
            return False  # rows like it are everywhere
        reach *= 2
    share = np.count_nonzero((raised[around] > (least if least.ndim == 0 else least[around])) & seen) / pixels
    needed = _STROKES_FOR_LIKE * (share - _LIKE_BESIDE_TEXT)
    return bool(share <= _MOST_LIKE and _spare_strokes(row, max(raised.shape)) >= needed)


def _spare_strokes(row: Glyphs, picture_side: int) -> float:
    """Strokes of a row beyond those that a line of text has at least, in a picture with this longer side."""
    high = float(np.median(row.height))
    left, right = _box(row)[1::2]
    length = (right - left) / high
    strokes = float(row.strokes.sum())
    fewest = _FEWEST_LARGE_STROKES if high > _LARGE * picture_side else _FEWEST_STROKES
    if float(np.median(row.rise)) < _FAINT:
        fewest = _FEWEST_FAINT_STROKES
    return strokes - max(fewest, _STROKES_PER_HEIGHT * length) if length >= _SHORTEST else -np.inf


def whole_line(
    row: Glyphs, bright_HW: NDArray[np.uint8], raised_HW: NDArray[np.uint8], grain_HW: NDArray[np.uint8]
) -> Box:
    """Box of a row and of all its ink that follows it: words apart, stops, letters that are faint on bright bone.

    A bone behind some letters leaves them little contrast and ties them to its edges, so that they are no glyphs; what
    tells of them is that columns of the row's height hold traces of its grey: stronger than the picture's grain, and
    more than above or below.
    """
    top, left, bottom, right = _box(row)
    high = bottom - top
    first = max(0, top - high)
    bright, raised = bright_HW[first : bottom + high], raised_HW[first : bottom + high]
    grain = _TRACE_OF_GRAIN * grain_HW[first : bottom + high]
    plain = (raised > np.maximum(grain, CONTRAST)) & (bright >= darkest_ink([row]))
    faint = (raised > np.maximum(grain, _TRACE)) & (
        bright >= np.median(row.level)
    )  # what stands on bright bone is no darker elsewhere
    ink = plain | faint
    above, here, below = ink[: top - first], ink[top - first : bottom - first], ink[bottom - first :]
    by_chance = min(_traces(strip).max() for strip in (above, below, here) if len(strip) == len(here))
    fewest = np.clip(by_chance + 1, _FEWEST_TRACES, max(_FEWEST_TRACES, 0.75 * high))
    inked = np.flatnonzero(here.any(axis=0) & (_traces(here) >= fewest))
    reach = _REACH * float(np.median(row.height))
    while True:
        near = inked[(inked >= left - reach) & (inked < right + reach)]
        first, last = min([left, *near.tolist()]), max([right, *(near + 1).tolist()])
        if (first, last) == (left, right):
            return top, left, bottom, right
        left, right = first, last


def _traces(ink: NDArray[np.bool_]) -> Boxes:
    """Inked pixels in each column and its two neighbours."""
    count: Boxes = np.convolve(np.count_nonzero(ink, axis=0), (1, 1, 1), "same")
    return count


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
