"""Intervals of shares."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % Wilson interval of a share of n, which need not be whole where observations weigh unequally."""
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - reach), min(1.0, centre + reach)


def unlike(nearest_N: NDArray[np.int64]) -> float:
    """As how many independent images N count of which alike ones share a nearest image (Kish's effective size)."""
    shared = np.unique(nearest_N, return_counts=True)[1]
    return float(shared.sum() ** 2 / (shared**2).sum()) if len(shared) else 0.0
