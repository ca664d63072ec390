"""Joint space and condyles measured in knee radiographs, and how wrong that is on phantoms, whose truth is known.

    python benchmarks/knee_anatomy.py [--images 300] [--side 64]

For antero-posterior knees with the joint near the middle, femur above. Along columns through either compartment the
joint space is a dark valley between two bright bones: its width is read at half of its depth, in pixels, and the
narrower compartment counts, as side is not known. A detector's blur widens what is narrower than about two pixels, so
widths of two sets compare, and are no millimetres. Across the condyles, above the joint, the two strongest slopes of
brightness are the outline: their distance is the condyles' width, their steepness (per pixel, in standard deviations
of the picture) tells outlines that are drawn from those that are suggested.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d, zoom
from scipy.stats import spearmanr

from gist.phantoms import draw_phantom
from gist.phantoms.bones import _femoral_sides
from gist.phantoms.patient import draw_knee

FINER = 8
COMPARTMENTS = (0.29, 0.71)
"""Columns through the middle of each compartment, as shares of the picture's width."""
BAND = 0.05
"""Half width of the band of columns that is averaged."""
JOINT_ROWS = (0.4, 0.66)
SHOULDER = 0.1
"""How far above and below the valley the bones' brightest rows are looked for."""
ABOVE_JOINT = 0.12
"""Where the condyles are measured, above the joint."""
MARGIN = 0.04


@dataclass(frozen=True)
class Anatomy:
    """Measures of N pictures, [N] each."""

    joint_space: NDArray[np.float64]
    """Pixels."""
    condyle_width: NDArray[np.float64]
    """Pixels."""
    outline: NDArray[np.float64]
    """Steepness of the condyles' outline."""


def anatomy(x_NHH: NDArray[np.float32]) -> Anatomy:
    """Measures of square pictures, bone bright."""
    rows = [_measured(x_HH.astype(np.float64)) for x_HH in x_NHH]
    return Anatomy(*(np.array(column) for column in zip(*rows, strict=True)))


def _measured(x_HH: NDArray[np.float64]) -> tuple[float, float, float]:
    side = len(x_HH)
    valleys = []
    for centre in COMPARTMENTS:
        columns = slice(round((centre - BAND) * side), round((centre + BAND) * side) + 1)
        valleys.append(_valley(zoom(x_HH[:, columns].mean(axis=1), FINER, order=3, mode="nearest"), side))
    joint = np.mean([row for row, _ in valleys])
    level = round(joint - ABOVE_JOINT * side)
    profile = x_HH[max(level - 1, 0) : level + 2].mean(axis=0)
    slope = gaussian_filter1d(zoom(profile, FINER, order=3, mode="nearest"), FINER / 2, order=1) * FINER
    edge, middle = round(MARGIN * len(slope)), len(slope) // 2
    left = edge + int(slope[edge:middle].argmax())
    right = middle + int(slope[middle:-edge].argmin())
    steep = (slope[left] - slope[right]) / 2 / max(x_HH.std(), 1e-6)
    return min(width for _, width in valleys), (right - left) / FINER, float(steep)


def _valley(profile: NDArray[np.float64], side: int) -> tuple[float, float]:
    """Row and width at half depth, in pixels, of the deepest valley near the middle."""
    first, last = (round(share * side * FINER) for share in JOINT_ROWS)
    reach = round(SHOULDER * side * FINER)
    depth = [
        min(profile[row - reach : row].max(), profile[row + 1 : row + reach + 1].max()) - profile[row]
        for row in range(first, last)
    ]
    row = first + int(np.argmax(depth))
    half = profile[row] + max(depth) / 2
    above = np.flatnonzero(profile[row - reach : row] > half)
    below = np.flatnonzero(profile[row + 1 : row + reach + 1] > half)
    up = reach - int(above[-1]) if len(above) else reach
    down = 1 + int(below[0]) if len(below) else reach
    return row / FINER, (up + down) / FINER


def truth(seed: int, side: int) -> tuple[NDArray[np.float32], float, float]:
    """A phantom, its narrower joint space and the width of its condyles in pixels."""
    picture, known = draw_phantom(seed, size=side)
    knee = draw_knee(seed)
    width_mm = knee.habitus.size * sum(edge.at(-100 * ABOVE_JOINT) for edge in _femoral_sides(knee))
    narrow_mm = min(known.jsw_medial_mm, known.jsw_lateral_mm)
    return picture, narrow_mm / known.pixel_mm, width_mm / known.pixel_mm


def main() -> None:
    """Prints how the measures follow the truth."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--side", type=int, default=64)
    options = parser.parse_args()
    pictures, space, width = zip(*(truth(seed, options.side) for seed in range(options.images)), strict=True)
    found = anatomy(np.stack(pictures))
    for name, true, measured in (
        ("joint space", np.array(space), found.joint_space),
        ("condyle width", np.array(width), found.condyle_width),
    ):
        slope, start = np.polyfit(true, measured, 1)
        error = np.abs((measured - start) / slope - true)
        print(
            f"{name}: rank correlation {spearmanr(true, measured).statistic:.3f}; measured = {start:.2f} + {slope:.2f} "
            f"true; error after that {np.median(error):.2f} pixels in the median, {np.quantile(error, 0.9):.2f} in the "
            f"ninth decile; truth {true.min():.1f} to {true.max():.1f}"
        )


if __name__ == "__main__":
    main()
