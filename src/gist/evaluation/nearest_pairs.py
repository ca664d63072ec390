"""Synthetic images beside the training image nearest to each, and the search for near-copies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gist.evaluation.scores import copy_score
from gist.images.archive import DataSet
from gist.metrics.features import FeatureSet
from gist.metrics.neighbours import Nearest, copy_test, nearest_training_image, percentile_among
from gist.stages.evaluate import Neighbour, Score


@dataclass(frozen=True)
class Pairs:
    """Pairs to show, the score of near-copies among all images, and how many real images both rest on."""

    neighbours: tuple[Neighbour, ...]
    scores: tuple[Score, ...]
    calibrators: int
    identical: int
    """Of all synthetic images, those that cannot be told from a training image."""


def nearest_pairs(
    synthetic_data: DataSet,
    training_data: DataSet,
    synthetic: FeatureSet,
    training: FeatureSet,
    held_out: FeatureSet | None,
    shown: int,
    hidden: frozenset[str],
    rng: np.random.Generator,
    notes: list[str],
) -> Pairs:
    """Pairs of `shown` synthetic images, some picked for being close and some at random.

    Pairs with a training image of a name in `hidden` are counted like all others and not picked to be shown.
    Percentiles are shares of held-out images, or of training images left out in turn where none is held out.
    """
    if len(training) < 3:
        notes.append("Fewer than three training images: nearest neighbours were left out.")
        return Pairs((), (), 0, 0)
    found = nearest_training_image(synthetic.appearance, training.appearance)
    calibration, calibrated_on = _calibration(training, held_out)
    percentiles = percentile_among(found.ratio, calibration)
    test = copy_test(found.ratio, calibration)
    nearest = [training_data.names[int(training.indices[i])] for i in found.index]
    may_be_shown = np.flatnonzero([name not in hidden for name in nearest])
    picked = _shown(may_be_shown, found, shown, rng)
    neighbours = tuple(
        Neighbour(
            synthetic=synthetic_data.names[int(synthetic.indices[i])],
            real=nearest[i],
            distance=float(found.ratio[i]),
            drawn=drawn,
            percentile=float(percentiles[i]),
        )
        for i, drawn in picked
    )
    closest = sum(drawn == "as closest" for _, drawn in picked)
    notes.append(
        f"Of the {len(picked)} pairs of synthetic and nearest training image the first {closest} are the closest "
        f"of {'all ' if len(may_be_shown) == len(synthetic) else ''}{len(may_be_shown)}, the others were drawn at "
        "random."
    )
    if len(may_be_shown) < len(synthetic):
        notes.append(
            f"The nearest training image of {len(synthetic) - len(may_be_shown)} synthetic images seems to show text; "
            "such pairs are counted but not shown."
        )
    score = copy_score(
        test,
        images=len(synthetic),
        calibrators=len(calibration),
        training=len(training),
        fingerprint=(
            f"appearance/1 16x16 ratio=1:10 training={training.digest[:12]} "
            f"calibration={(held_out or training).digest[:12]} n={len(synthetic)}"
        ),
        calibrated_on=calibrated_on,
    )
    return Pairs(neighbours, (score,), len(calibration), test.identical)


def _calibration(training: FeatureSet, held_out: FeatureSet | None) -> tuple[NDArray[np.float64], str]:
    """Ratios of real images that nobody copied, and what they are called."""
    if held_out is not None:
        unlike = held_out.take(held_out.first_occurrences())
        return nearest_training_image(unlike.appearance, training.appearance).ratio, "held-out"
    appearance = training.appearance
    return nearest_training_image(appearance, appearance, same_set=True).ratio, "other training"


def _shown(
    candidates: NDArray[np.int64], found: Nearest, count: int, rng: np.random.Generator
) -> list[tuple[int, Literal["at random", "as closest"]]]:
    """Half drawn at random, and before them the closest of the rest: either alone would mislead."""
    count = min(count, len(candidates))
    random = {int(i) for i in rng.permutation(candidates)[: count // 2]}
    in_order = candidates[np.argsort(found.ratio[candidates], kind="stable")]
    by_closeness = [int(i) for i in in_order if int(i) not in random]
    closest = by_closeness[: count - len(random)]
    return [(i, "as closest") for i in closest] + [(i, "at random") for i in sorted(random)]
