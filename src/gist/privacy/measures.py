"""Numbers of the literature on copying: told because readers ask for them, none of them decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from scipy.stats import rankdata

from gist.metrics.intervals import unlike, wilson
from gist.metrics.manifold import kth_smallest, squared_distances
from gist.privacy.audit import Sets, identical
from gist.privacy.views import Viewer
from gist.stages.privacy import PrivacyMeasure

Vectors = NDArray[np.float64]
_ROWS = 1024


def measures_of(sets: Sets, viewer: Viewer, seed: int) -> tuple[PrivacyMeasure, ...]:
    """All of them, in the extractor's features, which know nothing of who is a member."""
    rng = np.random.default_rng([seed, 3])
    T, H, S = viewer.features, viewer.vectors(sets.hold_out), viewer.vectors(sets.synthetic)
    n = min(len(T), len(H))
    members, outside = T[rng.permutation(len(T))[:n]], H[rng.permutation(len(H))[:n]]
    same, same_hold_out = identical(sets.synthetic, sets.training), identical(sets.hold_out, sets.training)
    to_members, to_outside = distance(S, members), distance(S, outside)
    closer = float((to_members < to_outside).mean() + 0.5 * (to_members == to_outside).mean())
    member, other = distance(members, S), distance(outside, S)
    low, high = wilson(closer, unlike(_nearest(S, np.concatenate([members, outside]))))
    half = n // 2
    return (
        _share(
            "identical-match share", same, same_hold_out, "share that equals a training image pixel by pixel"
        ),
        PrivacyMeasure(
            name="nearest-neighbour distance ratio",
            value=float(np.median(distance(S, T) / np.maximum(distance(S, T, 2), 1e-9))),
            beside=float(np.median(distance(H, T) / np.maximum(distance(H, T, 2), 1e-9))),
            meaning="median distance to the nearest over that to the second-nearest training image; copies lower it",
        ),
        PrivacyMeasure(
            name="share closer to training than to hold-out",
            value=closer,
            low=low,
            high=high,
            beside=0.5,
            meaning=f"of synthetic images, with {n:,} training and {n:,} hold-out images; .5 where nothing is copied; "
            "alike ones count once in the interval",
        ),
        PrivacyMeasure(
            name="C_T",
            value=copying_statistic(S, H, T, rng),
            meaning="below -3: nearer to training than hold-out images are, cell by cell (Meehan 2020)",
        ),
        _share(
            "authenticity",
            authentic(S, T),
            authentic(H, T),
            "share whose nearest training image has a nearer one in training (Alaa 2022), which holds for fewer than "
            "all hold-out images too",
        ),
        PrivacyMeasure(
            name="membership inference AUC",
            value=auc(-member, -other),
            beside=auc(-member[:half], -member[half:]),
            meaning="black box: members told from hold-out images by their distance to the nearest synthetic image; "
            "beside it members from members",
        ),
        PrivacyMeasure(
            name="membership inference TPR at 1 % FPR",
            value=true_positives(-member, -other),
            beside=true_positives(-member[:half], -member[half:]),
            meaning="the share of members that this attack names while it wrongly names 1 % of the others",
        ),
    )


def distance(query_NF: Vectors, known_MF: Vectors, k: int = 1) -> NDArray[np.float64]:
    """[N] distance to the k-th nearest."""
    parts = [
        np.sqrt(kth_smallest(squared_distances(query_NF[i : i + _ROWS], known_MF), k))
        for i in range(0, len(query_NF), _ROWS)
    ]
    return np.concatenate(parts)


def _nearest(query_NF: Vectors, known_MF: Vectors) -> NDArray[np.int64]:
    parts = [
        squared_distances(query_NF[i : i + _ROWS], known_MF).argmin(1) for i in range(0, len(query_NF), _ROWS)
    ]
    return np.concatenate(parts)


def authentic(query_NF: Vectors, training_MF: Vectors) -> NDArray[np.bool_]:
    """[N] whether the nearest training image has another training image nearer than the query."""
    own = distance(training_MF, training_MF, 2)  # the nearest is itself
    found = []
    for start in range(0, len(query_NF), _ROWS):
        squared = squared_distances(query_NF[start : start + _ROWS], training_MF)
        found.append(np.sqrt(squared.min(1)) > own[squared.argmin(1)])
    return np.concatenate(found)


def copying_statistic(
    synthetic_NF: Vectors, hold_out_MF: Vectors, training_TF: Vectors, rng: np.random.Generator
) -> float:
    """C_T of Meehan, Chaudhuri and Dasgupta (2020): Mann-Whitney z of distances to training, averaged over cells.

    Cells are of k-means on training images; those with fewer than 10 images of a side take no part.
    """
    cells = min(5, max(1, len(hold_out_MF) // 50))
    centres, _ = kmeans2(training_TF, cells, seed=rng, minit="++")
    in_cell = [squared_distances(x, centres).argmin(1) for x in (synthetic_NF, hold_out_MF)]
    far = [distance(x, training_TF) for x in (synthetic_NF, hold_out_MF)]
    scores, weights = [], []
    for cell in range(cells):
        ours, theirs = (d[c == cell] for d, c in zip(far, in_cell, strict=True))
        n, m = len(ours), len(theirs)
        if min(n, m) < 10:
            continue
        rank_sum = rankdata(np.concatenate([ours, theirs]))[:n].sum() - n * (n + 1) / 2
        scores.append((rank_sum - n * m / 2) / np.sqrt(n * m * (n + m + 1) / 12))
        weights.append(m)
    return float(np.average(scores, weights=weights)) if scores else 0.0


def auc(members_N: NDArray[np.float64], others_M: NDArray[np.float64]) -> float:
    """Chance that a member scores higher than another, ties counted half."""
    n, m = len(members_N), len(others_M)
    ranks = rankdata(np.concatenate([members_N, others_M]))
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def true_positives(
    members_N: NDArray[np.float64], others_M: NDArray[np.float64], rate: float = 0.01
) -> float:
    """Share of members above all but this share of the others."""
    allowed = int(rate * len(others_M))
    return float((members_N > np.sort(others_M)[::-1][allowed]).mean())


def _share(name: str, mine: NDArray[np.bool_], theirs: NDArray[np.bool_], meaning: str) -> PrivacyMeasure:
    low, high = wilson(float(mine.mean()), len(mine))
    return PrivacyMeasure(
        name=name, value=float(mine.mean()), low=low, high=high, beside=float(theirs.mean()), meaning=meaning
    )
