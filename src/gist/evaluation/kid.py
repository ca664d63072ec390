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
    row_sums, within_x = _kernel_sums(np.concatenate([x_NF, y_NF]), is_x)
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
    return KernelDistance(value, _jackknife(x_NF, y_NF), p_value, null_95)


def _relabellings(n: int, permutations: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """[2n, 1 + permutations] membership of the first side; column 0 is the labelling as it is."""
    members = np.zeros((2 * n, 1 + permutations))
    members[:n, 0] = 1.0
    for column in range(1, permutations + 1):
        members[rng.permutation(2 * n)[:n], column] = 1.0
    return members


def _kernel_rows(rows_RF: NDArray[np.float64], all_NF: NDArray[np.float64]) -> NDArray[np.float64]:
    kernel: NDArray[np.float64] = (rows_RF @ all_NF.T / all_NF.shape[1] + 1.0) ** DEGREE
    return kernel


def _kernel_sums(
    z_MF: NDArray[np.float64], is_x_MP: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum of every row, and per column of `is_x_MP` the sum over pairs of its members; diagonal left out."""
    row_sums = np.zeros(len(z_MF))
    within = np.zeros(is_x_MP.shape[1])
    for start in range(0, len(z_MF), _ROWS):
        rows = slice(start, min(start + _ROWS, len(z_MF)))
        kernel = _kernel_rows(z_MF[rows], z_MF)
        kernel[np.arange(len(kernel)), np.arange(rows.start, rows.stop)] = 0.0
        row_sums[rows] = kernel.sum(axis=1)
        within += np.einsum("rp,rp->p", kernel @ is_x_MP, is_x_MP[rows])
    return row_sums, within


def _jackknife(x_NF: NDArray[np.float64], y_NF: NDArray[np.float64]) -> float:
    """Delete-one jackknife standard error over the images of each side (Efron 1982), from row sums alone."""
    n = len(x_NF)
    xx, xy = _side_sums(x_NF, x_NF), _side_sums(x_NF, y_NF, diagonal=True)
    yy, yx = _side_sums(y_NF, y_NF), _side_sums(y_NF, x_NF, diagonal=True)
    variance = 0.0
    for own, cross, other in ((xx, xy, yy), (yy, yx, xx)):
        without = (
            (own.sum() - 2 * own) / ((n - 1) * (n - 2))
            + other.sum() / (n * (n - 1))
            - 2 * (cross.sum() - cross) / ((n - 1) * n)
        )
        variance += (n - 1) / n * float(((without - without.mean()) ** 2).sum())
    return float(np.sqrt(variance))


def _side_sums(
    x_NF: NDArray[np.float64], y_NF: NDArray[np.float64], *, diagonal: bool = False
) -> NDArray[np.float64]:
    sums = np.zeros(len(x_NF))
    for start in range(0, len(x_NF), _ROWS):
        rows = slice(start, min(start + _ROWS, len(x_NF)))
        kernel = _kernel_rows(x_NF[rows], y_NF)
        if not diagonal:
            kernel[np.arange(len(kernel)), np.arange(rows.start, rows.stop)] = 0.0
        sums[rows] = kernel.sum(axis=1)
    return sums
