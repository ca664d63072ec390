"""Held-out pictures that are nearly a training picture: recompressed, resized, windowed anew, moved a little.

Whole radiographs of one view are alike (16x16 pictures of different patients' knees correlate up to 0.995), so a
coarse agreement only makes a pair worth a look. What tells is fine structure: after removal of everything coarse,
pictures of different knees correlate below 0.72 at 64x64 at their best alignment, recompressed (JPEG quality 50),
halved, brightened, cropped by 2 % or turned by 1 degree copies above 0.81 (measured on 2,500 knees).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import maximum_filter, minimum_filter

from gist.intake.geometry import FloatImage, to_square

_COARSE_AGREEMENT = 0.985
_PAIRS_PER_PICTURE = 4
_FINE_SIDE = 64
_FINE_AGREEMENT = {64: 0.85, 32: 0.955}  # at 32x32 less is fine, so different pictures agree more
_ROWS_AT_A_TIME = 512
_FLAT = 0.4 / 255.0


def near_copies(
    suspects: Sequence[bytes],
    originals: Sequence[bytes],
    load_suspect: Callable[[int], bytes],
    load_original: Callable[[int], bytes],
) -> list[int]:
    """Positions of the suspects that nearly equal an original.

    `suspects` and `originals` are thumbnails; the loaders give the finished square of a position as PNG bytes.
    """
    if not suspects or not originals:
        return []
    known = _unit_rows(originals)
    found = []
    for start in range(0, len(suspects), _ROWS_AT_A_TIME):
        agreement = _unit_rows(suspects[start : start + _ROWS_AT_A_TIME]) @ known.T
        for row in np.flatnonzero(agreement.max(axis=1) > _COARSE_AGREEMENT):
            best = np.argsort(-agreement[row])[:_PAIRS_PER_PICTURE]
            alike = [int(other) for other in best if agreement[row, other] > _COARSE_AGREEMENT]
            suspect = _fine_spectrum(_decode(load_suspect(start + int(row))))
            if any(_agree(suspect, _fine_spectrum(_decode(load_original(other)))) for other in alike):
                found.append(start + int(row))
    return found


def _agree(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> bool:
    """Whether two fine spectra belong to pictures that correlate at some shift of up to a sixteenth."""
    side = one.shape[0]
    correlation = np.fft.irfft2(one * np.conj(other), s=(side, side))
    reach = np.arange(-(side // 16), side // 16 + 1)
    return bool(correlation[np.ix_(reach, reach)].max() > _FINE_AGREEMENT[side])


def _fine_spectrum(square: FloatImage) -> NDArray[np.complex128]:
    """Spectrum of the picture less its Gaussian blur (sigma 1), outliers cut, edges faded, norm 1.

    Flat parts are left out with their surroundings: borders have the same edges in every picture.
    """
    side = min(_FINE_SIDE, square.shape[0])
    blur, fade = _filters(side)
    small = to_square(square, side, "stretch")
    fine = np.fft.irfft2(np.fft.rfft2(small) * (1.0 - blur), s=(side, side)) * ~_around_borders(small)
    limit = 3.0 * fine.std()
    fine = np.clip(fine, -limit, limit) * fade
    fine -= fine.mean()
    return np.fft.rfft2(fine / max(float(np.linalg.norm(fine)), 1e-12))


def _around_borders(small: FloatImage) -> NDArray[np.bool_]:
    """Flat parts of five pixels or more, and three pixels around them."""
    across = maximum_filter(small, 3) - minimum_filter(small, 3)
    flat = minimum_filter(across < _FLAT, 5)
    near: NDArray[np.bool_] = maximum_filter(flat, 2 * (3 + 3) + 1)
    return near


@lru_cache(maxsize=2)
def _filters(side: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    distance = np.minimum(np.arange(side), side - np.arange(side))
    kernel = np.exp(-0.5 * distance**2.0)
    blur = np.fft.rfft2(np.outer(kernel, kernel) / kernel.sum() ** 2).real
    return blur, np.outer(np.hanning(side), np.hanning(side))


def _unit_rows(thumbnails: Sequence[bytes]) -> NDArray[np.float32]:
    greys = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(len(thumbnails), -1).astype(np.float32)
    greys -= greys.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(greys, axis=1, keepdims=True)
    unit: NDArray[np.float32] = greys / np.maximum(norms, 1e-6)
    return unit


def _decode(png: bytes) -> FloatImage:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image, dtype=np.float32) / np.float32(255.0)
