"""Regular patterns, an odd balance of coarse and fine detail, and missing sharpness."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.metrics.artifacts.pictures import Pictures

_PEAKS = 4
_RINGS = 12
_RIDGE = 0.05
_LEAST_SPREAD = 1e-3


class PeakDetector:
    """Directional peaks: frequencies of the two-dimensional power spectrum that stand out from their ring.

    Stripes, grids and the X shapes that alias-free generators draw on small sets of radiographs are a few
    frequencies of few directions, as against real images.
    """

    name = "regular pattern"

    def __init__(self, fitting: Pictures) -> None:
        logarithms = fitting.log_power
        self._mean, self._std = logarithms.mean(axis=0), logarithms.std(axis=0) + _LEAST_SPREAD
        ring = _ring_of(fitting.log_power.shape[1])
        self._rings = [np.flatnonzero(ring == number) for number in np.unique(ring[ring >= 0])]

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        z = ((pictures.log_power - self._mean) / self._std).reshape(len(pictures), -1)
        # A noisy or blurred image is stronger or weaker in a whole ring of frequencies, which is no pattern.
        above = [z[:, ring] - np.median(z[:, ring], axis=1, keepdims=True) for ring in self._rings]
        highest = np.sort(np.concatenate(above, axis=1), axis=1)[:, -_PEAKS:]
        return np.asarray(highest.mean(axis=1), np.float64)


class RadialDetector:
    """Distance of the power per ring of frequencies to that of real images (Mahalanobis)."""

    name = "balance of detail"

    def __init__(self, fitting: Pictures) -> None:
        self._rings = _averaging(_ring_of(fitting.log_power.shape[1]))
        profile = self._profile(fitting)
        self._mean = profile.mean(axis=0)
        covariance = np.cov(profile, rowvar=False)
        ridge = _RIDGE * np.trace(covariance) / len(covariance) + _LEAST_SPREAD**2
        self._precision = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        centred = self._profile(pictures) - self._mean
        squared = np.einsum("nr,rs,ns->n", centred, self._precision, centred, optimize=True)
        return np.asarray(0.5 * np.log(squared + 1e-6), np.float64)

    def _profile(self, pictures: Pictures) -> NDArray[np.float64]:
        profile: NDArray[np.float64] = pictures.log_power.reshape(len(pictures), -1) @ self._rings
        return profile


class BlurDetector:
    """Lack of power in the upper half of the frequencies, relative to the image's contrast."""

    name = "blur"

    def __init__(self, fitting: Pictures) -> None:
        radius = _radius(fitting.log_power.shape[1])
        self._upper = (radius > 0.25) & (radius <= 0.5)

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        upper = pictures.log_power.reshape(len(pictures), -1)[:, self._upper]
        return np.asarray(-np.log(np.exp(upper).mean(axis=1)), np.float64)


def _radius(side: int) -> NDArray[np.float64]:
    """Cycles per pixel of each frequency of a half spectrum, flat."""
    radius = np.hypot(np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :])
    return np.asarray(radius.ravel(), np.float64)


def _ring_of(side: int) -> NDArray[np.int64]:
    """Number of the ring that each frequency lies in, rings of equal ratio of radii; -1 for the coarsest."""
    return np.asarray(np.digitize(_radius(side), np.geomspace(2 / side, 0.5, _RINGS)) - 1, np.int64)


def _averaging(group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weights that average over members of groups 0, 1, …; -1 belongs to none, an empty group averages 0."""
    weights = (group[:, None] == np.arange(group.max() + 1)[None, :]).astype(np.float64)
    averaging: NDArray[np.float64] = weights / np.maximum(weights.sum(axis=0), 1.0)
    return averaging
