"""Local structure: binary patterns and gradient orientations."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gist.metrics.extractors.intensity import Columns, pooled

_RING = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
ORIENTATIONS = 8
CELLS = 4
_CELL_ORIENTATIONS = 4


def _rotation_invariant_uniform() -> NDArray[np.int64]:
    """Pattern of eight bits -> number of set bits where they change at most twice around the ring, else 9."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    changes = (bits != np.roll(bits, 1, axis=1)).sum(axis=1)
    return np.where(changes <= 2, bits.sum(axis=1), 9)


_PATTERN_CLASS = _rotation_invariant_uniform()


def binary_patterns(levels_NHW: NDArray[np.int64]) -> Columns:
    """Histograms of rotation-invariant uniform local binary patterns (Ojala 2002, riu2, 8 neighbours).

    At full, half and quarter resolution. Takes integer grey levels, so that equal neighbours tie exactly.
    """
    columns: Columns = {}
    for factor in (1, 2, 4):
        n, side = len(levels_NHW), levels_NHW.shape[1] // factor
        image = levels_NHW.reshape(n, side, factor, side, factor).sum(axis=(2, 4))
        centre = image[:, 1:-1, 1:-1]
        code = np.zeros(centre.shape, np.int64)
        for bit, (dy, dx) in enumerate(_RING):
            neighbour = image[:, 1 + dy : side - 1 + dy, 1 + dx : side - 1 + dx]
            code |= (neighbour >= centre).astype(np.int64) << bit
        pattern = _PATTERN_CLASS[code] + 10 * np.arange(n)[:, None, None]
        share = np.bincount(pattern.ravel(), minlength=10 * n).reshape(n, 10) / centre[0].size
        columns |= {f"lbp/{factor}/{i}": np.sqrt(share[:, i]) for i in range(10)}
    return columns


def gradients(x_NHW: NDArray[np.float32]) -> Columns:
    """Gradient strength at three scales, orientation histogram of the whole and of 4 x 4 cells (Dalal 2005).

    Histograms are magnitude-weighted, taken at half resolution against noise, and square-rooted.
    """
    columns: Columns = {}
    for factor in (1, 2, 4):
        gy, gx = _central_differences(x_NHW if factor == 1 else pooled(x_NHW, factor))
        strength = np.hypot(gy, gx)
        flat = strength.reshape(len(strength), -1)
        place = round(0.95 * (flat.shape[1] - 1))
        columns[f"gradient/{factor}/mean"] = np.log(flat.mean(axis=1, dtype=np.float64) + 1e-4)
        columns[f"gradient/{factor}/std"] = np.log(flat.std(axis=1, dtype=np.float64) + 1e-4)
        columns[f"gradient/{factor}/p95"] = np.log(
            np.partition(flat, place, axis=1)[:, place] + np.float64(1e-4)
        )
        if factor == 2:
            columns |= _orientation_histograms(gy, gx, strength)
    return columns


def _central_differences(x_NHW: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    padded = np.pad(x_NHW, ((0, 0), (1, 1), (1, 1)), mode="edge")
    half = np.float32(0.5)
    return (padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]) * half, (
        padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    ) * half


def _orientation_histograms(
    gy: NDArray[np.float32], gx: NDArray[np.float32], strength: NDArray[np.float32]
) -> Columns:
    n, side = len(gy), gy.shape[1]
    turn = np.mod(np.arctan2(gy, gx) / np.pi, 1.0)  # an edge and its negative have one orientation
    total = strength.sum(axis=(1, 2), dtype=np.float64)[:, None] + 1e-6
    owner = np.arange(n)[:, None, None]
    bin_ = np.minimum((turn * ORIENTATIONS).astype(np.int64), ORIENTATIONS - 1)
    whole = np.bincount(
        (owner * ORIENTATIONS + bin_).ravel(), strength.ravel(), minlength=n * ORIENTATIONS
    ).reshape(n, ORIENTATIONS)
    columns = {f"orientation/{i}": np.sqrt(whole[:, i] / total[:, 0]) for i in range(ORIENTATIONS)}
    row = np.arange(side) * CELLS // side
    cell = row[:, None] * CELLS + row[None, :]
    bins = CELLS**2 * _CELL_ORIENTATIONS
    # Bins centred on horizontal, vertical and the two diagonals.
    coarse = np.mod(np.floor(turn * _CELL_ORIENTATIONS + 0.5).astype(np.int64), _CELL_ORIENTATIONS)
    index = owner * bins + cell[None] * _CELL_ORIENTATIONS + coarse
    local = np.bincount(index.ravel(), strength.ravel(), minlength=n * bins).reshape(n, bins)
    return columns | {f"orientation/cell/{i}": np.sqrt(local[:, i] / total[:, 0]) for i in range(bins)}
