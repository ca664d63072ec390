"""Are some patients copied or left out more than others? Coverage and the audit's test for each category of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gist.metrics.intervals import unlike, wilson
from gist.privacy.audit import LEAST_IMAGES, Looks, Sets, nearness
from gist.privacy.detection import detect
from gist.privacy.measures import distance
from gist.privacy.views import Looked, Viewer
from gist.stages.privacy import SubgroupAudit

NEIGHBOURS = 5
UNLIKE = 10
"""Synthetic images of a category that must differ: one picture drawn again and again is near something by luck."""
Categories = Mapping[str, NDArray[np.str_]]


def by_subgroup(
    sets: Sets, looks: Looks, viewer: Viewer, training: Categories, hold_out: Categories, seed: int
) -> tuple[SubgroupAudit, ...]:
    """For each category of the real images how well synthetic ones cover it, and how near they come to its training
    images beside hold-out images whose nearest training image is of it too.

    What nobody copied is as near by either name, whichever training images are looked at; so the audit's test holds in
    each category alone. None, or grey: fewer than 20 images on a side, or synthetic ones that are all alike.
    """
    rng = np.random.default_rng([seed, 6])
    if not training:
        return ()
    H, S = viewer.vectors(sets.hold_out), viewer.vectors(sets.synthetic)
    covered = distance(H, S) <= distance(H, H, min(NEIGHBOURS + 1, len(H)))  # the nearest is itself
    nearest_S, nearest_H = (_nearest(each, looks.hold_out) for each in (looks.synthetic, looks.hold_out))
    found = []
    for column, of_training in training.items():
        for category in sorted({*of_training.tolist(), *hold_out[column].tolist()} - {""}):
            ours, theirs = (of_training[each] == category for each in (nearest_S, nearest_H))
            of_it = hold_out[column] == category
            enough = of_it.sum() >= LEAST_IMAGES
            share = float(covered[of_it].mean()) if enough else None
            low, high = (None, None) if share is None else wilson(share, int(of_it.sum()))
            near = None
            if min(ours.sum(), theirs.sum()) >= LEAST_IMAGES and unlike(nearest_S[ours]) >= UNLIKE:
                near = detect(looks.synthetic.ratio[ours], looks.hold_out.ratio[theirs], rng)
            found.append(
                SubgroupAudit(
                    column=column,
                    category=category,
                    training=int((of_training == category).sum()),
                    hold_out=int(of_it.sum()),
                    coverage=share,
                    low=low,
                    high=high,
                    nearest=int(ours.sum()),
                    suspicious=0 if near is None else len(near.suspicious),
                    p_value=None if near is None else near.p_value,
                )
            )
    return tuple(found)


def _nearest(looked: Looked, hold_out: Looked) -> NDArray[np.int64]:
    """[N] the training image that is nearest, in the view in which the image is nearest."""
    _, view = nearness(looked, hold_out)
    return looked.nearest[np.arange(len(view)), view]
