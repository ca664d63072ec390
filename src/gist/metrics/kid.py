"""Kernel inception distance: squared MMD with a cubic kernel, its p-value and its interval."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics.frechet import checked_pair

DEGREE = 3
_ROWS = 256


@dataclass(frozen=True)
class KernelDistance:
    """Squared maximum mean discrepancy of two samples of equal size."""

    value: float
    """Unbiased estimate; at equal distributions it scatters around 0 and may be negative."""
    standard_error: float
    """Jackknife over single images of both sides."""
    p_value: float | None
    """Share of random relabellings that are at least as far apart, the observed one counted; None without any."""
    null_95: float | None
    """The value that 95 % of the relabellings stay below: what chance alone gives at this n."""

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval by the jackknife."""
        return self.value - 1.96 * self.standard_error, self.value + 1.96 * self.standard_error


def kernel_distance(
    x_NF: NDArray[np.float64], y_NF: NDArray[np.float64], *, permutations: int = 0, seed: int = 0
) -> KernelDistance:
    """KID of two samples of n images each (Binkowski 2018; Gretton 2012, eq. 3), the full U-statistic.

    Kernel (x.y / F + 1)^3 over all pairs of all images: no subsets, so nothing depends on their choice.
    A relabelling swaps the sides of some rows, so that classes, which are equal row by row, keep their mix.

    Raises:
        InputError: fewer than three images, unequal n, unlike features or values that are not finite.
    """
    x_NF, y_NF = checked_pair(x_NF, y_NF, at_least=3)
    if len(x_NF) != len(y_NF):
        raise InputError(
            f"KID is compared at equal n, not {len(x_NF)} against {len(y_NF)}; draw equal samples."
        )
    n = len(x_NF)
    swaps = np.random.default_rng(seed).integers(0, 2, (n, permutations))
    sums = _kernel_sums(x_NF, y_NF, (1 - 2 * swaps).astype(np.float32))
    value = float((sums.xx.sum() + sums.yy.sum()) / (n * (n - 1)) - 2 * sums.xy.sum() / n**2)
    p_value = null_95 = None
    if permutations:
        # Half of what swapping changes is in the sums within the sides, the other half in those between them.
        relabelled = value + (sums.swapped - sums.unswapped) * (1 / (2 * n * (n - 1)) + 1 / (2 * n**2))
        # Swapping all rows or none ties with the labelling as it is, but for rounding.
        at_least = relabelled >= value - 1e-5 * relabelled.std()
        p_value = float((1 + np.count_nonzero(at_least)) / (1 + permutations))
        null_95 = float(np.quantile(relabelled, 0.95))
    return KernelDistance(value, _jackknife(sums), p_value, null_95)


def subset_kernel_distance(
    x_NF: NDArray[np.float64], y_MF: NDArray[np.float64], *, subsets: int = 100, size: int = 1000
) -> tuple[float, float]:
    """Mean and standard deviation of KID over random subsets, as the literature reports it (Binkowski 2018).

    Slower and less exact than `kernel_distance`; draws the same subsets as torch-fidelity does.

    Raises:
        InputError: fewer than three images, unlike features or values that are not finite.
    """
    x_NF, y_MF = checked_pair(x_NF, y_MF, at_least=3)
    size = min(size, len(x_NF), len(y_MF))
    random = np.random.RandomState(2020)
    values = []
    for _ in range(subsets):
        x = x_NF[random.choice(len(x_NF), size, replace=False)]
        y = y_MF[random.choice(len(y_MF), size, replace=False)]
        within = sum(float(rows.sum() - np.trace(rows)) for rows in (_kernel_rows(x, x), _kernel_rows(y, y)))
        values.append(within / (size * (size - 1)) - 2 * float(_kernel_rows(x, y).mean()))
    return float(np.mean(values)), float(np.std(values))


