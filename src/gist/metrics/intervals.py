"""Intervals of shares."""

from __future__ import annotations

import math


def wilson(share: float, n: float) -> tuple[float, float]:
    """95 % Wilson interval of a share of n, which need not be whole where observations weigh unequally."""
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - reach), min(1.0, centre + reach)
