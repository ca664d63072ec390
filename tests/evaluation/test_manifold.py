from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics.diversity import vendi_score
from gist.metrics.manifold import first_occurrences, kth_smallest, manifold

Array = NDArray[np.float64]


def brute_force(real: Array, synthetic: Array, k: int, closed: bool) -> tuple[float, float, float, float]:
    def radius(points: Array, i: int) -> float:
        return float(
            sorted(np.linalg.norm(points[i] - points[j]) for j in range(len(points)) if j != i)[k - 1]
        )

    def inside(distance: float, reach: float) -> bool:
        return distance <= reach if closed else distance < reach

    real_reach = [radius(real, i) for i in range(len(real))]
    synthetic_reach = [radius(synthetic, j) for j in range(len(synthetic))]
    distance = np.linalg.norm(real[:, None] - synthetic[None], axis=2)
    holds = np.array([[inside(d, real_reach[i]) for d in row] for i, row in enumerate(distance)])
    recalled = [any(inside(d, r) for d, r in zip(row, synthetic_reach, strict=True)) for row in distance]
    return (
        float(holds.any(axis=0).mean()),
        float(np.mean(recalled)),
        float(holds.sum(axis=0).mean() / k),
        float(holds.any(axis=1).mean()),
    )


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_it_counts_as_the_definition_does(k: int, closed: bool) -> None:
    rng = np.random.default_rng(k)
    real, synthetic = rng.normal(size=(40, 3)), 0.8 * rng.normal(size=(30, 3)) + 0.3
    found = manifold(real, synthetic, k, closed_balls=closed)
    expected = brute_force(real, synthetic, k, closed)
    assert (found.precision, found.recall, found.density, found.coverage) == pytest.approx(expected)


def test_prdc_counts_the_same() -> None:
    prdc = pytest.importorskip("prdc", reason="the package prdc is not installed")
    rng = np.random.default_rng(7)
    real, synthetic = rng.normal(size=(200, 16)), rng.normal(size=(180, 16)) + 0.2
    theirs = prdc.compute_prdc(real, synthetic, nearest_k=3)
    ours = manifold(real, synthetic, 3)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(ours, name) == pytest.approx(theirs[name], abs=1e-12)


def test_duplicated_real_images_do_not_collapse_the_scores() -> None:
    rng = np.random.default_rng(0)
    real, synthetic = rng.normal(size=(50, 4)), rng.normal(size=(50, 4))
    expected = manifold(real, synthetic, 3)
    assert manifold(np.tile(real, (5, 1)), synthetic, 3) == expected
    assert expected.precision > 0.3


def test_a_collapsed_generator_keeps_precision_and_loses_recall() -> None:
    rng = np.random.default_rng(1)
    real = rng.normal(size=(60, 4))
    one_image = np.tile(real[:1] + 1e-3, (60, 1))
    found = manifold(real, one_image, 3)
    assert found.precision == 1.0
    assert found.recall == 0.0
    assert found.coverage < 0.2
    assert vendi_score(one_image) == pytest.approx(1.0)


def test_far_images_are_outside() -> None:
    rng = np.random.default_rng(2)
    found = manifold(rng.normal(size=(30, 3)), rng.normal(size=(30, 3)) + 100, 3)
    assert (found.precision, found.recall, found.density, found.coverage) == (0, 0, 0, 0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(6, 25), k=st.integers(1, 4))
def test_rotation_scale_and_order_change_nothing(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    real, synthetic = rng.normal(size=(n, 5)), rng.normal(size=(n, 5))
    turn, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    changed = manifold(3 * rng.permutation(real) @ turn + 7, 3 * rng.permutation(synthetic) @ turn + 7, k)
    expected = manifold(real, synthetic, k)
    assert changed.precision == pytest.approx(expected.precision)
    assert changed.recall == pytest.approx(expected.recall)
    assert changed.density == pytest.approx(expected.density)
    assert changed.coverage == pytest.approx(expected.coverage)


def test_fewer_images_than_neighbours_are_refused() -> None:
    with pytest.raises(InputError, match="3 different real images, too few for 3 neighbours"):
        manifold(np.random.default_rng(0).normal(size=(3, 2)), np.ones((9, 2)), 3)
    with pytest.raises(InputError, match="1 different real"):
        manifold(np.ones((9, 2)), np.random.default_rng(0).normal(size=(9, 2)), 3)


def test_first_occurrences_keep_their_order() -> None:
    rows = np.array([[2.0, 1], [1, 1], [2, 1], [0, 5], [1, 1]])
    assert first_occurrences(rows).tolist() == [0, 1, 3]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), columns=st.integers(5, 900), k=st.integers(1, 5), ties=st.booleans())
def test_the_kth_smallest_is_that_of_the_sorted_row(seed: int, columns: int, k: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    rows = np.floor(3 * rng.random((4, columns))) if ties else rng.normal(size=(4, columns))
    assert kth_smallest(rows, k).tolist() == np.sort(rows, axis=1)[:, k - 1].tolist()


def test_vendi_counts_clusters() -> None:
    rng = np.random.default_rng(3)
    centres = 20 * rng.normal(size=(7, 30))
    assert vendi_score(np.repeat(centres, 10, axis=0)) == pytest.approx(7.0, rel=1e-6)
