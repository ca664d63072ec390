"""Precision, recall, density and coverage: do the two samples lie where the other one lies?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics.frechet import checked_pair

_ROWS = 1024
_GROUP = 64


@dataclass(frozen=True)
class Manifold:
    """Overlap of a real and a synthetic sample, measured with balls around images."""

    precision: float
    """Share of synthetic images inside the real manifold: fidelity."""
    recall: float
    """Share of real images inside the synthetic manifold: variety."""
    density: float
    """Mean number of real balls a synthetic image lies in, over k; around 1 for equal distributions."""
    coverage: float
    """Share of real images whose own ball holds a synthetic image."""
    n_real: int
    """Real images after duplicates were removed."""
    n_synthetic: int


def manifold(
    real_NF: NDArray[np.float64], synthetic_MF: NDArray[np.float64], k: int, *, closed_balls: bool = False
) -> Manifold:
    """Precision and recall (Kynkäänniemi 2019, eq. 1-2), density and coverage (Naeem 2020, eq. 4-5).

    A ball reaches from an image to its k-th nearest neighbour in its own set, itself not counted. Open balls
    (<) are Naeem's convention, closed ones (<=) Kynkäänniemi's. Duplicate real images are removed first: k
    copies of one image have balls of radius 0 and collapse every value.

    Raises:
        InputError: not more than k images on a side, unlike features, or values that are not finite.
    """
    return manifolds(real_NF, (synthetic_MF,), k, closed_balls=closed_balls)[0]


def manifolds(
    real_NF: NDArray[np.float64],
    others: Sequence[NDArray[np.float64]],
    k: int,
    *,
    closed_balls: bool = False,
) -> tuple[Manifold, ...]:
    """The same of several samples held against one real sample, whose balls are drawn once.

    Raises:
        InputError: as `manifold` does.
    """
    samples = [checked_pair(real_NF, other, at_least=1)[1] for other in others]
    real_NF = np.asarray(real_NF, np.float64)
    real_NF = real_NF[first_occurrences(real_NF)]
    for side, features in (("real", real_NF), *(("synthetic", sample) for sample in samples)):
        if len(features) <= k:
            raise InputError(
                f"There are {len(features)} different {side} images, too few for {k} neighbours; "
                "lower evaluate.neighbours or add images."
            )
    centre = real_NF.mean(axis=0)  # distances by products of vectors keep more digits around 0
    real_NF = real_NF - centre
    radius = _radii(real_NF, k)
    return tuple(_overlap(real_NF, radius, sample - centre, k, closed_balls) for sample in samples)


def _overlap(
    real_NF: NDArray[np.float64],
    real_radius: NDArray[np.float64],
    synthetic_MF: NDArray[np.float64],
    k: int,
    closed_balls: bool,
) -> Manifold:
    synthetic_radius = _radii(synthetic_MF, k)
    balls_holding = np.zeros(len(synthetic_MF), np.int64)
    recalled = np.zeros(len(real_NF), bool)
    covered = np.zeros(len(real_NF), bool)
    inside = np.less_equal if closed_balls else np.less
    for start in range(0, len(real_NF), _ROWS):
        rows = slice(start, start + _ROWS)
        distance = squared_distances(real_NF[rows], synthetic_MF)
        in_real_ball = inside(distance, real_radius[rows, None])
        balls_holding += in_real_ball.sum(axis=0)
        covered[rows] = in_real_ball.any(axis=1)
        recalled[rows] = inside(distance, synthetic_radius[None, :]).any(axis=1)
    return Manifold(
        precision=float((balls_holding > 0).mean()),
        recall=float(recalled.mean()),
        density=float(balls_holding.mean() / k),
        coverage=float(covered.mean()),
        n_real=len(real_NF),
        n_synthetic=len(synthetic_MF),
    )


def first_occurrences(features_NF: NDArray[np.float64]) -> NDArray[np.int64]:
    """Indices, in order, of the vectors that no earlier vector equals exactly."""
    if len(features_NF) == 0:
        return np.zeros(0, np.int64)
    _, first = np.unique(features_NF, axis=0, return_index=True)
    return np.sort(first).astype(np.int64)


def squared_distances(x_NF: NDArray[np.float64], y_MF: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared Euclidean distances [N, M]."""
    distances: NDArray[np.float64] = (-2.0 * x_NF) @ y_MF.T
    # In place, as copies of so large a table cost more time than its arithmetic.
    distances += np.einsum("ij,ij->i", x_NF, x_NF)[:, None]
    distances += np.einsum("ij,ij->i", y_MF, y_MF)[None, :]
    return np.maximum(distances, 0.0, out=distances)


def kth_smallest(values_NM: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """[N] k-th smallest value of every row, k from 1; for long rows three times as quick as partitioning them."""
    n, m = values_NM.shape
    if m < k * _GROUP:
        return np.asarray(np.partition(values_NM, k - 1, axis=1)[:, k - 1], np.float64)
    # Groups of columns have smallest values of their own, and the k-th smallest of all is none above the k-th of these.
    least = np.minimum.reduceat(values_NM, np.arange(0, m, _GROUP), axis=1)
    bound = np.partition(least, k - 1, axis=1)[:, k - 1]
    near = np.flatnonzero(values_NM <= bound[:, None])
    rows, values = near // m, values_NM.ravel()[near]
    ascending = values[np.lexsort((values, rows))]
    return np.asarray(ascending[np.searchsorted(rows, np.arange(n)) + k - 1], np.float64)


def _radii(x_NF: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Squared distance of each vector to its k-th nearest other vector."""
    radii = np.zeros(len(x_NF))
    for start in range(0, len(x_NF), _ROWS):
        rows = slice(start, min(start + _ROWS, len(x_NF)))
        distance = squared_distances(x_NF[rows], x_NF)
        distance[np.arange(len(distance)), np.arange(rows.start, rows.stop)] = -1.0
        radii[rows] = kth_smallest(distance, k + 1)
    return radii
