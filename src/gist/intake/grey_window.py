"""Stored values -> display grey: windows, percentiles, padding and polarity, on a table of the values that
occur.

Every step here depends on a pixel's value alone, so integers are mapped through a table of at most 65,536
entries instead of step by step over the picture; floating-point pictures go through the same functions
directly.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gist.stages.vocabulary import Reason, SetAside

Doubles = NDArray[np.float64]
_ROWS_AT_A_TIME = 64
HOUNSFIELD_WINDOWS = {
    "bone": (400.0, 1800.0),
    "lung": (-600.0, 1500.0),
    "soft-tissue": (40.0, 400.0),
    "brain": (40.0, 80.0),
}
"""Name -> centre and width in Hounsfield units, as they are usual for CT."""
WindowFunction = Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"]


@dataclass(frozen=True)
class Stored:
    """The values of a picture and how often each occurs."""

    values: Doubles
    counts: NDArray[np.int64]
    """Pixels per value in a regular sample of the picture, padding left out."""
    picture: Callable[[Doubles], NDArray[np.float32]]
    """Paints one grey per entry of `values` back into an [H, W] picture."""


def tabulate(pixels: NDArray[np.generic], padding: tuple[float, float] | None = None) -> Stored:
    """Prepares [H, W] integers or floats; values from padding[0] to padding[1] and non-finite ones are not
    counted.

    Raises:
        SetAside: the pixels are neither integers nor real numbers, or nothing but padding.
    """
    if pixels.dtype.kind in "ui" and pixels.dtype.itemsize <= 2:
        stored = _tabulate_integers(pixels, padding)
    elif pixels.dtype.kind in "uif":
        stored = _tabulate_others(pixels, padding)
    else:
        raise SetAside(Reason.UNSUPPORTED_PIXELS)
    if not stored.counts.any():
        raise SetAside(Reason.BLANK)
    return stored


def dicom_window(values: Doubles, centre: float, width: float, function: WindowFunction) -> Doubles:
    """Grey in 0-1 of `values` under a DICOM window (PS3.3 C.11.2.1.2 and C.11.2.1.3)."""
    if function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - centre) / width, -700.0, 700.0)))
    if function == "LINEAR_EXACT" or width <= 1:
        return np.clip((values - centre) / max(width, 1e-12) + 0.5, 0.0, 1.0)
    return np.clip((values - (centre - 0.5)) / (width - 1.0) + 0.5, 0.0, 1.0)


def range_window(values: Doubles, low: float, high: float) -> Doubles:
    """Grey in 0-1, black at `low` and white at `high`."""
    return np.clip((values - low) / (high - low), 0.0, 1.0)


def percentile_range(
    values: Doubles, counts: NDArray[np.int64], percentiles: tuple[float, float]
) -> tuple[float, float]:
    """The values below which the given percentages of pixels lie; the whole range where these two are equal.

    Raises:
        SetAside: all counted pixels have one value.
    """
    values, counts = values[counts > 0], counts[counts > 0]
    order = np.argsort(values, kind="stable")
    ordered, cumulative = values[order], np.cumsum(counts[order])
    total = int(cumulative[-1])
    ranks = [max(1, min(total, round(p / 100.0 * (total - 1)) + 1)) for p in percentiles]
    low, high = (float(ordered[int(np.searchsorted(cumulative, rank))]) for rank in ranks)
    if low == high:
        low, high = float(ordered[0]), float(ordered[-1])
    if low == high:
        raise SetAside(Reason.BLANK)
    return low, high


def shows_something(grey: Doubles, counts: NDArray[np.int64]) -> bool:
    """Whether the greys between the darkest and the brightest half percent of the picture span a sixteenth of all."""
    order = np.argsort(grey, kind="stable")
    cumulative = np.cumsum(counts[order])
    low, high = np.searchsorted(cumulative, np.array([0.005, 0.995]) * cumulative[-1])
    return bool(grey[order[high]] - grey[order[low]] >= 1.0 / 16.0)


def _tabulate_integers(pixels: NDArray[np.generic], padding: tuple[float, float] | None) -> Stored:
    """8 and 16 bits: the bits of a pixel, read as unsigned, are its place in the table."""
    native = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("="))
    index = native.view(f"u{native.dtype.itemsize}")
    if native.dtype.kind == "u":
        values = np.arange(int(index.max()) + 1, dtype=np.float64)
    else:
        all_bits = np.arange(1 << (8 * native.dtype.itemsize), dtype=index.dtype)
        values = all_bits.view(native.dtype).astype(np.float64)
    counts = np.bincount(_sample(index).ravel(), minlength=values.size).astype(np.int64, copy=False)
    excluded = _excluded(values, padding)
    counts[excluded] = 0

    def picture(grey: Doubles) -> NDArray[np.float32]:
        table = grey.astype(np.float32)
        table[excluded] = 0.0
        painted = np.empty(index.shape, np.float32)
        for start in range(0, len(index), _ROWS_AT_A_TIME):  # numpy widens indices to 64 bits: in the cache
            rows = slice(start, start + _ROWS_AT_A_TIME)
            # Nothing is ever clipped: it spares a check of every pixel.
            np.take(table, index[rows], out=painted[rows], mode="clip")
        return painted

    return Stored(values, counts, picture)


def _tabulate_others(pixels: NDArray[np.generic], padding: tuple[float, float] | None) -> Stored:
    """32 bits and more: one entry per pixel."""
    values = np.asarray(pixels, dtype=np.float64).ravel()
    excluded = _excluded(values, padding) | ~np.isfinite(values)
    values = np.where(excluded, 0.0, values)
    seen = np.zeros(pixels.shape, np.int64)
    _sample(seen)[...] = 1
    counts = seen.ravel()
    counts[excluded] = 0

    def picture(grey: Doubles) -> NDArray[np.float32]:
        return np.where(excluded, 0.0, grey).astype(np.float32).reshape(pixels.shape)

    return Stored(values, counts, picture)


def _sample(pixels: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
    """Every n-th pixel of every n-th row, at least a quarter of a million: percentiles need no more."""
    step = max(1, math.isqrt(pixels.size >> 18))
    return pixels[::step, ::step]


def _excluded(values: Doubles, padding: tuple[float, float] | None) -> NDArray[np.bool_]:
    if padding is None:
        return np.zeros(values.shape, np.bool_)
    return (values >= min(padding)) & (values <= max(padding))
