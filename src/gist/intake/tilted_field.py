"""The exposed field of a collimator that stood askew, between wedges of one grey in the corners.

The field is the tilted rectangle that fits what is not wedge. Both pairs of its sides must show in the picture: a
limb on air has two parallel sides as well, but nothing straight across them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, label

from gist.intake.geometry import FloatImage

Mask = NDArray[np.bool_]
_GRAIN = 0.05
_CORNER = 5
_LEAST_WEDGES = 0.02
_DEGREES = np.arange(-44.0, 45.0, 1.0)
_FINE_DEGREES = np.arange(-0.75, 1.0, 0.25)
_LEAST_TILT = 1.0
"""Degrees; less is upright."""
_MOST_MISFIT = 0.15
"""Of the wedges' area: how much may lie inside the rectangle, and how much outside may be no wedge."""
_STEP = 0.1
"""What the field's rim differs from the wedges by: in flat pictures shallow parts of a bone are of their grey, too."""
_SHORTEST_SIDE = 0.12
"""Of the picture's shorter side: how much of each pair of the field's sides must show."""


def inside_tilted_field(
    grey: FloatImage, row_step: float = 1.0, column_step: float = 1.0
) -> tuple[int, int, int, int] | None:
    """The largest upright rectangle (first and stop row, first and stop column) in a tilted field; None without one.

    `grey` is float32 [H, W] in 0-1; the steps are how far its rows and its columns lie apart.
    """
    wedges = _wedges(grey)
    if wedges.mean() < _LEAST_WEDGES or wedges.all():
        return None
    parts, _ = label(~wedges)
    field: Mask = parts == np.argmax(np.bincount(parts.ravel())[1:]) + 1
    y, x = np.indices(grey.shape, dtype=np.float32) * np.array(
        [[[row_step]], [[column_step]]], dtype=np.float32
    )
    outline = field & ~binary_erosion(field, border_value=0)

    def rectangle(degrees: float) -> tuple[Mask, Mask, Mask]:
        """Pixels inside the tilted rectangle around the field, and those between its first and its second sides."""
        turn = np.deg2rad(degrees)
        between = []
        for across in (x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)):
            low, high = np.quantile(across[outline], (0.002, 0.998))
            between.append((across >= low) & (across <= high))
        return between[0] & between[1], between[0], between[1]

    def misfit(degrees: float) -> float:
        return float((rectangle(degrees)[0] & wedges).mean())

    coarse = min(_DEGREES, key=misfit)
    degrees = float(min(coarse + _FINE_DEGREES, key=misfit))
    fitted, first, second = rectangle(degrees)
    most = _MOST_MISFIT * float(wedges.mean())
    if abs(degrees) < _LEAST_TILT or misfit(degrees) > most or (field & ~fitted).mean() > most:
        return None
    shortest = _SHORTEST_SIDE * min(grey.shape)
    if min(_side_pixels(first & second, second), _side_pixels(first & second, first)) < shortest:
        return None
    within = binary_erosion(fitted, iterations=2, border_value=1)
    rim = within & ~binary_erosion(within, iterations=3, border_value=1)
    if np.median(np.abs(grey[rim] - np.median(grey[wedges]))) < _STEP:
        return None
    return _largest_upright(within)


def _wedges(grey: FloatImage) -> Mask:
    """What hangs together with a uniform corner and is of its grey."""
    found = np.zeros(grey.shape, np.bool_)
    for rows in (slice(0, _CORNER), slice(-_CORNER, None)):
        for columns in (slice(0, _CORNER), slice(-_CORNER, None)):
            corner = grey[rows, columns]
            alike = np.abs(grey - np.median(corner)) <= _GRAIN
            if alike[rows, columns].mean() < 0.9:
                continue
            parts, _ = label(alike)
            found |= parts == np.bincount(parts[rows, columns][alike[rows, columns]]).argmax()
    return found


def _side_pixels(fitted: Mask, strip: Mask) -> int:
    """Pixels of the rectangle that border on what lies beyond it inside `strip`: the ends of that strip."""
    return int(np.count_nonzero(binary_dilation(strip & ~fitted) & fitted))


def _largest_upright(inside: Mask) -> tuple[int, int, int, int] | None:
    """In a convex shape a rectangle of rows is as wide as its first and last row let it."""
    rows = np.flatnonzero(inside.any(axis=1))
    if rows.size < 2:
        return None
    left = inside[rows].argmax(axis=1)
    right = inside.shape[1] - inside[rows][:, ::-1].argmax(axis=1)
    width = np.minimum(right[:, None], right[None]) - np.maximum(left[:, None], left[None])
    height = rows[None] - rows[:, None] + 1
    top, bottom = np.unravel_index(np.argmax(np.where(height > 0, height * width, 0)), width.shape)
    first = max(left[top], left[bottom])
    return int(rows[top]), int(rows[bottom]) + 1, int(first), int(first + width[top, bottom])
