"""Text burned into the pixels: found by its strokes without reading it, and painted over.

Burned-in text is thin strokes of one grey, gathered into glyphs of like height that stand in a row. A lead side
marker (L or R, with at most a few initials) is fewer and larger glyphs; a trabecula or a bone edge has neither one grey
nor a row. Where text stands, its frame follows the line to what bright bone leaves of it. The search sees a copy of at
most 1000 pixels, so that it costs little beside decoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gist.intake.burned_in_text_lines import (
    CONTRAST,
    FEWEST_BESIDE,
    darkest_ink,
    grain_level,
    likely_words,
    lines_of_text,
    rows_of_strokes,
    whole_line,
    without_gaps,
)
from gist.intake.geometry import FloatImage, View
from gist.intake.picture import Tones, as_float
from gist.intake.sliding import sliding

if TYPE_CHECKING:
    from gist.intake.word_reader import Strip

_SIDE = 1000
_STROKE = 7
"""Side of the square, in pixels of the copy, that no stroke of text fills."""
_FAINT_CONTRAST = 8
"""The same at a second look, which would take too long in every picture: bones are full of such strokes."""
_ROWS_AT_A_TIME = 32  # of the copy: they stay in the processor's cache
_MARGIN = 0.35
"""Of a line's height: how far its box reaches beyond its glyphs."""


class TextBox(NamedTuple):
    """A rectangle around a line of text, in pixels; bottom and right are outside."""

    top: int
    left: int
    bottom: int
    right: int

    def seen(self, top: int, left: int, view: View, side: int) -> TextBox | None:
        """The box in a square of `side` pixels that shows `view` of the picture from row `top`, column `left` on."""
        rows = [
            (row - top - view.rows[0]) * side / (view.rows[1] - view.rows[0])
            for row in (self.top, self.bottom)
        ]
        columns = [
            (column - left - view.columns[0]) * side / (view.columns[1] - view.columns[0])
            for column in (self.left, self.right)
        ]
        first_row, last_row = max(0, int(rows[0])), min(side, int(rows[1]) + 1)
        first, last = max(0, int(columns[0])), min(side, int(columns[1]) + 1)
        return TextBox(first_row, first, last_row, last) if first_row < last_row and first < last else None

    def mirrored(self, side: int) -> TextBox:
        """The box after its square of `side` pixels was mirrored left to right."""
        return TextBox(self.top, side - self.right, self.bottom, side - self.left)


def find_text(grey: Tones, sure: bool = False) -> tuple[TextBox, ...]:
    """Boxes around lines of text in a picture [H, W]; most often none.

    Where strokes stand in a row a second look follows for more of their ink that has little contrast, such as white on
    bright bone; `sure` takes that look everywhere and for any ink.
    """
    step = _step(grey)
    small = _reduced(grey, step)
    looks = [(bright, bright - _opened(bright)) for bright in (small, 255 - small)]
    light, dark = (rows_of_strokes(*look, CONTRAST) for look in looks)
    lines = []
    for (bright, raised), rows in zip(
        looks, (without_gaps(light, dark), without_gaps(dark, light)), strict=True
    ):
        if not (sure or rows):
            continue
        grain = grain_level(raised)
        ink = raised if sure else np.where(bright >= darkest_ink(rows), raised, np.uint8(0))
        found = lines_of_text(
            rows, raised, CONTRAST, like=0
        )  # where text is dense, it is taken for grain below
        for strokes, least in ((raised, CONTRAST), (ink, _FAINT_CONTRAST)):
            contrast = np.maximum(grain, np.uint8(least))
            found += lines_of_text(
                rows_of_strokes(bright, strokes, contrast, FEWEST_BESIDE), strokes, contrast
            )
        lines += [whole_line(row, bright, raised, grain) for row in found]
    return united(_with_margin(line, step, grey) for line in lines)


def find_words(grey: Tones) -> tuple[TextBox, ...]:
    """Boxes around the words that can be read in such a picture, see `word_reader`."""
    from gist.intake.word_reader import read_words

    step = _step(grey)
    small = _reduced(grey, step)
    strips: list[Strip] = []
    for bright in (small, 255 - small):
        strips += likely_words(bright, bright - _opened(bright))
    return united(_with_margin(word, step, grey) for word in (read_words(strips) if strips else ()))


