"""Frechet distance between two samples of features, without a matrix square root.

With centred features X (n x d) and Y (m x d) and covariances S1, S2, the trace of sqrt(S1 S2) is the nuclear
norm of X Y^T / sqrt((n-1)(m-1)): its squared singular values are the eigenvalues of S1 S2. That form is real
and finite for every input, also for n < d where S1 and S2 are singular.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gist.errors import InputError

DDOF = 1
_LARGE = 1024
"""From this size on, singular values come from the eigenvalues of a product with itself, four times as quick.

Singular values below 1e-8 of the largest are lost in that; at such sizes they do not reach the sixth digit of
a sum.
"""


def frechet_distance(x_NF: NDArray[np.float64], y_MF: NDArray[np.float64]) -> float:
    """Frechet distance of Gaussians fitted to two samples (Dowson and Landau 1982; Heusel 2017, eq. 6).

    |mean x - mean y|^2 + tr(S1 + S2 - 2 sqrt(S1 S2)), covariances with n - 1, in float64. Biased upwards by
    small n: compare values at equal n only. Of FID's name only with FID's own Inception features.

    Raises:
        InputError: fewer than two vectors on a side, unlike numbers of features, or a value that is not
        finite.
    """
    x_NF, y_MF = checked_pair(x_NF, y_MF, at_least=2)
    return gaussian_distance(fitted_gaussian(x_NF), fitted_gaussian(y_MF))


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian fitted to a sample."""

    mean: NDArray[np.float64]
    """[F]"""
    factor: NDArray[np.float64]
    """A [R, F] with A^T A = covariance and at most F rows."""
    trace: float
    """Of the covariance."""


def fitted_gaussian(x_NF: NDArray[np.float64]) -> Gaussian:
    """Mean and covariance (n - 1) of at least two finite vectors; worth keeping where one sample is used often."""
    mean = x_NF.mean(axis=0)
    centred = (x_NF - mean) / np.sqrt(len(x_NF) - DDOF)
    trace = float(np.einsum("ij,ij->", centred, centred))
    n, features = centred.shape
    if n > features:
        factor = None if features < _LARGE else _cholesky(centred.T @ centred)
        centred = np.linalg.qr(centred, mode="r") if factor is None else factor
    return Gaussian(mean, centred, trace)


def gaussian_distance(x: Gaussian, y: Gaussian) -> float:
    """Frechet distance of two fitted Gaussians."""
    shift = x.mean - y.mean
    return float(shift @ shift + x.trace + y.trace - 2.0 * _nuclear_norm(x.factor @ y.factor.T))


def checked_pair(
    x_NF: NDArray[np.float64], y_MF: NDArray[np.float64], *, at_least: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both samples as float64, once they are fit to be compared.

    Raises:
        InputError: saying which side is unfit and why.
    """
    pair = []
    for side, features in (("first", x_NF), ("second", y_MF)):
        features = np.asarray(features, np.float64)
        if features.ndim != 2:
            raise InputError(f"The {side} set of features is no table of images by features; pass [N, F].")
        if len(features) < at_least:
            raise InputError(
                f"The {side} set has {len(features)} images and this score needs at least {at_least}; add "
                "images."
            )
        if not np.isfinite(features).all():
            raise InputError(f"The {side} set has features that are not finite numbers; check its images.")
        pair.append(features)
    if pair[0].shape[1] != pair[1].shape[1]:
        raise InputError(
            f"The two sets have {pair[0].shape[1]} and {pair[1].shape[1]} features per image; "
            "extract both with the same extractor."
        )
    return pair[0], pair[1]


def _cholesky(covariance_FF: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """A with A^T A = covariance; None where the covariance is singular."""
    factor, failed = torch.linalg.cholesky_ex(torch.from_numpy(covariance_FF), upper=True)
    return None if failed else np.asarray(factor.numpy(), np.float64)


def _nuclear_norm(m_IJ: NDArray[np.float64]) -> float:
    """Sum of singular values."""
    if min(m_IJ.shape) < _LARGE:
        return float(np.linalg.svd(m_IJ, compute_uv=False).sum())
    product = m_IJ @ m_IJ.T if len(m_IJ) < m_IJ.shape[1] else m_IJ.T @ m_IJ
    squares = torch.linalg.eigvalsh(torch.from_numpy(product))
    return float(squares.clamp(min=0.0).sqrt().sum())
