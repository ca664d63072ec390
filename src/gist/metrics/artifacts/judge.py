"""All detectors together: one p-value per image and the reason that weighs most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from gist.errors import InputError
from gist.metrics.artifacts.p_values import conformal_p_values
from gist.metrics.artifacts.patches import LayoutDetector, PatchDetector
from gist.metrics.artifacts.pictures import BATCH, Pictures
from gist.metrics.artifacts.spectra import BlurDetector, PeakDetector, RadialDetector
from gist.metrics.artifacts.typicality import FeatureDetector, NeighbourDetector, RealismDetector
from gist.metrics.extractors.intensity import pooled

LEAST_TRAINING = 60
LEAST_HELD_OUT = 20
HEAT_SIDE = 32
"""Side of a heat map, or half the image's where that is smaller."""
_LEVELLING_SHARE = 0.25


class Detector(Protocol):
    """Scores pictures; fitted on most training images, levelled on the rest of them."""

    name: str

    def score(self, pictures: Pictures) -> NDArray[np.float64]:
        """[N], higher is worse."""


@dataclass(frozen=True)
class Judgement:
    """What was found on N images."""

    detectors: tuple[str, ...]
    p_values: NDArray[np.float64]
    """[N] share of held-out real images that look at least as wrong; uniform for real images."""
    by_detector: NDArray[np.float64]
    """[N, D] p-values of the single detectors."""
    reason: NDArray[np.int64]
    """[N] the detector that weighed most in the joint score."""
    score: NDArray[np.float64]
    """[N] the joint score, which ranks images beyond the smallest p-value."""
    heat_maps: NDArray[np.float32]
    """[N, h, w] where an image looks unlike that place in real ones; 95 % of real images stay below 1."""

    def worst(self, count: int) -> NDArray[np.int64]:
        """Positions of the worst images, worst first."""
        return np.argsort(-self.score, kind="stable")[:count].astype(np.int64)

    def reasons(self) -> list[str]:
        """[N] name of the detector that weighed most."""
        return [self.detectors[int(number)] for number in self.reason]

    @classmethod
    def joined(cls, parts: Sequence[Judgement]) -> Judgement:
        """All images of some judgements by one judge."""
        return cls(
            parts[0].detectors,
            np.concatenate([part.p_values for part in parts]),
            np.concatenate([part.by_detector for part in parts]),
            np.concatenate([part.reason for part in parts]),
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.heat_maps for part in parts]),
        )


class ArtifactJudge:
    """Learns what real training images look like and calibrates on held-out real ones.

    The joint score is the logarithm of the summed exponentials of the detectors' scores, each in units of its own
    upper tail on training images that it was not fitted on: a soft maximum, which on injected defects found more
    than the maximum. Distance to the third neighbour and realism are reported and left out of it, as they repeat
    the feature distance (correlation 0.9) and dilute the rest. P-values rest on held-out images only, which no
    detector has seen, so that a share a of further real images gets a p-value of at most a, whatever the
    detectors are worth.

    Raises:
        InputError: fewer than 60 training or 20 held-out images, or images of unlike size.
    """

    def __init__(self, training: Pictures, held_out: Pictures, seed: int = 0) -> None:
        _check(training, held_out)
        self._shape = training.grey.shape[1:]
        order = np.random.default_rng(seed).permutation(len(training))
        split = int(_LEVELLING_SHARE * len(training))
        levelling, fitting = training.take(order[:split]), training.take(order[split:])
        self._patches = PatchDetector(fitting, levelling)
        joint: tuple[Detector, ...] = (
            LayoutDetector(fitting, levelling),
            PeakDetector(fitting),
            RadialDetector(fitting),
            BlurDetector(fitting),
            FeatureDetector(fitting),
        )
        self._others = (*joint, NeighbourDetector(fitting), RealismDetector(fitting))
        self._in_joint = 1 + len(joint)
        raw = self._raw(levelling)[0]
        middle, upper = np.quantile(raw, (0.5, 0.95), axis=0)
        self._middle, self._tail = middle, np.maximum(upper - middle, 1e-6)
        self._held_out = self._levelled(held_out)[0]

    @property
    def held_out(self) -> int:
        """Number of real images behind the p-values."""
        return len(self._held_out)

    def judge(self, pictures: Pictures) -> Judgement:
        """Judges pictures.

        Raises:
            InputError: they have another size than the training images.
        """
        if pictures.grey.shape[1:] != self._shape:
            raise InputError(
                f"The images to judge are {pictures.grey.shape[2]}x{pictures.grey.shape[1]} and the real ones "
                f"{self._shape[1]}x{self._shape[0]}; bring both to one size."
            )
        levelled, heat_maps = self._levelled(pictures)
        joint = self._joint(levelled)
        columns = [conformal_p_values(levelled[:, d], self._held_out[:, d]) for d in range(levelled.shape[1])]
        return Judgement(
            detectors=(self._patches.name, *(detector.name for detector in self._others)),
            p_values=conformal_p_values(joint, self._joint(self._held_out)),
            by_detector=np.stack(columns, axis=1),
            reason=levelled[:, : self._in_joint].argmax(axis=1).astype(np.int64),
            score=joint,
            heat_maps=heat_maps,
        )

    def _joint(self, levelled: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(logsumexp(levelled[:, : self._in_joint], axis=1), np.float64)

    def _levelled(self, pictures: Pictures) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        raw, heat_maps = self._raw(pictures)
        return (raw - self._middle) / self._tail, heat_maps

    def _raw(self, pictures: Pictures) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Scores [N, D] of all detectors, and heat maps [N, h, w]."""
        scores, heat_maps = [], []
        for start in range(0, len(pictures), BATCH):
            batch = pictures.take(slice(start, start + BATCH))
            heat = self._patches.heat_map(batch)
            columns = [self._patches.score(heat), *(detector.score(batch) for detector in self._others)]
            scores.append(np.stack(columns, axis=1))
            small = heat.astype(np.float32)
            heat_maps.append(pooled(small, max(1, small.shape[1] // HEAT_SIDE)))
        return np.concatenate(scores), np.concatenate(heat_maps)


def _check(training: Pictures, held_out: Pictures) -> None:
    for what, pictures, least in (
        ("training", training, LEAST_TRAINING),
        ("held-out", held_out, LEAST_HELD_OUT),
    ):
        if len(pictures) < least:
            raise InputError(
                f"There are {len(pictures)} {what} images and finding artifacts needs at least {least}; add images."
            )
    if training.grey.shape[1:] != held_out.grey.shape[1:]:
        raise InputError(
            "The training and held-out images differ in size; prepare both with one prepare.resolution."
        )


MOST_TRAINING = 1000
"""Training images that the detectors learn from; more took longer and found no more on knees of 64 pixels."""
