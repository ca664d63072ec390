"""What each arm learns from: equally many images of each class on both sides, drawn anew for every seed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gist.utility.pools import Labels, Pool, Pools

Training = Literal["Base", "GAN-train", "Real+Synthetic", "shuffled labels", "subset"]
CURVE_SHARES = (0.125, 0.25, 0.5)
"""Shares of the real images that the size curve learns from, besides all of them."""
LEAST_PER_CLASS = 4


@dataclass(frozen=True)
class Arm:
    """One way of training a classifier."""

    training: Training
    share: float = 1.0
    """Share of the real images, for the size curve."""

    @property
    def name(self) -> str:
        return self.training if self.training != "subset" else f"{self.share:g} of the real images"


ARMS = (
    Arm("Base"),
    Arm("GAN-train"),
    Arm("Real+Synthetic"),
    Arm("shuffled labels"),
    *(Arm("subset", share) for share in CURVE_SHARES),
)


def images_per_class(pools: Pools, most: int) -> Labels:
    """[K] images of each class that every arm learns from: as many as both sides have, at most `most`."""
    classes = len(pools.class_names)
    both = np.minimum(pools.real.counts(classes), pools.synthetic.counts(classes))
    return np.minimum(both, most).astype(np.int64)


def training_images(arm: Arm, pools: Pools, per_class: Labels, seed: int) -> Pool:
    """What the arm learns from. Draws follow from `seed`; a smaller share is part of every larger one."""
    real = pools.real.take(_drawn(pools.real.labels, per_class, seed, "real"))
    if arm.training == "subset":
        return real.take(
            np.concatenate(list(_first_of_each(real.labels, subset_sizes(per_class, arm.share))))
        )
    if arm.training == "shuffled labels":
        return _with_shuffled_labels(real, len(per_class), seed)
    if arm.training == "Base":
        return real
    synthetic = pools.synthetic.take(_drawn(pools.synthetic.labels, per_class, seed, "synthetic"))
    if arm.training == "GAN-train":
        return synthetic
    return Pool(
        np.concatenate([real.images, synthetic.images]),
        np.concatenate([real.labels, synthetic.labels]),
        np.concatenate([real.groups, synthetic.groups]),
    )


def validation_images(arm: Arm, pools: Pools, seed: int) -> Pool:
    """By what the arm chooses its best step: real images of other patients, the same for all arms.

    With shuffled labels these are shuffled too, or the choice would tell the true ones.
    """
    if arm.training == "shuffled labels":
        return _with_shuffled_labels(pools.validation, len(pools.class_names), seed)
    return pools.validation


def synthetic_test_images(pools: Pools, seed: int) -> Pool:
    """Synthetic images in the test images' mix of classes, as many as there are but no more than these."""
    classes = len(pools.class_names)
    wanted, there = pools.test.counts(classes), pools.synthetic.counts(classes)
    share = min(1.0, float(np.min(there / wanted)))
    per_class = np.maximum(1, np.floor(share * wanted + 1e-9)).astype(np.int64)
    return pools.synthetic.take(_drawn(pools.synthetic.labels, per_class, seed, "test"))


def subset_sizes(per_class: Labels, share: float) -> Labels:
    """[K] images of each class in a part of the real images."""
    sizes: Labels = np.maximum(1, np.rint(share * per_class)).astype(np.int64)
    return sizes


def random_numbers(seed: int, purpose: str) -> np.random.Generator:
    """Every draw is a function of (seed, purpose)."""
    digest = hashlib.sha256(f"{seed}/utility/{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


def _drawn(labels: Labels, per_class: Labels, seed: int, purpose: str) -> Labels:
    rng = random_numbers(seed, purpose)
    order = rng.permutation(len(labels))
    drawn: Labels = order[np.concatenate(list(_first_of_each(labels[order], per_class)))]
    return drawn


def _first_of_each(labels: Labels, per_class: Labels) -> Iterator[Labels]:
    for label, count in enumerate(per_class):
        yield np.flatnonzero(labels == label)[:count]


def _with_shuffled_labels(pool: Pool, classes: int, seed: int) -> Pool:
    """Each class's images get every label equally often, so that not even a chance link to the truth is left."""
    rng = random_numbers(seed, "shuffle")
    labels = np.empty_like(pool.labels)
    for label in range(classes):
        where = rng.permutation(np.flatnonzero(pool.labels == label))
        labels[where] = (np.arange(len(where)) + rng.integers(classes)) % classes
    return Pool(pool.images, labels, pool.groups)
