"""Pictures that are nearly the same: recompressed, resized, windowed anew, moved a little.

Whole radiographs of one view are alike (16x16 pictures of different patients' knees correlate up to 0.995), so a
coarse agreement only makes a pair worth a look. What tells is fine structure: after removal of everything coarse,
pictures of different knees correlate below 0.72 at 64x64 at their best alignment, recompressed (JPEG quality 50),
halved, brightened, cropped by 2 % or turned by 1 degree copies above 0.81 (measured on 2,500 knees).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.fft import irfft2, rfft2
from scipy.ndimage import maximum_filter, minimum_filter

from gist.data_set import as_unit
from gist.intake.geometry import FloatImage

Spectrum = NDArray[np.complex64]
_COARSE_AGREEMENT = 0.985
_PAIRS_PER_PICTURE = 4
_FINE_SIDE = 64
_FINE_AGREEMENT = {64: 0.85, 32: 0.955}  # at 32x32 less is fine, so different pictures agree more
_AGREEMENTS_AT_A_TIME = 1 << 23
_SPECTRA_KEPT = 1024
_FLAT = 0.4 / 255.0


def near_copies(
    suspects: Sequence[bytes],
    originals: Sequence[bytes],
    load_suspect: Callable[[int], bytes],
    load_original: Callable[[int], bytes],
) -> dict[int, int]:
    """Position of each suspect that nearly equals an original -> position of that original.

    `suspects` and `originals` are thumbnails; the loaders give the finished square of a position as PNG bytes.
    """
    if not suspects or not originals:
        return {}
    spectrum = lru_cache(maxsize=_SPECTRA_KEPT)(lambda position: _fine_spectrum(load_original(position)))
    found = {}
    for position, alike in _coarse_pairs(_unit_rows(suspects), _unit_rows(originals)):
        suspect = _fine_spectrum(load_suspect(position))
        match = next((other for other in alike if _agree(suspect, spectrum(other))), None)
        if match is not None:
            found[position] = match
    return found


def near_copies_within(pictures: Sequence[bytes], load: Callable[[int], bytes]) -> dict[int, int]:
    """Position of each picture that nearly equals an earlier one -> position of that one, as `near_copies`."""
    if len(pictures) < 2:
        return {}
    spectrum = lru_cache(maxsize=_SPECTRA_KEPT)(lambda position: _fine_spectrum(load(position)))
    known = _unit_rows(pictures)
    found = {}
    for position, alike in _coarse_pairs(known, known, earlier_only=True):
        match = next((other for other in alike if _agree(spectrum(position), spectrum(other))), None)
        if match is not None:
            found[position] = match
    return found


def _coarse_pairs(
    rows: NDArray[np.float32], known: NDArray[np.float32], earlier_only: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """Each row that resembles any of `known` (any before it, if `earlier_only`), and those, most alike first."""
    step = max(1, _AGREEMENTS_AT_A_TIME // len(known))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        agreement = rows[start:stop] @ (known[:stop] if earlier_only else known).T
        if earlier_only:
            agreement[np.arange(stop)[None] >= np.arange(start, stop)[:, None]] = -1.0
        for row in np.flatnonzero(agreement.max(axis=1) > _COARSE_AGREEMENT):
            alike = np.flatnonzero(agreement[row] > _COARSE_AGREEMENT)
            best = alike[np.argsort(-agreement[row, alike], kind="stable")][:_PAIRS_PER_PICTURE]
            yield start + int(row), best.tolist()


def _agree(one: Spectrum, other: Spectrum) -> bool:
    """Whether two fine spectra belong to pictures that correlate at some shift of up to a sixteenth."""
    side = one.shape[0]
    correlation = irfft2(one * np.conj(other), s=(side, side))
    reach = np.arange(-(side // 16), side // 16 + 1)
    return bool(correlation[np.ix_(reach, reach)].max() > _FINE_AGREEMENT[side])


def _fine_spectrum(png: bytes) -> Spectrum:
    """Spectrum of a square less its Gaussian blur (sigma 1), outliers cut, edges faded, norm 1.

    Flat parts are left out with their surroundings: borders have the same edges in every picture.
    """
    with Image.open(io.BytesIO(png)) as image:
        square = as_unit(np.asarray(image))
    side = min(_FINE_SIDE, square.shape[0])
    blur, fade = _filters(side)
    small = _halved(square, side)
    fine = irfft2(rfft2(small) * (1 - blur), s=(side, side)) * ~_around_borders(small)
    limit = 3.0 * fine.std()
    fine = np.clip(fine, -limit, limit) * fade
    fine -= fine.mean()
    spectrum: Spectrum = rfft2(fine / np.float32(max(float(np.linalg.norm(fine)), 1e-12)))
    return spectrum


def _halved(square: FloatImage, side: int) -> FloatImage:
    """Means over blocks: finished squares are powers of two."""
    block = square.shape[0] // side
    blocks = square.reshape(side, block, side, block)
    halved: FloatImage = np.add.reduce(np.add.reduce(blocks, axis=3), axis=1) / np.float32(block * block)
    return halved


def _around_borders(small: FloatImage) -> NDArray[np.bool_]:
    """Flat parts of five pixels or more, and three pixels around them."""
    # Every such part holds a whole block of four, so that mostly this look suffices.
    blocks = small.reshape(len(small) // 4, 4, len(small) // 4, 4)
    if (blocks.max(axis=(1, 3)) - blocks.min(axis=(1, 3))).min() >= 2 * _FLAT:
        return np.zeros(small.shape, np.bool_)
    across = maximum_filter(small, 3) - minimum_filter(small, 3)
    flat = minimum_filter(across < _FLAT, 5)
    near: NDArray[np.bool_] = maximum_filter(flat, 2 * (3 + 3) + 1)
    return near


@lru_cache(maxsize=2)
def _filters(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    distance = np.minimum(np.arange(side), side - np.arange(side))
    kernel = np.exp(-0.5 * distance**2.0)
    blur = np.fft.rfft2(np.outer(kernel, kernel) / kernel.sum() ** 2).real
    fade = np.outer(np.hanning(side), np.hanning(side))
    return blur.astype(np.float32), fade.astype(np.float32)


def _unit_rows(thumbnails: Sequence[bytes]) -> NDArray[np.float32]:
    greys = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(len(thumbnails), -1).astype(np.float32)
    greys -= greys.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(greys, axis=1, keepdims=True)
    unit: NDArray[np.float32] = greys / np.maximum(norms, 1e-6)
    return unit
