"""Patch by patch: does each place look as that place looks in real images?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.metrics.artifacts.pictures import BATCH, Pictures, mean_of_highest
from gist.metrics.extractors.intensity import pooled

_RIDGE = 0.02
_HIGHEST = 0.01
_STRIDE = 2


class PatchDetector:
    """Mahalanobis distance of local descriptors to a Gaussian per position (as PaDiM, Defard 2021).

    Descriptors are smoothed grey levels, gradients and band energies: hand-made, as no weights are at hand.
    """

    name = "unusual place"

    def __init__(self, fitting: Pictures, levelling: Pictures) -> None:
        count, total = 0, np.zeros(())
        for x_NHW in _batches(fitting):
            maps = _descriptors(x_NHW)
            total = total + maps.sum(axis=0, dtype=np.float64)
            count += len(maps)
        self._mean = total / count
        scatter = np.zeros(())
        for x_NHW in _batches(fitting):
            centred = _descriptors(x_NHW) - self._mean
            scatter = scatter + np.einsum("nhwd,nhwe->hwde", centred, centred, optimize=True)
        # Neighbouring places share their spread, so that a few hundred images suffice.
        self._reach = self._mean.shape[0] / 32
        covariance = gaussian_filter(scatter / count, (self._reach, self._reach, 0, 0))
        size = covariance.shape[-1]
        scale = np.trace(covariance, axis1=2, axis2=3)[..., None, None] / size
        self._precision = np.linalg.inv(covariance + _RIDGE * scale * np.eye(size))
        self._level: NDArray[np.float64] = np.ones(self._mean.shape[:2])
        usual = np.quantile(self._distances(levelling), 0.95, axis=0)
        self._level = gaussian_filter(usual, self._reach)

    def heat_map(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N, h, w] distance over what 95 % of real images stay below at that place."""
        return np.asarray(self._distances(pictures) / self._level, np.float64)

    def score(self, heat_NHW: NDArray[np.float64]) -> NDArray[np.float64]:
        """[N] from heat maps, higher is worse."""
        smooth = gaussian_filter(heat_NHW, (0, 0.7 * self._reach, 0.7 * self._reach))
        return np.log(mean_of_highest(smooth.reshape(len(heat_NHW), -1), _HIGHEST) + 1e-6)

    def _distances(self, pictures: Pictures) -> NDArray[np.float64]:
        rows = []
        for x_NHW in _batches(pictures):
            centred = _descriptors(x_NHW) - self._mean
            rows.append(np.einsum("nhwd,hwde,nhwe->nhw", centred, self._precision, centred, optimize=True))
        return np.concatenate(rows)


class LayoutDetector:
    """What the main ways in which real images vary cannot explain, place by place (PCA residual)."""

    name = "unusual shape"
    _SIDE = 32
    _COMPONENTS = 64
    _HIGHEST = 0.01

    def __init__(self, fitting: Pictures, levelling: Pictures) -> None:
        flat = self._flat(fitting)
        self._mean = flat.mean(axis=0)
        _, _, directions = np.linalg.svd(flat - self._mean, full_matrices=False)
        self._components = directions[: min(self._COMPONENTS, len(flat) // 8)]
        residual = self._residual(levelling)
        usual = (residual**2).mean(axis=0).reshape(self._SIDE, self._SIDE)
        self._usual = gaussian_filter(usual, 1.0)

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""
        squared = self._residual(pictures).reshape(-1, self._SIDE, self._SIDE) ** 2 / self._usual
        smooth = gaussian_filter(squared, (0, 1, 1)).reshape(len(pictures), -1)
        return np.log(mean_of_highest(smooth, self._HIGHEST) + 1e-6)

    def _flat(self, pictures: Pictures) -> NDArray[np.float64]:
        cells = pooled(pictures.grey, pictures.grey.shape[1] // self._SIDE)
        return cells.reshape(len(cells), -1).astype(np.float64)

    def _residual(self, pictures: Pictures) -> NDArray[np.float64]:
        centred = self._flat(pictures) - self._mean
        residual: NDArray[np.float64] = centred - centred @ self._components.T @ self._components
        return residual


def _batches(pictures: Pictures) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(pictures), BATCH):
        yield pictures.grey[start : start + BATCH]


def _descriptors(x_NHW: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, H / 2, W / 2, 12]: three scales of grey, two of slope, four orientations and three bands of energy."""

    def smooth(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        return np.asarray(gaussian_filter(image, (0, sigma, sigma), mode="nearest"), np.float32)

    gy, gx = (np.asarray(slope, np.float32) for slope in np.gradient(x_NHW, axis=(1, 2)))
    maps = [smooth(x_NHW, sigma) for sigma in (1.0, 2.0, 4.0)]
    maps += [smooth(gx, 1.5), smooth(gy, 1.5)]
    for slope in (gx, gy, gx + gy, gx - gy):
        maps.append(np.log(smooth(np.abs(slope), 2.0) + np.float32(0.02)))
    finer = x_NHW
    for coarser in maps[:3]:
        maps.append(np.log(smooth(np.abs(finer - coarser), 2.0) + np.float32(0.01)))
        finer = coarser
    return np.stack(maps, axis=-1)[:, _STRIDE // 2 :: _STRIDE, _STRIDE // 2 :: _STRIDE]
