"""Pictures that are nearly the same: recompressed, resized, stretched, windowed anew, moved a little, with a border or
a label put in, mirrored, or in reversed polarity.

Whole radiographs of one view are alike, so a coarse agreement only makes a pair worth a look: of the few most alike
those of which half the cells of the thumbnails hardly differ. What tells is fine structure: after removal of everything
coarse, 64x64 pictures of different patients' knees agree by .68 at most at their best alignment, of one patient's left
and mirrored right by .79 (measured on 4,042 knees, whole and padded), nearly all copies of the kinds above by more than
.75, mirrored ones by more than .85. A negative agrees as well as its picture, with the opposite sign.
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
Reliefs = NDArray[np.float32]
_PAIRS_PER_PICTURE = 4
_RELIEF_SIGMA = 0.8
_RELIEF_CUT = 1.5
_UNLIKE = 0.5
_FINE_AGREEMENT = {(64, False): 0.75, (64, True): 0.85, (32, False): 0.9, (32, True): 0.95}
"""By side, as at 32x32 less is fine, so that different pictures agree more; and by whether one is mirrored."""
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
    for position, alike in _coarse_pairs(_reliefs(suspects), _reliefs(originals)):
        match = _first_match(_spectrum(load_suspect(position)), alike, spectrum)
        if match is not None:
            found[position] = match
    return found


def near_copies_within(pictures: Sequence[bytes], load: Callable[[int], bytes]) -> dict[int, Copy]:
    """Position of each picture that nearly equals an earlier one, or its negative -> which one, as `near_copies`."""
    if len(pictures) < 2:
        return {}
    spectrum = lru_cache(maxsize=_SPECTRA_KEPT)(lambda position: _spectrum(load(position)))
    known = _reliefs(pictures)
    found = {}
    for position, alike in _coarse_pairs(known, known, earlier_only=True):
        match = _first_match(spectrum(position), alike, spectrum)
        if match is not None:
            found[position] = match
    return found


def _coarse_pairs(
    reliefs: Reliefs, known: Reliefs, earlier_only: bool = False
) -> Iterator[tuple[int, list[tuple[int, bool]]]]:
    """Each picture that resembles any of `known` (any before it, if `earlier_only`) as it is, mirrored or as a
    negative, and those, with whether they are mirrored."""
    step = max(1, _AGREEMENTS_AT_A_TIME // len(known))
    unit = _unit_rows(known).T
    for start in range(0, len(reliefs), step):
        block = reliefs[start : start + step]
        others = known[: start + step] if earlier_only else known
        alike: list[list[tuple[int, bool]]] = [[] for _ in block]
        for mirrored in (False, True):
            rows = block[:, :, ::-1] if mirrored else block
            agreement = _unit_rows(rows) @ unit[:, : len(others)]
            if earlier_only:
                agreement[:, start:][np.triu_indices(len(block))] = 0.0
            for row, other in _resembling(rows, others, agreement):
                alike[row].append((other, mirrored))
        yield from ((start + row, found) for row, found in enumerate(alike) if found)


def _resembling(rows: Reliefs, known: Reliefs, agreement: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """Pairs of a row and one of the few known ones that it agrees with most, as it is or as a negative, if half of
    their cells hardly differ."""
    strength = np.abs(agreement)
    most = min(_PAIRS_PER_PICTURE, len(known))
    best = np.argpartition(strength, -most, axis=1)[:, -most:]
    best = np.take_along_axis(
        best, np.argsort(-np.take_along_axis(strength, best, 1), axis=1, kind="stable"), 1
    )
    for others in best.T:
        sign = np.sign(agreement[np.arange(len(rows)), others])
        apart = np.abs(rows - sign[:, None, None] * known[others]).reshape(len(rows), -1)
        close = (np.median(apart, axis=1) < _UNLIKE) & (sign != 0.0)
        yield from ((int(row), int(others[row])) for row in np.flatnonzero(close))


def _first_match(
    one: Spectrum, others: list[tuple[int, bool]], spectrum: Callable[[int], Spectrum]
) -> Copy | None:
    for other, mirrored in others:
        highest, lowest = _extreme_correlation(_mirrored(one) if mirrored else one, spectrum(other))
        if max(highest, -lowest) > _FINE_AGREEMENT[len(one), mirrored]:
            return Copy(other, negative=-lowest > highest)
    return None


def _mirrored(one: Spectrum) -> Spectrum:
    """The spectrum of a real picture turned left to right."""
    side = len(one)
    turns = np.exp(2j * np.pi * np.arange(side // 2 + 1) / side).astype(np.complex64)
    mirrored: Spectrum = np.conj(one[-np.arange(side) % side]) * turns
    return mirrored


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


def _reliefs(thumbnails: Sequence[bytes]) -> Reliefs:
    """Deviations [N, S - 2, S - 2] from the surroundings in units of what is usual in the picture."""
    side = math.isqrt(len(thumbnails[0]))
    greys = np.frombuffer(b"".join(thumbnails), np.uint8).reshape(-1, side, side).astype(np.float32)
    apart = np.abs(np.arange(side)[:, None] - np.arange(side))
    blur = np.exp(-0.5 * (apart / _RELIEF_SIGMA) ** 2.0).astype(np.float32)
    blur /= blur.sum(axis=1, keepdims=True)
    relief = np.ascontiguousarray((greys - blur @ greys @ blur.T)[:, 1:-1, 1:-1])
    heights = np.abs(relief).reshape(len(relief), -1)
    usual = np.maximum(np.median(heights, axis=1), heights.mean(axis=1) / 4)
    reliefs: Reliefs = relief / np.maximum(usual, 1e-6)[:, None, None]
    return reliefs


def _unit_rows(reliefs: Reliefs) -> NDArray[np.float32]:
    """Each relief as a row of norm 1, cut so that a label weighs little."""
    rows = np.clip(reliefs, -_RELIEF_CUT, _RELIEF_CUT).reshape(len(reliefs), -1)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(norms, 1e-6)
    return unit
