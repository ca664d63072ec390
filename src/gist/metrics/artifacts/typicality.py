"""The picture as a whole: how far its features lie from those of real images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.metrics.artifacts.pictures import Pictures
from gist.metrics.manifold import squared_distances

_RIDGE = 0.05
_NEIGHBOURS = 3
_SOFT_LIMIT = 10.0


class _Standard:
    """Standard scores of features by the fitting images, eased into +-10."""

    def __init__(self, fitting: Pictures) -> None:
        self._mean = fitting.features.mean(axis=0)
        std = fitting.features.std(axis=0)
        self._scale = np.where(std > 1e-6 * np.maximum(1.0, np.abs(self._mean)), std, 1.0)

    def __call__(self, pictures: Pictures) -> NDArray[np.float64]:
        z: NDArray[np.float64] = (pictures.features - self._mean) / self._scale
        return _SOFT_LIMIT * np.tanh(z / _SOFT_LIMIT)


class FeatureDetector:
    """Mahalanobis distance of the features to those of real images, covariance shrunk towards the identity."""

    name = "unusual features"

    def __init__(self, fitting: Pictures) -> None:
        self._standard = _Standard(fitting)
        z = self._standard(fitting)
        self._mean = z.mean(axis=0)
        self._precision = np.linalg.inv(np.cov(z, rowvar=False) + _RIDGE * np.eye(z.shape[1]))

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        z = self._standard(pictures) - self._mean
        squared = np.einsum("nf,fg,ng->n", z, self._precision, z, optimize=True)
        return np.asarray(0.5 * np.log(squared + 1e-6), np.float64)


class NeighbourDetector:
    """Distance to the third-nearest real image, in standardised features."""

    name = "far from real"

    def __init__(self, fitting: Pictures) -> None:
        self._standard = _Standard(fitting)
        self._real = self._standard(fitting)

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        squared = squared_distances(self._standard(pictures), self._real)
        third = np.partition(squared, _NEIGHBOURS - 1, axis=1)[:, _NEIGHBOURS - 1]
        return np.asarray(0.5 * np.log(third + 1e-9), np.float64)


class RealismDetector:
    """Minus the logarithm of the realism score (Kynkäänniemi 2019, eq. 3): how far outside the balls of real images.

    Balls larger than the median are left out, as in the paper: sparse regions would excuse anything.
    """

    name = "unrealistic"

    def __init__(self, fitting: Pictures) -> None:
        self._standard = _Standard(fitting)
        real = self._standard(fitting)
        squared = squared_distances(real, real)
        np.fill_diagonal(squared, -1.0)
        radius = np.partition(squared, _NEIGHBOURS, axis=1)[:, _NEIGHBOURS]
        dense = radius <= np.median(radius)
        self._real, self._radius = real[dense], radius[dense]

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse; 0 is the edge of the nearest ball."""
        squared = squared_distances(self._standard(pictures), self._real)
        realism = (self._radius[None, :] / np.maximum(squared, 1e-9)).max(axis=1)
        return np.asarray(-0.5 * np.log(realism + 1e-9), np.float64)
