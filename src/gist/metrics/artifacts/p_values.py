"""From scores to p-values against real images, and how many of them may be called findings."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def conformal_p_values(scores_N: NDArray[np.float64], real_M: NDArray[np.float64]) -> NDArray[np.float64]:
    """(1 + number of real scores at least as high) / (M + 1): exact whatever the scores' distribution.

    Holds where the real images took no part in fitting the score (Vovk 2005; Bates 2023, eq. 1). The smallest
    possible value is 1 / (M + 1).
    """
    ranked = np.sort(real_M)
    at_least = len(ranked) - np.searchsorted(ranked, scores_N, side="left")
    return np.asarray((1.0 + at_least) / (len(ranked) + 1.0), np.float64)


def benjamini_hochberg(p_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjusted p-values: those below a contain at most a share a of false findings (Benjamini and Hochberg 1995).

    P-values that share one set of real images depend on each other in the way that the procedure tolerates (Bates
    2023, theorem 2).
    """
    n = len(p_N)
    order = np.argsort(p_N, kind="stable")
    scaled = p_N[order] * n / np.arange(1, n + 1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted
