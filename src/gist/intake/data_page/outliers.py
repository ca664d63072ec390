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
_LEAST_SPREAD = 0.02
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
    """The images farthest out, farthest first, and how many are far out in all.

    Distance is |x - median| / (1.4826 MAD), the largest over mean grey, contrast, and the logarithms of sharpness and
    of width over height. Fewer than 20 images have no outliers.
    """
    images = len(measured["mean_grey"])
    if images < _FEWEST:
        return [], 0
    scores = np.stack([_robust_score(measured[name], name in ("sharpness", "aspect")) for name in _WORDS])
    distance = np.abs(scores).max(axis=0)
    far = np.flatnonzero(distance > _FAR)
    if not far.size:
        return [], 0
    chosen = far[np.argsort(-distance[far], kind="stable")][:MOST_SHOWN]
    wanted = set(chosen.tolist())
    found = {number: shown(row) for number, row in enumerate(rows(folder)) if number in wanted}
    outliers = []
    for number in chosen.tolist():
        name = list(_WORDS)[int(np.abs(scores[:, number]).argmax())]
        outliers.append(Outlier(found[number], _why(name, measured[name], number)))
    return outliers, len(far)


def _robust_score(values: NDArray[np.float32], logarithmic: bool) -> NDArray[np.float64]:
    scaled = values.astype(np.float64)
    if logarithmic:
        scaled = np.log(np.maximum(scaled, 1e-4))
    apart = scaled - np.median(scaled)
    return np.asarray(apart / max(1.4826 * float(np.median(np.abs(apart))), _LEAST_SPREAD))


def _why(name: str, values: NDArray[np.float32], number: int) -> str:
    first, middle, last = np.quantile(values, (0.25, 0.5, 0.75))
    word = _WORDS[name][int(values[number] > middle)]
    return f"{word}: {values[number]:.2f}, half of all lie in {first:.2f}–{last:.2f}"
