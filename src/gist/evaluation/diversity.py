"""How many different images a sample amounts to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.evaluation.frechet import checked_pair
from gist.evaluation.manifold import squared_distances


def vendi_score(x_NF: NDArray[np.float64]) -> float:
    """Vendi score (Friedman and Dieng 2023, eq. 2): exp of the entropy of the kernel's eigenvalues, from 1 to
    n.

    Kernel exp(-|x - y|^2 / F) on standardised features, where two unrelated images lie about 2 F apart in
    squared distance, so that the scale does not depend on the images compared. Grows with n: compare at equal
    n only.

    Raises:
        InputError: no image, or values that are not finite.
    """
    x_NF, _ = checked_pair(x_NF, x_NF, at_least=1)
    kernel = np.exp(-squared_distances(x_NF, x_NF) / x_NF.shape[1]) / len(x_NF)
    eigenvalues = np.linalg.eigvalsh(kernel)
    positive = eigenvalues[eigenvalues > 1e-12]
    return float(np.exp(-(positive * np.log(positive)).sum()))
