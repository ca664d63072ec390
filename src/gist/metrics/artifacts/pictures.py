"""Images as the detectors see them: reduced batch by batch, so that memory does not grow with resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.images.archive import DataSet
from gist.images.colour import luma
from gist.images.png import as_unit
from gist.metrics.extractors import Extractor
from gist.metrics.extractors.intensity import pooled

LARGEST_SIDE = 128
BATCH = 128
_FLAT = 1e-3
_FLOOR = 1e-2


@dataclass(frozen=True)
class Pictures:
    """N images, each reduced to what the detectors measure."""

    grey: NDArray[np.float32]
    """[N, S, S], S <= 128: zero mean and unit spread per image, so that exposure is no defect."""
    log_power: NDArray[np.float32]
    """[N, S, S / 2 + 1] logarithm of the power spectrum at full resolution, see `log_power_spectrum`."""
    features: NDArray[np.float64]
    """[N, F] by the extractor."""

    @classmethod
    def of(cls, x_NHW: NDArray[np.float32], features_NF: NDArray[np.float64]) -> Pictures:
        """Reduces images [N, H, W], or the luma of [N, H, W, 3], in 0-1."""
        grey = x_NHW = luma(x_NHW, 3)
        if grey.shape[1] > LARGEST_SIDE:
            grey = pooled(grey, grey.shape[1] // LARGEST_SIDE)
        return cls(_equal_contrast(grey), log_power_spectrum(_equal_contrast(x_NHW)), features_NF)

    @classmethod
    def extracted(cls, x_NHW: NDArray[np.float32], extractor: Extractor) -> Pictures:
        """Reduces images [N, H, W] in 0-1, whose features are computed here."""
        parts = []
        for start in range(0, len(x_NHW), extractor.batch):
            batch = x_NHW[start : start + extractor.batch]
            parts.append(cls.of(batch, extractor.features(batch)))
        return cls.joined(parts)

    @classmethod
    def read(
        cls, data: DataSet, indices: NDArray[np.int64], features_NF: NDArray[np.float64] | Extractor
    ) -> Pictures:
        """Reduces the chosen images of an archive; their features are given or computed here."""
        parts = []
        for start in range(0, len(indices), BATCH):
            x_NHW = np.stack([as_unit(image) for image in data.images(indices[start : start + BATCH])])
            if isinstance(features_NF, np.ndarray):
                parts.append(cls.of(x_NHW, features_NF[start : start + BATCH]))
            else:
                parts.append(cls.extracted(x_NHW, features_NF))
        return cls.joined(parts)

    @classmethod
    def joined(cls, parts: Sequence[Pictures]) -> Pictures:
        """All images of some batches."""
        return cls(
            np.concatenate([part.grey for part in parts]),
            np.concatenate([part.log_power for part in parts]),
            np.concatenate([part.features for part in parts]),
        )

    def __len__(self) -> int:
        return len(self.grey)

    def take(self, positions: NDArray[np.int64] | slice) -> Pictures:
        """The images at these positions."""
        return Pictures(self.grey[positions], self.log_power[positions], self.features[positions])


def log_power_spectrum(x_NHW: NDArray[np.float32]) -> NDArray[np.float32]:
    """[N, S, S / 2 + 1] log of the mean power of tiles of S = min(side, 128) pixels under a Hann window.

    Averaging over tiles (Welch 1967, IEEE Trans. Audio Electroacoust. 15:70) keeps single frequencies sharp and
    their level comparable at every resolution.
    """
    n, side = len(x_NHW), x_NHW.shape[1]
    tile = min(side, LARGEST_SIDE)
    window = np.outer(np.hanning(tile), np.hanning(tile)).astype(np.float32)
    power = np.zeros((n, tile, tile // 2 + 1))
    starts = range(0, side, tile)
    for y in starts:
        for x in starts:
            transform = np.fft.rfft2(x_NHW[:, y : y + tile, x : x + tile] * window)
            power += transform.real**2 + transform.imag**2
    return np.log(power / len(starts) ** 2 + _FLOOR).astype(np.float32)


def mean_of_highest(values_NP: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Mean of the highest `share` of each row: a defect fills a small part of the picture."""
    count = max(1, int(share * values_NP.shape[1]))
    highest = -np.partition(-values_NP, count - 1, axis=1)[:, :count]
    return np.asarray(highest.mean(axis=1), np.float64)


def _equal_contrast(x_NHW: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = x_NHW.mean(axis=(1, 2), keepdims=True)
    std = x_NHW.std(axis=(1, 2), keepdims=True)
    equal: NDArray[np.float32] = (x_NHW - mean) / (std + np.float32(_FLAT))
    return equal
