"""Frechet distance between two samples of features, without a matrix square root.

With centred features X (n x d) and Y (m x d) and covariances S1, S2, the trace of sqrt(S1 S2) is the nuclear
norm of X Y^T / sqrt((n-1)(m-1)): its squared singular values are the eigenvalues of S1 S2. That form is real
and finite for every input, also for n < d where S1 and S2 are singular. With more images than features the
eigenvalues come from S1 and the Cholesky factor L of S2, as those of the symmetric L^T S1 L: no vectors and no
complex numbers, which leaves the two covariances as the greater part of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from gist.errors import InputError

DDOF = 1
_LARGE = 512
"""From this size on, singular values come from the eigenvalues of a product with itself, four times as quick.

Those below 1e-8 of the largest are lost in that, as they are in products of covariances; at such sizes they do not
reach the sixth digit of a sum.
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
    trace: float
    """Of the covariance."""
    covariance: NDArray[np.float64] | None
    """[F, F]; None with no more images than features, where the images are a smaller root."""
    images: NDArray[np.float64] | None
    """A [N, F] with A^T A = covariance, in its place."""

    @cached_property
    def root(self) -> NDArray[np.float64]:
        """A [R, F] with A^T A = covariance, also of a singular one."""
        if self.images is not None:
            return self.images
        assert self.covariance is not None
        # The Cholesky factorisation that pivots ends at the rank, which rounding leaves open in the plain one.
        factor, places, rank, _ = scipy.linalg.lapack.dpstrf(self.covariance)
        root = np.zeros((rank, len(factor)))
        root[:, places - 1] = np.triu(factor)[:rank]
        return root


def fitted_gaussian(x_NF: NDArray[np.float64]) -> Gaussian:
    """Mean and covariance (n - 1) of at least two finite vectors; worth keeping where one sample is used often."""
    mean = x_NF.mean(axis=0)
    centred = x_NF - mean
    scale = 1.0 / (len(x_NF) - DDOF)
    if len(x_NF) <= x_NF.shape[1]:
        trace = scale * float(np.einsum("ij,ij->", centred, centred))
        return Gaussian(mean, trace, None, centred * np.sqrt(scale))
    covariance = centred.T @ centred
    covariance *= scale
    return Gaussian(mean, float(np.trace(covariance)), covariance, None)


def gaussian_distance(x: Gaussian, y: Gaussian) -> float:
    """Frechet distance of two fitted Gaussians; rounding takes it no lower than 0."""
    shift = x.mean - y.mean
    return max(0.0, float(shift @ shift + x.trace + y.trace - 2.0 * _trace_of_root(x, y)))


def _trace_of_root(x: Gaussian, y: Gaussian) -> float:
    """tr sqrt(S1 S2)."""
    if x.covariance is not None and y.covariance is not None:
        try:
            squares = scipy.linalg.eigvalsh(
                x.covariance, y.covariance, type=2, driver="gv", check_finite=False
            )
            return float(np.sqrt(np.maximum(squares, 0.0)).sum())
        except np.linalg.LinAlgError:  # the second covariance is singular, so it has no Cholesky factor
            pass
    if y.covariance is not None:
        product = x.root @ y.covariance @ x.root.T
    else:
        m_IJ = x.root @ y.root.T
        if min(m_IJ.shape) < _LARGE:
            return float(np.linalg.svd(m_IJ, compute_uv=False).sum())
        product = m_IJ @ m_IJ.T if len(m_IJ) < m_IJ.shape[1] else m_IJ.T @ m_IJ
    return float(np.sqrt(np.maximum(np.linalg.eigvalsh(product), 0.0)).sum())


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
