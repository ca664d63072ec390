"""Paired bootstrap over patients and seeds: intervals of balanced accuracies and of their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gist.stages.utility import Interval
from gist.utility.arms import random_numbers
from gist.utility.counts import Z_95
from gist.utility.pools import Groups, Labels

REPEATS = 2000
Z_POWER = 0.841621
"""Normal quantile of 80 % power."""
Repeats = NDArray[np.float64]
"""[REPEATS] values of one statistic."""


@dataclass(frozen=True)
class SeedDraws:
    """The seeds of every repeat, shared by all arms, so that differences are paired."""

    shares: NDArray[np.float64]
    """[REPEATS, S] how large a part of the repeat each seed is; rows sum to 1."""

    @classmethod
    def drawn(cls, seeds: int, seed: int) -> SeedDraws:
        rng = random_numbers(seed, "bootstrap seeds")
        return cls(rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=REPEATS) / seeds)


@dataclass(frozen=True)
class ImageDraws:
    """How often each image of a test set is in every repeat; images of one patient come and go together."""

    truth: Labels
    times: NDArray[np.float64]
    """[REPEATS, N]."""
    seeds: SeedDraws

    @classmethod
    def drawn(cls, truth: Labels, groups: Groups, seeds: SeedDraws, seed: int, purpose: str) -> ImageDraws:
        rng = random_numbers(seed, f"bootstrap {purpose}")
        _, numbers = np.unique(groups, return_inverse=True)
        patients = int(numbers.max()) + 1
        times = rng.multinomial(patients, np.full(patients, 1 / patients), size=REPEATS)
        return cls(truth, times[:, numbers].astype(np.float64), seeds)

    def balanced_accuracy(self, predicted_SN: Labels) -> Repeats:
        """Balanced accuracy of each repeat; a class of which it holds no image is left out of the mean."""
        right_RN = self.seeds.shares @ (predicted_SN == self.truth)
        classes = np.arange(int(self.truth.max()) + 1)
        member_NK = (self.truth[:, None] == classes).astype(np.float64)
        there_RK = self.times @ member_NK
        right_RK = (self.times * right_RN) @ member_NK
        recall_RK = np.divide(right_RK, there_RK, out=np.full_like(right_RK, np.nan), where=there_RK > 0)
        return np.asarray(np.nanmean(recall_RK, axis=1), np.float64)


def interval(value: float, repeats: Repeats) -> Interval:
    """The value with its 95 % percentile interval."""
    low, high = np.quantile(repeats, [0.025, 0.975])
    return Interval(value=value, low=float(low), high=float(high))


def smallest_detectable(repeats: Repeats) -> float:
    """The difference that such an experiment finds with 80 % power at 5 % two-sided error."""
    return float((Z_95 + Z_POWER) * repeats.std(ddof=1))
