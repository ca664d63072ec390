"""Precision, recall, density and coverage: do the two samples lie where the other one lies?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.evaluation.frechet import checked_pair

_ROWS = 1024


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
    real_NF, synthetic_MF = checked_pair(real_NF, synthetic_MF, at_least=1)
    real_NF = real_NF[first_occurrences(real_NF)]
    for side, features in (("real", real_NF), ("synthetic", synthetic_MF)):
        if len(features) <= k:
            raise InputError(
                f"There are {len(features)} different {side} images, too few for {k} neighbours; "
                "lower evaluate.neighbours or add images."
            )
    centre = real_NF.mean(axis=0)  # distances by products of vectors keep more digits around 0
    real_NF, synthetic_MF = real_NF - centre, synthetic_MF - centre
    real_radius, synthetic_radius = _radii(real_NF, k), _radii(synthetic_MF, k)
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


def _radii(x_NF: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Squared distance of each vector to its k-th nearest other vector."""
    radii = np.zeros(len(x_NF))
    for start in range(0, len(x_NF), _ROWS):
        rows = slice(start, min(start + _ROWS, len(x_NF)))
        distance = squared_distances(x_NF[rows], x_NF)
        distance[np.arange(len(distance)), np.arange(rows.start, rows.stop)] = -1.0
        radii[rows] = np.partition(distance, k, axis=1)[:, k]
    return radii
