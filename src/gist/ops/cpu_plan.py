"""Geometry of one filtered operation for the CPU kernel: which sample is multiplied with which tap.

With conv taps a (upsampling) and b (downsampling), along each axis
    mid[m] = sum over i of x[i] * a[m - up * i + up_origin]
    out[k] = sum over m of f(mid[m]) * b[down_origin + down * k - m]
where f acts on each sample and samples outside a signal are zero. The transpose has the same form with
reversed taps and exchanged roles, so one kernel serves forward, backward and the backward of the backward.

Rows are stored by phases, so that every tap reads a contiguous run: with Q = lcm(up, down), phase p of a row
of the upsampled signal holds its samples p, p + Q, p + 2Q, ...; rows of x hold Q / up phases, rows of the
result Q / down. A 2-D filter is a sum of separable ones ("ranks").
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

_MARGIN = 64
_LANES = 16


def separable_ranks(fir: Array, tolerance: float = 1e-7) -> tuple[Array, Array]:
    """Taps along y and along x, both [rank, taps] float64, whose outer products add up to `fir`.

    1-D filters have rank 1. Components below `tolerance` of the largest are left out.
    """
    if fir.ndim == 1:
        return fir[None], fir[None]
    columns, sizes, rows = np.linalg.svd(fir)
    rank = max(1, int((sizes > tolerance * sizes[0]).sum()))
    roots = np.sqrt(sizes[:rank])
    return columns.T[:rank] * roots[:, None], rows[:rank] * roots[:, None]


@dataclass(frozen=True)
class Axis:
    """One axis of the operation; taps are [rank, taps] float64, in the order of convolution."""

    size: int
    mid_size: int
    out_size: int
    up: int
    up_taps: Array
    up_origin: int
    down: int
    down_taps: Array
    down_origin: int

    @classmethod
    def of(
        cls, size: int, up: int, up_taps: Array, padding: tuple[int, int], down: int, down_taps: Array
    ) -> "Axis":
        """The axis whose upsampled signal is padded by (before, after) and filtered where it is known."""
        mid_size = size * up + sum(padding) - (up_taps.shape[1] - 1)
        return cls(
            size=size,
            mid_size=mid_size,
            out_size=(mid_size - (down_taps.shape[1] - 1) + down - 1) // down,
            up=up,
            up_taps=up_taps,
            up_origin=up_taps.shape[1] - 1 - padding[0],
            down=down,
            down_taps=down_taps,
            down_origin=down_taps.shape[1] - 1,
        )

    def transpose(self) -> "Axis":
        return Axis(
            size=self.out_size,
            mid_size=self.mid_size,
            out_size=self.size,
            up=self.down,
            up_taps=self.down_taps[:, ::-1],
            up_origin=self.down_taps.shape[1] - 1 - self.down_origin,
            down=self.up,
            down_taps=self.up_taps[:, ::-1],
            down_origin=self.up_taps.shape[1] - 1 - self.up_origin,
        )

    @property
    def is_plain(self) -> bool:
        """Whether the upsampled signal is the input itself."""
        return (
            self.up == 1
            and self.up_origin == 0
            and self.mid_size == self.size
            and self.up_taps.shape == (1, 1)
            and self.up_taps[0, 0] == 1
        )

    def merged(self) -> "Axis":
        """The same with one filter, a * b, and mid = x where that is possible: nothing is cut off in between."""
        first = self.down_origin - self.down_taps.shape[1] + 1
        last = self.down_origin + self.down * (self.out_size - 1)
        if self.up_taps.shape == (1, 1):
            whole = self.up_origin <= 0 and self.size - self.up_origin <= self.mid_size
        else:
            whole = self.down_taps.shape == (1, 1) and first >= 0 and last < self.mid_size
        if self.up != 1 or not whole:
            return self
        taps = [np.convolve(a, b) for a in self.up_taps for b in self.down_taps]
        return replace(
            self,
            mid_size=self.size,
            up_taps=np.ones((1, 1)),
            up_origin=0,
            down_taps=np.array(taps),
            down_origin=self.down_origin + self.up_origin,
        )


def _up_terms(axis: Axis, phase: int) -> list[tuple[int, int]]:
    """(i, tap) of the samples that make mid[phase]; later samples of the phase move i by phases / up."""
    newest = (phase + axis.up_origin) // axis.up
    taps = axis.up_taps.shape[1]
    terms = []
    for i in range(newest - taps // axis.up - 1, newest + 1):
        tap = phase - axis.up * i + axis.up_origin
        if 0 <= tap < taps:
            terms.append((i, tap))
    return terms


def _down_terms(axis: Axis, phase: int) -> list[tuple[int, int]]:
    """(m, tap) of the samples that make out[phase]; later samples of the phase move m by phases."""
    newest = axis.down_origin + axis.down * phase
    return [(newest - tap, tap) for tap in range(axis.down_taps.shape[1])]


def _reach(axis: Axis, phases: int) -> int:
    """How many zeros must follow each phase of the upsampled signal's rows for `down` to read."""
    out_phases = phases // axis.down
    shifts = [m // phases for phase in range(out_phases) for m, _ in _down_terms(axis, phase)]
    right = max(shifts) + -(-axis.out_size // out_phases) - -(-axis.mid_size // phases)
    return max(-min(shifts), right, 0)


def _round_up(count: int) -> int:
    return -(-count // _LANES) * _LANES


def _row_span(terms: list[tuple[int, int]]) -> tuple[int, int]:
    return (terms[0][0], terms[-1][0] + 1) if terms else (0, 0)


def _spans(ranges: list[tuple[int, int]], size: int) -> Array:
    """[first, end) of each range cut to 0 .. size, empty where nothing is left."""
    spans = np.clip(np.array(ranges, np.int64).reshape(-1, 2), 0, size)
    return np.stack([spans[:, 0], spans.max(1)], 1)


def _runs(sums: list[tuple[list[int], Array]], dtype: npt.DTypeLike) -> tuple[Array, Array]:
    """For weighted sums given as offsets and weights: offsets [sum, run] and weights [sum, run * L] of runs of L
    neighbouring offsets, L being 3 where that wastes nothing, else 2; what a sum lacks has weight 0."""
    stretches = []
    for offsets, weights in sums:
        order = np.argsort(offsets)
        ascending = np.array(offsets)[order]
        breaks = np.flatnonzero(np.diff(ascending) != 1) + 1
        stretches.append(
            list(zip(np.split(ascending, breaks), np.split(weights[order], breaks), strict=True))
        )
    length = 3 if all(len(where) % 3 == 0 for sum_ in stretches for where, _ in sum_) else 2
    most = max(sum(-(-len(where) // length) for where, _ in sum_) for sum_ in stretches)
    run_offsets = np.zeros((len(sums), most), np.int64)
    run_weights = np.zeros((len(sums), most, length), dtype)
    for sum_, own_offsets, own_weights in zip(stretches, run_offsets, run_weights, strict=True):
        run = 0
        for where, weights in sum_:
            for first in range(0, len(where), length):
                piece = weights[first : first + length]
                own_offsets[run], own_weights[run, : len(piece)] = where[first], piece
                run += 1
    return run_offsets, run_weights.reshape(len(sums), -1)


class Plan:
    """Tables for the kernel, for one size of image; `arguments` follow the kernel's signature.

    `linear`: nothing happens at the upsampled rate, so filters may be merged.
    """

    def __init__(self, y: Axis, x: Axis, dtype: npt.DTypeLike, *, linear: bool) -> None:
        if linear:
            y, x = y.merged(), x.merged()
        self._y, self._x, self._dtype, self._linear = y, x, np.dtype(dtype), linear
        self.out_height, self.out_width, self.mid_height = y.out_size, x.out_size, y.mid_size
        phases = lcm(x.up, x.down)
        in_phases, out_phases = phases // x.up, phases // x.down

        # The transposed operation reads the same rows of slope codes, so both take the wider layout.
        reach = max(_reach(x, phases), _reach(x.transpose(), phases))
        phase_stride = max(-(-x.mid_size // phases) + reach, _LANES)
        self.row = _round_up(phases * phase_stride)
        margin = max(phase_stride, _MARGIN)

        up_terms = [_up_terms(x, phase) for phase in range(phases)]
        starts = [i // in_phases for terms in up_terms for i, _ in terms]
        in_origin = max(-min(starts), 0)
        in_columns = max(-(-x.size // in_phases), max(starts) + phase_stride)
        in_stride = _round_up(in_origin + in_columns)
        up_ranks = len(x.up_taps)
        x_up = []
        for rank in range(up_ranks):
            for terms in up_terms:
                offsets = [in_origin + i % in_phases * in_stride + i // in_phases for i, _ in terms]
                x_up.append((offsets, x.up_taps[rank, [tap for _, tap in terms]]))
        x_up_offsets, x_up_weights = _runs(x_up, self._dtype)

        up_ring = -(-y.up_taps.shape[1] // y.up)
        y_up_rows = _spans([_row_span(_up_terms(y, m)) for m in range(y.mid_size)], y.size)
        y_up_offsets = np.zeros((y.mid_size, up_ring * up_ranks), np.int64)
        y_up_weights = np.zeros((y.mid_size, up_ring * up_ranks), self._dtype)
        for m, (first, end) in enumerate(y_up_rows):
            rows = np.arange(first, end)
            taps = y.up_taps[:, m - y.up * rows + y.up_origin]
            y_up_weights[m, : taps.size] = taps.T.ravel()
            y_up_offsets[m, : taps.size] = (
                (rows % up_ring * up_ranks)[:, None] + np.arange(up_ranks)
            ).ravel() * self.row

        down_ranks = len(x.down_taps)
        x_down = []
        for phase in range(out_phases):
            terms = _down_terms(x, phase)
            starts = [margin + m % phases * phase_stride + m // phases for m, _ in terms]
            offsets = [start + self.row * rank for rank in range(down_ranks) for start in starts]
            x_down.append((offsets, x.down_taps[:, [tap for _, tap in terms]].ravel()))
        x_down_offsets, x_down_weights = _runs(x_down, self._dtype)

        down_ring = y.down_taps.shape[1]
        newest = y.down_origin + y.down * np.arange(y.out_size)
        y_down_rows = _spans([(int(m) - down_ring + 1, int(m) + 1) for m in newest], y.mid_size)
        y_down_offsets = np.zeros((down_ranks, y.out_size, down_ring), np.int64)
        y_down_weights = np.zeros((down_ranks, y.out_size, down_ring), self._dtype)
        for k, (first, end) in enumerate(y_down_rows):
            mid_rows = np.arange(first, end)
            y_down_offsets[:, k, : end - first] = mid_rows % down_ring * self.row
            y_down_weights[:, k, : end - first] = y.down_taps[:, newest[k] - mid_rows]

        self.arguments = (
            linear and y.is_plain and x.is_plain,
            self.row,
            phase_stride,
            margin,
            (in_phases, in_stride),
            in_origin,
            (out_phases, _round_up(-(-x.out_size // out_phases))),
            up_ring,
            down_ring,
            np.array([-(-(x.mid_size - phase) // phases) for phase in range(phases)], np.int64),
            x_up_offsets.reshape(up_ranks, phases, -1),
            x_up_weights,
            y_up_rows,
            y_up_offsets,
            y_up_weights,
            x_down_offsets,
            x_down_weights,
            y_down_rows,
            y_down_offsets,
            y_down_weights,
            down_ring % 2 == 0 and np.allclose(y.down_taps, y.down_taps[:, ::-1], rtol=1e-7, atol=1e-9),
        )

    @cached_property
    def transpose(self) -> "Plan":
        """The plan of the transposed operation; it shares the layout of the upsampled signal's rows."""
        return Plan(self._y.transpose(), self._x.transpose(), self._dtype, linear=self._linear)
