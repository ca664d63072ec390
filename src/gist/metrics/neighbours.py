"""Which training image looks most like a synthetic one, and is it suspiciously alike?

Likeness is judged on 16 x 16 area means with mean and contrast removed, which blur, noise and exposure hardly
touch. The distance to the nearest training image alone misleads: a bland image lies near everything. So it is
divided by the distance to the tenth-nearest, and the ratio is read against that of held-out real images,
which nobody copied. On knee radiographs that left bland images (means of ten training images) unflagged and
flagged copies with blur, noise, gamma or 3 degrees of rotation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from gist.images.colour import luma
from gist.metrics.extractors.intensity import pooled
from gist.metrics.manifold import kth_smallest, squared_distances

APPEARANCE_SIDE = 16
CROWD = 10
CLOSEST_SHARE = 0.01
LEAST_RANK = 5
IDENTICAL = 1e-3
"""A ratio below this is a rounding error of zero: noise that no eye sees moves it further."""
_FLAT = 1e-6
_ROWS = 1024


@dataclass(frozen=True)
class Nearest:
    """Nearest training image of each image of a set."""

    index: NDArray[np.int64]
    """[N] position among the training images."""
    ratio: NDArray[np.float64]
    """[N] distance to the nearest over distance to the tenth-nearest training image, 0-1; 0 is a copy."""


@dataclass(frozen=True)
class CopyTest:
    """Are there more suspiciously close synthetic images than among held-out real ones?"""

    share: float
    """Share of synthetic images closer to training than all but the few closest held-out images."""
    expected: float
    """That share where synthetic images are no closer than held-out ones."""
    p_value: float
    """Chance of at least this many by luck alone (exact rank test)."""
    count: int
    identical: int
    """Images that cannot be told from their nearest training image; they need no comparison with chance."""


def appearance(x_NHW: NDArray[np.float32]) -> NDArray[np.float64]:
    """Images [N, H, W] or [N, H, W, 3] -> unit vectors [N, 256] of coarse structure; zero for a single grey."""
    coarse = (
        pooled(luma(x_NHW, 3), x_NHW.shape[1] // APPEARANCE_SIDE).reshape(len(x_NHW), -1).astype(np.float64)
    )
    coarse -= coarse.mean(axis=1, keepdims=True)
    length = np.linalg.norm(coarse, axis=1, keepdims=True)
    vectors: NDArray[np.float64] = np.where(length < _FLAT, 0.0, coarse / np.maximum(length, _FLAT))
    return vectors


def nearest_training_image(
    query_NA: NDArray[np.float64], training_MA: NDArray[np.float64], *, same_set: bool = False
) -> Nearest:
    """Nearest training image by appearance; `same_set` leaves each image itself out. Needs M >= 2."""
    index = np.zeros(len(query_NA), np.int64)
    ratio = np.zeros(len(query_NA))
    crowd = min(CROWD, len(training_MA) - 1 - int(same_set))
    for start in range(0, len(query_NA), _ROWS):
        rows = slice(start, min(start + _ROWS, len(query_NA)))
        squared = squared_distances(query_NA[rows], training_MA)
        if same_set:
            squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = np.inf
        index[rows] = nearest = squared.argmin(axis=1)
        reached = np.sqrt(kth_smallest(squared, crowd + 1))
        ratio[rows] = np.sqrt(squared[np.arange(len(squared)), nearest]) / np.maximum(reached, _FLAT)
    return Nearest(index, ratio)


def percentile_among(ratio_N: NDArray[np.float64], held_out_M: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of held-out images with a smaller ratio, for each ratio; 0 is closer than every one of them."""
    percentiles: NDArray[np.float64] = np.searchsorted(np.sort(held_out_M), ratio_N, side="left") / len(
        held_out_M
    )
    return percentiles


def copy_test(synthetic_N: NDArray[np.float64], held_out_M: NDArray[np.float64]) -> CopyTest:
    """Exact test of too many synthetic ratios below the r-th smallest held-out ratio.

    r is 1 % of M but at least 5.

    Where both come from one distribution, every order of the pooled ratios is equally likely, so the count of
    synthetic images below that held-out one follows from drawing without replacement.
    """
    # One odd held-out image must not set the threshold alone.
    rank = min(max(LEAST_RANK, int(CLOSEST_SHARE * len(held_out_M))), len(held_out_M))
    threshold = np.partition(held_out_M, rank - 1)[rank - 1]
    count = int((synthetic_N < threshold).sum())
    p_value = 1.0
    if count:
        # At least `count` lie below exactly when they are among the count + rank - 1 smallest of the pool.
        pool = len(synthetic_N) + len(held_out_M)
        p_value = float(hypergeom.sf(count - 1, pool, len(synthetic_N), count + rank - 1))
    return CopyTest(
        share=count / len(synthetic_N),
        expected=rank / (len(held_out_M) + 1),
        p_value=p_value,
        count=count,
        identical=int((synthetic_N <= IDENTICAL).sum()),
    )
