"""Textures of quantised grey levels: co-occurrence (GLCM) and run lengths (GLRLM)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.metrics.extractors.intensity import Columns, signed_log

LEVELS = 16
DISTANCES_PIXELS = (1, 2, 4)
_DIRECTIONS = ((0, 1), (1, 1), (1, 0), (1, -1))


def quantised(x_NHW: NDArray[np.float32]) -> NDArray[np.int64]:
    """Grey levels 0..15 of equal width over the full range 0-1, the same for every image."""
    return np.minimum((x_NHW * LEVELS).astype(np.int64), LEVELS - 1)


def cooccurrence(q_NHW: NDArray[np.int64]) -> Columns:
    """Haralick features (Haralick 1973) per distance, averaged over four directions, and the anisotropy."""
    columns: Columns = {}
    for distance in DISTANCES_PIXELS:
        per_direction = [_haralick(_glcm(q_NHW, dy * distance, dx * distance)) for dy, dx in _DIRECTIONS]
        for name in per_direction[0]:
            values = np.stack([features[name] for features in per_direction])
            columns[f"glcm/{distance}/{name}"] = values.mean(axis=0)
            if name in ("contrast", "correlation"):
                columns[f"glcm/{distance}/{name}-anisotropy"] = values[0] - values[2]
    return columns


def run_lengths(q_NHW: NDArray[np.int64]) -> Columns:
    """Run-length features (Galloway 1975, Chu 1990) along rows and along columns."""
    columns: Columns = {}
    for direction, image in (("rows", q_NHW), ("columns", q_NHW.transpose(0, 2, 1))):
        for name, value in _galloway(np.ascontiguousarray(image)).items():
            columns[f"runs/{direction}/{name}"] = value
    return columns


def _glcm(q_NHW: NDArray[np.int64], dy: int, dx: int) -> NDArray[np.float64]:
    """Symmetric normalised co-occurrence matrices [N, LEVELS, LEVELS] at offset (dy, dx), dy >= 0."""
    n, height, width = q_NHW.shape
    left, right = max(0, -dx), width - max(0, dx)
    first = q_NHW[:, : height - dy, left:right]
    second = q_NHW[:, dy:, left + dx : right + dx]
    cell = first * LEVELS + second + np.arange(n)[:, None, None] * LEVELS**2
    counts = np.bincount(cell.ravel(), minlength=n * LEVELS**2).reshape(n, LEVELS, LEVELS)
    symmetric = counts + counts.transpose(0, 2, 1)
    share: NDArray[np.float64] = symmetric / symmetric.sum(axis=(1, 2), keepdims=True)
    return share


def _haralick(p_NIJ: NDArray[np.float64]) -> Columns:
    i = np.arange(LEVELS)[:, None]
    j = np.arange(LEVELS)[None, :]
    margin = p_NIJ.sum(axis=2)
    mean = margin @ np.arange(LEVELS)
    variance = margin @ (np.arange(LEVELS) ** 2) - mean**2
    product = np.einsum("nij,ij->n", p_NIJ, (i * j).astype(np.float64))
    safe = np.where(variance < 1e-9, np.inf, variance)
    sums = (i + j)[None] - 2 * mean[:, None, None]
    entropy = _entropy(p_NIJ.reshape(len(p_NIJ), -1))
    margin_entropy = _entropy(margin)
    return {
        "contrast": np.log1p(np.einsum("nij,ij->n", p_NIJ, ((i - j) ** 2).astype(np.float64))),
        "dissimilarity": np.einsum("nij,ij->n", p_NIJ, np.abs(i - j).astype(np.float64)),
        "homogeneity": np.einsum("nij,ij->n", p_NIJ, 1 / (1 + (i - j) ** 2)),
        "energy": np.sqrt((p_NIJ**2).sum(axis=(1, 2))),
        "entropy": entropy,
        "correlation": (product - mean**2) / safe,
        "shade": signed_log((p_NIJ * sums**3).sum(axis=(1, 2))),
        "prominence": signed_log((p_NIJ * sums**4).sum(axis=(1, 2))),
        "information": (entropy - 2 * margin_entropy) / np.maximum(margin_entropy, 1e-3),
    }


def _entropy(share: NDArray[np.float64]) -> NDArray[np.float64]:
    entropy: NDArray[np.float64] = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
    return entropy


def _galloway(q_NHW: NDArray[np.int64]) -> Columns:
    n, height, width = q_NHW.shape
    starts_run = np.ones(q_NHW.shape, bool)
    starts_run[:, :, 1:] = q_NHW[:, :, 1:] != q_NHW[:, :, :-1]
    start = np.flatnonzero(starts_run)
    length = np.diff(start, append=q_NHW.size)
    level = q_NHW.ravel()[start] + 1  # levels count from 1 in the run-length formulas
    owner = start // (height * width)

    def total(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(owner, weights, minlength=n).astype(np.float64)

    runs = np.bincount(owner, minlength=n).astype(np.float64)
    by_level = np.bincount(owner * LEVELS + level - 1, minlength=n * LEVELS).reshape(n, LEVELS)
    by_length = np.bincount(owner * (width + 1) + length, minlength=n * (width + 1)).reshape(n, width + 1)
    return {
        "short": total(length**-2.0) / runs,
        "long": np.log(total(length.astype(np.float64) ** 2) / runs),
        "level-nonuniformity": (by_level.astype(np.float64) ** 2).sum(axis=1) / runs**2,
        "length-nonuniformity": (by_length.astype(np.float64) ** 2).sum(axis=1) / runs**2,
        "percentage": runs / float(height * width),
        "low-grey": total(1.0 / level**2) / runs,
        "high-grey": np.log(total(level.astype(np.float64) ** 2) / runs),
    }
