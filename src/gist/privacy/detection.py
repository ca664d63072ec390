"""Are more synthetic images suspiciously near to training images than hold-out images are, and would that show?

One test over all views: each image counts by the view in which it is nearest. Synthetic images nearer than the r-th
nearest hold-out image are counted, for several r; the smallest chance of such a count is the statistic. Where synthetic
images are no nearer than hold-out ones, every way of dealing the two names to the pooled images is equally likely: its
distribution follows by dealing them anew, whatever the views have in common.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

RANKS = (1, 3)
DEALS = 1999
_HEAD = 400
"""Nearest images of a pool within which counts are made: a longer run of synthetic images is as certain as this one."""

Ratios = NDArray[np.float64]


@dataclass(frozen=True)
class SetTest:
    """The test for sets of given sizes."""

    calibrators: int
    synthetic: int

    @cached_property
    def chances(self) -> NDArray[np.float64]:
        """[R, C] chance, where nobody copied, that C or more synthetic images lie before the r-th calibrator."""
        pool, counts = self.calibrators + self.synthetic, np.arange(_HEAD + 1)
        return np.stack(
            [
                np.where(counts == 0, 1.0, hypergeom.sf(counts - 1, pool, self.synthetic, counts + rank - 1))
                for rank in RANKS
            ]
        )

    def smallest(self, order_VP: NDArray[np.int64], synthetic_DP: NDArray[np.bool_]) -> NDArray[np.float64]:
        """[D, V] smallest chance over ranks, for each of D ways in which the names may be dealt to the pool.

        `order_VP` has the pool's positions in each view, nearest first.
        """
        found = np.ones((len(synthetic_DP), len(order_VP)))
        for view, order in enumerate(order_VP):
            head = synthetic_DP[:, order[:_HEAD]]
            seen_calibrators = np.cumsum(~head, axis=1)
            for row, rank in enumerate(RANKS):
                before = (head & (seen_calibrators < rank)).sum(axis=1)
                found[:, view] = np.minimum(found[:, view], self.chances[row, before])
        return found


@dataclass(frozen=True)
class Found:
    """Outcome of the test on one set."""

    p_value: float
    """Chance of so much nearness by luck, each image taken by the view in which it is nearest."""
    p_by_view: tuple[float, ...]
    """In each view alone."""
    suspicious: NDArray[np.int64]
    """Synthetic images nearer than every calibrator in some view."""


def ordered(pool_PV: Ratios) -> NDArray[np.int64]:
    """[V + 1, P] positions of a pool, nearest first, in each view and by the view in which each is nearest."""
    jointly = deepest(pool_PV, pool_PV)
    return np.stack([np.argsort(values, kind="stable") for values in (*pool_PV.T, jointly)])


def deepest(ratios_NV: Ratios, reference_PV: Ratios) -> NDArray[np.float64]:
    """[N] nearness in the view in which each image is nearest; lower is nearer.

    To compare views, logarithms are counted from the reference's median in steps to its tenth percentile.
    """
    depth, reference = (np.log(np.maximum(each, 1e-6)) for each in (ratios_NV, reference_PV))
    middle, tenth = np.quantile(reference, (0.5, 0.1), axis=0)
    nearest: NDArray[np.float64] = ((depth - middle) / np.maximum(middle - tenth, 1e-6)).min(axis=1)
    return nearest


def detect(synthetic_NV: Ratios, calibrators_MV: Ratios, rng: np.random.Generator) -> Found:
    """The test on synthetic images against calibrators, which nobody copied, both [., V]."""
    n, m = len(synthetic_NV), len(calibrators_MV)
    # Calibrators first, so that a tie never counts as nearness of a synthetic image.
    order = ordered(np.concatenate([calibrators_MV, synthetic_NV]))
    test = SetTest(m, n)
    truth = np.arange(m + n) >= m
    by_view = test.smallest(order, truth[None])[0]
    dealt = test.smallest(order, _dealt(truth, rng))
    *p_by_view, p_value = (_share(column, value) for column, value in zip(dealt.T, by_view, strict=True))
    return Found(
        p_value=p_value,
        p_by_view=tuple(p_by_view),
        suspicious=np.flatnonzero((synthetic_NV < calibrators_MV.min(0)).any(1)),
    )


@dataclass(frozen=True)
class Power:
    """Share of repeats in which copies were found, over all views and in each."""

    rate: float
    by_view: tuple[float, ...]


def critical(dealt_DV: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """[V] the largest values of the statistic that luck alone reaches at no more than this rate."""
    values = np.quantile(dealt_DV, rate, axis=0, method="lower")
    # Counts are whole, so many deals share a value: one step lower where it comes too often.
    lower = np.where(dealt_DV < values, dealt_DV, -np.inf).max(axis=0)
    limits: NDArray[np.float64] = np.where((dealt_DV <= values).mean(0) <= rate, values, lower)
    return limits


@dataclass
class Rehearsal:
    """Sets of the size of the audited one, made of hold-out images with copies planted among them."""

    hold_out: Ratios
    """[M, V]"""
    synthetic: int
    rng: np.random.Generator

    def __post_init__(self) -> None:
        self.test = SetTest(len(self.hold_out), self.synthetic)
        pool = self._drawn(len(self.hold_out) + self.synthetic)
        self.luck = self.test.smallest(ordered(pool), _dealt(self._truth, self.rng))

    @property
    def _truth(self) -> NDArray[np.bool_]:
        return np.arange(self.test.calibrators + self.synthetic) >= self.test.calibrators

    def power(self, planted_KV: Ratios, copies: int, rates: tuple[float, ...], repeats: int) -> list[Power]:
        """How often so many of the planted images are found, at each rate of false alarms."""
        found = np.stack([self._statistics(planted_KV, copies) for _ in range(repeats)])
        shares = [(found <= critical(self.luck, rate)).mean(0).tolist() for rate in rates]
        return [Power(rate=share[-1], by_view=tuple(share[:-1])) for share in shares]

    def _statistics(self, planted_KV: Ratios, copies: int) -> NDArray[np.float64]:
        chosen = self.rng.choice(len(planted_KV), copies, replace=copies > len(planted_KV))
        pool = np.concatenate([self._drawn(len(self._truth) - copies), planted_KV[chosen]])
        smallest: NDArray[np.float64] = self.test.smallest(ordered(pool), self._truth[None])[0]
        return smallest

    def _drawn(self, count: int) -> Ratios:
        """Hold-out images drawn with replacement, told apart by less than a rounding error."""
        drawn = self.hold_out[self.rng.integers(len(self.hold_out), size=count)]
        jittered: Ratios = drawn * (1 + 1e-9 * self.rng.random(drawn.shape))
        return jittered


def alarms(
    ratios_NV: Ratios, patients_N: NDArray[np.str_], repeats: int, rate: float, rng: np.random.Generator
) -> int:
    """In how many of the repeats one half, by patient, is called copies when the other half calibrates."""
    names, patient = np.unique(patients_N, return_inverse=True)
    order = ordered(ratios_NV)
    half = np.arange(len(ratios_NV)) < len(ratios_NV) // 2
    test = SetTest(int((~half).sum()), int(half.sum()))
    limit = critical(test.smallest(order, _dealt(half, rng)), rate)[-1]
    count = 0
    for _ in range(repeats):
        side = rng.permutation(len(names)) < len(names) // 2
        synthetic = side[patient]
        sizes = SetTest(int((~synthetic).sum()), int(synthetic.sum()))
        count += int(sizes.smallest(order, synthetic[None])[0, -1] <= limit)
    return count


def _dealt(truth_P: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    return np.stack([rng.permutation(truth_P) for _ in range(DEALS)])


def _share(dealt_D: NDArray[np.float64], value: float) -> float:
    return float((1 + (dealt_D <= value).sum()) / (1 + len(dealt_D)))
