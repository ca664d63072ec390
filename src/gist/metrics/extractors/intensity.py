"""First-order grey-level statistics and coarse layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[np.float64]]
PERCENTILES = (5, 25, 50, 75, 95)
_FLAT = 1e-6  # below this spread an image is a single grey and has no shape of distribution


def pooled(x_NHW: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Mean over `factor` x `factor` squares; H and W must be multiples of `factor`."""
    n, height, width = x_NHW.shape
    squares = x_NHW.reshape(n, height // factor, factor, width // factor, factor)
    means: NDArray[np.float32] = squares.mean(axis=(2, 4), dtype=np.float32)
    return means


def moments(x_NP: NDArray[np.float32]) -> tuple[NDArray[np.float64], ...]:
    """Mean, standard deviation, skewness and excess kurtosis per row; the last two are 0 for a flat row."""
    mean = x_NP.mean(axis=1, dtype=np.float64)
    centred = x_NP - mean[:, None].astype(np.float32)
    square = centred * centred
    std = np.sqrt(square.mean(axis=1, dtype=np.float64))
    safe = np.where(std < _FLAT, np.inf, std)
    skewness = (square * centred).mean(axis=1, dtype=np.float64) / safe**3
    kurtosis = np.where(std < _FLAT, 0.0, (square * square).mean(axis=1, dtype=np.float64) / safe**4 - 3.0)
    return mean, std, skewness, kurtosis


def signed_log(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """sign(x) log(1 + |x|): tames the long tails of higher moments."""
    return np.sign(x) * np.log1p(np.abs(x))


def first_order(x_NHW: NDArray[np.float32]) -> Columns:
    """IBSI intensity features: moments, percentiles, entropy, energy at full, half and quarter resolution."""
    columns: Columns = {}
    for factor in (1, 2, 4):
        scaled = x_NHW if factor == 1 else pooled(x_NHW, factor)
        flat = scaled.reshape(len(scaled), -1)
        mean, std, skewness, kurtosis = moments(flat)
        at = f"intensity/{factor}/"
        columns |= {at + "mean": mean, at + "std": std}
        columns |= {at + "skewness": signed_log(skewness), at + "kurtosis": signed_log(kurtosis)}
        ranked = np.sort(flat, axis=1)
        for percent in PERCENTILES:
            place = round(percent / 100 * (flat.shape[1] - 1))
            columns[f"{at}p{percent}"] = ranked[:, place].astype(np.float64)
        share = _histogram_32(flat)
        columns[at + "entropy"] = -(share * np.log(np.maximum(share, 1e-12))).sum(axis=1)
        columns[at + "energy"] = np.sqrt((share * share).sum(axis=1))
    flat = x_NHW.reshape(len(x_NHW), -1)
    columns["intensity/black"] = np.sqrt((flat <= 2 / 255).mean(axis=1))
    columns["intensity/white"] = np.sqrt((flat >= 253 / 255).mean(axis=1))
    return columns


def layout(x_NHW: NDArray[np.float32]) -> Columns:
    """Regional means on an 8 x 8 grid and regional spread on a 4 x 4 grid: where what lies."""
    n, side = len(x_NHW), x_NHW.shape[1]
    means = pooled(x_NHW, side // 8).reshape(n, -1)
    cell = side // 4
    cells = x_NHW.reshape(n, 4, cell, 4, cell).transpose(0, 1, 3, 2, 4).reshape(n, 16, -1)
    spread = cells.std(axis=2)
    columns = {f"layout/mean/{i}": means[:, i].astype(np.float64) for i in range(means.shape[1])}
    return columns | {f"layout/std/{i}": spread[:, i].astype(np.float64) for i in range(16)}


def _histogram_32(x_NP: NDArray[np.float32]) -> NDArray[np.float64]:
    bins = np.minimum((x_NP * 32).astype(np.int64), 31) + 32 * np.arange(len(x_NP))[:, None]
    counts = np.bincount(bins.ravel(), minlength=32 * len(x_NP)).reshape(len(x_NP), 32)
    share: NDArray[np.float64] = counts / x_NP.shape[1]
    return share
