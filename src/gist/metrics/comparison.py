"""Two sets of images held against one another, without a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gist.errors import InputError
from gist.images.reading import unit_pictures
from gist.metrics.extractors import Extractor, extractor_named
from gist.metrics.features import SOFT_LIMIT, standard_scores
from gist.metrics.frechet import frechet_distance
from gist.metrics.kid import kernel_distance
from gist.metrics.manifold import manifold

FEWEST = 20
"""Below this many images per side even plainly blurred images pass for real."""


@dataclass(frozen=True)
class Comparison:
    """What synthetic images measure against real ones; compare only values of one extractor at one n."""

    n: int
    """Images per side."""
    extractor: str
    kid: float
    """Kernel distance, unbiased: 0 for no difference, and around it by chance."""
    kid_reach: float
    """Half of its 95 % interval."""
    frechet: float
    """Frechet distance; FID only with FID's own Inception features at its own n."""
    precision: float
    """Share of synthetic images that lie where real ones lie."""
    recall: float
    """Share of real images that lie where synthetic ones lie."""
    density: float
    coverage: float


def compare(
    real: Path | str | NDArray[Any],
    synthetic: Path | str | NDArray[Any],
    *,
    extractor: str = "radiomics",
    weights: Path | None = None,
    neighbours: int = 3,
    seed: int = 0,
) -> Comparison:
    """Measures synthetic images against real ones at equal n; features with units of their own are standardised by the
    real images.

    Raises:
        InputError: a side cannot be read, has too few images, or the sides differ in size.
    """
    sides = [unit_pictures(real, "real"), unit_pictures(synthetic, "synthetic")]
    if sides[0].shape[1:3] != sides[1].shape[1:3]:
        sizes = [f"{side.shape[1]}x{side.shape[2]}" for side in sides]
        raise InputError(
            f"The real images are {sizes[0]} and the synthetic ones {sizes[1]}; bring them to one size."
        )
    n = min(map(len, sides))
    if n < FEWEST:
        raise InputError(
            f"At least {FEWEST} images of each side are needed to compare them, and there are {n}."
        )
    rng = np.random.default_rng(seed)
    found = extractor_named(extractor, sides[0].shape[1], weights=weights)
    real_NF, synthetic_NF = (
        _features(side[np.sort(rng.permutation(len(side))[:n])], found) for side in sides
    )
    if found.standardised:
        mean, scale = real_NF.mean(axis=0), real_NF.std(axis=0)
        scale[scale < 1e-6 * np.maximum(1.0, np.abs(mean))] = 1.0
        real_NF, synthetic_NF = (
            standard_scores(side, mean, scale, SOFT_LIMIT) for side in (real_NF, synthetic_NF)
        )
    kid = kernel_distance(real_NF, synthetic_NF)
    overlap = manifold(real_NF, synthetic_NF, neighbours)
    return Comparison(
        n=n,
        extractor=found.name,
        kid=kid.value,
        kid_reach=1.96 * kid.standard_error,
        frechet=frechet_distance(real_NF, synthetic_NF),
        precision=overlap.precision,
        recall=overlap.recall,
        density=overlap.density,
        coverage=overlap.coverage,
    )


def _features(x_NHW: NDArray[np.float32], extractor: Extractor) -> NDArray[np.float64]:
    parts = [
        extractor.features(x_NHW[start : start + extractor.batch])
        for start in range(0, len(x_NHW), extractor.batch)
    ]
    return np.concatenate(parts)
