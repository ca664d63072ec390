"""Images unlike the rest: far from the median in one of a few simple measurements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gist.intake.data_page.overview import MOST_SHOWN, Shown, rows, shown

_FAR = 5.0
"""Robust standard deviations from the median; a normal distribution has 1 in 1.7 million beyond."""
_FEWEST = 20
_LEAST_SPREAD = {"mean_grey": 0.02, "contrast": 0.02, "sharpness": 0.02, "aspect": 0.1}
"""Where all but a few images are alike, as those of one size are, a small difference is no distance."""
_WORDS = {
    "mean_grey": ("darker", "brighter"),
    "contrast": ("flatter", "richer in contrast"),
    "sharpness": ("more blurred", "sharper or noisier"),
    "aspect": ("taller for its width", "wider for its height"),
}


@dataclass(frozen=True)
class Outlier:
    """An image and in what it differs."""

    image: Shown
    why: str


def find_outliers(measured: Mapping[str, NDArray[np.float32]], folder: Path) -> tuple[list[Outlier], int]:
    """The images farthest out, of each measurement in turn, farthest first, and how many are far out in all.

    Distance is |x - median| / (1.4826 MAD), the largest over mean grey, contrast, and the logarithms of sharpness and
    of width over height. Fewer than 20 images have no outliers.
    """
    images = len(measured["mean_grey"])
    if images < _FEWEST:
        return [], 0
    distances = np.stack([_distance(name, measured[name]) for name in _WORDS])
    distance, kind = distances.max(axis=0), distances.argmax(axis=0)
    far = np.flatnonzero(distance > _FAR)
    far = far[np.argsort(-distance[far], kind="stable")]
    # One measurement in which many differ must not crowd out the others.
    turn = np.array([np.count_nonzero(kind[far[:place]] == kind[one]) for place, one in enumerate(far)])
    chosen = far[np.argsort(turn, kind="stable")][:MOST_SHOWN].tolist()
    found = {number: shown(row) for number, row in enumerate(rows(folder)) if number in chosen}
    names = list(_WORDS)
    outliers = [
        Outlier(found[number], _why(names[kind[number]], measured[names[kind[number]]], number))
        for number in chosen
    ]
    return outliers, len(far)


def _distance(name: str, values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Robust standard deviations from the median."""
    scaled = values.astype(np.float64)
    if name in ("sharpness", "aspect"):
        scaled = np.log(np.maximum(scaled, 1e-4))
    apart = np.abs(scaled - np.median(scaled))
    return np.asarray(apart / max(1.4826 * float(np.median(apart)), _LEAST_SPREAD[name]))


def _why(name: str, values: NDArray[np.float32], number: int) -> str:
    first, middle, last = np.quantile(values, (0.25, 0.5, 0.75))
    word = _WORDS[name][int(values[number] > middle)]
    return f"{word}: {values[number]:.2f}, half of all lie in {first:.2f}–{last:.2f}"
