"""Snapshots held against images that training never saw: KID for choosing the best, and overfitting."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gist.generators.learning.images import TrainingImages
from gist.generators.learning.learner import Held, Learner
from gist.generators.synthesis import synthesise
from gist.images.archive import DataSet
from gist.images.png import as_unit
from gist.images.tensors import tensor_of_unit
from gist.metrics.extractors import Radiomics
from gist.metrics.features import Standardiser, extract
from gist.metrics.kid import kernel_distance

IMAGES = 200
"""Images per side. Fewer scatter too much to choose by, more cost more than they tell."""
FEWEST = 50
_FIRST_SEED = 2**40
"""Far from the seeds that anybody generates from."""


@dataclass(frozen=True)
class SnapshotScore:
    """What a snapshot is worth on held-out images."""

    kid: float
    """KID[radiomics] against them, unbiased; lower is better."""
    kid_error: float
    """Its standard error by the jackknife."""
    overfitting: float | None
    """0: the learner treats held-out images as it does training images; 1: as it does generated ones."""


class HoldOut:
    """Equally many held-out, training and synthetic images, with the held-out classes' mix."""

    def __init__(self, training: TrainingImages, held_out: DataSet, *, seed: int, cache: Path) -> None:
        random = np.random.default_rng(seed)
        chosen = np.sort(random.permutation(len(held_out))[:IMAGES]).astype(np.int64)
        similar = np.sort(random.permutation(len(training.data_set))[:IMAGES]).astype(np.int64)
        self._training = training
        self._held_out = held_out
        self._chosen, self._similar = chosen, similar
        self._extractor = Radiomics(held_out.resolution)
        known = extract(training.data_set, similar, self._extractor, "training", cache, lambda _: None)
        real = extract(held_out, chosen, self._extractor, "held-out", cache, lambda _: None)
        self._standardise = Standardiser.fitted(known, self._extractor.identity)
        self._real_NF = self._standardise(real.features)

    @property
    def count(self) -> int:
        """Images per side."""
        return len(self._chosen)

    def score(self, learner: Learner) -> SnapshotScore:
        """Draws as many images as are held out (at most `IMAGES`) and compares."""
        labels = self._held_out.labels[self._chosen]
        count = len(labels)
        seeds = range(_FIRST_SEED, _FIRST_SEED + count)
        drawn = np.stack(list(synthesise(learner.model, seeds, labels.tolist())))
        features = self._extractor.features(np.stack([as_unit(image) for image in drawn]))
        kid = kernel_distance(self._standardise(features), self._real_NF)
        own = self._training.data_set
        overfitting = learner.overfitting(
            self._held(_unit(own, self._similar), own.labels[self._similar]),
            self._held(_unit(self._held_out, self._chosen), labels),
            self._held(drawn.astype(np.float32) / np.float32(255), labels),
        )
        return SnapshotScore(kid.value, kid.standard_error, overfitting)

    def _held(self, x_NHW: NDArray[np.float32], labels: NDArray[np.int64]) -> Held:
        return Held(tensor_of_unit(x_NHW), self._training.one_hot(torch.from_numpy(labels)))


def _unit(data: DataSet, indices: NDArray[np.int64]) -> NDArray[np.float32]:
    """Images [N, H, W] or [N, H, W, 3] in 0-1."""
    return np.stack([as_unit(image) for image in data.images(indices)])
