"""Strokes -> glyphs: connected thin structures of a picture, with the few numbers that tell letters from the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LOWEST, _TALLEST = 5, 60
"""Pixels that a glyph may be high; words whose glyphs touch count as one glyph."""
_LONGEST = 14
"""Of its height: what it may be wide."""
_LEAST_FILL = 0.15
"""Share of its box that its strokes cover."""
_FEWEST_RUNS = 15
"""Rows of strokes below which there is no text of three strokes."""
_MOST_GLYPHS = 500
"""The strongest are kept where there are more: a picture of noise must not take long."""

Boxes = NDArray[np.int64]
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Glyphs:
    """Connected strokes, one entry each."""

    boxes: Boxes
    """Top, left, bottom, right; the latter two are outside."""
    level: Doubles
    """Grey."""
    rise: Doubles
    """Grey less that of the surroundings."""
    strokes: Doubles
    """Strokes that a row crosses, mean over the rows."""

    def __len__(self) -> int:
        return len(self.level)

    @property
    def height(self) -> Boxes:
        return self.boxes[:, 2] - self.boxes[:, 0]

    @property
    def width(self) -> Boxes:
        return self.boxes[:, 3] - self.boxes[:, 1]

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp]) -> Glyphs:
        return Glyphs(self.boxes[which], self.level[which], self.rise[which], self.strokes[which])


def find_glyphs(bright: NDArray[np.uint8], raised: NDArray[np.uint8], mask: NDArray[np.bool_]) -> Glyphs:
    runs = _runs(mask)
    if len(runs.row) < _FEWEST_RUNS:
        return Glyphs(np.zeros((0, 4), np.int64), *[np.zeros(0)] * 3)
    owner, count = joined(len(runs.row), *_touching(runs))
    high = np.iinfo(np.int64).max
    box = np.stack(
        [np.full(count, high), np.full(count, high), np.zeros(count, int), np.zeros(count, int)], 1
    )
    np.minimum.at(box[:, 0], owner, runs.row)
    np.minimum.at(box[:, 1], owner, runs.start)
    np.maximum.at(box[:, 2], owner, runs.row + 1)
    np.maximum.at(box[:, 3], owner, runs.stop)
    inside = np.flatnonzero(mask)
    pixel_owner = np.repeat(owner, runs.stop - runs.start)
    rise = raised.ravel()[inside].astype(np.float64)
    weight = rise**3  # the middle of a stroke tells its grey, not its soft edge
    total = np.bincount(pixel_owner, weight, count)
    area = np.bincount(pixel_owner, minlength=count)
    glyphs = Glyphs(
        box,
        np.bincount(pixel_owner, weight * bright.ravel()[inside], count) / total,
        np.bincount(pixel_owner, weight * rise, count) / total,
        np.bincount(owner, minlength=count) / (box[:, 2] - box[:, 0]),
    )
    likely = (
        (glyphs.height >= _LOWEST) & (glyphs.height <= _TALLEST) & (glyphs.width <= _LONGEST * glyphs.height)
    )
    glyphs = glyphs.chosen(likely & (area >= _LEAST_FILL * glyphs.height * glyphs.width))
    return glyphs.chosen(np.argsort(-glyphs.rise, kind="stable")[:_MOST_GLYPHS])


@dataclass(frozen=True)
class _Runs:
    """Pixels of a mask that follow one another in a row, in reading order."""

    row: Boxes
    start: Boxes
    stop: Boxes


def _runs(mask: NDArray[np.bool_]) -> _Runs:
    width = mask.shape[1] + 1  # a column of background keeps rows apart
    pixels = np.zeros(1 + mask.shape[0] * width, np.bool_)
    pixels[1:].reshape(-1, width)[:, :-1] = mask
    changes = np.flatnonzero(pixels[1:] != pixels[:-1])
    start, stop = changes[0::2], changes[1::2]
    return _Runs(start // width, start % width, stop % width)


def _touching(runs: _Runs) -> tuple[Boxes, Boxes]:
    """Pairs of runs in neighbouring rows that touch, corners included."""
    step = int(runs.stop.max()) + 2
    below = (runs.row + 1) * step
    first = np.searchsorted(runs.row * step + runs.stop, below + runs.start)
    last = np.searchsorted(runs.row * step + runs.start, below + runs.stop, side="right")
    number = np.maximum(last - first, 0)
    one = np.repeat(np.arange(len(number)), number)
    return one, np.arange(len(one)) - np.repeat(np.cumsum(number) - number, number) + np.repeat(first, number)


def joined(count: int, one: Boxes, other: Boxes) -> tuple[Boxes, int]:
    """Group of each of `count` things of which the pairs (one, other) belong together, and how many groups."""
    group = np.arange(count)
    while True:
        lower = group.copy()
        lowest = np.minimum(group[one], group[other])
        np.minimum.at(lower, one, lowest)
        np.minimum.at(lower, other, lowest)
        lower = lower[lower]
        if np.array_equal(lower, group):
            names, numbers = np.unique(group, return_inverse=True)
            return numbers, len(names)
        group = lower
