"""Defects of known kind put into real images, to measure what the detectors can find.

The kinds are those that readers name on synthetic radiographs: blur, misplaced patches, bent bones, joints formed
twice, regular patterns and stray text (Karras 2021; the paper's own artifact list).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, map_coordinates

Severity = Literal["moderate", "high"]
Picture = NDArray[np.float64]
_PLACES_TRIED = 8
_LIGHTEST_GROUND = 0.75


def inject(
    kind: str, x_HW: NDArray[np.float32], severity: Severity, rng: np.random.Generator
) -> NDArray[np.float32]:
    """A copy of a square image in 0-1 with one defect of a kind named in DEFECTS, rounded to 256 grey levels."""
    damaged = DEFECTS[kind](np.asarray(x_HW, np.float64), severity == "high", rng)
    return (np.rint(np.clip(damaged, 0, 1) * 255) / 255).astype(np.float32)


def _blurred(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    del rng
    return np.asarray(gaussian_filter(x_HW, (2.0 if high else 1.0) * len(x_HW) / 64), np.float64)


def _patches_swapped(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    side = len(x_HW)
    size = int(side * (0.3 if high else 0.2))
    first = second = np.zeros(2, np.int64)
    while np.abs(first - second).max() <= size:
        first, second = rng.integers(0, side - size, (2, 2))
    damaged = x_HW.copy()
    (y, x), (v, u) = first, second
    damaged[y : y + size, x : x + size] = x_HW[v : v + size, u : u + size]
    damaged[v : v + size, u : u + size] = x_HW[y : y + size, x : x + size]
    return damaged


def _bone_bent(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    """Pushes a band across the upper or the lower bone sideways."""
    side = len(x_HW)
    reach = side * (0.12 if high else 0.06) * rng.choice([-1, 1])
    ys, xs = np.mgrid[:side, :side].astype(np.float64)
    centre = side * rng.choice([0.2, 0.8])
    push = reach * np.exp(-(((ys - centre) / (0.12 * side)) ** 2))
    return np.asarray(map_coordinates(x_HW, [ys, xs + push], order=1, mode="nearest"), np.float64)


def _joint_doubled(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    """Blends a copy of the middle band into the upper or the lower part."""
    side = len(x_HW)
    half = int(0.11 * side)
    band = x_HW[side // 2 - half : side // 2 + half]
    rows = np.arange(2 * half)
    ramp = np.minimum(np.minimum(rows + 1, 2 * half - rows) * 16 / side, 1.0)[:, None]
    weight = (1.0 if high else 0.6) * ramp
    top = int(side * rng.choice([0.08, 0.7]))
    damaged = x_HW.copy()
    damaged[top : top + 2 * half] = weight * band + (1 - weight) * x_HW[top : top + 2 * half]
    return damaged


def _wave_added(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    side = len(x_HW)
    frequency, direction, phase = rng.uniform(0.12, 0.4), rng.uniform(0, np.pi), rng.uniform(0, 2 * np.pi)
    ys, xs = np.mgrid[:side, :side]
    along = np.cos(direction) * xs + np.sin(direction) * ys
    return np.asarray(
        x_HW + (0.05 if high else 0.02) * np.cos(2 * np.pi * frequency * along + phase), np.float64
    )


def _cross_drawn(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    """Two crossing bundles of waves that fade towards the borders, the X shape of alias-free generators."""
    side = len(x_HW)
    ys, xs = (np.mgrid[:side, :side] - (side - 1) / 2) / np.sqrt(2)
    fading = np.exp(-(ys**2 + xs**2) / (0.3 * side) ** 2)
    waves = np.zeros_like(x_HW)
    for along in (xs + ys, xs - ys):
        for frequency in rng.uniform(0.1, 0.3, 3):
            waves += np.cos(2 * np.pi * frequency * along + rng.uniform(0, 2 * np.pi))
    return np.asarray(x_HW + (0.02 if high else 0.01) * fading * waves, np.float64)


def _text_pasted(x_HW: Picture, high: bool, rng: np.random.Generator) -> Picture:
    """Bright letters where they can be read: on ground that is not nearly white itself, if eight tries find any."""
    side = len(x_HW)
    font = ImageFont.load_default(int(side * (0.2 if high else 0.12)))
    text = str(rng.choice(["LEFT", "R 12", "AP 7"]))
    covers, grounds = [], []
    for place in rng.uniform(0.05, 0.6, (_PLACES_TRIED, 2)) * side:
        letters = Image.new("L", (side, side))
        ImageDraw.Draw(letters).text((float(place[0]), float(place[1])), text, fill=255, font=font)
        cover = np.asarray(letters, np.float64) / 255
        covers.append(cover)
        grounds.append(float((x_HW * cover).sum() / max(cover.sum(), 1.0)))
    readable = np.flatnonzero(np.array(grounds) < _LIGHTEST_GROUND)
    cover = covers[int(readable[0]) if len(readable) else int(np.argmin(grounds))]
    return np.asarray(x_HW * (1 - cover) + 0.95 * cover, np.float64)


DEFECTS: dict[str, Callable[[Picture, bool, np.random.Generator], Picture]] = {
    "blur": _blurred,
    "swapped patches": _patches_swapped,
    "bent bone": _bone_bent,
    "doubled joint": _joint_doubled,
    "regular pattern": _wave_added,
    "crossed pattern": _cross_drawn,
    "text": _text_pasted,
}
