"""Energy by spatial frequency: pyramid bands, Haar wavelets, radial power spectrum."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gist.metrics.extractors.intensity import Columns, moments, signed_log

PYRAMID_BANDS = 4
HAAR_LEVELS = 3
RADIAL_BINS = 16
_SECTORS = 4
_BINOMIAL = np.array([1, 4, 6, 4, 1], np.float32) / 16
_NOISE_FLOOR = 1e-4  # of full range; below 8-bit rounding, so that a flat band has a finite logarithm


def pyramid(x_NHW: NDArray[np.float32]) -> Columns:
    """Strength and peakedness of the bands of a Laplacian pyramid (Burt and Adelson 1983)."""
    columns: Columns = {}
    for band in range(PYRAMID_BANDS):
        smooth = _smoothed(x_NHW)
        detail = (x_NHW - smooth).reshape(len(x_NHW), -1)
        _, std, _, kurtosis = moments(detail)
        columns[f"pyramid/{band}/std"] = np.log(std + _NOISE_FLOOR)
        columns[f"pyramid/{band}/abs"] = np.log(np.abs(detail).mean(axis=1, dtype=np.float64) + _NOISE_FLOOR)
        columns[f"pyramid/{band}/kurtosis"] = signed_log(kurtosis)
        x_NHW = smooth[:, ::2, ::2]
    return columns


def haar(x_NHW: NDArray[np.float32]) -> Columns:
    """Log energy of horizontal, vertical and diagonal Haar details at three levels."""
    columns: Columns = {}
    for level in range(HAAR_LEVELS):
        a, b = x_NHW[:, ::2, ::2], x_NHW[:, ::2, 1::2]
        c, d = x_NHW[:, 1::2, ::2], x_NHW[:, 1::2, 1::2]
        details = {"horizontal": a + b - c - d, "vertical": a - b + c - d, "diagonal": a - b - c + d}
        for name, detail in details.items():
            energy = (detail * detail).mean(axis=(1, 2), dtype=np.float64) / 16
            columns[f"haar/{level}/{name}"] = 0.5 * np.log(energy + _NOISE_FLOOR**2)
        x_NHW = (a + b + c + d) * np.float32(0.25)
    return columns


def spectrum(x_NHW: NDArray[np.float32]) -> Columns:
    """Log share of power per radial band (0-0.5 cycles per pixel and the corners) and per direction."""
    side = x_NHW.shape[1]
    window, selector = _spectral_frame(side)
    centred = x_NHW - x_NHW.mean(axis=(1, 2), keepdims=True)
    transform = np.fft.rfft2(centred * window)
    power = (transform.real**2 + transform.imag**2).reshape(len(x_NHW), -1).astype(np.float64)
    bands = power @ selector
    radial, directional = bands[:, : RADIAL_BINS + 1], bands[:, RADIAL_BINS + 1 :]
    total = radial.sum(axis=1)
    floor = (side * side * _NOISE_FLOOR) ** 2 / side**2
    columns = {"spectrum/total": np.log(total + floor)}
    for i in range(RADIAL_BINS + 1):
        columns[f"spectrum/radial/{i}"] = np.log((radial[:, i] + floor) / (total + floor))
    for i in range(directional.shape[1]):
        columns[f"spectrum/direction/{i}"] = np.log((directional[:, i] + floor) / (total + floor))
    return columns


@lru_cache(maxsize=8)
def _spectral_frame(side: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Hann window [side, side] and matrix [frequencies, bands] that sums a half-plane spectrum by band."""
    hann = np.hanning(side).astype(np.float32)
    fy = np.fft.fftfreq(side)[:, None]
    fx = np.fft.rfftfreq(side)[None, :]
    radius = np.hypot(fy, fx)
    # The half plane holds every frequency once but stands for two, except on its two border columns.
    weight = np.where((fx == 0) | (fx == 0.5), 1.0, 2.0) * np.ones_like(radius)
    weight[0, 0] = 0.0
    ring = np.minimum((radius * 2 * RADIAL_BINS).astype(np.int64), RADIAL_BINS)
    sector = np.floor(np.mod(np.arctan2(fy, fx) / np.pi, 1.0) * _SECTORS + 0.5).astype(np.int64) % _SECTORS
    band = RADIAL_BINS + 1 + sector + _SECTORS * (radius >= 0.125)
    selector = np.zeros((radius.size, RADIAL_BINS + 1 + 2 * _SECTORS))
    rows = np.arange(radius.size)
    selector[rows, ring.ravel()] += weight.ravel()
    selector[rows, band.ravel()] += weight.ravel()
    return np.outer(hann, hann), selector


def _smoothed(x_NHW: NDArray[np.float32]) -> NDArray[np.float32]:
    """5 x 5 binomial smoothing with mirrored borders."""
    for axis in (1, 2):
        reach = [(0, 0), (0, 0), (0, 0)]
        reach[axis] = (2, 2)
        padded = np.pad(x_NHW, reach, mode="symmetric")
        length = x_NHW.shape[axis]
        taps = [np.take(padded, range(k, k + length), axis=axis) * _BINOMIAL[k] for k in range(5)]
        x_NHW = np.sum(taps, axis=0, dtype=np.float32)
    return x_NHW
