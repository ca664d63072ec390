"""What tells pictures of different patients apart: structure finer than a blur, 64x64 values of one byte."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gist.intake.geometry import FloatImage
from gist.intake.sliding import sliding

FINE_SIDE = 64
_FLAT = 0.4 / 255.0
_CUT = 3.0
_TOP = 127.0


def fine_structure(square: FloatImage) -> bytes:
    """int8 [S, S], S = min(64, side of the square), of a square in 0-1 whose side is a power of two.

    The square less its Gaussian blur (sigma 1), outliers beyond three standard deviations cut, edges faded. Flat parts
    are left out with their surroundings: borders have the same edges in every picture.
    """
    side = min(FINE_SIDE, len(square))
    means, blur, fade = _matrices(len(square), side)
    small = (means @ square @ means.T).astype(np.float32, copy=False)
    fine = (small - blur @ small @ blur) * ~_around_borders(small)
    limit = _CUT * max(float(fine.std()), 1e-12)
    faded = np.clip(fine, -limit, limit) * (fade * (_TOP / limit))
    return np.rint(faded).astype(np.int8).tobytes()


def _around_borders(small: FloatImage) -> NDArray[np.bool_]:
    """Flat parts of five pixels or more, and three pixels around them."""
    # Every such part holds a whole block of four, so that mostly this look suffices.
    blocks = small.reshape(len(small) // 4, 4, len(small) // 4, 4)
    if (blocks.max(axis=(1, 3)) - blocks.min(axis=(1, 3))).min() >= 2 * _FLAT:
        return np.zeros(small.shape, np.bool_)
    across = sliding(np.maximum, small, 3, -np.inf) - sliding(np.minimum, small, 3, np.inf)
    flat = sliding(np.minimum, across < _FLAT, 5, True)
    near: NDArray[np.bool_] = sliding(np.maximum, flat, 2 * (3 + 3) + 1, False)
    return near


@lru_cache(maxsize=2)
def _matrices(length: int, side: int) -> tuple[NDArray[np.float32], ...]:
    """Means over blocks and a blur as matrices (for squares this small products are quicker than anything else), and
    how much of each pixel stays at the edges."""
    means = np.kron(np.eye(side), np.full(length // side, side / length))
    apart = np.abs(np.arange(side)[:, None] - np.arange(side))
    kernel = np.exp(-0.5 * np.minimum(apart, side - apart) ** 2.0)
    fade = np.outer(np.hanning(side), np.hanning(side))
    return tuple(matrix.astype(np.float32) for matrix in (means, kernel / kernel[0].sum(), fade))
