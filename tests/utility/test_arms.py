from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gist.utility.arms import (
    ARMS,
    Arm,
    images_per_class,
    synthetic_test_images,
    training_images,
    validation_images,
)
from gist.utility.pools import Pool, Pools, split_validation


def pool(labels: list[int], patients: list[int] | None = None, first: int = 0) -> Pool:
    """Pictures of 2x2 pixels, each different: its number is written in its grey levels."""
    numbers = np.arange(first, first + len(labels))
    images = np.stack([numbers // 256, numbers % 256], axis=1).astype(np.uint8)
    groups = [f"patient {p}" for p in (patients if patients is not None else numbers)]
    return Pool(
        np.repeat(images[:, None, :], 2, axis=1), np.array(labels, np.int64), np.array(groups, np.str_)
    )


def numbers(one: Pool) -> list[int]:
    return [int(image[0, 0]) * 256 + int(image[0, 1]) for image in one.images]


def pools(real: list[int], synthetic: list[int], test: list[int]) -> Pools:
    return Pools(
        ("a", "b"),
        pool(real),
        pool([0, 1] * 6, first=9000),
        pool(test, first=5000),
        pool(synthetic, first=7000),
    )


@given(st.lists(st.integers(0, 30), min_size=2, max_size=120), st.integers(0, 9))
def test_no_patient_is_both_learned_from_and_validated_by(patients: list[int], seed: int) -> None:
    learn, validate = split_validation(pool([0] * len(patients), patients), 0.3, seed)
    assert not set(learn.groups) & set(validate.groups)
    assert sorted(numbers(learn) + numbers(validate)) == list(range(len(patients)))


def test_the_validation_share_is_near_what_was_asked_and_later_images_move_no_other() -> None:
    patients = [k // 2 for k in range(2000)]
    _, validate = split_validation(pool([0] * 2000, patients), 0.2, 0)
    assert 0.15 < len(validate) / 2000 < 0.25
    _, more = split_validation(pool([0] * 2600, [k // 2 for k in range(2600)]), 0.2, 0)
    assert set(numbers(validate)) == {n for n in numbers(more) if n < 2000}


@settings(max_examples=30)
@given(st.integers(4, 40), st.integers(4, 40), st.integers(4, 40), st.integers(4, 40), st.integers(0, 5))
def test_real_and_synthetic_arms_learn_from_equally_many_images_of_each_class(
    real_a: int, real_b: int, synthetic_a: int, synthetic_b: int, seed: int
) -> None:
    found = pools([0] * real_a + [1] * real_b, [0] * synthetic_a + [1] * synthetic_b, [0, 1])
    per_class = images_per_class(found, 30)
    assert list(per_class) == [min(real_a, synthetic_a, 30), min(real_b, synthetic_b, 30)]
    drawn = {arm.name: training_images(arm, found, per_class, seed) for arm in ARMS}
    for name in ("Base", "GAN-train"):
        assert list(drawn[name].counts(2)) == list(per_class)
    assert list(drawn["Real+Synthetic"].counts(2)) == list(2 * per_class)
    assert all(n < 5000 for n in numbers(drawn["Base"]))
    assert all(7000 <= n < 9000 for n in numbers(drawn["GAN-train"]))
    parts = [set(numbers(drawn[arm.name])) for arm in ARMS if arm.training == "subset"]
    for smaller, larger in zip(parts, [*parts[1:], set(numbers(drawn["Base"]))], strict=True):
        assert smaller <= larger
    assert not any(5000 <= n < 7000 for one in drawn.values() for n in numbers(one)), "a test image"


def test_another_seed_draws_other_images_and_the_same_seed_the_same() -> None:
    found = pools([0, 1] * 50, [0, 1] * 20, [0, 1])
    per_class = images_per_class(found, 500)
    first, again, other = (training_images(Arm("Base"), found, per_class, seed) for seed in (3, 3, 4))
    assert first.digest == again.digest
    assert first.digest != other.digest


def test_shuffled_labels_say_nothing_of_the_class() -> None:
    found = pools([0, 1] * 50, [0, 1] * 50, [0, 1])
    shuffled = training_images(Arm("shuffled labels"), found, np.array([50, 50]), 0)
    truth = np.array([n % 2 for n in numbers(shuffled)])
    assert list(np.bincount(2 * truth + shuffled.labels)) == [25, 25, 25, 25]
    validation = validation_images(Arm("shuffled labels"), found, 0)
    assert abs(int(np.sum(validation.labels == found.validation.labels)) - 6) <= 1
    assert validation_images(Arm("Base"), found, 0) is found.validation


@pytest.mark.parametrize(
    ("synthetic", "expected"), [([0] * 90 + [1] * 90, [30, 10]), ([0] * 90 + [1] * 5, [15, 5])]
)
def test_synthetic_test_images_come_in_the_mix_of_the_real_ones(
    synthetic: list[int], expected: list[int]
) -> None:
    found = pools([0, 1] * 10, synthetic, [0] * 30 + [1] * 10)
    assert list(synthetic_test_images(found, 0).counts(2)) == expected