def paint_over(grey: FloatImage, boxes: Sequence[TextBox]) -> FloatImage:
    """A copy of the picture [H, W] or [H, W, 3] with each box filled from the pixels around it.

    A pixel becomes the mean of the four pixels just outside its box in its row and its column, each weighted by
    nearness; sides that lie beyond the picture do not count.
    """
    if grey.ndim == 3:
        return np.stack([paint_over(grey[..., colour], boxes) for colour in range(grey.shape[2])], axis=2)
    painted = grey.copy()
    for box in (*boxes, *boxes):  # again, for what lay just outside may have been another line
        painted[box.top : box.bottom, box.left : box.right] = _filling(painted, box)
    return painted


def united(boxes: Iterable[TextBox]) -> tuple[TextBox, ...]:
    """Boxes that overlap, made one."""
    apart: list[TextBox] = []
    for box in boxes:
        while overlapping := [other for other in apart if _overlap(box, other)]:
            apart = [other for other in apart if other not in overlapping]
            of_all = (box, *overlapping)
            box = TextBox(
                min(one.top for one in of_all),
                min(one.left for one in of_all),
                max(one.bottom for one in of_all),
                max(one.right for one in of_all),
            )
        apart.append(box)
    return tuple(sorted(apart))


def _with_margin(line: tuple[int, int, int, int], step: int, grey: Tones) -> TextBox:
    """The box of a line (top, left, bottom, right) of the copy in the picture itself."""
    top, left, bottom, right = line
    margin = max(2, round(_MARGIN * (bottom - top)))
    return TextBox(
        max(0, top - margin) * step,
        max(0, left - margin) * step,
        min(grey.shape[0], (bottom + margin) * step),
        min(grey.shape[1], (right + margin) * step),
    )


def _overlap(one: TextBox, other: TextBox) -> bool:
    rows = min(one.bottom, other.bottom) - max(one.top, other.top)
    columns = min(one.right, other.right) - max(one.left, other.left)
    return rows > 0 and columns > 0


def _filling(grey: FloatImage, box: TextBox) -> FloatImage:
    height, width = box.bottom - box.top, box.right - box.left
    rows, columns = slice(box.top, box.bottom), slice(box.left, box.right)
    down = np.arange(1, height + 1, dtype=np.float32)[:, None]
    across = np.arange(1, width + 1, dtype=np.float32)[None]
    total, weight = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)

    def add(rim: FloatImage, distance: FloatImage) -> None:
        np.add(total, rim / distance, out=total)
        np.add(weight, 1 / distance, out=weight)

    if box.top > 0:
        add(grey[None, box.top - 1, columns], down)
    if box.bottom < grey.shape[0]:
        add(grey[None, box.bottom, columns], height + 1 - down)
    if box.left > 0:
        add(grey[rows, box.left - 1, None], across)
    if box.right < grey.shape[1]:
        add(grey[rows, box.right, None], width + 1 - across)
    np.divide(total, weight, out=total, where=weight > 0)
    return total


def _step(grey: Tones) -> int:
    return -(-int(max(grey.shape)) // _SIDE)


def _reduced(picture: Tones, step: int) -> NDArray[np.uint8]:
    """Means over step x step pixels as bytes; rows and columns that are left over are left out."""
    if step == 1 and picture.dtype == np.uint8:
        return picture.astype(np.uint8, copy=False)
    grey = as_float(picture)
    if step == 1:
        levels = grey * np.float32(255.0)
        levels += np.float32(0.5)
        return levels.astype(np.uint8)
    height, width = (length // step for length in grey.shape)
    reduced = np.empty((height, width), np.uint8)
    for start in range(0, height, _ROWS_AT_A_TIME):
        stop = min(start + _ROWS_AT_A_TIME, height)
        block = grey[start * step : stop * step, : width * step]
        rows = sum((block[offset::step] for offset in range(1, step)), start=block[::step])
        total = sum((rows[:, offset::step] for offset in range(1, step)), start=rows[:, ::step])
        reduced[start:stop] = total * np.float32(255 / step**2) + np.float32(0.5)
    return reduced


def _opened(bright: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey opening: everything brighter that is narrower than a stroke's limit is cut off."""
    eroded = sliding(np.minimum, bright, _STROKE, fill=255)
    opened: NDArray[np.uint8] = sliding(np.maximum, eroded, _STROKE, fill=0)
    return opened
