"""All distances between one sample of synthetic images and the real ones, with the yardsticks to read them
by.

Yardsticks are real training images that were blurred by a known amount: they say what a value means without
any threshold taken from elsewhere. `barely` is a Gaussian blur of 0.5 pixels, which few readers notice;
`plainly` one of 1 pixel, which shows at a glance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from gist.metrics.diversity import vendi_score
from gist.metrics.frechet import DDOF, fitted_gaussian, frechet_distance, gaussian_distance
from gist.metrics.kid import KernelDistance, kernel_distance
from gist.metrics.manifold import Manifold, first_occurrences, manifolds
from gist.metrics.matched_samples import halves

BARELY_PIXELS = 0.5
PLAINLY_PIXELS = 1.0
SPLITS = 20
YARDSTICK_SPLITS = 5
"""Yardsticks are marks on a scale and need no interval."""
YARDSTICK_IMAGES = 1000
CHANCE_PERMUTATIONS = 100
"""Enough for the 95th percentile of what chance gives."""
Features = NDArray[np.float64]


@dataclass(frozen=True)
class Sides:
    """Standardised features [n, F] of equally many images; row i has class i on every side."""

    reference: Features
    """Real images that the generator did not see, where there are any."""
    synthetic: Features
    other_real: Features
    """Further real images, for the baseline."""
    barely: Features
    """`other_real`, blurred barely visibly."""
    plainly: Features
    """`other_real`, blurred plainly."""
    classes: NDArray[np.str_]

    @classmethod
    def empty(cls, features: int, classes: NDArray[np.str_]) -> Sides:
        """No image on any side."""
        nothing = np.zeros((0, features))
        return cls(nothing, nothing, nothing, nothing, nothing, classes)

    def of_class(self, name: str) -> Sides:
        """The rows of one class."""
        rows = self.classes == name
        return Sides(
            self.reference[rows],
            self.synthetic[rows],
            self.other_real[rows],
            self.barely[rows],
            self.plainly[rows],
            self.classes[rows],
        )


@dataclass(frozen=True)
class RelativeFrechet:
    """FD(x, half of the reference) / FD(half, other half), means over random splits; n per side is half."""

    synthetic: float
    barely: float
    plainly: float
    low: float
    high: float
    """Middle 95 % of the synthetic ratio over the splits."""
    chance: float
    """95th percentile of FD(half, other half) over its mean: what luck alone reaches."""
    n: int


@dataclass(frozen=True)
class Measures:
    """Everything measured on one group of images."""

    n: int
    kid: KernelDistance
    kid_real: KernelDistance
    kid_barely: float
    kid_plainly: float
    frechet: float
    frechet_real: float
    relative: RelativeFrechet
    manifold: Manifold | None
    """None where there are too few different images for the neighbourhood size."""
    manifold_real: Manifold | None
    vendi: float
    vendi_real: float


def blurred(x_NHW: NDArray[np.float32], sigma_pixels: float) -> NDArray[np.float32]:
    """Gaussian blur of every image."""
    smooth: NDArray[np.float32] = gaussian_filter(x_NHW, (0.0, sigma_pixels, sigma_pixels), mode="nearest")
    return smooth


def measure(sides: Sides, *, neighbours: int, permutations: int, seed: int) -> Measures:
    """Measures one group; needs at least 6 images per side, and 2 per class in each half."""
    reference, synthetic, other = sides.reference, sides.synthetic, sides.other_real
    # Evenly spaced, as the rows are sorted by class.
    few = np.linspace(0, len(reference) - 1, min(len(reference), YARDSTICK_IMAGES)).astype(np.int64)
    spread = float(reference.var(axis=0, ddof=DDOF).sum())
    overlaps: tuple[Manifold | None, ...] = (None, None)
    if len(first_occurrences(reference)) > neighbours:
        overlaps = manifolds(reference, (synthetic, other), neighbours)
    return Measures(
        n=len(reference),
        kid=kernel_distance(reference, synthetic, permutations=permutations, seed=seed),
        kid_real=kernel_distance(
            reference, other, permutations=min(permutations, CHANCE_PERMUTATIONS), seed=seed
        ),
        kid_barely=kernel_distance(reference[few], sides.barely[few]).value,
        kid_plainly=kernel_distance(reference[few], sides.plainly[few]).value,
        frechet=frechet_distance(reference, synthetic),
        frechet_real=frechet_distance(reference, other),
        relative=relative_frechet(sides, seed),
        manifold=overlaps[0],
        manifold_real=overlaps[1],
        vendi=vendi_score(synthetic, spread),
        vendi_real=vendi_score(reference, spread),
    )


def relative_frechet(sides: Sides, seed: int) -> RelativeFrechet:
    """Relative Frechet distance: cancels the bias by n, as every distance in it has the same n.

    A ratio of 1 means: as close to real images as real images are to each other.
    """
    rng = np.random.default_rng(seed)
    between_halves, synthetic = np.zeros(SPLITS), np.zeros(SPLITS)
    yardsticks = {name: np.zeros(YARDSTICK_SPLITS) for name in ("barely", "plainly")}
    n = 0
    for split in range(SPLITS):
        first, second = halves(sides.classes, rng)
        drawn, _ = halves(sides.classes, rng)
        n = len(first)
        half = fitted_gaussian(sides.reference[first])
        between_halves[split] = gaussian_distance(half, fitted_gaussian(sides.reference[second]))
        synthetic[split] = gaussian_distance(half, fitted_gaussian(sides.synthetic[drawn]))
        for name, values in yardsticks.items() if split < YARDSTICK_SPLITS else ():
            values[split] = gaussian_distance(half, fitted_gaussian(getattr(sides, name)[drawn]))
    scale = max(float(between_halves.mean()), np.finfo(np.float64).tiny)
    low, high = np.quantile(synthetic / scale, (0.025, 0.975))
    return RelativeFrechet(
        synthetic=float(synthetic.mean()) / scale,
        barely=float(yardsticks["barely"].mean()) / scale,
        plainly=float(yardsticks["plainly"].mean()) / scale,
        low=float(low),
        high=float(high),
        chance=float(np.quantile(between_halves, 0.95)) / scale,
        n=n,
    )
