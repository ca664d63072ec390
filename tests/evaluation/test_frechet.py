from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from gist.errors import InputError
from gist.metrics.frechet import frechet_distance

Array = NDArray[np.float64]


def whitened(n: int, d: int, seed: int) -> Array:
    """A sample whose mean is exactly 0 and whose covariance (n - 1) is exactly the identity."""
    x = np.random.default_rng(seed).normal(size=(n, d))
    x -= x.mean(axis=0)
    left, _, right = np.linalg.svd(x, full_matrices=False)
    whitened_: Array = left @ right * np.sqrt(n - 1)
    return whitened_


def by_square_root(x: Array, y: Array) -> float:
    covariances = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    shift = x.mean(axis=0) - y.mean(axis=0)
    root = sqrtm(covariances[0] @ covariances[1]).real
    return float(shift @ shift + np.trace(covariances[0] + covariances[1] - 2 * root))


def test_known_scales_and_shift_give_the_closed_form() -> None:
    sample = whitened(64, 5, 0)
    x = sample * np.array([1, 2, 3, 0.5, 1.5])
    y = sample * np.array([2, 2, 1, 1, 3]) + np.array([1, 0, -1, 2, 0])
    assert frechet_distance(x, y) == pytest.approx(13.5, abs=1e-9)


def test_a_shift_alone_counts_as_its_square() -> None:
    sample = whitened(64, 5, 0)
    assert frechet_distance(sample, sample + np.array([1, 0, -1, 2, 0])) == pytest.approx(6.0, abs=1e-9)


def test_identical_samples_have_no_distance() -> None:
    sample = whitened(64, 5, 0) * np.array([1, 2, 3, 0.5, 1.5])
    assert abs(frechet_distance(sample, sample)) < 1e-10


@pytest.mark.parametrize(("n", "m", "d"), [(400, 400, 30), (300, 500, 64)])
def test_it_agrees_with_the_matrix_square_root(n: int, m: int, d: int) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    y = rng.normal(size=(m, d)) @ rng.normal(size=(d, d)) + rng.normal(size=d)
    assert frechet_distance(x, y) == pytest.approx(by_square_root(x, y), rel=1e-5)


def test_fewer_images_than_features_still_give_a_finite_distance() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(12, 200)), rng.normal(size=(15, 200))
    tall = np.concatenate([x, np.zeros((12, 400))], axis=1)
    assert frechet_distance(x, y) > 0
    assert frechet_distance(tall, np.concatenate([y, np.zeros((15, 400))], axis=1)) == pytest.approx(
        frechet_distance(x, y), rel=1e-9
    )


def by_roots(x: Array, y: Array) -> float:
    """From triangular roots and singular values, which lose no digits to squares."""
    shift = x.mean(axis=0) - y.mean(axis=0)
    a, b = (np.linalg.qr(s - s.mean(axis=0), mode="r") / np.sqrt(len(s) - 1) for s in (x, y))
    nuclear = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    return float(shift @ shift + (a**2).sum() + (b**2).sum() - 2 * nuclear)


@pytest.mark.parametrize(
    ("n", "m", "rank"), [(300, 300, 200), (300, 300, 40), (150, 150, 200), (300, 150, 200), (500, 300, 199)]
)
def test_singular_covariances_and_steep_spectra_keep_six_digits(n: int, m: int, rank: int) -> None:
    rng = np.random.default_rng(3)
    turn, _ = np.linalg.qr(rng.normal(size=(200, 200)))
    steep = np.zeros(200)
    steep[:rank] = 1e-3 + 1 / np.arange(1, rank + 1) ** 1.5  # as steep a spectrum as network features have
    x, y = rng.normal(size=(n, 200)) * steep @ turn, rng.normal(size=(m, 200)) * steep @ turn + 0.001
    full = rng.normal(size=(m, 200)) / np.arange(1, 201)
    for a, b in ((x, y), (x, full), (full, x)):
        assert frechet_distance(a, b) == pytest.approx(by_roots(a, b), rel=1e-6)
    assert frechet_distance(x, x) == pytest.approx(0.0, abs=1e-10)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 40), d=st.integers(1, 12))
def test_rotation_shift_and_order_change_nothing(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, d)), 2 * rng.normal(size=(n + 1, d)) + 1
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    move = rng.normal(size=d)
    expected = frechet_distance(x, y)
    assert frechet_distance(x @ turn + move, y @ turn + move) == pytest.approx(expected, rel=1e-8, abs=1e-8)
    assert frechet_distance(rng.permutation(y), rng.permutation(x)) == pytest.approx(
        expected, rel=1e-8, abs=1e-8
    )
    assert expected > -1e-9


@pytest.mark.parametrize(
    ("x", "y", "words"),
    [
        (np.ones((1, 3)), np.ones((5, 3)), "first set has 1 images"),
        (np.ones((5, 3)), np.ones((1, 3)), "second set has 1 images"),
        (np.full((5, 3), np.nan), np.ones((5, 3)), "not finite"),
        (np.ones((5, 3)), np.ones((5, 4)), "3 and 4 features"),
        (np.ones(5), np.ones((5, 3)), "no table"),
    ],
)
def test_unfit_features_are_refused_with_the_reason(x: Array, y: Array, words: str) -> None:
    with pytest.raises(InputError, match=words):
        frechet_distance(x, y)


def test_constant_features_are_at_distance_zero() -> None:
    assert frechet_distance(np.ones((5, 3)), np.ones((5, 3))) == 0.0


@pytest.mark.parametrize("seed", range(20))
def test_a_set_is_never_less_than_nothing_apart_from_itself(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(40, 12))
    assert 0.0 <= frechet_distance(x, x) < 1e-9
    assert str(round(frechet_distance(x, x), 2)) == "0.0"
