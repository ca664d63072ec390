"""How many different images a sample amounts to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.metrics.frechet import checked_pair
from gist.metrics.manifold import squared_distances

MOST_IMAGES = 1000
"""Eigenvalues take time with the cube of the number of images."""


def vendi_score(x_NF: NDArray[np.float64], spread: float | None = None) -> float:
    """Vendi score (Friedman and Dieng 2023, eq. 2): exp of the entropy of the kernel's eigenvalues, from 1 to n.

    Kernel exp(-|x - y|^2 / spread). `spread` is the total variance of real features, half the squared distance at
    which two unrelated images lie; F, the default, for standardised features. Grows with n: compare at equal n only.
    Of more than 1000 images every so-many-th is taken.

    Raises:
        InputError: no image, or values that are not finite.
    """
    x_NF, _ = checked_pair(x_NF, x_NF, at_least=1)
    x_NF = x_NF[np.linspace(0, len(x_NF) - 1, min(len(x_NF), MOST_IMAGES)).astype(np.int64)]
    width = max(x_NF.shape[1] if spread is None else spread, np.finfo(np.float64).tiny)
    kernel = np.exp(-squared_distances(x_NF, x_NF) / width) / len(x_NF)
    eigenvalues = np.linalg.eigvalsh(kernel)
    positive = eigenvalues[eigenvalues > 1e-12]
    return float(np.exp(-(positive * np.log(positive)).sum()))
