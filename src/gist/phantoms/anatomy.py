"""The knee as thickness maps: how many millimetres of bone and of soft tissue each ray crosses.

"Bone" is millimetres of solid cortical bone: spongy bone counts by the share of its volume that is mineral,
and its marrow counts as soft tissue.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.phantoms import bones
from gist.phantoms.blur import wide_blur
from gist.phantoms.grid import Map, PixelGrid
from gist.phantoms.patient import Knee

TEXTURE_STREAM = 3
SPONGY_SHARE = 0.16
FAT_TO_WATER = 0.88


@dataclass(frozen=True)
class ThicknessMaps:
    """What the rays cross, mm, [height, width] each: solid bone, and water-equivalent soft tissue."""

    bone_mm: Map
    soft_mm: Map


def project_knee(knee: Knee, grid: PixelGrid) -> ThicknessMaps:
    """Thickness maps of a knee on a grid, before anything the imaging adds."""
    x, y = grid.anatomical_mm()
    x, y = x / np.float32(knee.habitus.size), y / np.float32(knee.habitus.size)
    spongy = _trabeculae(knee, grid)
    joint_line = bones.plateau(knee)
    bone = np.zeros_like(x)
    for rows, draw in (
        (_rows(y, -np.inf, 12), partial(bones.femur, joint_line=joint_line)),
        (_rows(y, -16, np.inf), partial(bones.tibia, joint_line=joint_line)),
        (_rows(y, 0, np.inf), bones.fibula),
        (_rows(y, -80, 5), bones.patella),
    ):
        if rows.stop > rows.start:
            bone[rows] += draw(knee, x[rows], y[rows], spongy[rows])
    bone *= np.float32(knee.habitus.size)
    return ThicknessMaps(bone, np.maximum(_soft_tissue(knee, x, y) - bone, 0))


def _rows(y: Map, from_mm: float, to_mm: float) -> slice:
    """Rows that reach into the stretch of leg where a bone may lie, so that no time goes into the others."""
    start = np.searchsorted(y.max(1), from_mm)
    stop = np.searchsorted(y.min(1), to_mm)
    return slice(int(start), int(stop))


def _trabeculae(knee: Knee, grid: PixelGrid) -> Map:
    """Share of spongy bone that is mineral: trabeculae along the load, cross-links, and slow variation."""
    rng = np.random.default_rng([TEXTURE_STREAM, knee.seed])
    white = rng.standard_normal((grid.height, grid.width), dtype=np.float32)
    fine = [(along / grid.pixel_mm, across / grid.pixel_mm) for along, across in ((1.4, 0.2), (0.3, 0.3))]
    layers = [
        (0.12, gaussian_filter(white, fine[0], mode="wrap", truncate=2.5)),
        (0.05, gaussian_filter(white[:, ::-1], fine[1], mode="wrap", truncate=2.5)),
        (0.14, wide_blur(white[::-1], 7.0 / grid.pixel_mm, 5.0 / grid.pixel_mm)),
    ]
    share = np.ones_like(white)
    for strength, layer in layers:
        share += np.float32(strength / layer.std()) * layer
    return np.maximum(share, 0.2) * np.float32(SPONGY_SHARE * knee.habitus.bone_density)


def _soft_tissue(knee: Knee, x: Map, y: Map) -> Map:
    """Water-equivalent thickness of the whole leg, bone's place included: fat around muscle, mm."""
    girth, fat = knee.habitus.girth, knee.habitus.fat_mm
    level = y[:, y.shape[1] // 2]
    half_width = np.interp(level, [-110, -60, -25, 5, 40, 100], [78, 70, 64, 60, 60, 60]) * girth
    half_depth = np.interp(level, [-110, -60, -25, 5, 40, 100], [66, 59, 54, 50, 50, 52]) * girth
    whole = _ellipse(x + 2.0, half_width, half_depth)
    muscle = _ellipse(x + 2.0, half_width - fat, half_depth - fat)
    return np.asarray(FAT_TO_WATER * whole + (1 - FAT_TO_WATER) * muscle, np.float32)


def _ellipse(x: Map, half_width: NDArray[np.float64], half_depth: NDArray[np.float64]) -> Map:
    """Thickness of an elliptic section, mm, at each row's half axes."""
    relative = x / half_width.astype(np.float32)[:, None]
    half_chord = half_depth.astype(np.float32)[:, None] * np.sqrt(np.maximum(1 - relative * relative, 0))
    return np.asarray(2 * half_chord, np.float32)
