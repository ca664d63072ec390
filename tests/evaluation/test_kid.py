from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from gist.errors import InputError
from gist.metrics import kid as kid_room
from gist.metrics.kid import kernel_distance

Array = NDArray[np.float64]


def by_double_loop(x: Array, y: Array) -> float:
    def kernel(a: Array, b: Array) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    n = len(x)
    within_x = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j)
    within_y = sum(kernel(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    between = sum(kernel(a, b) for a in x for b in y)
    return (within_x + within_y) / (n * (n - 1)) - 2 * between / n**2


def two_samples(seed: int, n: int = 14, d: int = 6, shift: float = 0.5) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)) + shift


def test_it_is_the_full_unbiased_u_statistic() -> None:
    x, y = two_samples(0)
    assert kernel_distance(x, y).value == pytest.approx(by_double_loop(x, y), rel=1e-10)


def test_blocks_of_rows_do_not_change_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = two_samples(1)
    whole = kernel_distance(x, y, permutations=20, seed=3)
    monkeypatch.setattr(kid_room, "_ROWS", 5)
    pieces = kernel_distance(x, y, permutations=20, seed=3)
    assert pieces.value == pytest.approx(whole.value, rel=1e-12)
    assert pieces.standard_error == pytest.approx(whole.standard_error, rel=1e-12)
    assert pieces.p_value == whole.p_value


def test_the_standard_error_is_the_delete_one_jackknife() -> None:
    x, y = two_samples(2, n=9)
    n = len(x)

    def statistic(x: Array, y: Array) -> float:
        def mean(a: Array, b: Array, same: bool) -> float:
            kernel = (a @ b.T / a.shape[1] + 1) ** 3
            return float((kernel.sum() - np.trace(kernel) * same) / (len(a) * (len(b) - same)))

        return mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False)

    variance = 0.0
    for left_out in (
        np.array([statistic(np.delete(x, i, axis=0), y) for i in range(n)]),
        np.array([statistic(x, np.delete(y, i, axis=0)) for i in range(n)]),
    ):
        variance += (n - 1) / n * ((left_out - left_out.mean()) ** 2).sum()
    assert kernel_distance(x, y).standard_error == pytest.approx(np.sqrt(variance), rel=1e-9)


def test_p_values_of_equal_distributions_are_spread_over_the_unit_interval() -> None:
    p_values = [
        kernel_distance(*two_samples(s, n=25, shift=0.0), permutations=60, seed=s).p_value for s in range(60)
    ]
    below_half = np.mean([p is not None and p < 0.5 for p in p_values])
    below_tenth = np.mean([p is not None and p < 0.1 for p in p_values])
    assert 0.3 < below_half < 0.7
    assert below_tenth < 0.25


def test_the_p_value_counts_swaps_of_rows_that_lie_as_far_apart() -> None:
    x, y = two_samples(6, n=7, shift=0.3)
    observed, as_far = by_double_loop(x, y), 0
    for swaps in itertools.product((False, True), repeat=7):
        swapped = np.array(swaps)[:, None]
        as_far += by_double_loop(np.where(swapped, y, x), np.where(swapped, x, y)) >= observed - 1e-12
    found = kernel_distance(x, y, permutations=4000).p_value
    assert found == pytest.approx(as_far / 2**7, abs=0.03)


def test_the_estimate_is_unbiased_around_zero() -> None:
    values = np.array([kernel_distance(*two_samples(s, n=20, shift=0.0)).value for s in range(200)])
    assert abs(values.mean()) < 3 * values.std() / np.sqrt(len(values))
    assert values.min() < 0 < values.max()


def test_unlike_distributions_have_the_smallest_possible_p_value() -> None:
    x, y = two_samples(4, n=30, shift=1.5)
    result = kernel_distance(x, y, permutations=99)
    assert result.p_value == pytest.approx(0.01)
    assert result.null_95 is not None
    assert result.value > result.null_95
    assert result.interval[0] < result.value < result.interval[1]


def test_without_permutations_no_p_value_is_claimed() -> None:
    result = kernel_distance(*two_samples(5))
    assert result.p_value is None
    assert result.null_95 is None


def test_identical_images_on_both_sides_are_no_evidence_of_a_difference() -> None:
    same = np.ones((10, 4))
    result = kernel_distance(same, same, permutations=20)
    assert result.value == pytest.approx(0.0, abs=1e-12)
    assert result.p_value == 1.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(3, 20), d=st.integers(1, 8))
def test_rotation_order_and_swapped_sides_change_nothing(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = two_samples(seed, n, d)
    turn, _ = np.linalg.qr(rng.normal(size=(d, d)))
    expected = kernel_distance(x, y)
    changed = kernel_distance(rng.permutation(y) @ turn, rng.permutation(x) @ turn)
    assert changed.value == pytest.approx(expected.value, rel=1e-8, abs=1e-8)
    assert changed.standard_error == pytest.approx(expected.standard_error, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("n", "m", "words"), [(2, 2, "at least 3"), (5, 6, "equal n"), (0, 5, "0 images")])
def test_too_few_or_unequal_images_are_refused(n: int, m: int, words: str) -> None:
    with pytest.raises(InputError, match=words):
        kernel_distance(np.ones((n, 3)), np.ones((m, 3)))
