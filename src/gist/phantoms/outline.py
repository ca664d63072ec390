"""Outlines of bones as signed depth, and how thick a rounded body with a shell is at each depth.

Curves are tables on a pitch of 0.1 mm, because looking up is several times faster than computing splines at
every pixel.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from gist.phantoms.grid import Map

Index = NDArray[np.int32]

REACH_MM, PITCH_MM = 130.0, 0.1
POSITIONS_MM = np.arange(-REACH_MM, REACH_MM + PITCH_MM, PITCH_MM)
DEEPEST_MM = 60.0
DEPTHS_MM = np.arange(0.0, DEEPEST_MM + PITCH_MM, PITCH_MM)
WAVELENGTH_MM = 45.0


def table_index(position_mm: Map) -> Index:
    """Index of each position in the tables of `Edge`; positions beyond the tables take the last entry."""
    index = (position_mm + np.float32(REACH_MM)) * np.float32(1 / PITCH_MM) + np.float32(0.5)
    return np.asarray(np.clip(index, 0, len(POSITIONS_MM) - 1), np.int32)


class Edge:
    """A smooth curve y(x) through knots, with a gentle wave and a bump added.

    `knots` are (x, y) in mm; `wave` are four numbers of unit variance, scaled by `wave_mm`; `bump` is
    (centre, spread, height) in mm.
    """

    def __init__(
        self,
        knots: Sequence[tuple[float, float]],
        *,
        wave: NDArray[np.float64],
        wave_mm: float,
        bump: tuple[float, float, float] = (0.0, 1.0, 0.0),
    ) -> None:
        at, value = zip(*knots, strict=True)
        curve = PchipInterpolator(at, value)(np.clip(POSITIONS_MM, at[0], at[-1]))
        for order in (1, 2):
            amplitude, phase = wave[2 * order - 2 : 2 * order]
            angle = 2 * np.pi * order / WAVELENGTH_MM * POSITIONS_MM + np.pi * phase
            curve += wave_mm * amplitude / order * np.sin(angle)
        centre, spread, height = bump
        curve += height * np.exp(-(((POSITIONS_MM - centre) / spread) ** 2))
        self._value = curve.astype(np.float32)
        self._cosine = (1 / np.hypot(1, np.gradient(curve, PITCH_MM))).astype(np.float32)

    def at(self, position_mm: float) -> float:
        """The curve's value at one position."""
        return float(np.interp(position_mm, POSITIONS_MM, self._value))

    def depth_below(self, index: Index, level_mm: Map) -> Map:
        """Distance to the curve, mm, positive where `level_mm` is less than it; first order in the slope."""
        return np.asarray((self._value[index] - level_mm) * self._cosine[index], np.float32)


def rounded_corner(depth_a: Map, depth_b: Map, radius_mm: float) -> Map:
    """Depth inside both outlines, their common corner rounded to `radius_mm`."""
    radius = np.float32(radius_mm)
    corner = radius - np.hypot(np.maximum(radius - depth_a, 0), np.maximum(radius - depth_b, 0))
    return np.asarray(corner + np.maximum(np.minimum(depth_a, depth_b) - radius, 0), np.float32)


class Body:
    """A body in a cortical shell, its thickness 0 at the outline and full at `radius_mm` inside it.

    The section is a superellipse (1 - (1 - depth / radius)^p)^(1/p): p = 2 is a tube, smaller p a body that
    also recedes along the ray, as condyles do, so that its margin is fainter.
    """

    def __init__(
        self, radius_mm: float, cortex_mm: float, roundness: float, half_thickness_mm: float
    ) -> None:
        outer = _superellipse(DEPTHS_MM / radius_mm, roundness)
        inner = _superellipse((DEPTHS_MM - cortex_mm) / (radius_mm - cortex_mm), roundness)
        inner *= 1 - cortex_mm / half_thickness_mm
        self._cortex = (outer - inner).astype(np.float32)
        self._marrow = inner.astype(np.float32)

    def bone(self, depth_mm: Map, half_thickness_mm: Map | float, spongy_share: Map | np.float32) -> Map:
        """Millimetres of solid bone along the ray, where spongy bone holds `spongy_share` of solid bone."""
        index = np.clip(depth_mm * np.float32(1 / PITCH_MM), 0, len(DEPTHS_MM) - 1).astype(np.int32)
        solid = self._cortex[index] + self._marrow[index] * spongy_share
        return np.asarray(2 * half_thickness_mm * solid, np.float32)


def _superellipse(relative_depth: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    shallow = 1 - np.clip(relative_depth, 0, 1)
    return np.asarray((1 - shallow**power) ** (1 / power))
