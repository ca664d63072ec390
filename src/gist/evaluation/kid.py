"""Kernel inception distance: squared MMD with a cubic kernel, its p-value and its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.evaluation.frechet import checked_pair

DEGREE = 3
_ROWS = 1024


@dataclass(frozen=True)
class KernelDistance:
    """Squared maximum mean discrepancy of two samples of equal size."""

    value: float
    """Unbiased estimate; at equal distributions it scatters around 0 and may be negative."""
    standard_error: float
    """Jackknife over single images of both sides."""
    p_value: float | None
    """Share of random relabellings at least as far apart, the observed one counted; None without any."""
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

    Raises:
        InputError: fewer than three images, unequal n, unlike features or values that are not finite.
    """
    x_NF, y_NF = checked_pair(x_NF, y_NF, at_least=3)
    if len(x_NF) != len(y_NF):
        raise InputError(
            f"KID is compared at equal n, not {len(x_NF)} against {len(y_NF)}; draw equal samples."
        )
    n = len(x_NF)
    is_x = _relabellings(n, permutations, np.random.default_rng(seed))
    row_sums, rows_in_x, within_x = _kernel_sums(np.concatenate([x_NF, y_NF]), is_x)
    # A relabelling's three sums follow from the kernel's sum over pairs inside x and the sum over rows of x.
    rows_of_x = row_sums @ is_x
    between = rows_of_x - within_x
    within_y = row_sums.sum() - 2 * rows_of_x + within_x
    statistics = (within_x + within_y) / (n * (n - 1)) - 2 * between / n**2
    # The kernel's diagonal is not part of the U-statistic, and sums over pairs within a side leave it out.
    value = float(statistics[0])
    p_value = null_95 = None
    if permutations:
        p_value = float(np.count_nonzero(statistics >= value - 1e-12 * abs(value)) / len(statistics))
        null_95 = float(np.quantile(statistics[1:], 0.95))
    return KernelDistance(value, _jackknife(rows_in_x, row_sums - rows_in_x), p_value, null_95)


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


def _relabellings(n: int, permutations: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[2n, 1 + permutations] membership of the first side; column 0 is the labelling as it is."""
    members = np.zeros((2 * n, 1 + permutations))
    members[:n, 0] = 1.0
    for column in range(1, permutations + 1):
        members[rng.permutation(2 * n)[:n], column] = 1.0
    return members


def _kernel_rows(rows_RF: NDArray[np.float64], all_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    base: NDArray[np.float64] = rows_RF @ (all_NF.T / all_NF.shape[1])
    base += 1.0
    cube = base * base  # a power would take ten times as long
    cube *= base
    return cube


def _kernel_sums(
    z_MF: NDArray[np.float64], is_x_MP: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Sums of the kernel without its diagonal.

    Every row's sum; every row's sum over the members of the first column of `is_x_MP`; and per column the sum over
    pairs of its members.
    """
    row_sums = np.zeros(len(z_MF))
    rows_in_x = np.zeros(len(z_MF))
    within = np.zeros(is_x_MP.shape[1])
    in_x = is_x_MP[:, 0]
    for start in range(0, len(z_MF), _ROWS):
        stop = min(start + _ROWS, len(z_MF))
        rows, later = slice(start, stop), slice(stop, len(z_MF))
        # The kernel is symmetric, so what lies below the diagonal is read off what lies above it.
        kernel = _kernel_rows(z_MF[rows], z_MF[start:])
        square, beyond = kernel[:, : stop - start], kernel[:, stop - start :]
        np.fill_diagonal(square, 0.0)
        row_sums[rows] += kernel.sum(axis=1)
        row_sums[later] += beyond.sum(axis=0)
        rows_in_x[rows] += kernel @ in_x[start:]
        rows_in_x[later] += in_x[rows] @ beyond
        in_members = square @ is_x_MP[rows] + 2 * (beyond @ is_x_MP[later])
        within += np.einsum("rp,rp->p", in_members, is_x_MP[rows])
    return row_sums, rows_in_x, within


def _jackknife(rows_in_x_M: NDArray[np.float64], rows_in_y_M: NDArray[np.float64]) -> float:
    """Delete-one jackknife standard error over the images of each side (Efron 1982), from row sums alone.

    Rows are those of all images, x first; sums leave the diagonal out.
    """
    n = len(rows_in_x_M) // 2
    xx, xy = rows_in_x_M[:n], rows_in_y_M[:n]
    yx, yy = rows_in_x_M[n:], rows_in_y_M[n:]
    variance = 0.0
    for own, cross, other in ((xx, xy, yy), (yy, yx, xx)):
        without = (
            (own.sum() - 2 * own) / ((n - 1) * (n - 2))
            + other.sum() / (n * (n - 1))
            - 2 * (cross.sum() - cross) / ((n - 1) * n)
        )
        variance += (n - 1) / n * float(((without - without.mean()) ** 2).sum())
    return float(np.sqrt(variance))
