"""Scores of real images against real images: what they must read when nothing is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from known_images import knees
from numpy.typing import NDArray
from scipy.stats import kstest

from gist.metrics.extractors import Radiomics
from gist.metrics.features import Standardiser
from gist.metrics.group_measures import Sides, relative_frechet
from gist.metrics.kid import kernel_distance

Array = NDArray[np.float64]


def radiograph_like(rng: np.random.Generator, n: int, features: int = 24) -> Array:
    """Features with a steep spectrum, long tails and two kinds of image."""
    spread = 1 / np.sqrt(np.arange(1, features + 1))
    x = rng.standard_t(6, size=(n, features)) * spread
    x[: n // 3] += 0.5 * spread
    return np.asarray(rng.permutation(x), np.float64)


def test_the_relative_frechet_distance_of_real_halves_is_one() -> None:
    ratios = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = [radiograph_like(rng, 400) for _ in range(2)]
        sides = Sides(x[0], x[1], x[1], x[1], x[1], np.zeros(400, "<U1"))
        ratios.append(relative_frechet(sides, seed).synthetic)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)


def test_kid_p_values_of_real_halves_are_uniform_over_200_repeats() -> None:
    p_values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = kernel_distance(
            radiograph_like(rng, 40), radiograph_like(rng, 40), permutations=199, seed=seed
        )
        p_values.append(found.p_value)
    assert kstest(np.asarray(p_values, np.float64), "uniform").pvalue > 0.05
    for level in (0.05, 0.1, 0.5):
        share = np.mean([p is not None and p <= level for p in p_values])
        assert abs(share - level) < 3 * np.sqrt(level * (1 - level) / 200)


@pytest.fixture(scope="module")
def knee_features(shared_dir: Path) -> Array:
    """Standardised radiomics features [N, F] of the held-out knees, in random order."""
    images = np.concatenate(list(knees(shared_dir, "val", (0, 3, 4)).values())).astype(np.float32) / 255
    features = Radiomics(64).features(np.random.default_rng(0).permutation(images))
    mean, std = features.mean(axis=0), features.std(axis=0)
    return Standardiser(mean, np.where(std > 1e-6, std, 1.0), "")(features)


def test_the_relative_frechet_distance_of_halves_of_real_knees_is_one(knee_features: Array) -> None:
    ratios = []
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(len(knee_features))
        half = len(order) // 2
        a, b = knee_features[order[:half]], knee_features[order[half : 2 * half]]
        sides = Sides(a, b, b, b, b, np.zeros(half, "<U1"))
        ratios.append(relative_frechet(sides, seed).synthetic)
    assert np.mean(ratios) == pytest.approx(1.0, abs=0.02)


def test_kid_p_values_of_halves_of_real_knees_are_uniform_over_200_repeats(knee_features: Array) -> None:
    p_values = []
    for seed in range(200):
        order = np.random.default_rng(seed).permutation(len(knee_features))[:200]
        found = kernel_distance(
            knee_features[order[:100]], knee_features[order[100:]], permutations=99, seed=seed
        )
        p_values.append(found.p_value)
    assert kstest(np.asarray(p_values, np.float64), "uniform").pvalue > 0.05
    for level in (0.05, 0.1, 0.5):
        share = np.mean([p is not None and p <= level for p in p_values])
        assert abs(share - level) < 3 * np.sqrt(level * (1 - level) / 200)
