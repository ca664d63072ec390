"""Pictures that are nearly the same: recompressed, resized, windowed anew, moved a little, or in reversed polarity.

Whole radiographs of one view are alike (16x16 pictures of different patients' knees correlate up to 0.995), so a
coarse agreement only makes a pair worth a look. What tells is fine structure: after removal of everything coarse,
pictures of different knees correlate below 0.72 at 64x64 at their best alignment, recompressed (JPEG quality 50),
halved, brightened, cropped by 2 % or turned by 1 degree copies above 0.81 (measured on 2,500 knees). A negative agrees
as well as its picture, with the opposite sign; that of another knee by 0.36 at most.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.fft import rfft2
from numpy.typing import NDArray

Spectrum = NDArray[np.complex64]
_COARSE_AGREEMENT = 0.985
_PAIRS_PER_PICTURE = 4
_FINE_AGREEMENT = {64: 0.85, 32: 0.955}  # at 32x32 less is fine, so different pictures agree more
_AGREEMENTS_AT_A_TIME = 1 << 21
_SPECTRA_KEPT = 2048


class Copy(NamedTuple):
    """What a picture nearly equals."""

    original: int
    """Its position."""
    negative: bool
    """Whether only the negative of the picture equals it."""


def near_copies(
    suspects: Sequence[bytes],
    originals: Sequence[bytes],
    load_suspect: Callable[[int], bytes],
    load_original: Callable[[int], bytes],
) -> dict[int, Copy]:
    """Position of each suspect that nearly equals an original, or its negative -> which one.

    `suspects` and `originals` are thumbnails; the loaders give the fine structure of the picture at a position.
    """
    if not suspects or not originals:
        return {}
    spectrum = lru_cache(maxsize=_SPECTRA_KEPT)(lambda position: _spectrum(load_original(position)))
    found = {}
    for position, alike in _coarse_pairs(_unit_rows(suspects), _unit_rows(originals)):
        suspect = _spectrum(load_suspect(position))
        match = _first_match(suspect, alike, spectrum)
        if match is not None:
            found[position] = match
    return found


def near_copies_within(pictures: Sequence[bytes], load: Callable[[int], bytes]) -> dict[int, Copy]:
    """Position of each picture that nearly equals an earlier one, or its negative -> which one, as `near_copies`."""
    if len(pictures) < 2:
        return {}
    spectrum = lru_cache(maxsize=_SPECTRA_KEPT)(lambda position: _spectrum(load(position)))
    known = _unit_rows(pictures)
    found = {}
    for position, alike in _coarse_pairs(known, known, earlier_only=True):
        match = _first_match(spectrum(position), alike, spectrum)
        if match is not None:
            found[position] = match
    return found


def _coarse_pairs(
    rows: NDArray[np.float32], known: NDArray[np.float32], earlier_only: bool = False
) -> Iterator[tuple[int, list[int]]]:
    """Each row that resembles any of `known` (any before it, if `earlier_only`) or its negative, and those, most alike
    first."""
    step = max(1, _AGREEMENTS_AT_A_TIME // len(known))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        agreement = rows[start:stop] @ (known[:stop] if earlier_only else known).T
        np.abs(agreement, out=agreement)
        if earlier_only:
            agreement[:, start:][np.triu_indices(stop - start)] = -1.0
        for row in np.flatnonzero(agreement.max(axis=1) > _COARSE_AGREEMENT):
            alike = np.flatnonzero(agreement[row] > _COARSE_AGREEMENT)
            best = alike[np.argsort(-agreement[row, alike], kind="stable")][:_PAIRS_PER_PICTURE]
            yield start + int(row), best.tolist()


def _first_match(one: Spectrum, others: list[int], spectrum: Callable[[int], Spectrum]) -> Copy | None:
    for other in others:
        highest, lowest = _extreme_correlation(one, spectrum(other))
        if max(highest, -lowest) > _FINE_AGREEMENT[len(one)]:
            return Copy(other, negative=-lowest > highest)
    return None


def _extreme_correlation(one: Spectrum, other: Spectrum) -> tuple[float, float]:
    """Highest and lowest correlation of the pictures of two fine spectra over all shifts of up to a sixteenth."""
    side = len(one)
    down, across = _shifts(side)
    correlation = (down @ (one * np.conj(other)) @ across).real
    return float(correlation.max()), float(correlation.min())


@lru_cache(maxsize=2)
def _shifts(side: int) -> tuple[Spectrum, Spectrum]:
    """The inverse Fourier transform of a real picture, for shifts of up to a sixteenth only."""
    reach = np.arange(-(side // 16), side // 16 + 1)
    turns = np.exp(2j * np.pi * np.outer(np.arange(side), reach) / side) / side
    half = side // 2 + 1
    # All but the first and the last column stand for their conjugates, too.
    twice = np.where(np.arange(half) % (half - 1) == 0, 1.0, 2.0)
    return turns.T.astype(np.complex64), (turns[:half] * twice[:, None]).astype(np.complex64)


def _spectrum(fine: bytes) -> Spectrum:
    """Spectrum of a fine structure, mean 0 and norm 1."""
    side = math.isqrt(len(fine))
    values = np.frombuffer(fine, np.int8).reshape(side, side).astype(np.float32)
    values -= values.mean()
    values /= max(float(np.linalg.norm(values)), 1e-6)
    return rfft2(values).astype(np.complex64, copy=False)


def _unit_rows(thumbnails: Sequence[bytes]) -> NDArray[np.float32]:
    """Deviations from the mean, norm 1; of margins that are black or white none, for a picture and its negative may
    have the same."""
    side = math.isqrt(len(thumbnails[0]))
    bytes_ = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, side, side)
    bare = (bytes_ == 0) | (bytes_ == 255)
    margin = (_outer(bare.all(axis=2))[:, :, None] | _outer(bare.all(axis=1))[:, None]).reshape(
        len(bytes_), -1
    )
    greys = np.where(margin, np.float32(0.0), bytes_.reshape(len(bytes_), -1))
    greys -= greys.sum(axis=1, keepdims=True) / np.maximum(side * side - margin.sum(axis=1, keepdims=True), 1)
    greys[margin] = 0.0
    norms = np.linalg.norm(greys, axis=1, keepdims=True)
    unit: NDArray[np.float32] = greys / np.maximum(norms, 1e-6)
    return unit


def _outer(bare_NS: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Bare lines that have only such on one side of them, and the line next to those, part of which may be bare."""
    before = np.logical_and.accumulate(bare_NS, axis=1)
    behind: NDArray[np.bool_] = np.logical_and.accumulate(bare_NS[:, ::-1], axis=1)[:, ::-1]
    outer = before | behind
    outer[:, 1:] |= before[:, :-1]
    outer[:, :-1] |= behind[:, 1:]
    return outer