def _kernel_rows(rows_RF: NDArray[np.float64], all_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    base: NDArray[np.float64] = (rows_RF / all_NF.shape[1]) @ all_NF.T
    base += 1.0
    cube = base * base  # a power would take ten times as long
    cube *= base
    return cube


@dataclass(frozen=True)
class _KernelSums:
    xx: NDArray[np.float64]
    """[N] sum over the other images of its own side, for every image of x."""
    yy: NDArray[np.float64]
    xy: NDArray[np.float64]
    """[N] sum over all images of y, for every image of x."""
    yx: NDArray[np.float64]
    swapped: NDArray[np.float64]
    """[P] e^T H e for every column e of signs, H_ij = xx_ij + yy_ij - xy_ij - yx_ij, without the diagonal."""
    unswapped: float
    """The same for signs that are all equal."""


def _kernel_sums(
    x_NF: NDArray[np.float64], y_NF: NDArray[np.float64], signs_NP: NDArray[np.float32]
) -> _KernelSums:
    """Everything that is needed of the kernel, in one pass over one half of its symmetric tables.

    Signs are multiplied in single precision: what they give is compared with one another only.
    """
    n = len(x_NF)
    xx, yy, xy, yx = (np.zeros(n) for _ in range(4))
    swapped, unswapped = np.zeros(signs_NP.shape[1]), 0.0
    for start in range(0, n, _ROWS):
        stop = min(start + _ROWS, n)
        rows, onward, later = slice(start, stop), slice(start, n), slice(stop, n)
        contrast = np.zeros((stop - start, n - start))
        for own, other, sums, mirrored in (
            (x_NF, x_NF, xx, xx),
            (y_NF, y_NF, yy, yy),
            (x_NF, y_NF, xy, yx),
            (y_NF, x_NF, yx, xy),
        ):
            within = sums is mirrored
            kernel = _kernel_rows(own[rows], other[onward])
            if within:
                np.fill_diagonal(kernel, 0.0)
            sums[rows] += kernel.sum(axis=1)
            mirrored[later] += kernel[:, stop - start :].sum(axis=0)
            (np.add if within else np.subtract)(contrast, kernel, out=contrast)
        np.fill_diagonal(contrast, 0.0)
        contrast[:, stop - start :] *= 2
        unswapped += float(contrast.sum())
        if signs_NP.shape[1]:
            products = contrast.astype(np.float32) @ signs_NP[onward]
            swapped += np.einsum("rp,rp->p", products, signs_NP[rows], dtype=np.float64)
    return _KernelSums(xx, yy, xy, yx, swapped, unswapped)


def kernel_influences(
    x_NF: NDArray[np.float64], y_NF: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much each image of x [N] and of y [N] adds to `kernel_distance` (the jackknife's influence values).

    Each side sums to zero; value + sum of w * influence / N approximates KID under weights w, to first order.
    """
    x_NF, y_NF = checked_pair(x_NF, y_NF, at_least=3)
    n = len(x_NF)
    sums = _kernel_sums(x_NF, y_NF, np.zeros((n, 0), np.float32))
    x, y = ((n - 1) * (without.mean() - without) for without in _left_out(sums))
    return x, y


def _left_out(sums: _KernelSums) -> Iterator[NDArray[np.float64]]:
    """[N] KID without each image of x, then of y, from row sums alone."""
    n = len(sums.xx)
    for own, cross, other in ((sums.xx, sums.xy, sums.yy), (sums.yy, sums.yx, sums.xx)):
        yield (
            (own.sum() - 2 * own) / ((n - 1) * (n - 2))
            + other.sum() / (n * (n - 1))
            - 2 * (cross.sum() - cross) / ((n - 1) * n)
        )


def _jackknife(sums: _KernelSums) -> float:
    """Delete-one jackknife standard error over the images of each side (Efron 1982)."""
    n = len(sums.xx)
    spread = sum(float(((without - without.mean()) ** 2).sum()) for without in _left_out(sums))
    return float(np.sqrt((n - 1) / n * spread))
