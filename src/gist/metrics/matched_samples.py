"""Fair samples: equal n on every side, the same mix of classes, chosen by seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.metrics.features import FeatureSet

Positions = NDArray[np.int64]


@dataclass(frozen=True)
class MatchedPositions:
    """Positions of equally many images in three sets; row i has the same class in all of them."""

    reference: Positions
    synthetic: Positions
    other_real: Positions
    classes: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.classes)


def matched(
    reference: FeatureSet, synthetic: FeatureSet, other_real: FeatureSet, limit: int, rng: np.random.Generator
) -> MatchedPositions:
    """Draws as many images per class as the scarcest set has, scaled down together where they exceed `limit`.

    A class that one of the sets lacks takes no part, so every side has the same mix.
    """
    names = sorted(set(reference.classes) & set(synthetic.classes) & set(other_real.classes))
    sets = (reference, synthetic, other_real)
    counts = {name: min(int((side.classes == name).sum()) for side in sets) for name in names}
    total = sum(counts.values())
    if total > limit:
        counts = {name: count * limit // total for name, count in counts.items()}
    chosen = [
        [rng.permutation(np.flatnonzero(side.classes == name))[: counts[name]] for name in names]
        for side in sets
    ]
    parts = [np.concatenate(side) if side else np.zeros(0, np.int64) for side in chosen]
    classes = np.repeat(np.array(names, np.str_), [counts[name] for name in names])
    return MatchedPositions(parts[0], parts[1], parts[2], classes)


def halves(classes: NDArray[np.str_], rng: np.random.Generator) -> tuple[Positions, Positions]:
    """Two disjoint random halves with the same number of every class; an odd one out is left out.

    Classes of a single image are treated as one class.
    """
    _, place, counts = np.unique(classes, return_inverse=True, return_counts=True)
    classes = np.where(counts[place] < 2, "", classes)
    first, second = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for name in np.unique(classes):
        members = rng.permutation(np.flatnonzero(classes == name))
        half = len(members) // 2
        first.append(members[:half])
        second.append(members[half : 2 * half])
    return np.concatenate(first), np.concatenate(second)
